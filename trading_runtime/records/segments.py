"""A segment file: a header, then records until it is sealed.

The header is the eight bytes ``TAPEDECK``, then little-endian ``u16`` framing version, ``u16``
schema version of the bodies, ``u32`` length and ``u32`` CRC-32 of the JSON that follows::

    {"session": "…", "segment": 1, "first_seq": 1}

A sealed segment is that file compressed (zstd) beside a seal: JSON with its record count, last
sequence number and SHA-256 of the uncompressed bytes.
"""

import struct
import zlib
from collections.abc import Iterator

import msgspec

from trading_runtime.records.envelope import (
    FRAME,
    LENGTH_MAX,
    SCHEMA_VERSION,
    STAMP,
    Kind,
    Record,
    Stamp,
)
from trading_runtime.records.units import Nanos, Seq

MAGIC = b"TAPEDECK"
FRAMING_VERSION = 1
PREAMBLE = struct.Struct("<8sHHII")


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
    return PREAMBLE.pack(MAGIC, FRAMING_VERSION, SCHEMA_VERSION, len(text), zlib.crc32(text)) + text


def read_header(data: bytes) -> tuple[SegmentHeader, int]:
    """Read the header; give it and the offset of the first record, or raise :exc:`Damaged`."""
    if len(data) < PREAMBLE.size:
        raise Torn(0, "shorter than a segment's preamble")
    magic, framing, schema, length, checksum = PREAMBLE.unpack_from(data)
    if magic != MAGIC:
        raise Damaged(0, f"starts with {magic!r}, not {MAGIC!r}")
    if framing != FRAMING_VERSION or schema > SCHEMA_VERSION:
        raise Damaged(8, f"framing {framing}, schema {schema}: written by a later version")
    end = PREAMBLE.size + length
    if len(data) < end:
        raise Torn(PREAMBLE.size, "ends inside its header")
    text = data[PREAMBLE.size : end]
    if zlib.crc32(text) != checksum:
        raise Damaged(PREAMBLE.size, "header checksum does not agree")
    return msgspec.json.decode(text, type=SegmentHeader), end


def read_records(data: bytes | memoryview, offset: int) -> Iterator[tuple[Record, int]]:
    """Give each whole record from ``offset`` on with the offset after it.

    Ends where the bytes end; raises :exc:`Torn` where they end inside a record and
    :exc:`Damaged` where a length or a checksum cannot be right.
    """
    view = memoryview(data)
    size = len(view)
    while offset < size:
        start = offset + FRAME.size
        if start > size:
            raise Torn(offset, "ends inside a record's frame")
        length, checksum = FRAME.unpack_from(view, offset)
        if not STAMP.size <= length <= LENGTH_MAX:
            raise Damaged(offset, f"record of {length} bytes")
        end = start + length
        if end > size:
            raise Torn(offset, f"{size - start} of {length} bytes of a record")
        if zlib.crc32(view[start:end]) != checksum:
            raise Damaged(offset, "record checksum does not agree")
        kind, seq, at, wall = STAMP.unpack_from(view, start)
        body = bytes(view[start + STAMP.size : end])
        yield Record(Kind(kind), Seq(seq), Stamp(Nanos(at), Nanos(wall)), body), end
        offset = end
