"""A session's folder: which segments stand in it, in what form, and whether it is being written.

Rules:
 * The writer holds an exclusive ``flock`` on the folder from before the folder has its name until
   the process ends, however it ends. Who gets a shared one knows that nothing more can come.
 * A segment with a seal is read from its compressed file, whatever else lies there; without one it
   is read from its raw file. So a seal may be interrupted at any step.
 * The emergency segment counts once its header stands in it; its number is the header's.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from trading_runtime.records import layout
from trading_runtime.records.segments import (
    CHECKSUM,
    WATERMARK,
    Damaged,
    SegmentHeader,
    Watermark,
    read_header,
    read_watermark,
)

OPENING = ".opening-"
"""Before a session's folder has its first segment on disk, its name starts with this."""
HEADER_BYTES_MAX = 4096
"""More than a preamble and the JSON of a header ever take."""
SEAL_SUFFIX = ".seal.json"


class Form(Enum):
    OPEN = "open"
    SEALED = "sealed"
    EMERGENCY = "emergency"


class SegmentFile(NamedTuple):
    number: int
    path: Path
    form: Form


def torn_name(segment: int) -> str:
    """Where recovery puts the bytes that a crash left after the last whole record."""
    return f"{segment:06d}.torn"


def find_sessions(data: Path) -> list[Path]:
    """Give the folders of all sessions, oldest first: their names sort by time."""
    folder = Path(layout.sessions(data))
    if not folder.is_dir():
        return []
    return sorted(
        entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")
    )


def segment_files(folder: Path) -> list[SegmentFile]:
    """Give the session's segments in order, each in the form that is to be read."""
    names = {entry.name for entry in folder.iterdir()}
    sealed = {_number(name) for name in names if name.endswith(SEAL_SUFFIX)}
    raw = {_number(name) for name in names if name.endswith(layout.SEGMENT_SUFFIX)} - {0}
    files = [
        SegmentFile(number, folder / layout.sealed_name(number), Form.SEALED)
        if number in sealed
        else SegmentFile(number, folder / layout.segment_name(number), Form.OPEN)
        for number in sorted(sealed | raw)
    ]
    emergency = emergency_header(folder) if layout.EMERGENCY in names else None
    if emergency is not None and emergency.segment not in sealed:
        path = folder / layout.EMERGENCY
        files.append(SegmentFile(emergency.segment, path, Form.EMERGENCY))
    return files


def emergency_header(folder: Path) -> SegmentHeader | None:
    """Give the emergency segment's header, or None while it is still all zeros (or is gone)."""
    try:
        with (folder / layout.EMERGENCY).open("rb") as file:
            head = file.read(HEADER_BYTES_MAX)
        header, _ = read_header(head)
    except (FileNotFoundError, Damaged):
        # The first write into it was cut off: nothing in it was ever acknowledged.
        return None
    return header


def read_synced(folder: Path) -> Watermark | None:
    """Give the published watermark; None where there is none, or it was caught half written."""
    try:
        with (folder / layout.SYNCED).open("rb") as file:
            return read_watermark(file.read(WATERMARK.size + CHECKSUM.size))
    except (FileNotFoundError, Damaged):
        return None


def lock_writing(descriptor: int) -> None:
    """Take the folder for writing, through its open ``descriptor``; raises BlockingIOError."""
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def is_being_written(folder: Path) -> bool:
    with _opened(folder) as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _number(name: str) -> int:
    """Give the segment that a file name starts with, 0 where it starts with no number."""
    digits = name.partition(".")[0]
    return int(digits) if digits.isdigit() else 0
