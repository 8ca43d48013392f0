"""Files and folders that are on disk when a call returns.

A new name is durable when its folder is synced, not when the file is; so each function here ends
with the folder, but for two that say what they leave out.
"""

import os
from pathlib import Path

TEMPORARY = ".tmp"


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make ``folder`` and what it stands in, each of them durable in the one above."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def write_file(path: Path, content: bytes) -> None:
    """Put ``content`` in the place of ``path`` in one step: the old file or the new, never half."""
    place_file(path, content)
    sync_folder(path.parent)


def place_file(path: Path, content: bytes) -> None:
    """Do as :func:`write_file` for one of many files, whose folder is synced after the last."""
    temporary = path.with_name(path.name + TEMPORARY)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        write_all(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    temporary.replace(path)


def replace_file(path: Path, content: bytes) -> None:
    """Put ``content`` in the place of ``path`` in one step; the power may take it back.

    For what is made again soon: figures, receipts. Several processes may do so at once.
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}{TEMPORARY}")
    temporary.write_bytes(content)
    temporary.replace(path)


def create_secret(path: Path, content: bytes) -> None:
    """Write a new file for its owner's eyes; raise :exc:`FileExistsError` where one stands."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        write_all(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync_folder(path.parent)


def write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def write_all_at(descriptor: int, content: bytes, offset: int) -> None:
    view = memoryview(content)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view = view[written:]
        offset += written


def remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    sync_folder(path.parent)
