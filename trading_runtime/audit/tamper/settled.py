"""What the watch has seen is on disk before it is remembered.

Whoever wrote it may not have synced it yet; a power cut would then take it back, and what is an
accident would look like tampering. A descriptor for reading is enough.
"""

import os
from pathlib import Path


def sync_file(path: Path) -> None:
    """Sync a file's content; raise :exc:`OSError` as opening does."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)


def read(path: Path, offset: int, length: int) -> bytes:
    """Read a part of a file, and give it when it is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        data = os.pread(descriptor, length, offset)
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)
    return data
