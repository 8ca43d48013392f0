"""Carry a plan of retention out: nothing goes before its copy was read back, and told.

Rules:
 * A batch, one data set of one run, is told to the audit record before its first file goes.
 * A file goes when it and the object in the archive both hash to what the manifest says, now.
 * One that was changed here, or whose object is damaged or gone, stays and is named.
 * It is right to be killed anywhere: what is left is old enough next time too.
Errors of the store are raised; then nothing more goes in this run.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from data_platform.assets.archive.retention import Plan, Prune
from data_platform.assets.archive.settings import DAY_NS, Kept
from trading_runtime.evidence.canonical import JsonObject
from trading_runtime.records import layout
from trading_runtime.records.units import Module, Nanos
from trading_runtime.store import durable
from trading_runtime.store.archive.archive import THREADS, Archive
from trading_runtime.store.archive.expiry import Expired, expire
from trading_runtime.store.archive.manifest import ArchivedFile, ArchiveManifest
from trading_runtime.store.objects.objects import Differs, NotThere
from trading_runtime.store.search.members import is_whole

TOGETHER = 64
"""Files that are judged at once, just before they go: both copies are read again for each."""
LOCK_SLACK_NS = 30 * DAY_NS
"""A rolling lock is lengthened when it has become this much too short: monthly, not daily. One of
less than two months is, at its half."""

Told = Callable[[str, str, JsonObject], None]
"""Records a deed: event type, entity, and what about it."""


class Pruned(NamedTuple):
    """What went from this disk, of one data set."""

    dataset: str
    files: int
    size: int
    stayed: tuple[str, ...]
    """What may not be trusted, in a sentence each."""


class Gone(NamedTuple):
    """All that one run did."""

    pruned: tuple[Pruned, ...]
    expired: tuple[Expired, ...]
    locked: int
    """Objects whose lock was lengthened."""

    @property
    def stayed(self) -> list[str]:
        return [why for it in self.pruned for why in it.stayed]


def carry_out(
    data: Path, archive: Archive, plan: Plan, table: dict[str, Kept], now: Nanos, told: Told
) -> Gone:
    """Do what ``plan`` says; ``now`` is what the plan was made for."""
    pruned = tuple(prune(data, archive, plan.prune, told))
    stayed = {why.partition(":")[0] for it in pruned for why in it.stayed}
    # What stayed here must stay there: it is the only copy that anyone may trust.
    due = [it for it in plan.expire if not any(file.path in stayed for file in it.files)]
    return Gone(
        pruned=pruned,
        expired=tuple(expire_all(archive, due, told)),
        locked=sum(lengthen(archive, it, table[it.dataset], now) for it in plan.lock),
    )


def prune(data: Path, archive: Archive, batches: Iterable[Prune], told: Told) -> Iterator[Pruned]:
    """Remove the files of each data set; lower parts before higher ones."""
    for dataset, members in groupby(
        sorted(batches, key=lambda it: it.manifest.key), key=lambda it: it.manifest.dataset
    ):
        batch = list(members)
        files = [file for it in batch for file in it.files]
        told("FilesPruned", f"archive:{dataset}", about(files, batch))
        yield remove(data, archive, dataset, files)


def remove(data: Path, archive: Archive, dataset: str, files: list[ArchivedFile]) -> Pruned:
    stayed: list[str] = []
    gone: list[ArchivedFile] = []

    def judged(file: ArchivedFile) -> str:
        return doubt(data / file.path, archive, file)

    with ThreadPoolExecutor(THREADS) as pool:
        for first in range(0, len(files), TOGETHER):
            batch = files[first : first + TOGETHER]
            for file, why in zip(batch, list(pool.map(judged, batch)), strict=True):
                path = data / file.path
                if why:
                    stayed.append(f"{file.path}: {why}")
                elif path.exists():
                    path.unlink()
                    durable.sync_folder(path.parent)
                    gone.append(file)
    return Pruned(dataset, len(gone), sum(it.size for it in gone), tuple(stayed))


def doubt(path: Path, archive: Archive, file: ArchivedFile) -> str:
    """Say why a file cannot go, after both copies were read; empty where it can, or is gone."""
    try:
        if durable.sha256(path) != file.sha256:
            return "it is not what was archived: it was changed here"
    except FileNotFoundError:
        return ""  # another partition named it too
    try:
        archive.check(file)
    except (NotThere, Differs) as problem:
        return f"its copy cannot be trusted: {problem}"
    return ""


def expire_all(archive: Archive, due: Iterable[ArchiveManifest], told: Told) -> Iterator[Expired]:
    due = list(due)
    if not due:
        return
    for it in due:
        told("ArchiveExpired", f"archive:{it.dataset}", {"manifest": it.key, "bytes": it.size})
    yield from expire(archive, due)


def lengthen(archive: Archive, manifest: ArchiveManifest, row: Kept, now: Nanos) -> int:
    """Lengthen the locks of a partition that is kept for ever; give how many were too short."""
    if not archive.objects.capabilities.retention_lock:
        return 0
    length = row.lock_days * DAY_NS
    until, slack = Nanos(now + length), min(LOCK_SLACK_NS, length // 2)
    keys = {manifest.key, *(it.key for it in manifest.files)}
    count = 0
    for key in sorted(keys):
        held = archive.objects.head(key).locked_until
        if held is None or held < until - slack:
            count += archive.lock(key, until)
    return count


def about(files: list[ArchivedFile], batch: list[Prune]) -> JsonObject:
    """Give what an entry says of a batch: how much, which, and a digest over all paths."""
    listed = "".join(f"{it.sha256} {it.path}\n" for it in files)
    return {
        "files": len(files),
        "bytes": sum(it.size for it in files),
        "first": batch[0].manifest.partition,
        "last": batch[-1].manifest.partition,
        "listSha256": sha256(listed.encode()).hexdigest(),
    }


def sealed_logs(data: Path, is_archived: Callable[[str], bool], told: Told) -> Pruned:
    """Remove plain sealed logs that their compressed files, which are archived, hold whole."""
    going, stayed = [], []
    for plain in sorted(Path(layout.sealed_logs(data)).glob("*.jsonl")):
        gz = compressed_path(data, plain.name)
        if is_archived(gz.relative_to(data).as_posix()):
            if is_whole(plain, gz):
                going.append(plain)
            elif gz.exists():
                stayed.append(f"{plain.relative_to(data)}: {gz.name} does not hold its lines")
    size = sum(it.stat().st_size for it in going)
    if going:
        told("FilesPruned", "archive:logs", {"files": len(going), "bytes": size, "form": "plain"})
    for plain in going:
        plain.unlink()
        durable.sync_folder(plain.parent)
    return Pruned("sealed logs", len(going), size, tuple(stayed))


def compressed_path(data: Path, name: str) -> Path:
    """Give where ``<module>-YYYY-MM-DDTHH-<n>.jsonl`` is compressed to."""
    module, _, rest = name.removesuffix(".jsonl").partition("-")
    hour, _, part = rest.rpartition("-")
    return Path(layout.archived_log(data, Module(module), hour, int(part)))
