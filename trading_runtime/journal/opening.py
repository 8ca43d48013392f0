"""A new session's folder, whole before it has its name.

The folder is filled under a name that nobody looks at, locked, synced and then renamed: whoever
sees a session sees a locked folder with its first segment, its emergency segment and its watermark
on disk.
"""

import errno
import fcntl
import os
import shutil
from pathlib import Path
from typing import NamedTuple

from trading_runtime.errors import Refused
from trading_runtime.journal.durable import make_folder, sync_folder, write_all, write_all_at
from trading_runtime.journal.folder import OPENING, is_being_written, lock_writing
from trading_runtime.journal.settings import MEBIBYTE, JournalSettings
from trading_runtime.records import layout
from trading_runtime.records.segments import (
    SegmentHeader,
    Watermark,
    header_bytes,
    watermark_bytes,
)
from trading_runtime.records.units import Seq

FIRST_SEGMENT = 1


class Opened(NamedTuple):
    """What the writer holds of a session: the folder (locked) and three open files."""

    folder: Path
    lock: int
    segment: int
    offset: int
    emergency: int
    watermark: int


def open_session(data: Path, session: str, settings: JournalSettings) -> Opened:
    """Make the session's folder; raise :exc:`Refused` where there is one of that name."""
    sessions = Path(layout.sessions(data))
    make_folder(sessions)
    folder = sessions / session
    guard = os.open(sessions, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # Shared among those who open; sweep_openings takes it alone.
        fcntl.flock(guard, fcntl.LOCK_SH)
        if folder.exists():
            raise Refused(f"session {session} exists already")
        opened = _fill(sessions / f"{OPENING}{session}", session, settings)
        opened.folder.rename(folder)
        os.fsync(guard)
    finally:
        os.close(guard)
    return opened._replace(folder=folder)


def _fill(opening: Path, session: str, settings: JournalSettings) -> Opened:
    opening.mkdir()
    lock = os.open(opening, os.O_RDONLY | os.O_DIRECTORY)
    lock_writing(lock)
    header = SegmentHeader(session=session, segment=FIRST_SEGMENT, first_seq=Seq(1))
    segment, offset = create_segment(opening, header)
    emergency = _preallocate(opening / layout.EMERGENCY, settings.emergency_bytes)
    watermark = _create(opening / layout.SYNCED)
    write_all_at(watermark, watermark_bytes(Watermark(FIRST_SEGMENT, offset, Seq(0))), 0)
    os.fsync(watermark)
    sync_folder(opening)
    return Opened(opening, lock, segment, offset, emergency, watermark)


def create_segment(folder: Path, header: SegmentHeader) -> tuple[int, int]:
    """Create a segment whose header is on disk; give its descriptor and its first free byte."""
    path = folder / layout.segment_name(header.segment)
    descriptor = _create(path)
    content = header_bytes(header)
    try:
        write_all(descriptor, content)
        os.fsync(descriptor)
        sync_folder(folder)
    except OSError:
        os.close(descriptor)
        path.unlink()
        raise
    return descriptor, len(content)


def _create(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)


def _preallocate(path: Path, size: int) -> int:
    """Write zeros, rather than reserve: a block once written can be overwritten on a full disk."""
    descriptor = _create(path)
    for offset in range(0, size, MEBIBYTE):
        write_all_at(descriptor, bytes(min(MEBIBYTE, size - offset)), offset)
    os.fsync(descriptor)
    return descriptor


def sweep_openings(data: Path) -> None:
    """Remove the folders of sessions that crashed before they had their name."""
    sessions = Path(layout.sessions(data))
    guard = os.open(sessions, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for left in sessions.glob(f"{OPENING}*"):
            if not is_being_written(left):
                shutil.rmtree(left)
    except OSError as error:
        if error.errno != errno.EWOULDBLOCK:
            raise
        # Somebody opens a session right now; the next start sweeps.
    finally:
        os.close(guard)
