"""Judge a dataset before it is published: all rules of its table, and its file as a whole.

What breaks a blocking rule goes into quarantine, so that nothing downstream can meet it, and the
other datasets of the hour go on.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from data_platform.checks import (
    checkpoints,
    depth,
    history,
    klines,
    lines,
    quarantine,
    ticker,
    trades,
)
from data_platform.checks.expectations import Outcome, validate_metrics, validate_sample
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
from trading_runtime.store.manifest import Commit, Quality

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
    """What became of one dataset; ``results`` are the validations for the Data Docs."""

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


def whole(rows: pa.Table, dataset: Dataset, record: Commit) -> list[Finding]:
    """Check what the commit record says against the rows that are there."""
    told = sum(it.rows for it in record.sources)
    content = parquet.content_sha256(rows, dataset.table)
    names = {it.name: it for it in pq.read_schema(dataset.candidate)}
    wanted = parquet.arrow_schema(dataset.table)
    astray = [it.name for it in wanted if it.name not in names or names[it.name].type != it.type]
    findings = [
        CONTENT.differs(int(content != record.content_sha256)),
        SCHEMA.differs(len(astray) + abs(len(names) - len(wanted))),
    ]
    if dataset.table.minutes not in DERIVED:
        findings.append(ROWS.differs(abs(rows.num_rows - told)))
    return findings


class Measured(msgspec.Struct, frozen=True):
    """Everything about a candidate before it is validated."""

    rows: pa.Table
    findings: Sequence[Finding]
    metrics: Mapping[str, int]


def measure(data: Path, dataset: Dataset, hour: Hour, settings: QualitySettings) -> Measured:
    """Measure every rule of the candidate that is not switched off."""
    path, table = dataset.candidate, dataset.table.minutes
    record = manifest.read_commit(path)
    if record is None:
        raise commit.NotPublished(f"{dataset.path} is not staged")
    rows = parquet.read(path)
    grids = read_instruments(parquet.metadata(path).get(KEY_INSTRUMENTS, b"[]"))
    own = [it for it in grids if dataset.path.startswith(f"{it.venue}/{it.symbol}/")]
    limits = settings.of(own[0].instrument_id) if own else settings.thresholds
    subject = Subject(hour, own, limits, Files(data, dataset, record))
    found = RULES[table](rows, subject)
    size = path.stat().st_size
    metrics = {
        **found.metrics,
        "version": record.version,
        "bytes": size,
        "bytes_per_krow": size * 1_000 // max(rows.num_rows, 1),
    }
    findings = [*found.findings, *whole(rows, dataset, record)]
    if record.sealed:
        findings += history.unusual(data, dataset, hour, metrics, settings)
    asked = [it for it in findings if settings.asks(table, it.rule.name)]
    return Measured(rows, asked, metrics)


def results_path(data: Path, dataset: Dataset) -> Path:
    """Name what the library found, below the table: it is read when the Data Docs are built."""
    place = Path(layout.quality(data), "results", dataset.table.minutes, dataset.path)
    return place.with_suffix(".json")


def validated(dataset: Dataset, measured: Measured) -> list[Outcome]:
    name = f"{dataset.table.minutes} {dataset.path}"
    parts = [validate_metrics(name, measured.findings)]
    if measured.rows.num_rows:
        parts.append(validate_sample(f"{name} sample", measured.rows, dataset.table))
    return parts


def judge(
    dataset: Dataset,
    hour: Hour,
    settings: QualitySettings = QualitySettings(),  # noqa: B008 -- frozen
    data: Path | None = None,
) -> Quality:
    """Measure the candidate, validate it and write down its quality beside it."""
    folder = data or quarantine.data_of(dataset.root)
    return concluded(folder, dataset, hour, measure(folder, dataset, hour, settings))


def concluded(data: Path, dataset: Dataset, hour: Hour, measured: Measured) -> Quality:
    """Validate, and write down quality, results and the hour's row of history."""
    parts = validated(dataset, measured)
    quality = Quality(
        file_sha256=durable.sha256(dataset.candidate),
        expectations=sum(it.expectations for it in parts),
        broken=tuple(broken for it in parts for broken in it.broken),
    )
    commit.judge(dataset, quality)
    durable.write(results_path(data, dataset), msgspec.json.encode([it.result for it in parts]))
    rules = {f"rule_{it.rule.name}": it.measured for it in measured.findings}
    history.record(data, dataset, hour, {**measured.metrics, **rules})
    return quality


def judge_or_quarantine(asked: Task) -> Judged:
    """Judge one dataset; the caller holds the lock of its batch.

    One that breaks a blocking rule is moved into quarantine with its reasons.
    """
    data, dataset, hour = Path(asked.data), asked.dataset, Hour(asked.day, asked.of_day)
    measured = measure(data, dataset, hour, asked.settings)
    quality = concluded(data, dataset, hour, measured)
    if quality.passed:
        return Judged(path=asked.path, quality=quality, quarantined=None)
    offenders = quarantine.offending(measured.rows, measured.findings)
    told = quarantine.put(data, dataset, offenders, quality)
    return Judged(path=asked.path, quality=quality, quarantined=told)
