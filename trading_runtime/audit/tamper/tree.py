"""The watch's own tree over the entries that it saw, in tiles as those of C2SP tlog-tiles."""

from collections.abc import Sequence
from typing import final

from trading_runtime.audit.tamper.memory import Memory
from trading_runtime.evidence.layout import TILE_WIDTH
from trading_runtime.records.merkle import HASH_BYTES, range_root, root_of

STATE = "tree"
LEVELS_OF_A_TILE = 8


@final
class Tree:
    """Full tiles stand in the memory; of each level one is not full, and stands here."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._open = [bytearray(part) for part in memory.state(STATE, list[bytes]) or []]
        self._full: dict[tuple[int, int], bytes] = {}
        self.size = self._count()

    def append(self, leaves: Sequence[bytes]) -> None:
        for leaf in leaves:
            self._add(0, leaf)
        self.size += len(leaves)

    def save(self) -> None:
        self._memory.set_state(STATE, [bytes(part) for part in self._open])

    def leaf(self, index: int) -> bytes:
        return self.hash_at(0, index)

    def root(self, size: int) -> bytes:
        """Give the root over the first ``size`` entries, at most all of them."""
        return range_root(0, size, self.hash_at)

    def hash_at(self, level: int, number: int) -> bytes:
        """Give the root of the complete subtree ``number`` of 2 ** ``level`` entries."""
        tile, within = divmod(level, LEVELS_OF_A_TILE)
        first = number << within
        place, begin = divmod(first, TILE_WIDTH)
        hashes = self._tile(tile, place)
        parts = [
            hashes[at * HASH_BYTES : (at + 1) * HASH_BYTES]
            for at in range(begin, begin + (1 << within))
        ]
        return parts[0] if within == 0 else root_of(parts)

    def _tile(self, level: int, number: int) -> bytes:
        found = self._full.get((level, number)) or self._memory.tile(level, number)
        if found is None:
            return bytes(self._open[level])
        if len(self._full) >= TILE_WIDTH:
            self._full.clear()
        self._full[level, number] = found
        return found

    def _add(self, level: int, node: bytes) -> None:
        if level == len(self._open):
            self._open.append(bytearray())
        tile = self._open[level]
        tile += node
        if len(tile) == TILE_WIDTH * HASH_BYTES:
            full = bytes(tile)
            self._memory.add_tile(level, self._full_before(level), full)
            tile.clear()
            parts = [full[at : at + HASH_BYTES] for at in range(0, len(full), HASH_BYTES)]
            self._add(level + 1, root_of(parts))

    def _full_before(self, level: int) -> int:
        """Count the full tiles of a level: each is one hash of the level above."""
        above = level + 1
        if above >= len(self._open):
            return 0
        return self._full_before(above) * TILE_WIDTH + len(self._open[above]) // HASH_BYTES

    def _count(self) -> int:
        if not self._open:
            return 0
        return self._full_before(0) * TILE_WIDTH + len(self._open[0]) // HASH_BYTES
