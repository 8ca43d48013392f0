"""Stage, judge, publish: how a dataset's file comes to be in its place, whole and once.

Rules:
 * A file is built in ``_staging/``, with its commit record in the Parquet footer.
 * It is published by one rename, and only with a quality that names its very bytes and passed.
 * The rename is the one commit point; the manifest follows and can be made again.
 * A source that the commit record already names adds nothing: a second run changes no byte.
 * Late sources make version n + 1; the bytes of version n stay in ``_versions/<sha256>.parquet``.
 * An hour that still grows is published below ``_partial/``, and that is removed when it is sealed.

Whoever calls holds :func:`locked` of the dataset's folder of datasets.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
import pyarrow as pa

from trading_runtime.errors import Refused
from trading_runtime.records.lake_schema import KEY_COMMIT, Table
from trading_runtime.records.units import Nanos
from trading_runtime.store import durable, manifest, parquet
from trading_runtime.store.manifest import Commit, Made, Manifest, Quality, Source
from trading_runtime.store.merge import merge
from trading_runtime.store.parquet import integers

STAGING = "_staging"
PARTIAL = "_partial"
VERSIONS = "_versions"


class NotPublished(Refused):
    """The staged file has no quality of its own bytes, or did not pass."""


class Dataset(NamedTuple):
    """One file to be: ``path`` is relative to ``root``, the lake or the archive of logs."""

    root: Path
    path: str
    table: Table

    @property
    def published(self) -> Path:
        return self.root / self.path

    @property
    def partial(self) -> Path:
        return self.root / PARTIAL / self.path

    @property
    def staged(self) -> Path:
        return self.root / STAGING / self.path

    @property
    def judged(self) -> Path:
        """The quality of the staged file, beside it."""
        return self.staged.with_suffix(".quality.json")

    @property
    def candidate(self) -> Path:
        """What is to be judged: the staged file, or one in its place that lost its manifest."""
        found = (it for it in (self.staged, self.published) if it.exists())
        return next(found, self.partial)

    def place(self, commit: Commit) -> Path:
        return self.published if commit.sealed else self.partial


class Rows(NamedTuple):
    """What the sources hold: one dataset's rows and the footer's own keys."""

    rows: pa.Table
    sources: Sequence[Source]
    sealed: bool
    metadata: Mapping[str, str]
    maker: str


@contextmanager
def locked(root: Path, name: str) -> Iterator[None]:
    """Be the only one who stages or publishes ``name`` (a table and an hour) below ``root``."""
    with durable.lock(root / STAGING / f"{name}.lock"):
        yield


def is_published(dataset: Dataset, sources: Sequence[Source], *, sealed: bool) -> bool:
    """Whether every source is in the published file already, by digest, with its manifest."""
    path = dataset.published if sealed else dataset.partial
    commit = manifest.read_commit(path)
    if commit is None:
        return False
    known = {it.sha256 for it in commit.sources}
    return all(it.sha256 in known for it in sources) and manifest.is_current(path)


def stage(dataset: Dataset, gathered: Rows) -> bool:
    """Build the file in staging; give false where there is nothing new, and leave nothing there."""
    dataset.staged.unlink(missing_ok=True)
    dataset.judged.unlink(missing_ok=True)
    for folder in (dataset.staged.parent, dataset.published.parent, dataset.partial.parent):
        durable.sweep(folder)
    if is_published(dataset, gathered.sources, sealed=gathered.sealed):
        return False
    before = manifest.read_commit(dataset.published)
    if before and {it.sha256 for it in gathered.sources} <= {it.sha256 for it in before.sources}:
        return True  # only the manifest is missing: the published file is judged again
    time = dataset.table.columns[0].name
    published = parquet.read(dataset.published) if before else gathered.rows.slice(0, 0)
    rows = merge(published, gathered.rows, time)
    times = integers(rows, time)
    now = {it.path: it for it in (*(before.sources if before else ()), *gathered.sources)}
    commit = Commit(
        dataset=dataset.path,
        version=(before.version if before else 0) + 1,
        schema_id=dataset.table.schema_id,
        maker=gathered.maker,
        sources=tuple(now[path] for path in sorted(now)),
        sealed=gathered.sealed,
        rows=rows.num_rows,
        content_sha256=parquet.content_sha256(rows, dataset.table),
        first_ts=Nanos(int(times[0]) if len(times) else 0),
        last_ts=Nanos(int(times[-1]) if len(times) else 0),
    )
    record = {KEY_COMMIT: msgspec.json.encode(commit).decode()}
    parquet.write(dataset.staged, rows, dataset.table, {**gathered.metadata, **record})
    return True


def judge(dataset: Dataset, quality: Quality) -> None:
    """Write down what the checks found in the candidate; nothing is published without it."""
    text = msgspec.json.format(msgspec.json.encode(quality), indent=2)
    durable.write(dataset.judged, text + b"\n")


def read_quality(dataset: Dataset) -> Quality:
    """Read the candidate's quality; raise :exc:`NotPublished` where it is of other bytes."""
    if not dataset.judged.exists():
        raise NotPublished(f"{dataset.path} was not checked")
    quality = msgspec.json.decode(dataset.judged.read_bytes(), type=Quality)
    if quality.file_sha256 != durable.sha256(dataset.candidate):
        raise NotPublished(f"{dataset.path} was changed after it was checked")
    return quality


def keep_superseded(root: Path, path: Path) -> None:
    """Link the bytes that are about to be replaced under their digest."""
    if path.exists():
        kept = root / VERSIONS / f"{durable.sha256(path)}.parquet"
        kept.parent.mkdir(parents=True, exist_ok=True)
        if not kept.exists():
            kept.hardlink_to(path)
            durable.sync_folder(kept.parent)


def publish(dataset: Dataset, made: Made) -> Manifest:
    """Put the staged file into its place; raise :exc:`NotPublished` unless its checks passed.

    Again after it succeeded, it changes nothing.
    """
    known = manifest.read(dataset.candidate)
    if known and not dataset.judged.exists() and manifest.is_current(dataset.candidate):
        return known
    quality = read_quality(dataset)
    if not quality.passed:
        broken = ", ".join(f"{it.rule} ({it.found})" for it in quality.broken if it.blocking)
        raise NotPublished(f"{dataset.path} breaks {broken}")
    commit = manifest.read_commit(dataset.candidate)
    if commit is None:
        raise NotPublished(f"{dataset.path} is not staged")
    place = dataset.place(commit)
    if dataset.staged.exists():
        if commit.sealed:
            keep_superseded(dataset.root, place)
        durable.move(dataset.staged, place)
    told = manifest.rebuild(place, quality, made)
    if commit.sealed:
        manifest.manifest_path(dataset.partial).unlink(missing_ok=True)
        dataset.partial.unlink(missing_ok=True)
    dataset.judged.unlink()
    return told
