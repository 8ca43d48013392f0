"""The start: what is on disk has to agree, or the service refuses and repairs nothing.

The rule: frames ≥ index ≥ checkpoint ≥ witness. Entries become durable in that order, so a crash
leaves each of them at most behind the one before it; anything else is a rollback, or lost data.

 * Entries of the frames that the index has not are put into it.
 * What stands behind the last whole frame was never acknowledged: it is copied to ``rejected`` and
   cut, and the log says so. Where the index or a checkpoint counts more entries than there are
   whole frames, nothing is cut.
 * The tree over the frames has the roots that were signed; the newest row of the index is that of
   its frame.
 * What follows the checkpoint is written again, in its place: when the disk failed to sync it, the
   system may show it and not hold it.
 * The copy of the heads that the tamper watch keeps, under another principal, is in the index.
 * A witness that cannot be reached now is asked again before anything is published.
"""

import os
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from trading_runtime.audit.index.index import Index
from trading_runtime.audit.sequencer.checkpoints import SIGNED, Believed, Signed
from trading_runtime.audit.sequencer.digests import last_size
from trading_runtime.audit.sequencer.memory import Memory, Sealed, sealed_of
from trading_runtime.audit.sequencer.rejected import Rejected
from trading_runtime.audit.tamper.agreement import agrees
from trading_runtime.errors import Fault, Misread, Refused
from trading_runtime.evidence import layout
from trading_runtime.evidence.frames import FrameReader, Tail
from trading_runtime.evidence.trust import open_checkpoint
from trading_runtime.journal.durable import remove, sync_folder, write_all_at
from trading_runtime.records.merkle import EMPTY_ROOT

MEMORY = "memory.json"
CHUNK = 4_096
"""Rows that are put into the index together."""
REWRITTEN = 1 << 20
"""Bytes at a time."""


class Sizes(Struct, frozen=True):
    """How many entries each of them counts; the rule is that none is above the one before."""

    frames: int
    index: int
    signed: int


class Recovered(NamedTuple):
    """What a start begins with."""

    memory: Memory
    published: Signed | None
    sizes: Sizes
    """Of the index: before it was caught up."""
    cut: Tail | None
    rebuilt: bool
    """The index was empty, and was filled from the frames because somebody asked for it."""


class Ground(Struct, frozen=True):
    """What a start stands on."""

    audit: Path
    believed: Believed
    index: Index
    rebuild: bool
    """An empty index beside a full log is filled, and not refused."""


def recover(ground: Ground, seen: Callable[[], int]) -> Recovered:
    """Check what is on disk, mend what a crash leaves, and remember the log.

    Args:
        ground: where all of it stands
        seen: the largest size that a witness shows, 0 where none can be reached

    Raises:
        Refused: it does not agree; nothing was changed.
    """
    try:
        return _recover(ground, seen)
    except Refused:
        raise
    except (Fault, OSError, ValueError) as error:
        raise Refused(f"the log below {ground.audit} cannot be opened: {error}") from error


def _recover(ground: Ground, seen: Callable[[], int]) -> Recovered:
    log = layout.log_folder(ground.audit)
    origin = ground.believed.trust.origin
    reader = FrameReader(log, origin)
    published = _checkpoint(layout.checkpoint_path(log), ground.believed)
    signed = _checkpoint(ground.audit / "sequencer" / SIGNED, ground.believed)
    if signed is None or (published is not None and _size(published) > _size(signed)):
        signed = published
    sizes = Sizes(reader.size, ground.index.size(), _size(signed))
    rebuilt = ground.rebuild and sizes.index == 0 < sizes.frames
    _check(sizes, seen(), reader.tail, rebuilt=rebuilt)
    memory = _begin(ground, sizes)
    roots = {_size(found): found.checkpoint.root for found in (published, signed) if found}
    for sealed in _entries(reader, memory, roots, sizes):
        _agree(sealed, sizes.index, ground.index)
    _check_root(memory, roots)
    _catch_up(ground.index, reader, sizes)
    agrees(ground.audit / "watch", ground.index)
    if reader.blocks:
        _cut(ground.audit, log, reader)
    _write_again(log, sizes.signed, sizes.frames)
    return Recovered(memory, published, sizes, reader.tail, rebuilt)


def _checkpoint(path: Path, believed: Believed) -> Signed | None:
    if not path.exists():
        return None
    note = path.read_bytes()
    try:
        return Signed(open_checkpoint(note, *believed).checkpoint, note)
    except Misread as error:
        raise Refused(
            f"{path} is not what this log signed ({error}): put back what it was"
        ) from error


def _size(signed: Signed | None) -> int:
    return 0 if signed is None else signed.checkpoint.size


