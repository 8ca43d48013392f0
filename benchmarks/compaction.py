"""How fast minutes become an hour, and how many bytes a level update and a trade take.

Speed: an hour of 60 minute files with the rows of four symbols mixed, made by repeating a real
capture, is compacted into a staged file a symbol (read, verified by digest and page checksum,
split, put in order, digested, encoded, synced). The floor is to encode the very same rows, already
apart and in order in memory, with the same encodings, compression and row groups. Both on one
thread, in turns, by its CPU time; each side's best round speaks.

Bytes: the published file of a capture against ``pyarrow.parquet.write_table`` as it comes, on the
same rows with prices and sizes as float64 and the side as text.
"""

import argparse
import threading
from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from time import process_time
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.rig import ROOT, scratch
from data_platform.assets.ticks import compaction
from data_platform.assets.ticks.compaction import HourTask
from trading_runtime.cli.main import main as tapedeck
from trading_runtime.records import lake_schema, layout
from trading_runtime.records.instruments import Instrument
from trading_runtime.records.lake_schema import (
    DEPTH,
    KEY_INSTRUMENTS,
    TRADES,
    Encoding,
    HourSealed,
    MinuteSealed,
    Table,
    instruments_json,
    read_instruments,
)
from trading_runtime.scribe import process
from trading_runtime.scribe.settings import ScribeSettings
from trading_runtime.store import durable, parquet
from trading_runtime.store.hours import HOUR_NS, MINUTE_NS, Hour
from trading_runtime.store.merge import in_arrival_order

CAPTURES = ROOT / "../shared/data/captures/hftbacktest_binance_20240808"
SYMBOLS = 4
ROWS = 1_800_000
ROUNDS = 4
SPEED_TARGET, DEPTH_TARGET, TRADE_TARGET = 0.40, 0.68, 0.40
GENERATED_S = 900
HOUR = Hour("2026-01-05", 10)


class Capture(NamedTuple):
    name: str
    venue: str
    symbol: str
    path: Path


class Sizes(NamedTuple):
    """Bytes of one table's rows, as the lake writes them and as pyarrow does by itself."""

    rows: int
    ours: int
    default: int

    @property
    def ratio(self) -> float:
        return self.ours / self.default


def captures(folder: Path) -> list[Capture]:
    generated = folder / "flow.gz"
    words = ("--seed", "7", "--for", str(GENERATED_S), "--symbol", "BTCUSDT")
    run("generate", *words, "--out", str(generated))
    real = [
        Capture(market, f"binance-{market}", "BTCUSDT", path)
        for market in ("usdm", "spot")
        for path in sorted((CAPTURES / market).glob("btcusdt_20240808.gz"))
    ]
    if not real:
        raise SystemExit("no captures: this needs ../shared/data beside the checkout")
    return [*real, Capture("generator", "binance-usdm", "BTCUSDT", generated)]


def run(*words: str) -> None:
    with redirect_stdout(StringIO()):
        if tapedeck(list(words)):
            raise SystemExit(f"tapedeck {words[0]} failed")


def record(folder: Path, capture: Capture) -> Path:
    """Take a capture through the runtime and scribe, to minute files."""
    data = folder / capture.name.replace(" ", "-")
    market = ("--venue", capture.venue, "--symbol", capture.symbol)
    run("feed", str(capture.path), *market, "--data", str(data))
    process.run(data, ScribeSettings(), threading.Event(), once=True, finish=True)
    return data


def recorded(data: Path, table: Table) -> tuple[pa.Table, Instrument]:
    """Read all rows of a recording, and the instrument that they are of."""
    paths = sorted((Path(layout.lake(data)) / table.minutes).glob("*/*/[0-5][0-9].parquet"))
    rows = pa.concat_tables([parquet.conform(parquet.read(it), table) for it in paths])
    (grid,) = read_instruments(parquet.metadata(paths[-1])[KEY_INSTRUMENTS])
    return rows, grid


