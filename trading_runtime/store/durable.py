"""Files that are whole or absent: write beside, sync, rename, sync the folder.

Whoever publishes into a folder holds its :func:`lock`; so a temporary file that lies there when
the lock is taken was left by a crash, and :func:`sweep` may remove it.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TEMPORARY = ".tmp-"
READ_BYTES = 1 << 20


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def temporary(path: Path) -> Path:
    """Name the temporary file of ``path``: in its folder, so that the rename is one step."""
    return path.with_name(f"{TEMPORARY}{path.name}")


def move(source: Path, path: Path) -> None:
    """Sync ``source`` and put it in the place of ``path`` by one rename on one file system."""
    sync_file(source)
    path.parent.mkdir(parents=True, exist_ok=True)
    source.replace(path)
    sync_folder(path.parent)


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = temporary(path)
    beside.write_bytes(content)
    move(beside, path)


def sweep(folder: Path, stem: str = "") -> None:
    """Remove what a crash left below ``folder`` of files that begin with ``stem``.

    The caller holds the lock of those who write them.
    """
    for left in sorted(folder.rglob(f"{TEMPORARY}{stem}*")):
        left.unlink(missing_ok=True)


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold ``path`` against other processes; the system lets go of it when this one dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(READ_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
