"""Which blocks there are, where each is read from, and which tree sizes are asked for."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from trading_runtime.errors import Misread
from trading_runtime.evidence import digest as digests
from trading_runtime.evidence import layout
from trading_runtime.evidence.layout import BLOCK
from trading_runtime.evidence.tiles import TileReader
from trading_runtime.evidence.trust import Trust
from trading_runtime.evidence.verify.block import BLOCK_LEVEL
from trading_runtime.evidence.verify.digests import Digests
from trading_runtime.evidence.verify.segments import BUNDLES, place_of

ENDLESS = 2**62


class Source(NamedTuple):
    """Where a block is read from: its frames, or an archive's object; with neither, nowhere."""

    block: int
    frames: str
    key: str


def sources(log: Path | None, keys: Iterable[str], needed: int) -> list[Source]:
    """Give every block up to the last that is held or counted; frames before the cold copy."""
    framed = set(layout.frame_blocks(log)) if log is not None else set()
    cold: dict[int, tuple[int, str]] = {}
    for key in keys:
        place = place_of(key)
        if place is not None and key.endswith(BUNDLES):
            cold[place.block] = max(cold.get(place.block, (0, "")), (place.held, key))
    blocks = max(max(framed | cold.keys(), default=-1) + 1, -(-needed // BLOCK))
    return [
        Source(
            block,
            str(layout.frames_path(log, block)) if log is not None and block in framed else "",
            cold.get(block, (0, ""))[1],
        )
        for block in range(blocks)
    ]


def cuts(sizes: Iterable[int]) -> dict[int, tuple[int, ...]]:
    """Group tree sizes by the block that they end in; a block's own end belongs to it."""
    found: dict[int, set[int]] = {}
    for size in sizes:
        if size > 0:
            found.setdefault((size - 1) // BLOCK, set()).add(size)
    return {block: tuple(sorted(within)) for block, within in found.items()}


def entries_between(
    held: Digests, trust: Trust, since: int | None, until: int | None
) -> tuple[int, int]:
    """Give the range of entries that the log took in between two times, by its digests' periods.

    Times are seconds since 1970. What no digest covers yet belongs to the time after the last.
    """
    first, end = 0, ENDLESS
    for number, kept in sorted(held.kept.items()):
        start, stop = digests.period(trust, number)
        if since is not None and stop <= since:
            first = kept.digest.tree_size_to
        if until is not None and start <= until < stop:
            end = kept.digest.tree_size_to
    if until is not None and until < digests.period(trust, 1)[0]:
        end = 0
    return first, max(first, end)


class Tiles:
    """Hashes out of the tiles at the newest checkpoint's size; None where there are none."""

    def __init__(self, log: Path | None, size: int) -> None:
        self.size = size
        self._reader = TileReader(log, size) if log is not None and size else None

    def block_hash(self, block: int) -> bytes | None:
        """Give the root over a full block, from level 2."""
        if self._reader is None or (block + 1) * BLOCK > self.size:
            return None
        try:
            return self._reader.hash_at(BLOCK_LEVEL, block)
        except (Misread, OSError):
            return None

    def root(self) -> bytes | None:
        """Give the root that the tiles lead to; raises as :class:`TileReader` does."""
        return None if self._reader is None else self._reader.root()


def within(source: Sequence[Source], first: int, end: int) -> Iterator[tuple[Source, bool]]:
    """Give each block, and whether it has entries ``first`` ≤ index < ``end``."""
    for it in source:
        begin = it.block * BLOCK
        yield it, begin < end and begin + BLOCK > first
