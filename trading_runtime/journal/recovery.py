"""After a crash: make the journal that was left into one that is closed.

A torn journal is never appended to. Its whole records are sealed, the bytes behind them are kept
beside it, and a used emergency segment is sealed as the segment that it is. Each step can be
killed and done again: nothing is removed before what replaces it is on disk.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from trading_runtime.errors import Refused
from trading_runtime.journal.durable import TEMPORARY, remove, write_file
from trading_runtime.journal.folder import (
    Form,
    emergency_header,
    find_sessions,
    is_being_written,
    segment_files,
    torn_name,
)
from trading_runtime.journal.opening import sweep_openings
from trading_runtime.journal.reader import (
    CHECKPOINT,
    SegmentReader,
    last_checkpoint,
    read_session,
    readers,
    records_from_checkpoint,
)
from trading_runtime.journal.sealing import Extent, read_seal, seal_segment
from trading_runtime.records import layout
from trading_runtime.records.envelope import Record
from trading_runtime.records.units import Seq

OPENING_RECORDS = 2
"""The header, then the state: nothing comes before them."""


class Recovered(NamedTuple):
    """A session that is closed, and from where a new one carries its state on."""

    folder: Path
    checkpoint: int
    """The last segment that ends with a checkpoint; 0 where none does."""
    last_seq: Seq
    torn_bytes: int

    @property
    def session(self) -> str:
        return self.folder.name

    def records(self) -> Iterator[Record]:
        """Give the last checkpoint and all after it, or all where there is no checkpoint."""
        return records_from_checkpoint(self.folder, self.checkpoint)


def recover_last(data: Path) -> Recovered | None:
    """Close every session that a crash left open; give the newest that has begun.

    A session has begun once the state that it carries on stands in its journal: one that was cut
    off before that knows nothing, and what it should have carried is still in the one before it.
    A session that is being written belongs to another living process and is left alone.
    """
    if not Path(layout.sessions(data)).is_dir():
        return None
    sweep_openings(data)
    newest: Recovered | None = None
    for folder in reversed(find_sessions(data)):
        if (newest is None or not is_closed(folder)) and not is_being_written(folder):
            recovered = recover_session(folder)
            if newest is None and has_begun(folder):
                newest = recovered
    return newest


def has_begun(folder: Path) -> bool:
    """Say whether the session got as far as the state that it carries on, which opens it."""
    opening = islice(read_session(folder), OPENING_RECORDS)
    return any(record.body.startswith(CHECKPOINT) for record in opening)


def is_closed(folder: Path) -> bool:
    """Say whether every segment is sealed and nothing else is left to do."""
    return not (folder / layout.EMERGENCY).exists() and all(
        file.form is Form.SEALED for file in segment_files(folder)
    )


def recover_session(folder: Path) -> Recovered:
    """Seal what is whole of the session; do nothing where that has been done.

    Raises :exc:`Refused` while its writer lives, and JournalDamaged where more than a torn tail is
    wrong: then the session is left as it was from the damaged segment on.
    """
    if is_being_written(folder):
        raise Refused(f"session {folder.name} is being written")
    with _alone(folder):
        for left in sorted(folder.glob(f"*{TEMPORARY}")):
            remove(left)
        after: Seq | None = None
        for reader in readers(folder):
            if reader.file.form is Form.SEALED:
                after = read_seal(folder, reader.file.number).last_seq
                remove(folder / layout.segment_name(reader.file.number))
            else:
                after = _close_segment(reader, after)
        if emergency_header(folder) is None:
            remove(folder / layout.EMERGENCY)
    seals = [read_seal(folder, file.number) for file in segment_files(folder)]
    return Recovered(
        folder=folder,
        checkpoint=last_checkpoint(folder),
        last_seq=seals[-1].last_seq if seals else Seq(0),
        torn_bytes=sum(seal.torn_bytes for seal in seals),
    )


def _close_segment(reader: SegmentReader, after: Seq | None) -> Seq:
    for _ in reader.records(after):
        pass
    file = reader.file
    if reader.torn_bytes:
        content = file.path.read_bytes()[reader.size_bytes :]
        write_file(file.path.with_name(torn_name(file.number)), content.rstrip(b"\0"))
    if reader.size_bytes == 0:
        # Not even the header is whole: the crash came while the segment was being made.
        remove(file.path)
        return reader.last_seq
    extent = Extent(
        session=file.path.parent.name,
        segment=file.number,
        first_seq=reader.first_seq,
        last_seq=reader.last_seq,
        size_bytes=reader.size_bytes,
        torn_bytes=reader.torn_bytes,
    )
    seal_segment(file.path, extent)
    return reader.last_seq


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold off another recovery of the same session; its folder's own lock is its writer's."""
    descriptor = os.open(folder / layout.SYNCED, os.O_RDONLY | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
