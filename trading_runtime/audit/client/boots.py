"""The runs of a producer that came before: what the last one left, and the name of the next.

Rules:
 * What stands behind the last signature was promised to nobody: a crash cut its batch short. It
   goes before anything new is written.
 * Damage does not keep a producer from going on; the next boot says what it found.
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from trading_runtime.audit.streams import tail, wal
from trading_runtime.audit.streams.tail import BootFolder
from trading_runtime.clock import compact_text
from trading_runtime.errors import Misread
from trading_runtime.evidence.entry import unsigned_of
from trading_runtime.evidence.submission import Chain, open_envelope
from trading_runtime.journal.durable import sync_folder
from trading_runtime.records.units import Nanos

_FORM = "%Y%m%dT%H%M%S%fZ"
"""Of :func:`clock.compact_text`."""


class Left(NamedTuple):
    """Where a boot ended: its last sequence and chain (P, in hex), and what is damaged there."""

    boot: str
    seq: int
    chain: str
    damage: str | None


def newest(root: Path, producer_id: str) -> Left | None:
    """Recover the newest boot that has a submission; remove folders of boots that have none."""
    for boot in reversed(tail.boots(root, producer_id)):
        if not tail.segments(boot.path):
            remove(boot.path)
            continue
        if (left := _recovered(boot)) is not None:
            return left
    return None


def name_after(now: Nanos, last: str | None) -> str:
    """Name a boot that begins ``now`` so that it sorts behind ``last``, whatever the clock did."""
    name = compact_text(now)
    if last is None or name > last:
        return name
    moment = datetime.strptime(last, _FORM).replace(tzinfo=UTC) + timedelta(microseconds=1)
    return moment.strftime(_FORM)


def _recovered(boot: BootFolder) -> Left | None:
    damage = None
    for number in reversed(tail.segments(boot.path)):
        path = boot.path / wal.segment_name(number)
        try:
            header, data, start = tail.read_segment(boot, number)
        except Misread as fault:
            damage = str(fault)
            continue
        frames = wal.read_frames(data, start, header.first).frames
        try:
            wal.scan(data, start, header.first)
        except Misread as fault:
            damage = str(fault)
        left, size = _ending(boot, header, frames)
        if damage is None and start + size < len(data):
            _cut(path, start + size)
        if left.seq:
            return left._replace(damage=damage)
    return None


def _ending(boot: BootFolder, header: wal.Header, frames: list[wal.Framed]) -> tuple[Left, int]:
    """Give where the signed part of a segment ends, and how many bytes its frames have."""
    chain = Chain(boot.producer_id, boot.boot, header.first - 1, bytes.fromhex(header.chain))
    left = Left(boot.boot, header.first - 1, header.chain, None)
    size = signed_size = 0
    for framed in frames:
        unsigned, signature = unsigned_of(open_envelope(framed.envelope)[0])
        chain.add(unsigned)
        size += wal.FRAME_HEAD + len(framed.envelope)
        if signature is not None:
            left = Left(boot.boot, framed.seq, chain.value.hex(), None)
            signed_size = size
    return left, signed_size


def _cut(path: Path, size: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW)
    try:
        os.ftruncate(descriptor, size)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(folder: Path) -> None:
    """Delete the folder of a boot."""
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    sync_folder(folder.parent)
