"""A market of any length for the benchmarks of the lake, and its published hours.

Distributions are those measured on real captures (benchmarks/README.md): a depth message every
100 ms with 49.5 levels on average, 47 % of them deletions, at a distance to the touch of 5 basis
points in the median and 52 at the ninth decile; 20,833 trades and 17,900 quotes an hour. Seeded: an
hour of the same number has the same rows. Written by the lake's own writer.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from trading_runtime.records import layout
from trading_runtime.records.instruments import Instrument
from trading_runtime.records.lake_schema import (
    DEPTH,
    KEY_INSTRUMENTS,
    TICKER,
    TRADES,
    Flag,
    HourSealed,
    MinuteSealed,
    Table,
    instruments_json,
)
from trading_runtime.records.units import Nanos, Revision
from trading_runtime.store import commit, durable
from trading_runtime.store.commit import Rows
from trading_runtime.store.hours import HOUR_NS, Hour, hour_at
from trading_runtime.store.lake import lake
from trading_runtime.store.manifest import Made, Quality, Source

Int64s = npt.NDArray[np.int64]

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
ID = INSTRUMENT.instrument_id
FIRST = Hour("2025-11-19", 0)
MESSAGES = 36_000
LEVELS_MEAN = 49.5
DELETED = 0.47
DISTANCE_MEDIAN_BPS, DISTANCE_SIGMA = 5.3, 1.78
"""Log-normal: its ninth decile is 52 basis points."""
SNAPSHOT_LEVELS = 1_000
TRADES_AN_HOUR = 20_833
QUOTES_AN_HOUR = 17_900
MID = 600_000
TICKS_A_BPS = MID / 10_000


def hour_number(number: int) -> Hour:
    return hour_at(FIRST.start + number * HOUR_NS)


def constant(value: str, count: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(
        pa.array(np.zeros(count, np.int32)), pa.array([value])
    ).cast(pa.string())


def table_of(table: Table, columns: dict[str, object], count: int) -> pa.Table:
    known = {
        **columns,
        "instrument_id": constant(ID, count),
        "instrument_rev": np.ones(count, np.int64),
        "session": constant("s1", count),
    }
    return pa.table({it.name: known[it.name] for it in table.columns})


def arrivals(rng: np.random.Generator, hour: Hour, count: int, even: float) -> Int64s:
    """Spread ``count`` moments over the hour: an ``even`` share of the grid, the rest by chance."""
    grid = (np.arange(count) + 0.5) * (HOUR_NS / count)
    chance = np.sort(rng.integers(0, HOUR_NS, count))
    return np.sort(hour.start + (grid * even + chance * (1 - even)).astype(np.int64))


def sizes(rng: np.random.Generator, count: int) -> Int64s:
    """Give sizes in lots: many small and round ones, few great ones."""
    drawn = np.exp(rng.normal(5.0, 1.8, count))
    rounded = np.where(rng.random(count) < 0.3, np.round(drawn, -1), drawn)
    return np.maximum(rounded, 1).astype(np.int64)


def middle(rng: np.random.Generator, count: int) -> Int64s:
    return (MID + np.cumsum(rng.normal(0, 1.5, count))).astype(np.int64)


def levels(rng: np.random.Generator, mid: Int64s, side: Int64s) -> Int64s:
    far = np.exp(rng.normal(np.log(DISTANCE_MEDIAN_BPS), DISTANCE_SIGMA, len(mid)))
    ticks = 1 + np.minimum(far * TICKS_A_BPS, MID * 0.2).astype(np.int64)
    return mid + np.where(side == 1, ticks, -ticks)


def depth(number: int) -> pa.Table:
    """Give the rows of an hour: a snapshot, then deltas whose ids have no hole."""
    rng = np.random.default_rng([1, number])
    hour = hour_number(number)
    ladder = np.arange(1, SNAPSHOT_LEVELS + 1)
    counts = np.concatenate([[2 * SNAPSHOT_LEVELS], 1 + rng.poisson(LEVELS_MEAN - 1, MESSAGES - 1)])
    total = int(counts.sum())
    message = np.repeat(np.arange(MESSAGES), counts)
    received = arrivals(rng, hour, MESSAGES, 0.98)
    last_id = number * 10**9 + 1_000 + np.cumsum(counts * 2)
    mid = middle(rng, MESSAGES)
    side = (rng.random(total) < 0.5).astype(np.int64)
    # A message names its bids first, as the venues send them.
    side = side[np.lexsort((side, message))]
    px = levels(rng, mid[message], side)
    qty = np.where(rng.random(total) < DELETED, 0, sizes(rng, total))
    flags = np.zeros(total, np.uint8)
    flags[np.cumsum(counts) - 1] = Flag.LAST
    first = slice(0, 2 * SNAPSHOT_LEVELS)
    side[first] = np.repeat([0, 1], SNAPSHOT_LEVELS)
    px[first] = np.concatenate([mid[0] - ladder, mid[0] + ladder])
    qty[first] = np.maximum(qty[first], 1)
    flags[first] |= np.uint8(Flag.SNAPSHOT)
    prev_id = np.concatenate([[0], last_id[:-1]])[message]
    first_id = (np.concatenate([[last_id[0] - 1], last_id[:-1]]) + 1)[message]
    columns: dict[str, object] = {
        "ts_recv": received[message],
        "ts_exch": ((received - rng.integers(2, 9, MESSAGES) * 10**6) // 10**6 * 10**6)[message],
        "first_id": first_id,
        "last_id": last_id[message],
        "prev_id": pa.array(prev_id, mask=(flags & Flag.SNAPSHOT) != 0),
        "side": side.astype(np.int8),
        "flags": flags,
        "px": px,
        "qty": qty,
        "seq": (number * 10**6 + 3 * np.arange(MESSAGES))[message],
    }
    return table_of(DEPTH, columns, total)


def trades(number: int) -> pa.Table:
    rng = np.random.default_rng([2, number])
    count = TRADES_AN_HOUR
    received = arrivals(rng, hour_number(number), count, 0.0)
    columns: dict[str, object] = {
        "ts_recv": received,
        "ts_exch": (received - 3_000_000) // 10**6 * 10**6,
        "trade_id": number * count + np.arange(count) + 1,
        "px": middle(rng, count) + rng.integers(0, 2, count),
        "qty": sizes(rng, count),
        "is_buyer_maker": rng.random(count) < 0.5,
        "flags": np.full(count, Flag.LAST, np.uint8),
        "seq": number * 10**6 + 1 + 3 * np.arange(count),
    }
    return table_of(TRADES, columns, count)


def quotes(number: int) -> pa.Table:
    rng = np.random.default_rng([3, number])
    count = QUOTES_AN_HOUR
    received = arrivals(rng, hour_number(number), count, 0.2)
    mid = middle(rng, count)
    columns: dict[str, object] = {
        "ts_recv": received,
        "ts_exch": (received - 2_000_000) // 10**6 * 10**6,
        "update_id": number * 10**9 + np.cumsum(rng.integers(1, 40, count)),
        "bid_px": mid,
        "bid_qty": sizes(rng, count),
        "ask_px": mid + rng.integers(1, 4, count),
        "ask_qty": sizes(rng, count),
        "flags": np.full(count, Flag.LAST, np.uint8),
        "seq": number * 10**6 + 2 + 3 * np.arange(count),
    }
    return table_of(TICKER, columns, count)


MAKERS: dict[Table, Callable[[int], pa.Table]] = {DEPTH: depth, TRADES: trades, TICKER: quotes}


def publish(root: Path, table: Table, number: int) -> Path:
    """Write one hour below the lake ``root`` as the platform does, and give its file."""
    rows = MAKERS[table](number)
    dataset = lake.dataset(root, table, ID, hour_number(number))
    footer = {KEY_INSTRUMENTS: instruments_json([INSTRUMENT]).decode()}
    source = Source(path=f"{table.minutes}/{number}", sha256=f"{number:064x}", rows=rows.num_rows)
    commit.stage(dataset, Rows(rows, [source], True, footer, "benchmark/1"))
    digest = durable.sha256(dataset.staged)
    commit.judge(dataset, Quality(file_sha256=digest, expectations=1, broken=()))
    commit.publish(dataset, Made(run_id="benchmark", at=Nanos(1)))
    seal(root, table, number, rows.num_rows)
    return dataset.published


def seal(root: Path, table: Table, number: int, rows: int) -> None:
    """Write the marker of an hour whose every minute was recorded."""
    hour = hour_number(number)
    minutes = tuple(MinuteSealed(minute=it, rows=rows // 60, sha256="") for it in range(60))
    told = HourSealed(table=table.minutes, hour=hour.name, minutes=minutes)
    marker = root / layout.hour_marker(table.minutes, hour.day, hour.of_day)
    durable.write(marker, msgspec.json.encode(told))
