"""Single entries out of the frames or the cold copy, by their index or by what stands in them.

Nothing is believed for being found: whoever asks proves each entry against the tree. What has to be
complete is the search, so it looks at every byte of the range that it is asked for.
"""

import mmap
import zlib
from collections.abc import Iterator
from struct import Struct as Layout
from typing import NamedTuple

from trading_runtime.errors import Misread
from trading_runtime.evidence.frames import FRAME_HEAD_BYTES, Header, read_header
from trading_runtime.evidence.layout import BLOCK
from trading_runtime.evidence.verify import plan, raws
from trading_runtime.evidence.verify.archive import Archive, Listing, fetch
from trading_runtime.evidence.verify.checks import Check
from trading_runtime.evidence.verify.findings import Finding, Findings

HEADER_BYTES_MAX = 8_192
_HEAD = Layout("<IIQ")
_INDEX = Layout("<Q")


class Found(NamedTuple):
    """An entry and its index in the log."""

    at: int
    entry: bytes


class Places:
    """Entries of a log, wherever they are held."""

    def __init__(
        self,
        sources: list[plan.Source],
        archive: Archive | None,
        listing: Listing,
        origin: str,
        findings: Findings,
    ) -> None:
        self._sources = sources
        self._archive = archive
        self._listing = listing
        self._origin = origin
        self._findings = findings
        self._frames: dict[int, mmap.mmap | None] = {}
        self._bundles: dict[int, list[bytes]] = {}

    @property
    def end(self) -> int:
        """The index behind the last block that may hold entries."""
        return len(self._sources) * BLOCK

    def entry(self, index: int) -> bytes | None:
        """Give one entry; None where nobody holds it."""
        block, place = divmod(index, BLOCK)
        if block >= len(self._sources):
            return None
        data = self._framed(block)
        if data is None:
            entries = self._bundled(block)
            return entries[place] if place < len(entries) else None
        begin = self._locate(data, index)
        if begin is None:
            return None
        return data[begin + FRAME_HEAD_BYTES : begin + FRAME_HEAD_BYTES + _length(data, begin)]

    def between(self, first: int, end: int) -> list[bytes]:
        """Give the entries ``first`` ≤ index < ``end``, or as many of the first as are held."""
        found: list[bytes] = []
        while first + len(found) < end:
            index = first + len(found)
            block = index // BLOCK
            high = min(end, (block + 1) * BLOCK)
            if block >= len(self._sources):
                break
            data = self._framed(block)
            if data is None:
                held = self._bundled(block)[index - block * BLOCK : high - block * BLOCK]
            else:
                held = [it.entry for it in self._search_frames(data, b"", index, high)]
            found += held
            if len(held) < high - index:
                break
        return found

    def search(self, needle: bytes, first: int, end: int) -> Iterator[Found]:
        """Give every entry ``first`` ≤ index < ``end`` in which ``needle`` stands."""
        for source in self._sources[first // BLOCK : -(-end // BLOCK)]:
            begin = source.block * BLOCK
            low, high = max(first, begin), min(end, begin + BLOCK)
            data = self._framed(source.block)
            if data is not None:
                yield from self._search_frames(data, needle, low, high)
                continue
            entries = self._bundled(source.block)
            for index in range(low, min(high, begin + len(entries))):
                if needle in entries[index - begin]:
                    yield Found(index, entries[index - begin])

    def _framed(self, block: int) -> mmap.mmap | None:
        if block not in self._frames:
            self._frames[block] = self._open(block)
        return self._frames[block]

    def _open(self, block: int) -> mmap.mmap | None:
        path = self._sources[block].frames
        if not path:
            return None
        try:
            with open(path, "rb") as file:  # noqa: PTH123 -- a path as text
                data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as fault:
            said = f"it cannot be read: {fault}"
            self._findings.add(Finding(check=Check.UNREADABLE, said=said, where=path))
            return None
        try:
            header, _ = read_header(data[:HEADER_BYTES_MAX])
        except Misread as misread:
            self._damaged(path, block * BLOCK, str(misread))
            return None
        if header != Header(block, self._origin):
            self._damaged(path, block * BLOCK, "the header is of another block or log")
            return None
        return data

    def _bundled(self, block: int) -> list[bytes]:
        if block not in self._bundles:
            key = self._sources[block].key
            content = fetch(self._archive, key, self._listing, self._findings)
            held = raws.from_bundles(content, block, key) if content is not None else None
            self._findings.extend(held.findings if held is not None else ())
            self._bundles[block] = held.entries if held is not None else []
        return self._bundles[block]

    def _locate(self, data: mmap.mmap, index: int) -> int | None:
        """Find the frame that carries ``index``: JSON holds no byte of zero, so few places can."""
        wanted = _INDEX.pack(index)
        place = data.find(wanted)
        while place >= 0:
            begin = place - 8
            if begin >= 0:
                length, crc, _ = _HEAD.unpack_from(data, begin)
                content = data[place : place + 8 + length]
                if len(content) == 8 + length and zlib.crc32(content) == crc:
                    return begin
            place = data.find(wanted, place + 1)
        return None

    def _search_frames(
        self, data: mmap.mmap, needle: bytes, first: int, end: int
    ) -> Iterator[Found]:
        """Walk the frames from ``first`` on, and stop at those in which the needle stands."""
        place = self._locate(data, first) if first % BLOCK else self._start(data)
        if place is None:
            return  # the file ends before
        hit = data.find(needle, place)
        size = len(data)
        index = first
        head = _HEAD.unpack_from
        while hit >= 0 and index < end and place + FRAME_HEAD_BYTES <= size:
            length, crc, carried = head(data, place)
            begin, stop = place + FRAME_HEAD_BYTES, place + FRAME_HEAD_BYTES + length
            if carried != index or stop > size:
                self._damaged(f"block {index // BLOCK}", index, "the frames end out of order")
                return
            if hit < stop:
                if zlib.crc32(data[place + 8 : stop]) != crc:
                    self._damaged(f"block {index // BLOCK}", index, "the CRC is wrong")
                yield Found(index, data[begin:stop])
                hit = data.find(needle, stop)
            place = stop
            index += 1

    @staticmethod
    def _start(data: mmap.mmap) -> int:
        return read_header(data[:HEADER_BYTES_MAX])[1]

    def _damaged(self, where: str, index: int, said: str) -> None:
        self._findings.add(Finding(check=Check.FRAME_DAMAGE, said=said, where=where, index=index))


def _length(data: mmap.mmap, begin: int) -> int:
    length: int = _HEAD.unpack_from(data, begin)[0]
    return length
