"""A submission before it has a number: encoded where it was made, numbered where it is written.

The producer's number stands in the middle of the canonical bytes, so a draft is what comes before
it and what comes after. What the caller does with its objects afterwards changes nothing.
"""

from typing import NamedTuple

from trading_runtime.errors import Misread
from trading_runtime.evidence import canonical, submission
from trading_runtime.evidence.entry import check_entity_id
from trading_runtime.evidence.submission import SUBMISSION_BYTES_MAX, Deed

PRODUCER_BYTES_MAX = 3 * 1024
"""Of the member ``producer`` with its signature: id and boot have 256 characters each at most."""
_BETWEEN = b',"producer":null,"requestData":'
_HEAD = 8
"""Members before ``producer``."""
_ROOM = SUBMISSION_BYTES_MAX - PRODUCER_BYTES_MAX


class Draft(NamedTuple):
    """The canonical bytes around the producer, without the braces; the large values beside them."""

    head: bytes
    rest: bytes
    blobs: tuple[bytes, ...]


def draft(deed: Deed) -> Draft:
    """Encode ``deed``; large values are put beside it.

    Raises:
        Misread: the format does not allow it (a float, a bad entity id, more than fits, …).
    """
    check_entity_id(deed.entity_id)
    made = _encoded(deed, ())
    if len(made.head) + len(made.rest) > _ROOM:
        shortened, blobs = submission.shorten(deed)
        made = _encoded(shortened, blobs)
        if len(made.head) + len(made.rest) > _ROOM:
            raise Misread("too_large", f"{len(made.head) + len(made.rest)} bytes")
    return made


def _encoded(deed: Deed, blobs: tuple[bytes, ...]) -> Draft:
    members: dict[str, object] = {
        "afterState": deed.after_state,
        "beforeState": deed.before_state,
        "clientIp": deed.client_ip,
        "entityId": deed.entity_id,
        "eventId": deed.event_id,
        "eventTime": submission.event_time(deed.event_time_ns),
        "eventType": deed.event_type,
        "operation": deed.operation,
        "producer": None,
        "requestData": deed.request_data,
        "serviceName": deed.service_name,
        "traceId": deed.trace_id,
        "userId": deed.user_id,
    }
    data = canonical.encode(members)
    head, marker, rest = data.partition(_BETWEEN)
    if _BETWEEN in rest:
        # A state holds the same members: only their lengths tell which is which.
        size = len(canonical.encode({name: members[name] for name in list(members)[:_HEAD]}))
        head, rest = data[: size - 1], data[size - 1 + len(marker) :]
    return Draft(head[1:], b'"requestData":' + rest[:-1], blobs)


def numbered(made: Draft, opening: bytes, seq: int, signature: bytes) -> bytes:
    """Give the submission: ``opening`` as :func:`opening_of` makes it, ``signature`` as JSON."""
    return b'{%b%b%d,"signature":%b},%b}' % (made.head, opening, seq, signature, made.rest)


def opening_of(producer_id: str, boot: str) -> bytes:
    """Give the member ``producer`` of a boot as far as its sequence."""
    producer = canonical.encode({"boot": boot, "id": producer_id})
    return b',"producer":%b,"seq":' % producer[:-1]