def _check(sizes: Sizes, witnessed: int, tail: Tail | None, *, rebuilt: bool) -> None:
    """Raise :exc:`Refused` where the rule is broken."""
    behind = f"; {tail.size} bytes behind them are no entry ({tail.reason})" if tail else ""
    if sizes.frames < sizes.index:
        raise Refused(
            f"the frames hold {sizes.frames} entries and the index {sizes.index}{behind}: {LOST}"
        )
    if sizes.frames < sizes.signed:
        raise Refused(
            f"the frames hold {sizes.frames} entries and checkpoints were signed up to"
            f" {sizes.signed}{behind}: {LOST}"
        )
    if sizes.index < sizes.signed and not rebuilt:
        raise Refused(
            f"the index holds {sizes.index} entries and checkpoints were signed up to"
            f" {sizes.signed}: somebody put back an older index; {REBUILD}"
        )
    if sizes.signed < witnessed:
        raise Refused(
            f"a witness has seen {witnessed} entries and the newest checkpoint here has"
            f" {sizes.signed}: {LOST}"
        )


REBUILD = (
    "put back the one that was there, or move it away and run `tapedeck audit run --rebuild-index`"
)
LOST = (
    "entries were lost or rolled back; put back what was there, or declare a new log with"
    " `tapedeck audit fork`"
)


def _begin(ground: Ground, sizes: Sizes) -> Memory:
    log = layout.log_folder(ground.audit)
    memory = Memory(ground.believed.trust.origin, last_size(log, ground.believed.trust))
    path = ground.audit / "sequencer" / MEMORY
    if path.exists():
        memory.restore(path)
    if memory.tree.size > sizes.signed or memory.period.start > sizes.signed:
        raise Refused(
            f"{path} or a digest counts {max(memory.tree.size, memory.period.start)} entries, and"
            f" the newest checkpoint here {sizes.signed}: {LOST}"
        )
    return memory


def _entries(
    reader: FrameReader, memory: Memory, roots: dict[int, bytes], sizes: Sizes
) -> Iterator[Sealed]:
    """Let ``memory`` take the entries that it has not, and give them."""
    known = memory.tree.size
    first = min(known, memory.period.start, max(0, sizes.index - 1))
    for index, data in enumerate(reader.entries(first, reader.size), first):
        sealed = sealed_of(index, data)
        if index >= known:
            _check_root(memory, roots)
            memory.take([sealed])
        elif index >= memory.period.start:
            memory.period.take([sealed])
        yield sealed


def _check_root(memory: Memory, roots: dict[int, bytes]) -> None:
    expected = EMPTY_ROOT if memory.tree.size == 0 else roots.get(memory.tree.size)
    if expected is not None and memory.tree.root() != expected:
        raise Refused(
            f"the first {memory.tree.size} entries do not have the root that was signed for them:"
            " somebody changed the frames; `tapedeck verify` says where"
        )


def _agree(sealed: Sealed, rows: int, index: Index) -> None:
    """Compare the newest row of the index with its frame."""
    last = sealed.index == rows - 1
    if last and index.hashes([sealed.index]).get(sealed.index) != sealed.current_hash:
        raise Refused(
            f"entry {sealed.index} of the index is not that of the frames: the index is another"
            f" log's, or was changed; {REBUILD}"
        )


def _catch_up(index: Index, reader: FrameReader, sizes: Sizes) -> None:
    entries = enumerate(reader.entries(sizes.index, sizes.frames), sizes.index)
    while chunk := [sealed_of(*found) for found in islice(entries, CHUNK)]:
        index.append([it.row() for it in chunk])


def _cut(audit: Path, log: Path, reader: FrameReader) -> None:
    """Keep a copy of what stands behind the last whole frame and cut it; an empty file goes."""
    block = reader.blocks[-1]
    path = layout.frames_path(log, block)
    empty = reader.size == block * layout.BLOCK
    if reader.tail is not None:
        Rejected(audit / "rejected").keep(path.read_bytes()[reader.tail.offset :])
    if empty:
        remove(path)
    elif reader.tail is not None:
        with path.open("r+b") as file:
            file.truncate(reader.tail.offset)
            os.fsync(file.fileno())


def _write_again(log: Path, first: int, end: int) -> None:
    """Bring the blocks that hold entries behind the checkpoint to disk once more."""
    blocks = range(first // layout.BLOCK, -(-end // layout.BLOCK)) if first < end else ()
    for block in blocks:
        path = layout.frames_path(log, block)
        descriptor = os.open(path, os.O_RDWR)
        try:
            place = 0
            while content := os.pread(descriptor, REWRITTEN, place):
                write_all_at(descriptor, content, place)
                place += len(content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        sync_folder(path.parent)
