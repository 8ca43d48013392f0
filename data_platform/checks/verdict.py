"""Judge a dataset before it is published: all rules of its table, and its file as a whole.

What breaks a blocking rule goes into quarantine, so that nothing downstream can meet it, and the
other datasets of the hour go on.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from data_platform.checks import (
    checkpoints,
    clocks,
    depth,
    history,
    klines,
    lines,
    quarantine,
    ticker,
    trades,
)
from data_platform.checks.expectations import (
    Outcome,
    encoded,
    validate_metrics,
    validate_sample,
)
from data_platform.checks.findings import Files, Finding, Inspected, Rule, Subject
from data_platform.checks.quarantine import Quarantined
from data_platform.checks.settings import QualitySettings
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import (
    KEY_INSTRUMENTS,
    LOGS,
    PUBLISHED,
    Table,
    read_instruments,
)
from trading_runtime.store import commit, durable, manifest, parquet
from trading_runtime.store.commit import Dataset
from trading_runtime.store.hours import Hour
from trading_runtime.store.manifest import Quality

RULES: Mapping[str, Callable[[pa.Table, Subject], Inspected]] = {
    "depth": depth.inspect,
    "trades": trades.inspect,
    "ticker": ticker.inspect,
    "klines": klines.inspect,
    "checkpoints": checkpoints.inspect,
    "logs": lines.inspect,
}
DERIVED = frozenset({"klines", "checkpoints"})
"""Made from published files, not of their rows: their sources count other things."""

ROWS = Rule("rows_of_sources", "the file has as many rows as its sources together")
CONTENT = Rule("content_as_committed", "the rows have the digest of the commit record")
SCHEMA = Rule("columns_as_registered", "columns and types are those of the table's schema")


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one dataset."""

    path: str
    quality: Quality
    quarantined: Quarantined | None


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One dataset to judge, as plain values: it may be judged in another process."""

    data: str
    root: str
    path: str
    table: str
    day: str
    of_day: int
    settings: QualitySettings

    @property
    def dataset(self) -> Dataset:
        return Dataset(Path(self.root), self.path, TABLES[self.table])


TABLES: Mapping[str, Table] = {**PUBLISHED, LOGS.minutes: LOGS}


def task(data: Path, dataset: Dataset, hour: Hour, settings: QualitySettings) -> Task:
    return Task(
        data=str(data),
        root=str(dataset.root),
        path=dataset.path,
        table=dataset.table.minutes,
        day=hour.day,
        of_day=hour.of_day,
        settings=settings,
    )


class Candidate(NamedTuple):
    """A staged file, read, with all that it is judged by."""

    rows: pa.Table
    subject: Subject
    files: Files
    settings: QualitySettings

    def asked(self, findings: Sequence[Finding]) -> list[Finding]:
        """Leave out the rules that are switched off."""
        table = self.files.dataset.table.minutes
        return [it for it in findings if self.settings.asks(table, it.rule.name)]


class Measured(NamedTuple):
    """What a candidate's rows and file were found to be, and what the library wrote about it."""

    findings: list[Finding]
    metrics: Mapping[str, int]
    parts: list[Outcome]
    file_sha256: str


def opened(data: Path, dataset: Dataset, hour: Hour, settings: QualitySettings) -> Candidate:
    path = dataset.candidate
    record = manifest.read_commit(path)
    if record is None:
        raise commit.NotPublished(f"{dataset.path} is not staged")
    grids = read_instruments(parquet.metadata(path).get(KEY_INSTRUMENTS, b"[]"))
    own = [it for it in grids if dataset.path.startswith(f"{it.venue}/{it.symbol}/")]
    limits = settings.of(own[0].instrument_id) if own else settings.thresholds
    files = Files(data, dataset, record)
    return Candidate(parquet.read(path), Subject(hour, own, limits, files), files, settings)


