"""The growing tree of the log, and its tiles on disk (C2SP tlog-tiles).

For each level of tiles the hashes of its last, partial tile are in memory; with them the root of
every size is a few hundred hashes away, and a restart needs no more. Level 0 are leaf hashes, a
hash of each level above is the root over a full tile below.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import rmtree
from typing import final

from trading_runtime.errors import Halt
from trading_runtime.evidence import layout
from trading_runtime.journal.durable import make_folder, place_file, sync_folder
from trading_runtime.records.merkle import EMPTY_ROOT, node_hash, root_of

WIDTH = 256
SYNCING = 8
"""Files that are synced at once: the file system then commits them together."""


@final
class Tree:
    """Owned by the sequencer."""

    def __init__(self, size: int = 0, levels: Iterable[Sequence[bytes]] = ()) -> None:
        """Begin empty, or again from what :attr:`levels` was at ``size``, or :exc:`ValueError`."""
        self.size = size
        self._levels = [list(level) for level in levels]
        self._full: list[tuple[int, int, bytes]] = []
        self._overtaken: list[Path] = []
        widths = [len(level) for level in self._levels]
        if widths != [size // WIDTH**level % WIDTH for level in range(len(widths))] or (
            size >= WIDTH ** len(widths)
        ):
            raise ValueError(f"tiles of {widths} hashes do not make a tree of size {size}")

    @property
    def levels(self) -> tuple[tuple[bytes, ...], ...]:
        return tuple(tuple(level) for level in self._levels)

    def append(self, leaves: Sequence[bytes]) -> None:
        begin = 0
        while begin < len(leaves):
            if not self._levels:
                self._levels.append([])
            last = self._levels[0]
            part = leaves[begin : begin + WIDTH - len(last)]
            last.extend(part)
            self.size += len(part)
            begin += len(part)
            if len(last) == WIDTH:
                self._carry()

    def root(self) -> bytes:
        """Give the root over all leaves."""
        parts: list[bytes] = []
        for level in reversed(self._levels):
            begin = 0
            while begin < len(level):
                width = 1 << (len(level) - begin).bit_length() - 1
                parts.append(root_of(level[begin : begin + width]))
                begin += width
        if not parts:
            return EMPTY_ROOT
        found = parts.pop()
        while parts:
            found = node_hash(parts.pop(), found)
        return found

    def write(self, log: Path) -> None:
        """Bring the tiles of this size to disk, below the folder ``log``.

        Raises :exc:`OSError`, or :exc:`Halt` where other hashes stand in the place of a tile.
        """
        full = {
            layout.tile_path(log, level, number): content for level, number, content in self._full
        }
        files = dict(full)
        for level, hashes in enumerate(self._levels):
            if hashes:
                number = self.size // WIDTH ** (level + 1)
                files[layout.tile_path(log, level, number, len(hashes))] = b"".join(hashes)
        write_files({path: content for path, content in files.items() if not _there(path, content)})
        self._full.clear()
        self._overtaken += (path.with_name(f"{path.name}.p") for path in full)

    def prune(self) -> None:
        """Remove partial tiles that full ones have replaced; nobody may be reading them."""
        for folder in self._overtaken:
            if folder.is_dir():
                rmtree(folder)
        self._overtaken.clear()

    def _carry(self) -> None:
        """Close the full tiles, from level 0 up."""
        for level, hashes in enumerate(self._levels):
            if len(hashes) < WIDTH:
                return
            number = self.size // WIDTH ** (level + 1) - 1
            self._full.append((level, number, b"".join(hashes)))
            if level + 1 == len(self._levels):
                self._levels.append([])
            self._levels[level + 1].append(root_of(hashes))
            hashes.clear()


def _there(path: Path, content: bytes) -> bool:
    """Say whether a tile was written before, as after a crash."""
    if not path.exists():
        return False
    if path.read_bytes() != content:
        raise Halt(f"{path} holds other hashes than the entries give: somebody changed one of them")
    return True


def write_files(files: dict[Path, bytes]) -> None:
    """Bring new files to disk, each in one step: whole, or not there."""
    folders = {path.parent for path in files}
    for folder in folders:
        make_folder(folder)
    if len(files) == 1:
        for path, content in files.items():
            place_file(path, content)
    elif files:
        with ThreadPoolExecutor(min(SYNCING, len(files))) as pool:
            list(pool.map(place_file, files.keys(), files.values()))
    for folder in folders:
        sync_folder(folder)
