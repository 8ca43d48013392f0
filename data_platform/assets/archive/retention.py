"""What retention is to do: a pure plan from the table, the manifests, what is here, and the time.

Rules:
 * A local file may go when its partition's day ended ``local_days`` ago, the newest manifest of the
   archive names it, and nothing on this machine needs it (``held_back`` says what does).
 * A partition expires when its day ended ``archive_days`` ago and nothing of it is needed here.
 * A lock of what is kept for ever is lengthened when it has become a month too short.
Before a file goes, its object is read back and both are hashed: that is ``pruning``'s.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from data_platform.assets.archive.settings import DAY_NS, Kept, day_end
from trading_runtime.records.units import Nanos
from trading_runtime.store.archive.manifest import ArchivedFile, ArchiveManifest

STAYS = "small, and stays for what it says"
"""Why a file stays here without keeping its copy in the archive from expiring."""


class Local(NamedTuple):
    """What is on this machine."""

    is_here: Callable[[ArchivedFile], bool]
    held_back: Callable[[str, ArchivedFile], str]
    """Why a file of a data set may not go whatever its age; empty where it may."""


class Prune(NamedTuple):
    """Files of one partition that may go from this disk."""

    manifest: ArchiveManifest
    files: tuple[ArchivedFile, ...]

    @property
    def size(self) -> int:
        return sum(it.size for it in self.files)


class Plan(NamedTuple):
    prune: tuple[Prune, ...]
    expire: tuple[ArchiveManifest, ...]
    lock: tuple[ArchiveManifest, ...]
    """Partitions kept for ever, whose locks are looked at and lengthened."""
    held_back: Counter[str]
    """Files that are old enough and stay, by reason."""


def age_days(manifest: ArchiveManifest, now: Nanos) -> int:
    """Give the whole days since the partition's day ended; below 0 while it goes on."""
    return (now - day_end(manifest.day)) // DAY_NS


def plan(
    table: Mapping[str, Kept],
    manifests: Iterable[ArchiveManifest],
    local: Local,
    now: Nanos,
    *,
    early: bool = False,
) -> Plan:
    """Plan for the newest version of every partition, the expired ones included.

    ``early`` is for a disk that runs full: what leaves this disk at all leaves it at any age.
    """
    prune: list[Prune] = []
    expire: list[ArchiveManifest] = []
    lock: list[ArchiveManifest] = []
    held_back: Counter[str] = Counter()
    for manifest in manifests:
        row = table.get(manifest.dataset)
        if row is None:
            continue
        age = age_days(manifest, now)
        here = [] if manifest.expired else [it for it in manifest.files if local.is_here(it)]
        is_old = bool(row.here_days) and age >= row.here_days
        going = here if is_old or (early and row.local_days) else []
        reasons = [local.held_back(manifest.dataset, it) for it in going]
        held_back.update(filter(None, reasons))
        may_go = tuple(it for it, why in zip(going, reasons, strict=True) if not why)
        if may_go:
            prune.append(Prune(manifest, may_go))
        if is_due(row, manifest, age) and not any(it not in {"", STAYS} for it in reasons):
            expire.append(manifest)
        elif row.lock_days and not row.archive_days:
            lock.append(manifest)
    return Plan(tuple(prune), tuple(expire), tuple(lock), held_back)


def is_due(row: Kept, manifest: ArchiveManifest, age: int) -> bool:
    """Whether bytes of the partition are in the archive that should not be there any more."""
    return bool(row.archive_days) and age >= row.archive_days and bool(manifest.files)
