"""The frames: files of 65,536 entries each, in the order of the log.

A frame that does not read ends the frames when it is in the last file; what stands from there on
is the :class:`Tail`, and whoever knows how many entries there have to be says what it means. In
any other file it is damage.
"""

import os
import re
import struct
import zlib
from array import array
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import final

import msgspec

from trading_runtime.errors import Misread
from trading_runtime.evidence import canonical, layout
from trading_runtime.evidence.entry import ENTRY_BYTES_MAX
from trading_runtime.evidence.layout import BLOCK

MAGIC = b"TDAUDIT1"
HEADER_BYTES_MAX = 4_096
FRAME_HEAD_BYTES = 16
BLOCKS_REMEMBERED = 64
"""Whose offsets are kept: half a megabyte each."""

_HEAD = struct.Struct("<IIQ")
_LENGTHS = struct.Struct("<II")
_INDEX = struct.Struct("<Q")


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    block: int
    origin: str


class Tail(msgspec.Struct, frozen=True):
    """What stands behind the last whole frame of a file.

    ``index`` is the entry that would be next, ``offset`` where it would begin, ``size`` how many
    bytes are there. ``followed``: a whole later frame stands behind it, so that no crash alone left
    it, but damage, or a power cut that took the parts of one write in another order.
    """

    index: int
    offset: int
    size: int
    reason: str
    followed: bool


class Frames(msgspec.Struct, frozen=True):
    """All of a file: its entries, and the tail that is not one."""

    header: Header
    entries: Sequence[bytes]
    tail: Tail | None


def header(block: int, origin: str) -> bytes:
    """Give the first bytes of a block's file."""
    content = canonical.of_struct(Header(block, origin))
    return MAGIC + _LENGTHS.pack(len(content), zlib.crc32(content)) + content


def frame(index: int, entry: bytes) -> bytes:
    return frames(index, (entry,))


def frames(first: int, entries: Sequence[bytes]) -> bytes:
    """Give the frames of ``entries``, the first being number ``first`` of the log."""
    crc32, number, head = zlib.crc32, _INDEX.pack, _HEAD.pack
    parts = []
    for index, entry in enumerate(entries, first):
        parts.append(head(len(entry), crc32(entry, crc32(number(index))), index))
        parts.append(entry)
    return b"".join(parts)


def read_header(data: bytes) -> tuple[Header, int]:
    """Read the header that ``data`` begin with, and give the offset behind it.

    Raises :exc:`Misread` with the reason ``header_short`` where it is not all there, ``header``
    where it is wrong.
    """
    begin = len(MAGIC) + _LENGTHS.size
    if len(data) < begin and MAGIC.startswith(data[: len(MAGIC)]):
        raise Misread("header_short", f"{len(data)} bytes")
    if not data.startswith(MAGIC):
        raise Misread("header", f"it begins with {data[:8]!r}")
    length, crc = _LENGTHS.unpack_from(data, len(MAGIC))
    content = data[begin : begin + length]
    if length > HEADER_BYTES_MAX:
        raise Misread("header", f"{length} bytes")
    if len(content) < length:
        raise Misread("header_short", f"{len(content)} of {length} bytes")
    if zlib.crc32(content) != crc:
        raise Misread("header", "its checksum is wrong")
    canonical.decode(content)
    try:
        return msgspec.json.decode(content, type=Header), begin + length
    except msgspec.ValidationError as fault:
        raise Misread("header", str(fault)) from None


def read_frames(path: Path) -> Frames:
    """Read a whole file; raise :exc:`Misread` as :func:`read_header`, :exc:`OSError` as files do.

    Nothing is said about the tail: in a file that is not the last one it is damage.
    """
    data = path.read_bytes()
    found, begin = read_header(data)
    offsets, tail = scan(data, begin, found.block * BLOCK)
    entries = [data[here + FRAME_HEAD_BYTES : there] for here, there in pairwise(offsets)]
    return Frames(found, entries, tail)


