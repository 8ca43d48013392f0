"""The archive back onto a disk: what was archived last under each path, whole or not at all.

Rules:
 * A file that is here with the same bytes is left; so a restore that was killed, or that ran into a
   full disk, goes on where it was.
 * A file that is here with other bytes is never replaced: it is named, and the rest goes on.
 * Every file is hashed on its way to the disk; one that is damaged in the archive is named.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from trading_runtime.store import durable
from trading_runtime.store.archive.archive import THREADS, Archive
from trading_runtime.store.archive.manifest import ArchivedFile
from trading_runtime.store.objects.objects import Differs, NotThere


class Fate(Enum):
    RESTORED = "restored"
    SAME = "here already"
    EDITED = "here with other bytes: left as it is"
    DAMAGED = "damaged in the archive"


class Restored(NamedTuple):
    """What became of each file; ``size`` is the bytes that were written."""

    files: int
    size: int
    same: int
    edited: tuple[str, ...]
    damaged: tuple[str, ...]

    @property
    def is_equal(self) -> bool:
        """Whether all that was asked for is here now as it is in the archive."""
        return not self.edited and not self.damaged


def wanted(
    archive: Archive, datasets: Iterable[str], first: str, last: str
) -> dict[str, ArchivedFile]:
    """Give the files by path; where several partitions have one, the last of them counts."""
    return {
        file.path: file
        for dataset in datasets
        for it in archive.manifests(dataset, first, last)
        for file in it.files
    }


def restore(
    archive: Archive, data: Path, datasets: Sequence[str], first: str = "", last: str = ""
) -> Restored:
    """Restore data sets from partition ``first`` to ``last`` below ``data``.

    Raises OSError where the disk takes no more, and what the store raises: nothing that is there is
    wrong then, and again later goes on.
    """
    files = wanted(archive, datasets, first, last)

    def bring(path: str) -> Fate:
        return restore_file(archive, files[path], data / path)

    with ThreadPoolExecutor(THREADS) as pool:
        fates = dict(zip(sorted(files), pool.map(bring, sorted(files)), strict=True))
    of = {fate: [path for path, it in fates.items() if it is fate] for fate in Fate}
    return Restored(
        files=len(of[Fate.RESTORED]),
        size=sum(files[path].size for path in of[Fate.RESTORED]),
        same=len(of[Fate.SAME]),
        edited=tuple(of[Fate.EDITED]),
        damaged=tuple(of[Fate.DAMAGED]),
    )


def restore_file(archive: Archive, file: ArchivedFile, path: Path) -> Fate:
    if path.exists():
        return Fate.SAME if durable.sha256(path) == file.sha256 else Fate.EDITED
    try:
        archive.fetch_to(file, path)
    except (Differs, NotThere):
        return Fate.DAMAGED
    return Fate.RESTORED
