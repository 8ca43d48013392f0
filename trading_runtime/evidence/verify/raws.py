"""The bytes of a block's entries, from its frames or from its bundle in the cold copy."""

import zlib
from struct import Struct as Layout
from typing import NamedTuple

from trading_runtime.errors import Misread
from trading_runtime.evidence.frames import Header, read_header, scan
from trading_runtime.evidence.layout import BLOCK
from trading_runtime.evidence.verify.checks import Check
from trading_runtime.evidence.verify.findings import Finding

_FRAME = Layout("<IIQ")
_CRC_FROM = 8
"""Of a frame's bytes: behind its length and the CRC itself."""
GZIP = 16 + zlib.MAX_WBITS


class Raws(NamedTuple):
    """The entries as far as they can be read; ``torn`` when a last frame was cut by a crash."""

    entries: list[bytes]
    findings: list[Finding]
    torn: bool


def from_frames(data: bytes, block: int, origin: str, where: str, *, last: bool) -> Raws:
    """Read a frames file; only in the ``last`` one may the end be torn."""
    place, cut = _header_end(data, block, origin)
    if place is not None:
        return _frames(data, place, block * BLOCK, where, last=last)
    if last and cut:
        return Raws([], [], torn=True)
    said = "the header is damaged, or is of another block or log"
    finding = Finding(check=Check.FRAME_DAMAGE, said=said, where=where, index=block * BLOCK)
    return Raws([], [finding], torn=False)


def _header_end(data: bytes, block: int, origin: str) -> tuple[int | None, bool]:
    """Give where the frames begin, None where they do not; and whether the header is only cut."""
    try:
        header, end = read_header(data)
    except Misread as misread:
        return None, misread.reason == "header_short"
    return (end if header == Header(block, origin) else None), False


def _frames(data: bytes, place: int, first: int, where: str, *, last: bool) -> Raws:
    entries: list[bytes] = []
    found: list[Finding] = []
    size, index = len(data), first
    head, crc32, view = _FRAME.unpack_from, zlib.crc32, memoryview(data)
    while place < size:
        begin = place + _FRAME.size
        length, crc, carried = head(data, place) if begin <= size else (size, 0, index)
        end = begin + length
        whole = end <= size and crc32(view[place + _CRC_FROM : end]) == crc
        if end > size or (end == size and not whole):
            tail = scan(data, place, index)[1]
            if last and (tail is None or not tail.followed):
                return Raws(entries, found, torn=True)
            said = f"the frame at byte {place} is cut or damaged; what stands behind it is lost"
            found.append(Finding(check=Check.FRAME_DAMAGE, said=said, where=where, index=index))
            break
        if not whole:
            said = f"the CRC of the frame at byte {place} is wrong"
            found.append(Finding(check=Check.FRAME_DAMAGE, said=said, where=where, index=index))
        if carried != index:
            said = f"the frame at byte {place} carries another index"
            found.append(_misplaced(said, where, index, carried))
        entries.append(data[begin:end])
        place = end
        index += 1
    return Raws(entries, found, torn=False)


def _misplaced(said: str, where: str, index: int, carried: int) -> Finding:
    return Finding(
        check=Check.FRAME_INDEX,
        said=said,
        where=where,
        index=index,
        expected=str(index),
        found=str(carried),
    )


def from_bundles(data: bytes, block: int, where: str) -> Raws:
    """Read ``entries.bundles.gz``: one gzip member of entries behind their lengths."""
    first = block * BLOCK
    try:
        member = zlib.decompressobj(GZIP)
        plain = member.decompress(data)
    except zlib.error as fault:
        return Raws([], [_segment(Check.SEGMENT_ENTRIES, str(fault), where, first)], torn=False)
    found = []
    if not member.eof:
        found.append(_segment(Check.SEGMENT_ENTRIES, "the gzip member is cut", where, first))
    if member.unused_data:
        said = f"{len(member.unused_data)} bytes stand behind the gzip member"
        found.append(_segment(Check.GZIP_MEMBER, said, where, None))
    entries: list[bytes] = []
    place, size = 0, len(plain)
    while place < size:
        begin = place + 2
        end = begin + (plain[place] << 8) + (plain[begin - 1] if begin <= size else 0)
        if end > size:
            said = "the last entry is cut"
            found.append(_segment(Check.SEGMENT_ENTRIES, said, where, first + len(entries)))
            break
        entries.append(plain[begin:end])
        place = end
    return Raws(entries, found, torn=False)


def _segment(check: Check, said: str, where: str, index: int | None) -> Finding:
    return Finding(check=check, said=said, where=where, index=index)