def of_rows(candidate: Candidate) -> tuple[list[Finding], Mapping[str, int]]:
    """Measure the rules of the table, and how usual the hour is."""
    data, dataset, record = candidate.files
    found = RULES[dataset.table.minutes](candidate.rows, candidate.subject)
    size, rows = dataset.candidate.stat().st_size, candidate.rows.num_rows
    metrics = {
        **found.metrics,
        "version": record.version,
        "bytes": size,
        "bytes_per_krow": size * 1_000 // max(rows, 1),
    }
    findings = list(found.findings)
    if dataset.table.minutes not in DERIVED and dataset.table is not LOGS:
        venue = dataset.path.partition("/")[0]
        findings += clocks.of_ticks(venue, candidate.subject)
    if record.sealed:
        hour, settings = candidate.subject.hour, candidate.settings
        findings += history.unusual(data, dataset, hour, metrics, settings)
    return candidate.asked(findings), metrics


def of_file(candidate: Candidate, content: str) -> list[Finding]:
    """Check what the commit record and the schema say against what is there."""
    _, dataset, record = candidate.files
    names = {it.name: it for it in pq.read_schema(dataset.candidate)}
    wanted = parquet.arrow_schema(dataset.table)
    astray = [it.name for it in wanted if it.name not in names or names[it.name].type != it.type]
    findings = [
        CONTENT.differs(int(content != record.content_sha256)),
        SCHEMA.differs(len(astray) + abs(len(names) - len(wanted))),
    ]
    if dataset.table.minutes not in DERIVED:
        told = sum(it.rows for it in record.sources)
        findings.append(ROWS.differs(abs(candidate.rows.num_rows - told)))
    return candidate.asked(findings)


def measure(candidate: Candidate) -> Measured:
    """Measure and validate: the rows while their digest is computed, and then the file."""
    rows, table = candidate.rows, candidate.files.dataset.table
    name = f"{table.minutes} {candidate.files.dataset.path}"
    with ThreadPoolExecutor(max_workers=1) as pool:
        # The longest steps by far, and such that leave the interpreter to others.
        content = pool.submit(parquet.content_sha256, rows, table)
        digest = pool.submit(durable.sha256, candidate.files.dataset.candidate)
        findings, metrics = of_rows(candidate)
        parts = [validate_metrics(f"{name} rows", findings)]
        if rows.num_rows:
            parts.append(validate_sample(f"{name} sample", rows, table))
        file = of_file(candidate, content.result())
    parts.append(validate_metrics(f"{name} file", file))
    return Measured([*findings, *file], metrics, parts, digest.result())


def results_path(data: Path, dataset: Dataset) -> Path:
    """Name what the library found, below the table: it is read when the Data Docs are built."""
    place = Path(layout.quality(data), "results", dataset.table.minutes, dataset.path)
    return place.with_suffix(".json")


def judge(
    dataset: Dataset,
    hour: Hour,
    settings: QualitySettings = QualitySettings(),  # noqa: B008 -- frozen
) -> Quality:
    """Measure the candidate, validate it and write down its quality beside it."""
    data = quarantine.data_of(dataset.root)
    candidate = opened(data, dataset, hour, settings)
    return concluded(candidate, measure(candidate))


def concluded(candidate: Candidate, measured: Measured) -> Quality:
    """Write down the quality, the results for the Data Docs and the hour's row of history."""
    data, dataset, _ = candidate.files
    quality = Quality(
        file_sha256=measured.file_sha256,
        expectations=sum(it.expectations for it in measured.parts),
        broken=tuple(broken for it in measured.parts for broken in it.broken),
    )
    commit.judge(dataset, quality)
    durable.write(results_path(data, dataset), encoded(measured.parts))
    rules = {f"rule_{it.rule.name}": it.measured for it in measured.findings}
    history.record(data, dataset, candidate.subject.hour, {**measured.metrics, **rules})
    return quality


def judge_or_quarantine(asked: Task) -> Judged:
    """Judge one dataset; the caller holds the lock of its batch.

    One that breaks a blocking rule is moved into quarantine with its reasons.
    """
    data, dataset, hour = Path(asked.data), asked.dataset, Hour(asked.day, asked.of_day)
    candidate = opened(data, dataset, hour, asked.settings)
    measured = measure(candidate)
    quality = concluded(candidate, measured)
    if quality.passed:
        return Judged(path=asked.path, quality=quality, quarantined=None)
    offenders = quarantine.offending(candidate.rows, measured.findings)
    told = quarantine.put(data, dataset, offenders, quality)
    return Judged(path=asked.path, quality=quality, quarantined=told)
