"""An entry of the audit record: its members, its bytes, and the hashes over them.

An entry is its canonical bytes. They are hashed, stored and proven; the struct is a reading of
them. What a producer submits is the entry without ``previousHash`` and ``version``, and both ways
between the two are splices of bytes, for they stand on the path of every entry.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import TypeVar
from unicodedata import category, is_normalized

import msgspec

from trading_runtime.errors import Misread
from trading_runtime.evidence import canonical

ENTRY_BYTES_MAX = 65_535
"""What the length of two bytes in an entry bundle holds (C2SP tlog-tiles)."""
ENTITY_ID_CHARS_MAX = 256
HASH_CHARS = 64
NAME_CHARS_MAX = 256
"""Of a producer's id and of its boot."""

_EVENT_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_EVENT_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
_Kind = TypeVar("_Kind", bound="Submission")
_PRODUCER = b',"producer":{"boot":'
_SIGNATURE = b',"signature":'
_NULL = b"null"
_PREVIOUS_BYTES = len(',"previousHash":""') + HASH_CHARS
_VERSION = b',"version":'


class Producer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who submitted it: one run (``boot``) of producer ``id``, as number ``seq`` of that run."""

    boot: str
    id: str
    seq: int
    signature: str | None


class Submission(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True
):
    """What a producer submits, member by member as it stands in the bytes.

    ``event_time`` is text as :func:`~trading_runtime.evidence.submission.event_time` writes it;
    states and request are objects of what canonical JSON allows.
    """

    after_state: Mapping[str, object] | None
    before_state: Mapping[str, object] | None
    client_ip: str | None
    entity_id: str
    event_id: str
    event_time: str
    event_type: str
    operation: str
    producer: Producer
    request_data: Mapping[str, object] | None
    service_name: str
    trace_id: str | None
    user_id: str | None


class Entry(Submission, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A submission with its place in the history of its entity."""

    previous_hash: str
    version: int


def genesis(origin: str, entity_id: str) -> str:
    """Give the ``previousHash`` of an entity's first entry in the log ``origin``."""
    return sha256(f"tapedeck-genesis/v1\n{origin}\n{entity_id}".encode()).hexdigest()


def current_hash(data: bytes) -> str:
    """Give the hash of an entry's bytes that its entity's next entry carries."""
    return sha256(data).hexdigest()


def read(data: bytes) -> Entry:
    """Read an entry, refusing whatever the format does not allow.

    Raises :exc:`Misread` with the reason ``too_large``, ``not_json``, ``members``,
    ``not_canonical``, ``entity_id``, ``event_id``, ``event_time``, ``previous_hash``, ``version``,
    ``producer``, or one of :func:`canonical.encode`.
    """
    entry = _decode(_ENTRY, data)
    members = _members(entry)
    members["previousHash"] = entry.previous_hash
    members["version"] = entry.version
    canonical.require(members, data)
    _check(entry)
    if not _is_hash(entry.previous_hash):
        raise Misread("previous_hash", "not 64 hex characters in lower case")
    if entry.version < 1:
        raise Misread("version", f"{entry.version} is not 1 or more")
    return entry


def read_submission(data: bytes) -> Submission:
    """Read a submission as strictly as :func:`read` reads an entry."""
    submission = _decode(_SUBMISSION, data)
    canonical.require(_members(submission), data)
    _check(submission)
    return submission


def seal(submission: bytes, previous_hash: str, version: int) -> bytes:
    """Give the entry of a checked ``submission``: number ``version`` after ``previous_hash``.

    Raises :exc:`Misread` (``too_large``) where the entry would not fit.
    """
    place = _producer_place(submission)
    if place is None:
        members = canonical.decode(submission)
        sealed = canonical.encode(members | {"previousHash": previous_hash, "version": version})
    else:
        sealed = b"".join(
            (
                submission[:place],
                b',"previousHash":"%b"' % previous_hash.encode(),
                submission[place:-1],
                b',"version":%d}' % version,
            )
        )
    if len(sealed) > ENTRY_BYTES_MAX:
        raise Misread("too_large", f"an entry of {len(sealed)} bytes")
    return sealed


def submission_of(data: bytes) -> tuple[bytes, str | None]:
    """Give back what was submitted of a checked entry: its unsigned bytes, and its signature."""
    place = _producer_place(data)
    if place is None:
        members = canonical.decode(data)
        del members["previousHash"], members["version"]
        return unsigned_of(canonical.encode(members))
    end = data.rindex(_VERSION)
    begin, until = _signature_place(data, place)
    head = data[: place - _PREVIOUS_BYTES]
    if data[begin:until] == _NULL:
        return b"%b%b}" % (head, data[place:end]), None
    unsigned = b"%b%bnull%b}" % (head, data[place:begin], data[until:end])
    return unsigned, data[begin + 1 : until - 1].decode()


def unsigned_of(submission: bytes) -> tuple[bytes, str | None]:
    """Give the bytes of a checked submission that its producer's chain runs over; its signature."""
    place = _producer_place(submission)
    if place is None:
        signature = read_submission(submission).producer.signature
        return _signed_by_parse(submission, None), signature
    begin, until = _signature_place(submission, place)
    if submission[begin:until] == _NULL:
        return submission, None
    unsigned = b"%bnull%b" % (submission[:begin], submission[until:])
    return unsigned, submission[begin + 1 : until - 1].decode()


