"""Tiles of the tree (C2SP tlog-tiles), and the hashes out of them."""

from functools import lru_cache
from pathlib import Path

from trading_runtime.errors import Misread
from trading_runtime.evidence import layout
from trading_runtime.evidence.layout import TILE_WIDTH
from trading_runtime.records.merkle import HASH_BYTES, range_root, root_of

TILE_HEIGHT = 8
TILES_REMEMBERED = 4_096
"""Of 8 KiB each."""


class TileReader:
    """Hashes out of the tiles below the folder ``log``, for a tree of ``size``.

    A tile that has to be partial at this size is also taken from a wider one, for the log may drop
    partial tiles once there is more. Nothing is believed for being in a tile: the root tells.
    """

    def __init__(self, log: Path, size: int) -> None:
        self._log = log
        self.size = size
        self.tile = lru_cache(maxsize=TILES_REMEMBERED)(self._tile)

    def hash_at(self, level: int, number: int) -> bytes:
        """Give the root over the ``2**level`` leaves number ``number``, as a proof asks for it.

        Raises :exc:`Misread` (``missing`` or ``damaged``), :exc:`ValueError` beyond the size.
        """
        if level < 0 or number < 0 or (number + 1) << level > self.size:
            raise ValueError(f"subtree {number} of level {level} is beyond size {self.size}")
        tile_level, above = divmod(level, TILE_HEIGHT)
        first = number << above
        place = first % TILE_WIDTH
        hashes = self.tile(tile_level, first // TILE_WIDTH)
        count = 1 << above
        return root_of(
            [hashes[at * HASH_BYTES : (at + 1) * HASH_BYTES] for at in range(place, place + count)]
        )

    def root(self) -> bytes:
        """Give the root of the tree of ``size``."""
        return range_root(0, self.size, self.hash_at)

    def _tile(self, level: int, number: int) -> bytes:
        """Give the hashes of a tile that this size asks for, those behind the size left out."""
        width = min(TILE_WIDTH, (self.size >> TILE_HEIGHT * level) - number * TILE_WIDTH)
        if width < 1:
            raise ValueError(f"tile {number} of level {level} is beyond size {self.size}")
        wanted = layout.tile_path(self._log, level, number)
        found = self._read(wanted, TILE_WIDTH)
        if found is None:
            folder = wanted.with_name(wanted.name + ".p")
            found = self._partial(folder, width)
        if found is None:
            raise Misread("missing", f"{layout.tile_name(level, number, width)} is not there")
        return found[: width * HASH_BYTES]

    def _partial(self, folder: Path, width: int) -> bytes | None:
        """Read the narrowest partial tile that is wide enough."""
        for wide in range(width, TILE_WIDTH):
            if (found := self._read(folder / str(wide), wide)) is not None:
                return found
        return None

    def _read(self, path: Path, width: int) -> bytes | None:
        try:
            data = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        if len(data) != width * HASH_BYTES:
            raise Misread("damaged", f"{path} has {len(data)} bytes, not {width} hashes")
        return data
