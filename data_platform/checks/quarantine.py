"""Where a dataset goes that broke a blocking rule: out of the way of the others, with its reasons.

``quarantine/<venue>/<symbol>/Y/M/D/H/<table>.parquet`` is the staged file as it was,
``<table>.findings.json`` what was found, ``<table>.rows.parquet`` the offending rows with the rule
and the row's number in the file. A dataset is quarantined while its findings stand there; they come
last and go first. A repaired hour that is published releases it.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data_platform.checks.findings import Finding
from trading_runtime.records import layout
from trading_runtime.store import durable, manifest
from trading_runtime.store.commit import Dataset
from trading_runtime.store.manifest import Commit, Quality

ROWS_KEPT_MAX = 1_000
"""So many offending rows of one rule are written down; all of them are counted."""


class Quarantined(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of ``<table>.findings.json``; paths are relative to the data folder."""

    dataset: str
    file: str
    rows: str
    commit: Commit | None
    quality: Quality


def data_of(root: Path) -> Path:
    """Give the data folder of a folder of datasets: ``lake``, or ``archive/logs``."""
    return root.parent if root == Path(layout.lake(root.parent)) else root.parent.parent


def place(data: Path, dataset: Dataset) -> Path:
    """Name the file in quarantine; what is not of the lake keeps the name of its own folder."""
    inside = dataset.root.relative_to(data)
    top = Path(layout.quarantine(data))
    return (top if inside == Path("lake") else top / inside.name) / dataset.path


def findings_path(data: Path, dataset: Dataset) -> Path:
    return place(data, dataset).with_suffix(".findings.json")


def rows_path(data: Path, dataset: Dataset) -> Path:
    return place(data, dataset).with_suffix(".rows.parquet")


def read(data: Path, dataset: Dataset) -> Quarantined | None:
    path = findings_path(data, dataset)
    if not path.exists():
        return None
    return msgspec.json.decode(path.read_bytes(), type=Quarantined)


def offending(rows: pa.Table, findings: Sequence[Finding]) -> pa.Table:
    """Give the rows that break blocking rules, each with the rule's name and its row number."""
    bad = [it for it in findings if it.rule.blocking and it.broken]
    numbers = [it.rows[:ROWS_KEPT_MAX] for it in bad]
    names = [
        name for it, own in zip(bad, numbers, strict=True) for name in [it.rule.name] * len(own)
    ]
    places = np.concatenate(numbers) if numbers else np.zeros(0, dtype=np.int64)
    return (
        rows.take(places)
        .add_column(0, "rule", pa.array(names, pa.string()))
        .add_column(1, "row", pa.array(places))
    )


def put(data: Path, dataset: Dataset, offenders: pa.Table, quality: Quality) -> Quarantined:
    """Move the candidate of ``dataset`` into quarantine; the caller holds the lock of its batch."""
    kept, table = place(data, dataset), rows_path(data, dataset)
    told = Quarantined(
        dataset=dataset.path,
        file=kept.relative_to(data).as_posix(),
        rows=table.relative_to(data).as_posix(),
        commit=manifest.read_commit(dataset.candidate),
        quality=quality,
    )
    table.parent.mkdir(parents=True, exist_ok=True)
    beside = durable.temporary(table)
    pq.write_table(offenders, beside, compression="zstd", store_schema=False)
    durable.move(beside, table)
    dataset.judged.unlink(missing_ok=True)
    durable.move(dataset.candidate, kept)
    text = msgspec.json.format(msgspec.json.encode(told), indent=2)
    durable.write(findings_path(data, dataset), text + b"\n")
    return told


def release(data: Path, dataset: Dataset) -> bool:
    """Clear the quarantine of a dataset whose repaired hour was published; say whether it was."""
    findings = findings_path(data, dataset)
    was = findings.exists()
    findings.unlink(missing_ok=True)
    rows_path(data, dataset).unlink(missing_ok=True)
    place(data, dataset).unlink(missing_ok=True)
    return was
