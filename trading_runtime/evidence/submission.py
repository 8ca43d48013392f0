"""What a producer submits: its bytes, the chain that its signatures cover, and how it travels.

A producer numbers what it submits in one run and signs in batches: each signature is over the
chain of all submissions of the run up to its own, so that none can be left out, changed or moved
afterwards without the producer's key.
"""

import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from uuid import UUID

from msgspec import Struct, structs

from trading_runtime.errors import Misread
from trading_runtime.evidence import canonical
from trading_runtime.evidence.canonical import JsonObject
from trading_runtime.evidence.entry import ENTRY_BYTES_MAX, check_entity_id, check_name

SUBMISSION_BYTES_MAX = ENTRY_BYTES_MAX - 256
"""Room for what comes later: a signature, and the hash and version that the log adds."""
MARGIN_BYTES = 4_096
"""Kept free by :func:`shorten` for members' names, the producer, its signature and references."""
BLOB_BYTES_MAX = 16 * 1024 * 1024
"""Of one large value; more is no record of an act."""
BLOBS_MAX = 3
"""The two states and the request."""

_LENGTH = struct.Struct("<I")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Deed(Struct, frozen=True, kw_only=True):
    """What happened, as its producer tells it before it is numbered.

    ``event_time_ns`` are nanoseconds since 1970 in UTC; the entry keeps microseconds.
    """

    event_id: str
    event_time_ns: int
    service_name: str
    event_type: str
    trace_id: str | None
    user_id: str | None
    entity_id: str
    client_ip: str | None
    operation: str
    before_state: JsonObject | None
    after_state: JsonObject | None
    request_data: JsonObject | None


class Chain:
    """The running hash over the submissions of one run of a producer: P_n after n of them."""

    __slots__ = ("_value", "boot", "producer_id", "seq")

    def __init__(
        self, producer_id: str, boot: str, seq: int = 0, value: bytes | None = None
    ) -> None:
        """Begin a run, or go on after ``seq`` submissions whose chain was ``value``."""
        check_name(producer_id, "id")
        check_name(boot, "boot")
        self.producer_id = producer_id
        self.boot = boot
        self.seq = seq
        self._value = first_value(producer_id, boot) if value is None else value

    @property
    def value(self) -> bytes:
        return self._value

    def add(self, unsigned_submission: bytes) -> bytes:
        """Take the next submission, its signature being null, and give P of it: 32 bytes."""
        self._value = sha256(self._value + sha256(unsigned_submission).digest()).digest()
        self.seq += 1
        return self._value

    def signed_text(self) -> bytes:
        """Give the text that the producer signs over all that was added."""
        return signed_text(self.producer_id, self.boot, self.seq, self._value)


def first_value(producer_id: str, boot: str) -> bytes:
    """Give P_0 of a run."""
    return sha256(f"tapedeck-producer/v1\n{producer_id}\n{boot}".encode()).digest()


def signed_text(producer_id: str, boot: str, seq: int, value: bytes) -> bytes:
    """Give what a batch's signature is over, its last submission being number ``seq``."""
    return f"tapedeck-batch/v1\n{producer_id}\n{boot}\n{seq}\n{value.hex()}\n".encode()


def write(deed: Deed, producer_id: str, boot: str, seq: int, signature: str | None) -> bytes:
    """Give the bytes of a submission; raise :exc:`Misread` where the format does not allow it.

    A large value has to be shortened before (:func:`shorten`): ``too_large`` otherwise.
    """
    check_entity_id(deed.entity_id)
    data = canonical.encode(
        {
            "afterState": deed.after_state,
            "beforeState": deed.before_state,
            "clientIp": deed.client_ip,
            "entityId": deed.entity_id,
            "eventId": deed.event_id,
            "eventTime": event_time(deed.event_time_ns),
            "eventType": deed.event_type,
            "operation": deed.operation,
            "producer": {"boot": boot, "id": producer_id, "seq": seq, "signature": signature},
            "requestData": deed.request_data,
            "serviceName": deed.service_name,
            "traceId": deed.trace_id,
            "userId": deed.user_id,
        }
    )
    if len(data) > SUBMISSION_BYTES_MAX:
        raise Misread("too_large", f"a submission of {len(data)} bytes")
    return data


def event_id(session: str, seq: int, index: int) -> str:
    """Give the UUIDv8 of entry ``index`` of record ``seq`` of ``session``: always the same one."""
    digest = bytearray(sha256(f"{session}\n{seq}\n{index}".encode()).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80  # version 8: RFC 9562, section 5.8
    digest[8] = digest[8] & 0x3F | 0x80  # its variant
    return str(UUID(bytes=bytes(digest)))


def event_time(time_ns: int) -> str:
    """Write nanoseconds since 1970 as an entry does, in microseconds of UTC, rounded down."""
    seconds, micros = divmod(time_ns // 1_000, 1_000_000)
    return f"{_second(seconds)}.{micros:06}Z"


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")


def shorten(deed: Deed) -> tuple[Deed, tuple[bytes, ...]]:
    """Put hashes for values, the largest first, until the entry fits; give it and the values.

    Raises :exc:`Misread` (``too_large``) where a value is beyond bounds. What is too large without
    any of its values is refused when it is written.
    """
    values = {
        "after_state": deed.after_state,
        "before_state": deed.before_state,
        "request_data": deed.request_data,
    }
    large = {name: canonical.encode(value) for name, value in values.items()}
    texts = (deed.entity_id, deed.user_id, deed.client_ip, deed.trace_id, deed.service_name)
    size = sum(map(len, large.values())) + sum(len(canonical.encode(text)) for text in texts)
    blobs = []
    for name in sorted(large, key=lambda name: -len(large[name])):
        if size <= SUBMISSION_BYTES_MAX - MARGIN_BYTES:
            break
        blob = large[name]
        if len(blob) > BLOB_BYTES_MAX:
            raise Misread("too_large", f"a value of {len(blob)} bytes")
        values[name] = reference(blob)
        size -= len(blob)
        blobs.append(blob)
    return structs.replace(deed, **values) if blobs else deed, tuple(blobs)


def reference(blob: bytes) -> JsonObject:
    """Give what stands in an entry for a value that is kept by its hash."""
    return {"$len": len(blob), "$sha256": sha256(blob).hexdigest()}


def envelope(submission: bytes, blobs: Sequence[bytes] = ()) -> bytes:
    """Give what travels: the submission and its blobs, each behind its length."""
    return b"".join(_LENGTH.pack(len(part)) + part for part in (submission, *blobs))


def open_envelope(data: bytes) -> tuple[bytes, tuple[bytes, ...]]:
    """Take apart what :func:`envelope` made; raise :exc:`Misread` (``envelope``) otherwise.

    The submission may still be anything: :func:`read` judges it.
    """
    parts: list[bytes] = []
    place = 0
    while place < len(data):
        begin = place + _LENGTH.size
        if begin > len(data) or len(parts) > BLOBS_MAX:
            raise Misread("envelope", f"{len(data) - place} bytes too many")
        place = begin + int.from_bytes(data[place:begin], "little")
        if place > len(data):
            raise Misread("envelope", f"{place - len(data)} bytes are missing")
        parts.append(data[begin:place])
    if not parts:
        raise Misread("envelope", "no submission in it")
    return parts[0], tuple(parts[1:])
