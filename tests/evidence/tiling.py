"""Which tiles a tree has, as C2SP tlog-tiles counts them: for tests that write tiles themselves."""

from collections.abc import Iterator
from typing import NamedTuple

from trading_runtime.evidence import layout
from trading_runtime.evidence.layout import TILE_WIDTH
from trading_runtime.evidence.tiles import TILE_HEIGHT


class Tile(NamedTuple):
    """Number ``number`` of ``level``, with ``width`` hashes: 256 when it is full."""

    level: int
    number: int
    width: int

    def name(self) -> str:
        return layout.tile_name(self.level, self.number, self.width)


def tiles_of(size: int) -> Iterator[Tile]:
    """Give all tiles of a tree of ``size``, level by level; the last of a level may be partial."""
    level = 0
    while count := size >> TILE_HEIGHT * level:
        full, width = divmod(count, TILE_WIDTH)
        for number in range(full):
            yield Tile(level, number, TILE_WIDTH)
        if width:
            yield Tile(level, full, width)
        level += 1
