"""The whole way of an hour, from minutes to what is derived of it, with checks that pass it."""

from pathlib import Path

from data_platform.assets import batch
from data_platform.assets.ticks import compaction, derivation
from data_platform.assets.ticks.compaction import Compacted, HourTask
from data_platform.assets.ticks.derivation import HoursTask
from tests.store.lake_rows import HOUR
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import CHECKPOINTS, KLINES, TABLES, Table
from trading_runtime.records.units import Nanos
from trading_runtime.store import commit, durable
from trading_runtime.store.hours import Hour
from trading_runtime.store.manifest import Made, Manifest, Quality

MADE = Made(run_id="run", at=Nanos(1))


def lake_root(data: Path) -> Path:
    return Path(layout.lake(data))


def approve(data: Path, table: Table, hour: Hour = HOUR) -> None:
    """Pass every staged dataset: what the checks find is tested beside them."""
    name = compaction.batch_name(table, hour)
    for it in batch.to_judge(lake_root(data), name, table):
        digest = durable.sha256(it.candidate)
        commit.judge(it, Quality(file_sha256=digest, expectations=0, broken=()))


def publish(data: Path, table: Table, hour: Hour = HOUR) -> list[Manifest]:
    approve(data, table, hour)
    name = compaction.batch_name(table, hour)
    return batch.publish(lake_root(data), name, table, MADE)


def take(data: Path, table: Table, hour: Hour = HOUR) -> Compacted:
    """Stage an hour of one table and publish what could be taken."""
    if table.minutes in TABLES:
        done = compaction.compact(HourTask(data, table.minutes, hour))
    else:
        (done,) = derivation.derive(HoursTask(data, table.minutes, (hour,)))
    publish(data, table, hour)
    return done


def take_all(data: Path, hour: Hour = HOUR) -> None:
    for table in (*TABLES.values(), KLINES, CHECKPOINTS):
        take(data, table, hour)


def files(data: Path) -> dict[str, str]:
    """Give the digest of every published file, by path below the lake."""
    root = lake_root(data)
    paths = sorted(root.glob("*/*/[0-9][0-9][0-9][0-9]/*/*/*/*.parquet"))
    return {it.relative_to(root).as_posix(): durable.sha256(it) for it in paths}
