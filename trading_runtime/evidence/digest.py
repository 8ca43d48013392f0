"""The digest of a period: one signed line that names what the log had become by its end.

There is one for each period, even where nothing happened, numbered without a hole, each naming the
hash of the one before. So what is missing is seen by counting and by the clock.
"""

from hashlib import sha256

import msgspec

from trading_runtime.errors import Misread
from trading_runtime.evidence import canonical, notes, trust
from trading_runtime.evidence.notes import SigningKey, Vkey
from trading_runtime.evidence.trust import Trust

VERSION = 1


class _Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What the parts of a digest have in common: camel case, and no member unknown."""


class Heads(_Part, frozen=True, kw_only=True):
    """The manifest of the entities that the period touched: its key, hash, tree root and lines."""

    key: str
    sha256: str
    root: str
    count: int


class Segment(_Part, frozen=True, kw_only=True):
    """One object of the cold copy; ``root`` is the RFC 6962 root over its entries, in hex."""

    key: str
    sha256: str
    bytes: int
    first_index: int
    count: int
    root: str


class ProducerRun(_Part, frozen=True, kw_only=True):
    """What of one boot the period took in, and how many of its events an overflow took."""

    id: str
    boot: str
    first_seq: int
    last_seq: int
    dropped: int


class ClockQuality(_Part, frozen=True, kw_only=True):
    """How far the log's clock may have been from true time, in microseconds; null: not known."""

    source: str
    synced: bool
    max_error_us: int | None


class Digest(_Part, frozen=True, kw_only=True):
    """Number ``digest_no``: entries ``tree_size_from`` ≤ index < ``tree_size_to``."""

    v: int
    origin: str
    digest_no: int
    period_start: str
    period_end: str
    tree_size_from: int
    tree_size_to: int
    root_hash: str
    checkpoint: str | None
    heads: Heads
    segments: tuple[Segment, ...]
    producers: tuple[ProducerRun, ...]
    clock: ClockQuality
    oldest_event_time: str | None
    newest_event_time: str | None
    alarms: int
    previous_sha256: str | None


_DIGEST = msgspec.json.Decoder(Digest)


def key_name(origin: str) -> str:
    """Give the name of the keys that sign the digests of a log."""
    return f"{origin}/digest"


def encode(digest: Digest) -> str:
    """Give the text that is signed: one line."""
    return canonical.of_struct(digest).decode() + "\n"


def sign(digest: Digest, key: SigningKey) -> bytes:
    """Give the digest's note; raise :exc:`Misread` (``key``) where the key has another name."""
    if key.vkey.name != key_name(digest.origin):
        raise Misread("key", f"{key.vkey.name} signs no digests of {digest.origin}")
    return notes.sign_note(encode(digest), key)


def note_hash(data: bytes) -> str:
    """Give what the next digest names as ``previousSha256``: the hash of the whole note."""
    return sha256(data).hexdigest()


def open_digest(data: bytes, believed: Trust) -> Digest:
    """Read a digest's note that a key of ``believed`` for its number has signed.

    Raises :exc:`Misread` with the reason ``digest``, ``digest_key`` (no key for this number signed
    it), ``origin``, or one of :func:`notes.open_note` and :func:`canonical.decode`.
    """
    name = key_name(believed.origin)
    keys = [Vkey.parse(key.vkey) for key in believed.digest_keys]
    note = notes.open_note(data, [key for key in keys if key.name == name])
    digest = read(note.text)
    if digest.origin != believed.origin:
        raise Misread("origin", f"a digest of {digest.origin!r}, not of {believed.origin!r}")
    if not set(believed.digest_vkeys(digest.digest_no)).intersection(note.by):
        raise Misread("digest_key", f"no key for digest {digest.digest_no} has signed it")
    return digest


def read(text: str) -> Digest:
    """Read a digest's line without believing it; raise :exc:`Misread` (``digest``)."""
    if not text.endswith("\n"):
        raise Misread("digest", "a line without end")
    data = text[:-1].encode()
    canonical.decode(data)
    try:
        digest = _DIGEST.decode(data)
    except msgspec.ValidationError as fault:
        raise Misread("digest", str(fault)) from None
    if digest.v != VERSION or digest.digest_no < 1:
        raise Misread("digest", f"number {digest.digest_no} of version {digest.v}")
    if not 0 <= digest.tree_size_from <= digest.tree_size_to:
        raise Misread("digest", f"sizes {digest.tree_size_from} to {digest.tree_size_to}")
    return digest


def period(believed: Trust, number: int) -> tuple[int, int]:
    """Give start and end of the period of digest ``number``, in seconds since 1970."""
    start = trust.period_start_s(believed) + (number - 1) * believed.digest_period_seconds
    return start, start + believed.digest_period_seconds


def due(believed: Trust, now_s: int) -> int:
    """Give the number of the newest digest whose period has ended by ``now_s``; 0 before any."""
    return max(0, (now_s - trust.period_start_s(believed)) // believed.digest_period_seconds)