def signed(unsigned: bytes, signature: str) -> bytes:
    """Put ``signature`` (base64) in the place of null in a checked submission's bytes."""
    place = _producer_place(unsigned)
    if place is None:
        return _signed_by_parse(unsigned, signature)
    begin, until = _signature_place(unsigned, place)
    return b'%b"%b"%b' % (unsigned[:begin], signature.encode(), unsigned[until:])


def _producer_place(data: bytes) -> int | None:
    """Find the comma before the member ``producer``.

    None where a state has a member that looks the same: then only a parse tells which is which. In
    a string it cannot stand, for there its quotes are escaped.
    """
    place = data.find(_PRODUCER)
    if place < 0:
        raise Misread("members", "no producer stands in it")
    return None if data.find(_PRODUCER, place + 1) >= 0 else place


def _signature_place(data: bytes, place: int) -> tuple[int, int]:
    """Find where the value of ``signature`` begins and ends: the last member of the producer."""
    begin = data.index(_SIGNATURE, place) + len(_SIGNATURE)
    return begin, data.index(b"}", begin)


def _signed_by_parse(submission: bytes, signature: str | None) -> bytes:
    producer = read_submission(submission).producer
    members = canonical.decode(submission)
    put = {"boot": producer.boot, "id": producer.id, "seq": producer.seq, "signature": signature}
    return canonical.encode(members | {"producer": put})


def _is_hash(text: str) -> bool:
    """Tell whether ``text`` is 64 hex characters in lower case."""
    try:
        return len(text) == HASH_CHARS and bytes.fromhex(text).hex() == text
    except ValueError:
        return False


def check_entity_id(entity_id: str) -> None:
    """Raise :exc:`Misread` (``entity_id``) unless it is 1 to 256 characters in NFC, no control."""
    if not 1 <= len(entity_id) <= ENTITY_ID_CHARS_MAX:
        raise Misread("entity_id", f"{len(entity_id)} characters")
    if entity_id.isascii() and entity_id.isprintable():
        return
    if _has_control(entity_id):
        raise Misread("entity_id", f"a control character in {entity_id!r}")
    if not is_normalized("NFC", entity_id):
        raise Misread("entity_id", f"{entity_id!r} is not in normal form C")


def check_time(text: str) -> None:
    """Raise :exc:`Misread` (``event_time``) unless it is a time as entries write it."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise Misread("event_time", f"there is no time {text[:80]!r}") from None
    if not _EVENT_TIME.fullmatch(text):
        raise Misread("event_time", f"{text[:80]!r} is not in UTC with microseconds")


def _has_control(text: str) -> bool:
    return any(category(char) == "Cc" for char in text)


def check_name(name: str, what: str) -> None:
    """Raise :exc:`Misread` (``producer``) where a producer's id or boot is of no form.

    Both stand in lines of the text that is signed, so neither may hold a line's end.
    """
    if not 1 <= len(name) <= NAME_CHARS_MAX:
        raise Misread("producer", f"{what} of {len(name)} characters")
    if not (name.isascii() and name.isprintable()) and _has_control(name):
        raise Misread("producer", f"a control character in {what} {name!r}")


_ENTRY = msgspec.json.Decoder(Entry, float_hook=canonical.refuse_float)
_SUBMISSION = msgspec.json.Decoder(Submission, float_hook=canonical.refuse_float)


def _members(of: Submission) -> dict[str, object]:
    """Give the members of a submission for the encoder, which sorts them."""
    producer = of.producer
    return {
        "afterState": of.after_state,
        "beforeState": of.before_state,
        "clientIp": of.client_ip,
        "entityId": of.entity_id,
        "eventId": of.event_id,
        "eventTime": of.event_time,
        "eventType": of.event_type,
        "operation": of.operation,
        "producer": {
            "boot": producer.boot,
            "id": producer.id,
            "seq": producer.seq,
            "signature": producer.signature,
        },
        "requestData": of.request_data,
        "serviceName": of.service_name,
        "traceId": of.trace_id,
        "userId": of.user_id,
    }


def _decode(decoder: msgspec.json.Decoder[_Kind], data: bytes) -> _Kind:
    if len(data) > ENTRY_BYTES_MAX:
        raise Misread("too_large", f"an entry of {len(data)} bytes")
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as fault:
        raise Misread("members", str(fault)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise Misread("not_json", str(fault)) from None


def _check(entry: Submission) -> None:
    """Raise :exc:`Misread` where a member of right type has a value that the format excludes."""
    check_entity_id(entry.entity_id)
    if not _EVENT_ID.fullmatch(entry.event_id):
        raise Misread("event_id", f"{entry.event_id[:80]!r} is no UUID in lower case")
    check_time(entry.event_time)
    producer = entry.producer
    check_name(producer.id, "id")
    check_name(producer.boot, "boot")
    if producer.seq < 1:
        raise Misread("producer", f"sequence {producer.seq} is not 1 or more")
