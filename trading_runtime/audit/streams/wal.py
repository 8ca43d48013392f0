"""The segments of a producer's log of submissions: encoding and strict reading of bytes; no files.

Rules:
 * A frame that does not read is a torn tail where no later frame stands behind it, else damage.
 * Sequences follow one another without a hole, within a segment and from one to the next.
"""

import struct
from binascii import crc32
from typing import Annotated, NamedTuple

import msgspec

from trading_runtime.errors import Misread

MAGIC = b"TDAUDWAL"
SUFFIX = ".wal"
ENVELOPE_BYTES_MAX = 64 * 1024 * 1024
"""An entry has at most 65,535 bytes; what is more than that is large values beside it."""
HEADER_BYTES_MAX = 4096
_LENGTHS = struct.Struct("<II")
_SEQ = struct.Struct("<Q")
FRAME_HEAD = _LENGTHS.size + _SEQ.size
_NEAR_BITS = 24
"""A search for later frames looks at sequences that differ in these low bits alone: 16 million."""


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a segment says of itself, as the JSON of its header, members sorted."""

    boot: str
    chain: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    """P of the submission before ``first``, in hex, so that the chain goes on from any segment."""
    first: Annotated[int, msgspec.Meta(ge=1)]
    producer: str


class Framed(NamedTuple):
    seq: int
    envelope: bytes


class Scanned(NamedTuple):
    """The frames that were read, and the offset behind the last one: there a torn tail begins."""

    frames: list[Framed]
    end: int


def segment_name(number: int) -> str:
    """Name segment ``number``; they count from 1 within a boot."""
    return f"{number:06d}{SUFFIX}"


def header_bytes(header: Header) -> bytes:
    text = msgspec.json.encode(header)
    return MAGIC + _LENGTHS.pack(len(text), crc32(text)) + text


def frame_bytes(seq: int, envelope: bytes) -> bytes:
    body = _SEQ.pack(seq) + envelope
    return _LENGTHS.pack(len(envelope), crc32(body)) + body


def read_header(data: bytes) -> tuple[Header, int]:
    """Read a segment's header; give it and the offset of the first frame.

    Raises:
        Misread: ``damaged``; a header is written whole before the segment has its name, so no
            crash explains this.
    """
    start = len(MAGIC) + _LENGTHS.size
    if len(data) < start or not data.startswith(MAGIC):
        raise Misread("damaged", "no header of a segment at the file's begin")
    length, checksum = _LENGTHS.unpack_from(data, len(MAGIC))
    text = data[start : start + length]
    if length > HEADER_BYTES_MAX or len(text) < length or crc32(text) != checksum:
        raise Misread("damaged", "the segment's header does not match its checksum")
    try:
        return msgspec.json.decode(text, type=Header), start + length
    except msgspec.DecodeError as fault:
        raise Misread("damaged", f"the segment's header is no header: {fault}") from None


def read_frames(data: bytes, offset: int, expected: int) -> Scanned:
    """Read the frames from ``offset`` on while they follow one another; judge nothing."""
    frames = []
    while (framed := _frame_at(data, offset)) is not None and framed.seq == expected:
        frames.append(framed)
        offset += FRAME_HEAD + len(framed.envelope)
        expected += 1
    return Scanned(frames, offset)


def scan(data: bytes, offset: int, expected: int) -> Scanned:
    """Read the frames from ``offset``, of which the first has to have sequence ``expected``.

    Raises:
        Misread: ``damaged``, a frame does not read although later ones do; ``missing``, a whole
            frame has another sequence than the one that follows.
    """
    scanned = read_frames(data, offset, expected)
    expected += len(scanned.frames)
    if (framed := _frame_at(data, scanned.end)) is not None:
        raise Misread("missing", f"sequence {framed.seq} stands where {expected} has to follow")
    later = _later_frame(data, scanned.end, expected)
    if later is not None:
        detail = (
            f"the frame of sequence {expected} at byte {scanned.end} does not read, {later} does"
        )
        raise Misread("damaged", detail)
    return scanned


def _frame_at(data: bytes, offset: int) -> Framed | None:
    body = offset + _LENGTHS.size
    if len(data) < offset + FRAME_HEAD:
        return None
    length, checksum = _LENGTHS.unpack_from(data, offset)
    end = body + _SEQ.size + length
    if not 0 < length <= ENVELOPE_BYTES_MAX or end > len(data):
        return None
    if crc32(memoryview(data)[body:end]) != checksum:
        return None
    return Framed(_SEQ.unpack_from(data, body)[0], data[body + _SEQ.size : end])


def _later_frame(data: bytes, offset: int, expected: int) -> int | None:
    """Give the sequence of a whole frame behind ``offset``, wherever it begins, or None.

    The high bytes of its sequence are those of ``expected``, and JSON has no zero byte, so they
    are found fast.
    """
    high = _SEQ.pack(expected)[_NEAR_BITS // 8 :]
    at = data.find(high, offset)
    while at >= 0:
        start = at - _NEAR_BITS // 8 - _LENGTHS.size
        framed = _frame_at(data, start) if start > offset else None
        if framed is not None and framed.seq >= expected:
            return framed.seq
        at = data.find(high, at + 1)
    return None
