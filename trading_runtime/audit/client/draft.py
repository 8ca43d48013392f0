"""A submission before it has a number: encoded where it was made, numbered where it is written.

What the caller's objects hold is encoded at once, so that changing them afterwards changes nothing.
Id, time and producer are put in later, on the thread that writes: until then null stands there.
"""

from itertools import chain
from typing import NamedTuple, Protocol
from uuid import UUID, uuid4

from trading_runtime.errors import Misread
from trading_runtime.evidence import canonical, submission
from trading_runtime.evidence.canonical import JsonObject
from trading_runtime.evidence.entry import check_entity_id
from trading_runtime.evidence.submission import SUBMISSION_BYTES_MAX, Deed
from trading_runtime.records.units import Nanos

ADDED_BYTES_MAX = 3 * 1024
"""Of id, time and producer; its id and boot have 256 characters each at most."""
_ROOM = SUBMISSION_BYTES_MAX - ADDED_BYTES_MAX
_ID_AND_TIME = b'"eventId":null,"eventTime":null,'
_PRODUCER = b',"producer":null,'
_TEXT = frozenset((str, type(None)))
_SCALARS = frozenset((str, type(None), int, bool))
_NO: JsonObject = {}


class Draft(NamedTuple):
    """The canonical bytes with null for what comes later; the large values beside them."""

    data: bytes
    time_ns: Nanos
    event_id: str | None
    """None: it gets one when it is numbered."""
    blobs: tuple[bytes, ...]


class Told(Protocol):
    """What a deed and an act have in common."""

    @property
    def event_type(self) -> str: ...
    @property
    def operation(self) -> str: ...
    @property
    def entity_id(self) -> str: ...
    @property
    def user_id(self) -> str | None: ...
    @property
    def trace_id(self) -> str | None: ...
    @property
    def client_ip(self) -> str | None: ...
    @property
    def before_state(self) -> JsonObject | None: ...
    @property
    def after_state(self) -> JsonObject | None: ...
    @property
    def request_data(self) -> JsonObject | None: ...


def draft(deed: Deed) -> Draft:
    """Encode ``deed``; large values are put beside it.

    Raises:
        Misread: the format does not allow it (a float, a bad entity id, more than fits, …).
    """
    try:
        is_uuid = str(UUID(deed.event_id)) == deed.event_id
    except ValueError:
        is_uuid = False
    if not is_uuid:
        raise Misread("event_id", f"{deed.event_id!r} is no UUID in lower case")
    data = encode(deed, deed.service_name)
    blobs: tuple[bytes, ...] = ()
    if len(data) > _ROOM:
        shortened, blobs = submission.shorten(deed)
        data = encode(shortened, deed.service_name)
        if len(data) > _ROOM:
            raise Misread("too_large", f"{len(data)} bytes")
    return Draft(data, Nanos(deed.event_time_ns), deed.event_id, blobs)


def draft_told(told: Told, service_name: str, now: Nanos) -> Draft:
    """Encode what has no id yet; raises as :func:`draft`. It is on the caller's path."""
    data = encode(told, service_name)
    if len(data) > _ROOM:
        return draft(_deed(told, service_name, now))
    return Draft(data, now, None, ())


def encode(told: Told, service_name: str) -> bytes:
    """Give the canonical bytes with null for id, time and producer, of whatever length."""
    entity_id, event_type, operation = told.entity_id, told.event_type, told.operation
    client_ip, trace_id, user_id = told.client_ip, told.trace_id, told.user_id
    after, before, request = told.after_state, told.before_state, told.request_data
    check_entity_id(entity_id)
    if type(event_type) is not str or type(operation) is not str:
        raise Misread("type", "type and operation are text")
    if not _TEXT.issuperset(map(type, (client_ip, trace_id, user_id))):
        raise Misread("type", "who and where are text or null")
    members = {
        "afterState": after,
        "beforeState": before,
        "clientIp": client_ip,
        "entityId": entity_id,
        "eventId": None,
        "eventTime": None,
        "eventType": event_type,
        "operation": operation,
        "producer": None,
        "requestData": request,
        "serviceName": service_name,
        "traceId": trace_id,
        "userId": user_id,
    }
    try:
        values = chain(
            (_NO if after is None else after).values(),
            (_NO if before is None else before).values(),
            (_NO if request is None else request).values(),
        )
    except AttributeError:
        raise Misread("type", "states and request are objects or null") from None
    if _SCALARS.issuperset(map(type, values)):
        # Of types that are allowed; whatever else may be wrong is seen when it is written.
        return canonical.dump(members)
    return canonical.encode(members)


def numbered(made: Draft, opening: bytes, seq: int, signature: bytes) -> bytes:
    """Give the submission: ``opening`` as :func:`opening_of` makes it, ``signature`` as JSON."""
    data = made.data
    if data.count(_ID_AND_TIME) != 1 or data.count(_PRODUCER) != 1:
        return _numbered_by_parse(made, opening, seq, signature)
    head, _, rest = data.partition(_ID_AND_TIME)
    middle, _, tail = rest.partition(_PRODUCER)
    return b'%b"eventId":"%b","eventTime":"%b",%b,%b%d,"signature":%b},%b' % (
        head,
        (made.event_id or "").encode(),
        submission.event_time(made.time_ns).encode(),
        middle,
        opening,
        seq,
        signature,
        tail,
    )


def _numbered_by_parse(made: Draft, opening: bytes, seq: int, signature: bytes) -> bytes:
    """Do the same where a state has members that look like these."""
    producer = canonical.decode(b'{%b%d,"signature":%b}}' % (opening, seq, signature))
    when = submission.event_time(made.time_ns)
    added: JsonObject = {"eventId": made.event_id, "eventTime": when}
    return canonical.encode(canonical.decode(made.data) | added | producer)


def opening_of(producer_id: str, boot: str) -> bytes:
    """Give the member ``producer`` of a boot as far as its sequence."""
    producer = canonical.encode({"boot": boot, "id": producer_id})
    return b'"producer":%b,"seq":' % producer[:-1]


def named(made: Draft) -> Draft:
    """Give it an id where it has none."""
    return made if made.event_id is not None else made._replace(event_id=str(uuid4()))


def _deed(told: Told, service_name: str, now: Nanos) -> Deed:
    return Deed(
        event_id=str(uuid4()),
        event_time_ns=now,
        service_name=service_name,
        event_type=told.event_type,
        trace_id=told.trace_id,
        user_id=told.user_id,
        entity_id=told.entity_id,
        client_ip=told.client_ip,
        operation=told.operation,
        before_state=told.before_state,
        after_state=told.after_state,
        request_data=told.request_data,
    )