def as_floats(rows: pa.Table, grid: Instrument) -> pa.Table:
    """Give the same rows as one would write them without a thought."""
    steps = {"px": float(grid.tick_size), "qty": float(grid.lot_size)}
    for name, size in steps.items():
        place = rows.schema.get_field_index(name)
        values = np.round(parquet.integers(rows, name) * size, 10)
        rows = rows.set_column(place, name, pa.array(values))
    if "side" in rows.schema.names:
        place = rows.schema.get_field_index("side")
        words = pc.if_else(pc.equal(rows.column("side"), 0), "bid", "ask")
        rows = rows.set_column(place, "side", words)
    for name in ("instrument_id", "session"):
        place = rows.schema.get_field_index(name)
        rows = rows.set_column(place, name, rows.column(name).cast(pa.string()))
    return rows


def sizes(folder: Path, data: Path, table: Table) -> Sizes:
    rows, grid = recorded(data, table)
    ours, default = folder / "ours.parquet", folder / "default.parquet"
    grids = instruments_json([grid]).decode()
    writer = parquet.Writer(ours, table, table.hour_level)
    writer.add(rows)
    writer.close({KEY_INSTRUMENTS: grids})
    pq.write_table(as_floats(rows, grid), default)
    return Sizes(rows.num_rows, ours.stat().st_size, default.stat().st_size)


def repeated(rows: pa.Table, table: Table, count: int) -> pa.Table:
    """Fill the hour with the rows again and again, times and ids going on."""
    times = parquet.integers(rows, "ts_recv")
    span = HOUR_NS // count
    pace = (span - 1) / max(1, int(times[-1] - times[0]))
    squeezed = ((times - times[0]) * pace).astype(np.int64)
    ids = [
        it
        for it in ("first_id", "last_id", "prev_id", "trade_id", "seq")
        if it in rows.schema.names
    ]
    steps = {it: int(pc.max(rows.column(it)).as_py() or 0) + 1 for it in ids}
    parts = []
    for number in range(count):
        part = rows
        moved = {"ts_recv": HOUR.start + squeezed + number * span}
        for name in ids:
            offset = number * (steps["last_id"] if name in {"first_id", "prev_id"} else steps[name])
            values = pc.add(rows.column(name), pa.scalar(offset, pa.int64()))
            part = part.set_column(part.schema.get_field_index(name), name, values)
        for name, values in moved.items():
            part = part.set_column(part.schema.get_field_index(name), name, pa.array(values))
        parts.append(part)
    return parquet.conform(pa.concat_tables(parts), table)


def relabelled(rows: pa.Table, name: str) -> pa.Table:
    column = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows.num_rows, np.int32)), [name])
    return rows.set_column(rows.schema.get_field_index("instrument_id"), "instrument_id", column)


def write_minutes(
    data: Path, table: Table, symbols: Sequence[pa.Table], grid: Instrument, hour: Hour = HOUR
) -> None:
    """Write the hour as scribe does: every symbol's rows mixed, a file a minute, and a marker."""
    grids = [
        msgspec.structs.replace(grid, symbol=f"S{number}USDT") for number in range(len(symbols))
    ]
    footer = {KEY_INSTRUMENTS: instruments_json(grids).decode()}
    rows = in_arrival_order(pa.concat_tables(symbols).unify_dictionaries(), "ts_recv")
    minutes = (parquet.integers(rows, "ts_recv") - hour.start) // MINUTE_NS
    edges = np.searchsorted(minutes, np.arange(61))
    told = []
    for minute in range(60):
        start, end = int(edges[minute]), int(edges[minute + 1])
        path = Path(layout.lake(data)) / layout.minute(table.minutes, hour.day, hour.of_day, minute)
        parquet.write(path, rows.slice(start, end - start), table, footer)
        told.append(MinuteSealed(minute=minute, rows=end - start, sha256=durable.sha256(path)))
    marker = Path(layout.lake(data)) / layout.hour_marker(table.minutes, hour.day, hour.of_day)
    sealed = HourSealed(table=table.minutes, hour=hour.name, minutes=tuple(told))
    durable.write(marker, msgspec.json.encode(sealed))


