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

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from trading_runtime.store.merge import in_arrival_order, merge
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


class Told(NamedTuple):
    """What a draft's rows do not say of themselves."""

    version: int
    sources: Sequence[Source]
    sealed: bool
    metadata: Mapping[str, str]
    maker: str


class Draft:
    """A dataset's file on its way into staging: rows come piece by piece, in order of arrival.

    Made, it has cleared staging of what was left there; :meth:`finish` puts the file into it.
    """

    def __init__(self, dataset: Dataset) -> None:
        clear(dataset)
        self._dataset = dataset
        self._time = dataset.table.columns[0].name
        self._content = parquet.Content(dataset.table)
        self._rows = 0
        self._first_ts, self._last_ts = 0, 0
        self._writer = parquet.Writer(dataset.staged, dataset.table, dataset.table.hour_level)

    def add(self, rows: pa.Table) -> None:
        """Take the next rows; raise :exc:`~trading_runtime.store.parquet.Misfit`."""
        if rows.num_rows == 0:
            return
        rows = parquet.conform(rows, self._dataset.table)
        times = integers(rows, self._time)
        self._first_ts = self._first_ts if self._rows else int(times[0])
        self._last_ts = int(times[-1])
        self._rows += rows.num_rows
        self._digest(self._writer.add(rows))

    def _digest(self, groups: Iterable[pa.Table]) -> None:
        for rows in groups:
            self._content.add(rows)

    def finish(self, told: Told) -> Commit:
        """Put the file into staging, with its commit record in the footer."""
        self._digest(self._writer.add_last())
        commit = Commit(
            dataset=self._dataset.path,
            version=told.version,
            schema_id=self._dataset.table.schema_id,
            maker=told.maker,
            sources=tuple(sorted(told.sources, key=lambda it: (it.path, it.sha256))),
            sealed=told.sealed,
            rows=self._rows,
            content_sha256=self._content.hexdigest(),
            first_ts=Nanos(self._first_ts),
            last_ts=Nanos(self._last_ts),
        )
        record = {KEY_COMMIT: msgspec.json.encode(commit).decode()}
        self._writer.close({**told.metadata, **record})
        return commit

    def abandon(self) -> None:
        """Leave nothing in staging."""
        self._writer.abandon()


def clear(dataset: Dataset) -> None:
    """Take out of staging what an earlier run has left there."""
    dataset.staged.unlink(missing_ok=True)
    dataset.judged.unlink(missing_ok=True)
    for folder in (dataset.staged.parent, dataset.published.parent, dataset.partial.parent):
        durable.sweep(folder, f"{dataset.published.stem}.")


def stage(dataset: Dataset, gathered: Rows) -> bool:
    """Build the file in staging; give false where there is nothing new, and leave nothing there."""
    clear(dataset)
    if is_published(dataset, gathered.sources, sealed=gathered.sealed):
        return False
    before = manifest.read_commit(dataset.published)
    if before and {it.sha256 for it in gathered.sources} <= {it.sha256 for it in before.sources}:
        return True  # only the manifest is missing: the published file is judged again
    time = dataset.table.columns[0].name
    rows = gathered.rows
    if before:
        known = parquet.conform(parquet.read(dataset.published), dataset.table)
        rows = merge(known, parquet.conform(rows, dataset.table), time)
    else:
        rows = in_arrival_order(rows, time)
    now = {it.path: it for it in (*(before.sources if before else ()), *gathered.sources)}
    told = Told(
        version=(before.version if before else 0) + 1,
        sources=tuple(now.values()),
        sealed=gathered.sealed,
        metadata=gathered.metadata,
        maker=gathered.maker,
    )
    write(dataset, [rows], told)
    return True


def write(dataset: Dataset, pieces: Iterable[pa.Table], told: Told) -> Commit:
    """Build the file in staging out of rows in their order of arrival."""
    draft = Draft(dataset)
    try:
        for rows in pieces:
            draft.add(rows)
        return draft.finish(told)
    except BaseException:
        draft.abandon()
        raise


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
