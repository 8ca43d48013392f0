"""A segment file: a header, then records until it is sealed.

The header is the eight bytes ``TAPEDECK``, then little-endian ``u16`` framing version, ``u16``
schema version of the bodies, ``u32`` length of the JSON that follows, and ``u32`` CRC-32 of
those sixteen bytes and the JSON::

    {"session": "…", "segment": 1, "first_seq": 1}

A sealed segment is that file compressed (zstd) beside a seal: JSON with its record count, last
sequence number and SHA-256 of the uncompressed bytes. How far an open one is on disk stands in
the session's watermark.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec

from trading_runtime.records.envelope import (
    LENGTH_MAX,
    SCHEMA_VERSION,
    STAMP,
    Kind,
    Record,
    Stamp,
)
from trading_runtime.records.units import Seq

MAGIC = b"TAPEDECK"
FRAMING_VERSION = 1
PREAMBLE = struct.Struct("<8sHHI")
CHECKSUM = struct.Struct("<I")
HEAD = struct.Struct("<IIBQqq")
"""A record up to its body: its frame and its stamp in one."""
WATERMARK = struct.Struct("<IQQ")

_KINDS = {kind.value: kind for kind in Kind}
_tuple = tuple.__new__


class SegmentHeader(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    session: str
    segment: int
    first_seq: Seq


class Seal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a sealed segment held: written beside it, when nothing more can come."""

    session: str
    segment: int
    first_seq: Seq
    last_seq: Seq
    records: int
    size_bytes: int
    sha256: str
    """Of the uncompressed segment, header included, torn bytes excluded."""
    torn_bytes: int
    """Bytes after the last whole record, cut off by a crash: 0 after an orderly seal."""


class Damaged(ValueError):
    """Bytes that are no segment, or a record whose checksum does not agree, at ``offset``."""

    def __init__(self, offset: int, detail: str) -> None:
        super().__init__(f"byte {offset}: {detail}")
        self.offset = offset
        self.detail = detail


class Torn(Damaged):
    """The bytes end inside a record: what a crash leaves, at the end of the last segment only."""


def header_bytes(header: SegmentHeader) -> bytes:
    text = msgspec.json.encode(header)
    preamble = PREAMBLE.pack(MAGIC, FRAMING_VERSION, SCHEMA_VERSION, len(text))
    return preamble + CHECKSUM.pack(zlib.crc32(text, zlib.crc32(preamble))) + text


def read_header(data: bytes) -> tuple[SegmentHeader, int]:
    """Read the header; give it and the offset of the first record, or raise :exc:`Damaged`."""
    start = PREAMBLE.size + CHECKSUM.size
    if len(data) < start:
        raise Torn(0, "shorter than a segment's preamble")
    magic, framing, schema, length = PREAMBLE.unpack_from(data)
    if magic != MAGIC:
        raise Damaged(0, f"starts with {magic!r}, not {MAGIC!r}")
    if framing != FRAMING_VERSION or schema > SCHEMA_VERSION:
        raise Damaged(8, f"framing {framing}, schema {schema}: written by a later version")
    end = start + length
    if len(data) < end:
        raise Torn(start, "ends inside its header")
    (checksum,) = CHECKSUM.unpack_from(data, PREAMBLE.size)
    if zlib.crc32(data[start:end], zlib.crc32(data[: PREAMBLE.size])) != checksum:
        raise Damaged(start, "header checksum does not agree")
    return msgspec.json.decode(data[start:end], type=SegmentHeader), end


def read_records(
    data: bytes, offset: int, checksum_of: Callable[[bytes], int] = zlib.crc32
) -> Iterator[tuple[Record, int]]:
    """Give each whole record from ``offset`` on with the offset after it.

    Ends where the bytes end; raises :exc:`Torn` where they end inside a record and
    :exc:`Damaged` where a length, a checksum or a kind cannot be right. ``checksum_of`` may be
    any faster CRC-32 of the same polynomial.
    """
    size = len(data)
    last = size - HEAD.size
    unpack = HEAD.unpack_from
    while offset <= last:
        length, checksum, number, seq, at, wall = unpack(data, offset)
        if not STAMP.size <= length <= LENGTH_MAX:
            raise Damaged(offset, f"record of {length} bytes")
        start = offset + 8
        end = start + length
        if end > size:
            raise Torn(offset, f"{size - start} of {length} bytes of a record")
        stamped = data[start:end]
        if checksum_of(stamped) != checksum:
            raise Damaged(offset, "record checksum does not agree")
        kind = _KINDS.get(number)
        if kind is None:
            raise Damaged(offset, f"record of kind {number}")
        # Built past the named tuples' own constructors, which take longer than the checksum.
        record = _tuple(Record, (kind, seq, _tuple(Stamp, (at, wall)), stamped[25:]))
        yield record, end
        offset = end
    if offset < size:
        raise _short(data, offset)


def _short(data: bytes, offset: int) -> Damaged:
    """Name what is wrong with bytes that are too few for the shortest record."""
    rest = len(data) - offset
    if rest >= CHECKSUM.size:
        (length,) = CHECKSUM.unpack_from(data, offset)
        if not STAMP.size <= length <= LENGTH_MAX:
            return Damaged(offset, f"record of {length} bytes")
    return Torn(offset, f"{rest} bytes of a record's head")


class Watermark(NamedTuple):
    """Up to where a session's journal is on disk: below it, a power cut takes nothing."""

    segment: int
    offset: int
    """The first byte of the segment that may not be on disk."""
    seq: Seq
    """The last record that is."""


def watermark_bytes(watermark: Watermark) -> bytes:
    packed = WATERMARK.pack(*watermark)
    return packed + CHECKSUM.pack(zlib.crc32(packed))


def read_watermark(data: bytes) -> Watermark:
    """Raise :exc:`Damaged` for what is none, or was read while it was being written."""
    if len(data) != WATERMARK.size + CHECKSUM.size:
        raise Torn(0, f"{len(data)} bytes of a watermark")
    if CHECKSUM.unpack_from(data, WATERMARK.size)[0] != zlib.crc32(data[: WATERMARK.size]):
        raise Damaged(0, "watermark checksum does not agree")
    segment, offset, seq = WATERMARK.unpack_from(data)
    return Watermark(segment, offset, Seq(seq))