def encode(path: Path, rows: pa.Table, table: Table, groups: Sequence[tuple[int, int]]) -> None:
    """Encode rows that are in memory, with the lake's own encodings, and nothing else."""
    encodings = {it.name: it.encoding for it in table.columns}
    with pq.ParquetWriter(
        path,
        rows.schema,
        compression=lake_schema.COMPRESSION,
        compression_level=table.hour_level,
        use_dictionary=[name for name, it in encodings.items() if it is Encoding.DICT],  # type: ignore[arg-type]  # stubs know only a bool
        column_encoding={
            name: it.value for name, it in encodings.items() if it is not Encoding.DICT
        },
        write_page_checksum=True,
        store_schema=False,
    ) as writer:
        for start, end in groups:
            writer.write_table(rows.slice(start, end - start), row_group_size=end - start)


def floor(folder: Path, symbols: Sequence[pa.Table], table: Table) -> float:
    groups = [parquet.row_groups(parquet.integers(it, "ts_recv")) for it in symbols]
    begun = process_time()
    for rows, own in zip(symbols, groups, strict=True):
        encode(folder / "floor.parquet", rows, table, own)
    return process_time() - begun


def compacted(data: Path, table: Table, rows: int) -> float:
    begun = process_time()
    done = compaction.compact(HourTask(data, table.minutes, HOUR))
    took = process_time() - begun
    if done.problems or done.rows != rows:
        raise SystemExit(f"nothing was measured: {done}")
    return took


def speed(folder: Path, source: Path, table: Table) -> tuple[float, float, int]:
    """Give rows a second of the compaction and of the floor, and how many rows there were."""
    rows, grid = recorded(source, table)
    count = max(1, ROWS // SYMBOLS // rows.num_rows)
    whole = repeated(rows, table, count)
    venue = grid.venue
    symbols = [
        relabelled(whole, f"{venue}:S{number}USDT").combine_chunks() for number in range(SYMBOLS)
    ]
    data = folder / f"hour-{table.minutes}"
    write_minutes(data, table, symbols, grid)
    total = sum(it.num_rows for it in symbols)
    best = [float("inf"), float("inf")]
    for _ in range(ROUNDS):
        best[0] = min(best[0], compacted(data, table, total))
        best[1] = min(best[1], floor(folder, symbols, table))
    return total / best[0], total / best[1], total


def row(what: str, measured: str, target: str, *, met: bool) -> dict[str, object]:
    return {"what": what, "measured": measured, "target": target, "met": met}


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    rows = []
    with scratch() as name:
        folder = Path(name)
        sources = {it.name: record(folder, it) for it in captures(folder)}
        for table in (DEPTH, TRADES):
            ours, bound, total = speed(folder, sources["usdm"], table)
            ratio = ours / bound
            print(
                f"{table.minutes}: {total} rows, compaction {ours / 1e6:.2f} M rows/s, "
                f"encoding from memory {bound / 1e6:.2f} M rows/s: {ratio:.2f}"
            )
            rows.append(
                row(
                    f"compaction of {table.minutes} from mixed-symbol minutes, one core",
                    f"{ratio:.0%} of encoding the same rows from memory "
                    f"({ours / 1e6:.1f} M rows/s)",
                    f"at least {SPEED_TARGET:.0%}",
                    met=ratio >= SPEED_TARGET,
                )
            )
        for table, target in ((DEPTH, DEPTH_TARGET), (TRADES, TRADE_TARGET)):
            found = {it: sizes(folder, data, table) for it, data in sources.items()}
            for it, own in found.items():
                print(
                    f"{table.minutes} of {it}: {own.rows} rows, {own.ours / own.rows:.2f} B/row, "
                    f"pyarrow's defaults {own.default / own.rows:.2f} B/row: {own.ratio:.2f}"
                )
            worst = max(own.ratio for own in found.values())
            rows.append(
                row(
                    f"bytes a row of {table.minutes}, against pyarrow's defaults on float64",
                    ", ".join(f"{it} {own.ratio:.2f}" for it, own in found.items()),
                    f"at most {target:.2f} x",
                    met=worst <= target,
                )
            )
    how = (
        "an hour of four symbols mixed in 60 minute files, made of a repeated real capture, "
        "against encoding its rows from memory, in turns on one thread, by CPU time; sizes of "
        "real captures and of the generator's flow"
    )
    print(msgspec.json.encode({"benchmark": "compaction", "how": how, "rows": rows}).decode())


if __name__ == "__main__":
    main()
