"""A backfill of many days: seconds a partition, and memory, as the days grow.

An hour of each day (or more) has minutes of depth and trades of two symbols, made of the beginning
of a real capture; every one is compacted, passed, published, and its bars and checkpoints are
derived, hour after hour in one process, as one long run would. The first third of the days against
the last says whether a partition costs more the more there are (in CPU time); the greatest memory
after the first third against that at the end, whether anything stays.
"""

import argparse
import gzip
import resource
from decimal import Decimal
from pathlib import Path
from statistics import median
from time import process_time
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.compaction import (
    HOUR,
    Capture,
    record,
    recorded,
    relabelled,
    repeated,
    row,
    write_minutes,
)
from benchmarks.rig import CAPTURE, scratch
from tests.data_platform.assets.ticks.chain import files, take_all
from trading_runtime.records import layout
from trading_runtime.records.instruments import Instrument
from trading_runtime.records.lake_schema import (
    DEPTH,
    SIDE_ASK,
    SIDE_BID,
    TICKER,
    TRADES,
    Flag,
    HourSealed,
    Table,
)
from trading_runtime.store import durable
from trading_runtime.store.hours import HOUR_NS, Hour, hour_at
from trading_runtime.store.parquet import arrow_schema, conform, integers

DAYS, HOURS_A_DAY, SYMBOLS = 30, 1, 2
ROWS_MAX = 60_000
"""So many rows of a table are taken of the capture: thirty days are to last minutes, not hours."""
TABLES_OF_AN_HOUR = 4
"""Depth, trades, bars and checkpoints."""
GROWTH_MAX, MEMORY_MAX_MIB, MEMORY_GROWTH_MAX = 1.25, 2048, 1.10


class Book(msgspec.Struct):
    """The venue's snapshot in a capture."""

    lastUpdateId: int  # noqa: N815 -- the venue's word
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]


class Rows(NamedTuple):
    """One hour's rows of a table, by symbol, to be moved to other hours."""

    table: Table
    symbols: list[pa.Table]
    grid: Instrument


def hour_of_rows(source: Path, table: Table) -> Rows:
    rows, grid = recorded(source, table)
    if table is DEPTH:
        rows = with_snapshot(rows, grid)
    whole = repeated(beginning(rows), table, 1)
    names = [f"{grid.venue}:S{number}USDT" for number in range(SYMBOLS)]
    return Rows(table, [relabelled(whole, name) for name in names], grid)


def with_snapshot(rows: pa.Table, grid: Instrument) -> pa.Table:
    """Put the capture's own snapshot before the changes that follow it.

    A capture has no request that it answers, so scribe takes it for no book.
    """
    with gzip.open(CAPTURE) as lines:
        told = next(it for it in lines if b'"lastUpdateId"' in it)
    book = msgspec.json.decode(told.partition(b" ")[2], type=Book)
    is_before = pc.less_equal(rows.column("last_id"), pa.scalar(book.lastUpdateId))
    (last,) = rows.filter(is_before).slice(pc.sum(is_before).as_py() - 1).to_pylist()
    ids = {"first_id": book.lastUpdateId, "last_id": book.lastUpdateId, "prev_id": None}
    levels = [
        {
            **last,
            **ids,
            "side": side,
            "px": int(Decimal(px) / Decimal(grid.tick_size)),
            "qty": int(Decimal(qty) / Decimal(grid.lot_size)),
            "flags": int(Flag.SNAPSHOT),
        }
        for side, own in ((SIDE_BID, book.bids), (SIDE_ASK, book.asks))
        for px, qty in own
    ]
    levels[-1]["flags"] = int(Flag.SNAPSHOT | Flag.LAST)
    snapshot = pa.Table.from_pylist(levels, schema=arrow_schema(DEPTH))
    return pa.concat_tables([conform(snapshot, DEPTH), rows.filter(pc.invert(is_before))])


def beginning(rows: pa.Table) -> pa.Table:
    """Give the first rows, cut where a message ends."""
    numbers = integers(rows, "seq")
    if len(numbers) <= ROWS_MAX:
        return rows
    return rows.slice(0, int(np.flatnonzero(numbers == numbers[ROWS_MAX])[0]))


def write_hour(data: Path, rows: Rows, hour: Hour) -> None:
    later = pa.scalar(hour.start - HOUR.start, pa.int64())
    moved = [
        it.set_column(0, it.schema.field(0), pc.add(it.column(0), later)) for it in rows.symbols
    ]
    write_minutes(data, rows.table, moved, rows.grid, hour)


def seal_silent(data: Path, table: Table, hour: Hour) -> None:
    marker = Path(layout.lake(data)) / layout.hour_marker(table.minutes, hour.day, hour.of_day)
    told = HourSealed(table=table.minutes, hour=hour.name, minutes=())
    durable.write(marker, msgspec.json.encode(told))


def memory_mib() -> int:
    """Give the greatest memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def backfill(folder: Path, days: int, hours_a_day: int) -> tuple[list[float], list[int]]:
    """Give the CPU seconds of each hour and the memory after each day."""
    recording = record(folder, Capture("usdm", "binance-usdm", "BTCUSDT", CAPTURE))
    tables = [hour_of_rows(recording, table) for table in (DEPTH, TRADES)]
    data = folder / "lake-of-days"
    seconds, memory = [], []
    for day in range(days):
        for number in range(hours_a_day):
            hour = hour_at(HOUR.start + (24 * day + number) * HOUR_NS)
            for it in tables:
                write_hour(data, it, hour)
            seal_silent(data, TICKER, hour)
            begun = process_time()
            take_all(data, hour)
            seconds.append(process_time() - begun)
        memory.append(memory_mib())
    if len(files(data)) < days * hours_a_day * SYMBOLS * TABLES_OF_AN_HOUR:
        raise SystemExit("not every hour was published: nothing was measured")
    return seconds, memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--hours-a-day", type=int, default=HOURS_A_DAY)
    chosen = parser.parse_args()
    if not CAPTURE.exists():
        raise SystemExit("no captures: this needs ../shared/data beside the checkout")
    with scratch() as name:
        seconds, memory = backfill(Path(name), chosen.days, chosen.hours_a_day)
    third = max(1, len(seconds) // 3)
    first, last = median(seconds[:third]), median(seconds[-third:])
    early, late = memory[max(0, chosen.days // 3 - 1)], memory[-1]
    print(
        f"{len(seconds)} hours: {first:.3f} s an hour in the first third, {last:.3f} s in the last"
    )
    print(f"memory after a third {early} MiB, at the end {late} MiB")
    rows = [
        row(
            f"backfill of {chosen.days} days: CPU time of an hour, last third of the days against "
            "the first",
            f"{last / first:.2f} x ({last:.2f} s for two symbols, with bars and checkpoints)",
            f"flat: at most {GROWTH_MAX} x",
            met=last / first <= GROWTH_MAX,
        ),
        row(
            f"backfill of {chosen.days} days: greatest memory",
            f"{late} MiB, {early} MiB after a third of the days",
            "flat, at most 2 GiB",
            met=late <= MEMORY_MAX_MIB and late / early <= MEMORY_GROWTH_MAX,
        ),
    ]
    how = (
        f"{chosen.hours_a_day} hour(s) of each of {chosen.days} days, two symbols made of a real "
        "capture, from minutes to published hours, bars and checkpoints in one process"
    )
    print(msgspec.json.encode({"benchmark": "backfill", "how": how, "rows": rows}).decode())


if __name__ == "__main__":
    main()
