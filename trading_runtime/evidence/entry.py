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
NAME_CHARS_MAX = 256
"""Of a producer's id and of its boot."""

_FIXED = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12} "
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z"
)
_HASH = re.compile(r"[0-9a-f]{64}")
_Kind = TypeVar("_Kind", bound="Submission")
_PRODUCER = b',"producer":{"boot":'
_SIGNATURE = b',"signature":'
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
    entry = _read(_ENTRY, data)
    if not _HASH.fullmatch(entry.previous_hash):
        raise Misread("previous_hash", "not 64 hex characters in lower case")
    if entry.version < 1:
        raise Misread("version", f"{entry.version} is not 1 or more")
    return entry


def read_submission(data: bytes) -> Submission:
    """Read a submission as strictly as :func:`read` reads an entry."""
    return _read(_SUBMISSION, data)


def seal(submission: bytes, previous_hash: str, version: int) -> bytes:
    """Give the entry of a checked ``submission``: number ``version`` after ``previous_hash``.

    Raises :exc:`Misread` (``too_large``) where the entry would not fit, ``members`` where the bytes
    are no submission.
    """
    head, marker, tail = submission.partition(_PRODUCER)
    if not marker:
        raise Misread("members", "no producer stands in the submission")
    if _PRODUCER in tail:
        # A state holds a producer of its own: only a parse tells which is which.
        sealed = _seal_by_parse(submission, previous_hash, version)
    else:
        sealed = b'%b,"previousHash":"%b"%b%b,"version":%d}' % (
            head,
            previous_hash.encode(),
            marker,
            tail[:-1],
            version,
        )
    if len(sealed) > ENTRY_BYTES_MAX:
        raise Misread("too_large", f"an entry of {len(sealed)} bytes")
    return sealed


def _seal_by_parse(submission: bytes, previous_hash: str, version: int) -> bytes:
    members = canonical.decode(submission)
    return canonical.encode(members | {"previousHash": previous_hash, "version": version})


def submission_of(data: bytes) -> tuple[bytes, str | None]:
    """Give back what was submitted of a checked entry: its unsigned bytes, and its signature."""
    head, marker, tail = data.partition(_PRODUCER)
    if not marker:
        raise Misread("members", "no producer stands in the entry")
    if _PRODUCER in tail:
        members = canonical.decode(data)
        members.pop("previousHash")
        members.pop("version")
        return unsigned_of(canonical.encode(members))
    # `,"previousHash":"…"` ends the head, and is of one length; the version ends the entry.
    return _without_signature(
        head[: -len(',"previousHash":""') - 64] + marker,
        tail[: tail.rindex(_VERSION)] + b"}",
    )


def signed(unsigned: bytes, signature: str) -> bytes:
    """Put ``signature`` (base64) in the place of null in a checked submission's bytes."""
    head, marker, tail = unsigned.partition(_PRODUCER)
    if not marker:
        raise Misread("members", "no producer stands in the submission")
    if _PRODUCER in tail:
        members = canonical.decode(unsigned)
        producer = msgspec.to_builtins(read_submission(unsigned).producer) | {
            "signature": signature
        }
        return canonical.encode(members | {"producer": producer})
    before, _null, after = tail.partition(_SIGNATURE + b"null}")
    return b'%b%b%b%b"%b"}%b' % (head, marker, before, _SIGNATURE, signature.encode(), after)


def unsigned_of(submission: bytes) -> tuple[bytes, str | None]:
    """Give the bytes of a checked submission that its producer's chain runs over; its signature."""
    head, marker, tail = submission.partition(_PRODUCER)
    if not marker:
        raise Misread("members", "no producer stands in the submission")
    if _PRODUCER in tail:
        return _unsigned_by_parse(submission)
    return _without_signature(head + marker, tail)


def _without_signature(head: bytes, tail: bytes) -> tuple[bytes, str | None]:
    """Put null for the signature, the last member of the producer that ``tail`` begins within."""
    begin = tail.index(_SIGNATURE) + len(_SIGNATURE)
    end = tail.index(b"}", begin)
    signature = tail[begin:end]
    if signature == b"null":
        return head + tail, None
    return b"%b%bnull%b" % (head, tail[:begin], tail[end:]), signature[1:-1].decode()


def _unsigned_by_parse(submission: bytes) -> tuple[bytes, str | None]:
    producer = read_submission(submission).producer
    members = canonical.decode(submission)
    unsigned = {"boot": producer.boot, "id": producer.id, "seq": producer.seq, "signature": None}
    return canonical.encode(members | {"producer": unsigned}), producer.signature


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


def _read(decoder: msgspec.json.Decoder[_Kind], data: bytes) -> _Kind:
    if len(data) > ENTRY_BYTES_MAX:
        raise Misread("too_large", f"an entry of {len(data)} bytes")
    canonical.decode(data)
    try:
        entry = decoder.decode(data)
    except msgspec.ValidationError as fault:
        raise Misread("members", str(fault)) from None
    check(entry)
    return entry


def check(entry: Submission) -> None:
    """Raise :exc:`Misread` where a member of right type has a value that the format excludes."""
    check_entity_id(entry.entity_id)
    if not _FIXED.fullmatch(f"{entry.event_id} {entry.event_time}"):
        raise Misread("event_id", f"{entry.event_id!r} at {entry.event_time!r}")
    try:
        datetime.fromisoformat(entry.event_time)
    except ValueError:
        raise Misread("event_time", f"there is no time {entry.event_time}") from None
    producer = entry.producer
    check_name(producer.id, "id")
    check_name(producer.boot, "boot")
    if producer.seq < 1:
        raise Misread("producer", f"sequence {producer.seq} is not 1 or more")
