"""One day of one data set into the archive, and retention over all of them: no Dagster here."""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from data_platform.assets.archive import basis, pruning, retention
from data_platform.assets.archive.holdings import HOLDINGS, Holding
from data_platform.assets.archive.pruning import Gone, Pruned, Told
from data_platform.assets.archive.retention import Plan
from data_platform.assets.archive.settings import RetentionSettings, lock_until
from data_platform.assets.told import Plain
from trading_runtime.records.units import Nanos
from trading_runtime.store.archive.archive import Archive
from trading_runtime.store.archive.expiry import alone
from trading_runtime.store.archive.lifecycle import rules_of
from trading_runtime.store.archive.manifest import ArchiveManifest
from trading_runtime.store.objects.opening import open_archive
from trading_runtime.store.settings import ArchiveSettings

SAMPLE_DAYS = 30
"""Every partition is read back once in so many days."""


class Swept(NamedTuple):
    """What retention planned and, unless it was a dry run, did."""

    plan: Plan
    gone: Gone


class Looked(NamedTuple):
    """What was read back of partitions whose turn it was."""

    objects: int
    problems: tuple[str, ...]
    """A sentence for each object that is not what it should be."""


def open_to_write(settings: ArchiveSettings, data: Path, now: Nanos) -> Archive:
    """Open the archive that the settings name, to write to; a bucket is probed first."""
    objects = open_archive(settings.location, data / "archive", settings.endpoint, now)
    # A label needs a right of its own in the store: only who moves by it asks for it.
    return Archive(objects, labelled=bool(settings.cold_class))


def set_rules(archive: Archive, settings: ArchiveSettings, table: RetentionSettings) -> list[str]:
    """Set the store's lifecycle rules; give a sentence for each that it does not keep."""
    hot_days = {name: row.hot_days for name, row in table.rows().items()}
    return list(archive.objects.set_rules(rules_of(hot_days, settings.cold_class)))


def archive_day(
    data: Path, archive: Archive, holding: Holding, table: RetentionSettings, day: str, now: Nanos
) -> list[ArchiveManifest]:
    """Archive what is whole of a UTC day; give the newest version of each partition of it.

    Nothing new makes no new version. Raises as :meth:`Archive.commit` does.
    """
    until = lock_until(table.row(holding.name), day, now)
    with alone(data):
        found = holding.find(data, day)
        for partition in sorted(found):
            archive.commit(holding.name, partition, found[partition], until)
    return list(archive.manifests(holding.name, day, day))


def everything(archive: Archive) -> Iterator[ArchiveManifest]:
    """Give the newest version of every partition of every data set, expired ones too."""
    for dataset in archive.datasets():
        yield from archive.all_newest(dataset)


def sweep(
    data: Path,
    archive: Archive,
    table: RetentionSettings,
    clock: Nanos,
    told: Told,
    *,
    early: bool = False,
) -> Swept:
    """Plan retention as of the table's time and carry it out, unless it is a dry run."""
    now = table.now(clock)
    with alone(data):
        manifests = list(everything(archive))
        plan = retention.plan(table.rows(), manifests, basis.local(data), now, early=early)
        if table.dry_run:
            return Swept(plan, Gone((), (), 0))
        plain = sweep_plain_logs(data, manifests, told)
        gone = pruning.carry_out(data, archive, plan, table.rows(), now, told)
    return Swept(plan, gone._replace(pruned=(*gone.pruned, plain)))


def sweep_plain_logs(data: Path, manifests: Sequence[ArchiveManifest], told: Told) -> Pruned:
    """Remove plain sealed logs whose compressed file is archived; see :mod:`pruning`."""
    known = {
        file.path
        for it in manifests
        if it.dataset == "logs" and not it.expired
        for file in it.files
    }
    return pruning.sealed_logs(data, known.__contains__, told)


def archive_early(
    data: Path,
    archive: Archive,
    table: RetentionSettings,
    days: Sequence[str],
    clock: Nanos,
    told: Told,
) -> Swept:
    """Make room on a disk that runs full: archive the UTC ``days`` now, and let go what may go.

    What nobody needs here leaves at any age, once its copy was read back; else as ever.
    """
    for holding in HOLDINGS:
        for day in days:
            archive_day(data, archive, holding, table, day, table.now(clock))
    return sweep(data, archive, table, clock, told, early=True)


def sample(archive: Archive, holding: Holding, day: int) -> Looked:
    """Read back the partitions whose turn it is on ``day``, counted from any day on."""
    chosen = [
        it
        for it in archive.partitions(holding.name)
        if int(sha256(it.encode()).hexdigest(), 16) % SAMPLE_DAYS == day % SAMPLE_DAYS
    ]
    newest = (archive.newest(holding.name, it) for it in chosen)
    living = [it for it in newest if it is not None and not it.expired]
    problems = [problem for it in living for problem in archive.problems(it).values()]
    return Looked(sum(len(it.files) for it in living), tuple(problems))


def told(manifests: Sequence[ArchiveManifest]) -> Plain:
    """Give what the user interface shows; ``ratio`` is bytes stored once over bytes of files."""
    files = [file for it in manifests for file in it.files]
    stored = sum({it.key: it.size for it in files}.values())
    size = sum(it.size for it in files)
    return {
        "partitions": len(manifests),
        "files": len(files),
        "objects": len({it.key for it in files}),
        "bytes": size,
        "stored_bytes": stored,
        "ratio": round(stored / size, 4) if size else 0.0,
    }


def data_version(manifests: Sequence[ArchiveManifest]) -> str:
    """Digest paths and bytes: the same files have the same version."""
    listed = sorted(f"{it.sha256} {it.path}\n" for each in manifests for it in each.files)
    return f"sha256:{sha256(''.join(listed).encode()).hexdigest()}"


def plan_table(plan: Plan) -> str:
    """Show a plan in Markdown, a line for each data set."""
    rows: dict[str, list[int]] = {}
    for it in plan.prune:
        row = rows.setdefault(it.manifest.dataset, [0] * 4)
        row[0] += len(it.files)
        row[1] += it.size
    for manifest in plan.expire:
        row = rows.setdefault(manifest.dataset, [0] * 4)
        row[2] += 1
        row[3] += manifest.size
    lines = ["| data set | files that go here | bytes | partitions that expire | bytes |"]
    lines.append("|" + "---|" * 5)
    lines += [f"| {name} | {' | '.join(map(str, rows[name]))} |" for name in sorted(rows)]
    lines += [f"\n{count} files stay: {why}" for why, count in sorted(plan.held_back.items())]
    return "\n".join(lines)
