"""How full the disk of a folder is."""

import shutil
from pathlib import Path
from typing import NamedTuple


class Space(NamedTuple):
    """Bytes of the file system that holds a folder, for who may not use the reserve."""

    total: int
    free: int

    @property
    def free_percent(self) -> float:
        return 100 * self.free / self.total if self.total else 0.0


def space_of(folder: Path) -> Space:
    found = shutil.disk_usage(folder)
    return Space(found.total, found.free)