def scan(data: bytes, begin: int, first: int) -> tuple["array[int]", Tail | None]:
    """Find where the frames begin from offset ``begin`` on, and where the last one ends.

    ``first`` is the index of the first; a block's frames end with the block.
    """
    unpack, crc32, view = _HEAD.unpack_from, zlib.crc32, memoryview(data)
    size, index, place = len(data), first, begin
    last = (first // BLOCK + 1) * BLOCK
    offsets = array("Q", (begin,))
    reason = "bytes behind the last entry of the block"
    while index < last:
        if place + FRAME_HEAD_BYTES > size:
            reason = "the head of a frame is cut"
            break
        length, crc, found = unpack(data, place)
        end = place + FRAME_HEAD_BYTES + length
        if found != index or not 0 < length <= ENTRY_BYTES_MAX:
            reason = f"{length} bytes of entry {found} where entry {index} belongs"
            break
        if end > size:
            reason = "a frame is cut"
            break
        if crc32(view[place + 8 : end]) != crc:
            reason = f"the checksum of entry {index} is wrong"
            break
        offsets.append(end)
        place = end
        index += 1
    if place == size:
        return offsets, None
    return offsets, Tail(index, place, size - place, reason, _followed(data, place, index))


def _followed(data: bytes, place: int, index: int) -> bool:
    """Tell whether a whole frame of a later entry of the block stands at ``place`` or behind."""
    if index % BLOCK == 0 and index:
        return False
    block = _INDEX.pack(index // BLOCK * BLOCK)[2:]
    # A length below 2^16 that is not 0, a checksum, and an index of this block.
    pattern = re.compile(rb"(?=(?!\0\0)..\0\0.{6}" + re.escape(block) + b")", re.DOTALL)
    for match in pattern.finditer(data, place):
        at = match.start()
        length, crc, found = _HEAD.unpack_from(data, at)
        content = data[at + 8 : at + FRAME_HEAD_BYTES + length]
        if found > index and len(content) == 8 + length and zlib.crc32(content) == crc:
            return True
    return False


@final
class FrameReader:
    """Entries by their index, out of the folder ``log``; it sees the files as they were at opening.

    ``size`` is the index behind the last whole entry, ``tail`` what stands behind that, ``blocks``
    which files are there: the first ones may have been pruned.
    """

    def __init__(self, log: Path, origin: str) -> None:
        """Look at the last file. Raises :exc:`Misread` where its header is wrong."""
        self._log = log
        self._origin = origin
        self._offsets: dict[int, array[int]] = {}
        self.blocks = layout.frame_blocks(log)
        self.size = 0
        self.tail: Tail | None = None
        if self.blocks:
            self._open_last(self.blocks[-1])

    @property
    def first(self) -> int:
        """The index of the first entry that is still there."""
        return self.blocks[0] * BLOCK if self.blocks else 0

    def entry(self, index: int) -> bytes:
        """Give one entry; raise :exc:`Misread` (``missing`` or ``damaged``)."""
        return next(self.entries(index, index + 1))

    def entries(self, first: int, end: int) -> Iterator[bytes]:
        """Give the entries ``first`` ≤ index < ``end``; raise :exc:`Misread` as :meth:`entry`."""
        if end > self.size:
            raise Misread("missing", f"the frames end before entry {self.size}")
        while first < end:
            block = first // BLOCK
            until = min(end, (block + 1) * BLOCK)
            yield from self._within(block, first - block * BLOCK, until - block * BLOCK)
            first = until

    def _within(self, block: int, place: int, end: int) -> list[bytes]:
        """Read a run of frames of one block, and check each again: the file is not ours alone."""
        offsets = self._known(block)
        path = layout.frames_path(self._log, block)
        with path.open("rb") as file:
            data = os.pread(file.fileno(), offsets[end] - offsets[place], offsets[place])
        found, tail = scan(data, 0, block * BLOCK + place)
        if tail is not None or len(found) != end - place + 1:
            raise Misread("damaged", f"{path} at byte {offsets[place]} is not what it was")
        return [data[here + FRAME_HEAD_BYTES : there] for here, there in pairwise(found)]

    def _known(self, block: int) -> "array[int]":
        if block in self._offsets:
            return self._offsets[block]
        if block not in self.blocks:
            raise Misread("missing", f"block {block} is not in the frames")
        offsets, tail = self._scan(block)
        if tail is not None or len(offsets) != BLOCK + 1:
            detail = f"at byte {tail.offset}: {tail.reason}" if tail else "it is cut"
            raise Misread("damaged", f"{layout.frames_path(self._log, block)} {detail}")
        return self._remember(block, offsets)

    def _remember(self, block: int, offsets: "array[int]") -> "array[int]":
        if len(self._offsets) >= BLOCKS_REMEMBERED:
            self._offsets.pop(next(iter(self._offsets)))
        self._offsets[block] = offsets
        return offsets

    def _scan(self, block: int) -> tuple["array[int]", Tail | None]:
        path = layout.frames_path(self._log, block)
        data = path.read_bytes()
        try:
            found, begin = read_header(data)
        except Misread as fault:
            raise Misread(fault.reason, f"{path}: {fault.detail}") from None
        if found != Header(block, self._origin):
            raise Misread("header", f"{path} is block {found.block} of {found.origin!r}")
        return scan(data, begin, block * BLOCK)

    def _open_last(self, block: int) -> None:
        try:
            offsets, self.tail = self._scan(block)
        except Misread as fault:
            if fault.reason != "header_short":
                raise
            size = layout.frames_path(self._log, block).stat().st_size
            self.tail = Tail(block * BLOCK, 0, size, "the header is cut", followed=False)
            offsets = array("Q", (0,))
        self.size = block * BLOCK + len(offsets) - 1
        self._remember(block, offsets)
