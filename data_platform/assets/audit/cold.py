"""The daily cold copy, and the daily look at the archive's locks."""

from pathlib import Path
from typing import NamedTuple

from trading_runtime.records import layout
from trading_runtime.records.units import Nanos
from trading_runtime.store.cold import copying, locks
from trading_runtime.store.cold.locks import DAY_NS, Seen
from trading_runtime.store.objects.objects import Objects


class Copied(NamedTuple):
    keys: tuple[str, ...]
    size: int
    """Bytes of these objects."""
    entries: int
    """Of the blocks, partial ones included."""


def copy(data: Path, archive: Objects, now: Nanos, retention_days: int) -> Copied:
    """Copy every block that the archive lacks, and the open one as far as it is."""
    until = Nanos(now + retention_days * DAY_NS)
    handed = copying.copy(Path(layout.audit(data)), archive, until, with_partial=True)
    return Copied(
        keys=tuple(it.key for it in handed),
        size=sum(it.bytes for it in handed),
        entries=sum(it.count for it in handed) // 2,
    )


def look_at_locks(archive: Objects, now: Nanos, retention_days: int) -> Seen:
    return locks.extend(archive, now, Nanos(retention_days * DAY_NS))


def are_held(archive: Objects, seen: Seen) -> bool:
    """Whether nobody meddled, and every lock is there that the store can give."""
    return not seen.meddled and not (archive.capabilities.retention_lock and seen.unlocked)
