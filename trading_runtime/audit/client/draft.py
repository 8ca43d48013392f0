"""A submission before it has a number: encoded where it was made, numbered where it is written.

What the caller's objects hold is encoded at once, so that changing them afterwards changes nothing;
and what the format does not allow is refused at once, so that the caller hears of it. Most acts
have flat states: of these :func:`snapshot` takes the bare values, in half the time of their
canonical bytes, which :func:`draft_of` makes on the thread that writes. Id, time and producer are
put in there for all; until then null stands in their place.
"""

from collections.abc import Iterable
from itertools import chain
from typing import NamedTuple, Protocol
from uuid import UUID, uuid4

import orjson

from trading_runtime.errors import Misread
from trading_runtime.evidence import canonical, submission
from trading_runtime.evidence.canonical import JsonObject
from trading_runtime.evidence.entry import ENTITY_ID_CHARS_MAX, check_entity_id
from trading_runtime.evidence.submission import SUBMISSION_BYTES_MAX, Deed
from trading_runtime.records.units import Nanos

ADDED_BYTES_MAX = 3 * 1024
"""Of id, time and producer; its id and boot have 256 characters each at most."""
_ROOM = SUBMISSION_BYTES_MAX - ADDED_BYTES_MAX
_NAMES_BYTES = 256
"""More than the members' names have, with null for those that come later."""
_ID_AND_TIME = b'"eventId":null,"eventTime":null,'
_PRODUCER = b',"producer":null,'
_NAMES = (
    *("afterState", "beforeState", "clientIp", "entityId", "eventType"),
    *("operation", "requestData", "traceId", "userId"),
)
_TEXT = frozenset((str, type(None)))
_STATE = frozenset((dict, type(None)))
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
    """Encode what has no id yet; raises as :func:`draft`."""
    data = encode(told, service_name)
    if len(data) > _ROOM:
        return draft(_deed(told, service_name, now))
    return Draft(data, now, None, ())


def snapshot_room(service_name: str) -> int:
    """Give how many bytes a snapshot may have whose entry fits as it is; raise :exc:`Misread`."""
    return _ROOM - _NAMES_BYTES - len(canonical.encode(service_name))


def snapshot(told: Told, room: int) -> bytes | None:
    """Take the values of what is of the plain kind, in form; it is on the caller's path.

    None where it has lists or objects within its states, an unusual entity id, more than ``room``
    bytes, or anything that the format does not allow: :func:`draft_told` tells which.
    """
    entity_id, event_type, operation = told.entity_id, told.event_type, told.operation
    client_ip, trace, user = told.client_ip, told.trace_id, told.user_id
    after, before, request = told.after_state, told.before_state, told.request_data
    held = (after, before, client_ip, entity_id, event_type, operation, request, trace, user)
    try:
        values = chain(
            (_NO if after is None else after).values(),
            (_NO if before is None else before).values(),
            (_NO if request is None else request).values(),
        )
        if not (
            _SCALARS.issuperset(map(type, values))
            and type(entity_id) is type(event_type) is type(operation) is str
            and (client_ip is None or type(client_ip) is str)
            and (trace is None or type(trace) is str)
            and (user is None or type(user) is str)
            and entity_id.isascii()
            and entity_id.isprintable()
            and 0 < len(entity_id) <= ENTITY_ID_CHARS_MAX
        ):
            return None
        data = orjson.dumps(held, None, canonical.UNSORTED)
    except (AttributeError, orjson.JSONEncodeError):
        return None
    return data if len(data) <= room else None


def draft_of(taken: bytes, service_name: str, now: Nanos) -> Draft:
    """Encode what :func:`snapshot` took ``now``: the bytes are those of :func:`draft_told`."""
    return Draft(canonical.dump(_members(orjson.loads(taken), service_name)), now, None, ())


def encode(told: Told, service_name: str) -> bytes:
    """Give the canonical bytes with null for id, time and producer, of whatever length."""
    texts = (told.event_type, told.operation, told.entity_id)
    if not all(type(text) is str for text in texts):
        raise Misread("type", "type, operation and entity are text")
    check_entity_id(told.entity_id)
    if not _TEXT.issuperset(map(type, (told.client_ip, told.trace_id, told.user_id))):
        raise Misread("type", "who and where are text or null")
    states = (told.after_state, told.before_state, told.request_data)
    if not _STATE.issuperset(map(type, states)):
        raise Misread("type", "states and request are objects or null")
    values = (
        *(told.after_state, told.before_state, told.client_ip, told.entity_id, told.event_type),
        *(told.operation, told.request_data, told.trace_id, told.user_id),
    )
    return canonical.encode(_members(values, service_name))


def _members(values: Iterable[object], service_name: str) -> dict[str, object]:
    """Give the members of a submission, null for what comes later; ``values`` are by ``_NAMES``."""
    later = {"eventId": None, "eventTime": None, "producer": None}
    return dict(zip(_NAMES, values, strict=True)) | later | {"serviceName": service_name}


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
