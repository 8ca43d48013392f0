"""A small market whose rows obey every rule of the lake, for tests to store and to damage."""

import random
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pyarrow as pa

from trading_runtime.records import layout
from trading_runtime.records.instruments import Instrument
from trading_runtime.records.lake_schema import (
    DEPTH,
    KEY_INSTRUMENTS,
    SCHEMA_VERSION,
    TABLES,
    TRADES,
    Flag,
    HourSealed,
    MinuteSealed,
    Table,
    instruments_json,
)
from trading_runtime.records.units import Revision
from trading_runtime.store import durable, parquet
from trading_runtime.store.hours import MINUTE_NS, Hour

HOUR = Hour("2025-11-19", 14)
INSTRUMENT = Instrument(
    revision=Revision(1),
    venue="somewhere-usdm",
    symbol="BTCUSDC",
    base_asset="BTC",
    quote_asset="USDC",
    tick_size="0.1",
    lot_size="0.001",
    multiplier="1",
    money_scale=8,
)
Row = dict[str, int | str | bool | None]


def table_of(rows: Sequence[Row], table: Table) -> pa.Table:
    schema = parquet.arrow_schema(table)
    return pa.Table.from_pylist(list(rows), schema=schema)


def identity(seq: int, symbol: str = "BTCUSDC", session: str = "s1") -> Row:
    return {
        "instrument_id": f"somewhere-usdm:{symbol}",
        "instrument_rev": 1,
        "session": session,
        "seq": seq,
    }


def message(row: Row, levels: Sequence[tuple[int, int, int]], flags: int = 0) -> list[Row]:
    """One depth message: (side, px, qty) each, the last row marked."""
    rows: list[Row] = [
        {**row, "side": side, "px": px, "qty": qty, "flags": flags} for side, px, qty in levels
    ]
    rows[-1]["flags"] = flags | Flag.LAST
    return rows


def depth_rows(
    messages: int,
    *,
    symbol: str = "BTCUSDC",
    spot: bool = False,
    seed: int = 1,
    step_ns: int = 10**8,
) -> list[Row]:
    """A snapshot of 40 levels, then deltas around a wandering price; ids without a hole."""
    rng = random.Random(seed)  # noqa: S311 -- rows for tests, no secret
    mid, at, last_id, seq = 600_000, HOUR.start + 5, 1_000, 1
    rows = message(
        {
            "ts_recv": at,
            "ts_exch": 0,
            "first_id": last_id,
            "last_id": last_id,
            "prev_id": None,
            **identity(seq, symbol),
        },
        [(0, mid - n, 10 + n) for n in range(1, 21)] + [(1, mid + n, 10 + n) for n in range(1, 21)],
        Flag.SNAPSHOT,
    )
    bids = {mid - n for n in range(1, 21)}
    asks = {mid + n for n in range(1, 21)}
    for _ in range(messages):
        at += rng.randrange(step_ns // 2, step_ns * 3 // 2)
        seq += rng.randrange(1, 5)
        first_id = last_id + 1
        updates = rng.randrange(1, 6)
        levels = {}
        for _ in range(updates):
            side = rng.randrange(2)
            book, sign = (bids, -1) if side == 0 else (asks, 1)
            px = mid + sign * rng.randrange(1, 30)
            delete = px in book and len(book) > 5 and rng.random() < 0.4
            (book.discard if delete else book.add)(px)
            levels[side, px] = 0 if delete else rng.randrange(1, 5_000)
        rows += message(
            {
                "ts_recv": at,
                "ts_exch": at - 3_000_000,
                "first_id": first_id,
                "last_id": first_id + updates,
                "prev_id": None if spot else last_id,
                **identity(seq, symbol),
            },
            [(side, px, qty) for (side, px), qty in levels.items()],
        )
        last_id = first_id + updates
    return rows


def trade_rows(count: int, *, symbol: str = "BTCUSDC", seed: int = 1) -> list[Row]:
    rng = random.Random(seed)  # noqa: S311 -- rows for tests, no secret
    at, rows = HOUR.start + 7, []
    for number in range(count):
        at += rng.randrange(1, 2 * 10**8)
        rows.append(
            {
                "ts_recv": at,
                "ts_exch": at - 2_000_000,
                "trade_id": 5_000 + number,
                "px": 600_000 + rng.randrange(-50, 50),
                "qty": rng.randrange(1, 900),
                "is_buyer_maker": rng.random() < 0.5,
                "flags": int(Flag.LAST),
                **identity(100 + number * 3, symbol),
            }
        )
    return rows


def write_minutes(
    data: Path, table: Table, rows: Sequence[Row], *, sealed: bool = True, hour: Hour = HOUR
) -> None:
    """Write minute files as scribe does, each row in the minute of its ``ts_recv``."""
    minutes: dict[int, list[Row]] = {}
    for row in rows:
        received = row["ts_recv"]
        assert isinstance(received, int)
        minutes.setdefault((received - hour.start) // MINUTE_NS, []).append(row)
    for minute, members in minutes.items():
        write_minute(data, table, minute, members, hour)
    if sealed:
        seal(data, table, hour)


def write_minute(
    data: Path, table: Table, minute: int, rows: Sequence[Row], hour: Hour = HOUR
) -> None:
    path = layout.lake(data) / layout.minute(table.minutes, hour.day, hour.of_day, minute)
    footer = {KEY_INSTRUMENTS: instruments_json(instruments(rows)).decode()}
    parquet.write(Path(path), table_of(rows, table), table, footer)


def instruments(rows: Sequence[Row]) -> list[Instrument]:
    symbols = sorted({str(row["instrument_id"]).partition(":")[2] for row in rows})
    return [msgspec.structs.replace(INSTRUMENT, symbol=symbol) for symbol in symbols]


def seal(data: Path, table: Table, hour: Hour = HOUR) -> None:
    marker = Path(layout.lake(data) / layout.hour_marker(table.minutes, hour.day, hour.of_day))
    minutes = [
        MinuteSealed(
            minute=int(path.stem), rows=parquet.read(path).num_rows, sha256=durable.sha256(path)
        )
        for path in sorted(marker.parent.glob("*.parquet"))
    ]
    told = HourSealed(table=table.minutes, hour=hour.name, minutes=tuple(minutes))
    durable.write(marker, msgspec.json.encode(told))


def write_hour(data: Path, depth: Sequence[Row], trades: Sequence[Row], hour: Hour = HOUR) -> None:
    """A whole sealed hour; the tables without rows are sealed too."""
    write_minutes(data, DEPTH, depth, hour=hour)
    write_minutes(data, TRADES, trades, hour=hour)
    for table in TABLES.values():
        seal(data, table, hour)


assert SCHEMA_VERSION == 1  # a new version needs new rows here
