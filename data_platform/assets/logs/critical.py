"""The CRITICAL lines of a day as a data set of their own, which is kept for ever.

``archive/critical/YYYY/MM/DD.parquet`` has the columns of typed log lines, all modules in the order
of time. A day without one has an empty file: it says that somebody looked. A day's file is made of
the published hours, whose checks it inherits; an hour that comes late makes the next version.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from data_platform.assets.logs import archive
from trading_runtime.records.lake_schema import LOGS
from trading_runtime.records.units import Level, Module, Nanos
from trading_runtime.store import commit, durable, manifest, parquet
from trading_runtime.store.commit import Dataset, Rows
from trading_runtime.store.hours import Hour
from trading_runtime.store.manifest import Made, Manifest, Quality, Source
from trading_runtime.store.search.rows import SCHEMA

MAKER = "logs.critical/1"
HOURS_PER_DAY = 24
CRITICAL = Level.CRITICAL.name


class LogDay(NamedTuple):
    """``day`` is UTC ``YYYY-MM-DD``; ``now`` says whether it is over."""

    data: Path
    day: str
    now: Nanos


def critical_root(data: Path) -> Path:
    return data / "archive" / "critical"


def dataset(data: Path, day: str) -> Dataset:
    return Dataset(critical_root(data), f"{day.replace('-', '/')}.parquet", LOGS)


def published_hours(data: Path, day: str) -> Iterator[Path]:
    """Give the day's published files of lines, the earliest first."""
    for of_day in range(HOURS_PER_DAY):
        for module in Module:
            path = archive.dataset(data, module, Hour(day, of_day)).published
            if path.exists():
                yield path


def critical_lines(path: Path) -> pa.Table:
    """Read the CRITICAL lines of one published hour, opening only row groups that may have some."""
    with parquet.opened(path) as file:
        level = file.schema_arrow.get_field_index("level")
        groups = []
        for group in range(file.metadata.num_row_groups):
            told = file.metadata.row_group(group).column(level).statistics
            if told is None or str(told.min) <= CRITICAL <= str(told.max):
                groups.append(group)
        rows = parquet.conform(file.read_row_groups(groups), LOGS)
    return rows.filter(pc.equal(rows.column("level"), pa.scalar(CRITICAL)))


def extract(task: LogDay) -> str:
    """Stage the day's CRITICAL lines; give the path of what is staged, empty where nothing is new.

    No hour published is no file: nobody has looked.
    """
    it = dataset(task.data, task.day)
    sources, parts = [], [SCHEMA.empty_table()]
    for path in published_hours(task.data, task.day):
        rows = critical_lines(path)
        name = path.relative_to(task.data).as_posix()
        sources.append(Source(path=name, sha256=durable.sha256(path), rows=rows.num_rows))
        parts.append(rows)
    if not sources:
        return ""
    end = Hour(task.day, HOURS_PER_DAY - 1).end
    gathered = Rows(
        rows=pa.concat_tables([parquet.conform(rows, LOGS) for rows in parts]),
        sources=sources,
        sealed=task.now >= end,
        metadata={},
        maker=MAKER,
    )
    with commit.locked(it.root, "critical"):
        return it.path if commit.stage(it, gathered) else ""


def publish(task: LogDay, made: Made) -> Manifest | None:
    """Stage and publish the day; null where no hour of it is published."""
    it = dataset(task.data, task.day)
    staged = extract(task)
    with commit.locked(it.root, "critical"):
        if not staged:
            return manifest.read(it.published) or manifest.read(it.partial)
        # Its rows were judged in their hours; what is left to go wrong is in the commit record.
        digest = durable.sha256(it.candidate)
        commit.judge(it, Quality(file_sha256=digest, expectations=0, broken=()))
        return commit.publish(it, made)
