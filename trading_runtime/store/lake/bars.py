"""Bars of any interval from trades, in exact integers.

The published ``kline.parquet`` holds the same bars of one minute on a complete grid; this makes
others, and those of an hour that still grows.
"""

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from trading_runtime.errors import Refused
from trading_runtime.records.lake_schema import TRADES, Flag
from trading_runtime.store.condition import Condition
from trading_runtime.store.hours import HOUR_NS
from trading_runtime.store.lake.lake import WHOLE, select
from trading_runtime.store.lake.reading import THREADS, read_file
from trading_runtime.store.lake.selection import File, Selection

BAR = np.dtype(
    [
        ("open_time", np.int64),
        ("open", np.int64),
        ("high", np.int64),
        ("low", np.int64),
        ("close", np.int64),
        ("volume", np.int64),
        ("n_trades", np.int64),
        ("taker_buy_volume", np.int64),
        ("first_trade_id", np.int64),
        ("last_trade_id", np.int64),
    ]
)
"""Columns of ``records.lake_schema.KLINES``."""


def of_file(selection: Selection, interval_ns: int, file: File) -> npt.NDArray[np.void]:
    from trading_runtime.store.lake import kernels  # noqa: PLC0415 -- slow to load

    names = kernels.Prints._fields
    rows = read_file(selection, names, file)
    out = np.zeros(min(rows.num_rows, HOUR_NS // interval_ns), BAR)
    prints = kernels.Prints(*(rows.column(name).to_numpy() for name in names))
    return out[: kernels.fill_bars(out, prints, interval_ns, int(Flag.OFF_MARKET))]


def of_trades(selection: Selection, interval_s: int = 60) -> pa.Table:
    """Give a bar for each interval that has a trade, in order, by ``ts_recv``.

    Prices are ticks and volumes lots; open and close are of the lowest and the highest trade id.
    Trades off the market are left out. Raises :exc:`Refused` unless the interval divides the hour.
    """
    interval_ns = interval_s * 10**9
    if interval_s < 1 or HOUR_NS % interval_ns:
        raise Refused(f"bars of {interval_s} s do not divide the hour")
    with ThreadPoolExecutor(THREADS) as threads:
        parts = list(threads.map(partial(of_file, selection, interval_ns), selection.files))
    whole = np.concatenate(parts) if parts else np.zeros(0, BAR)
    return pa.table({name: np.ascontiguousarray(whole[name]) for name in BAR.names or ()})


def ohlcv(
    lake: Path,
    instrument_id: str,
    start: int,
    end: int,
    *,
    interval_s: int = 60,
    allow: Collection[Condition] = WHOLE,
) -> pa.Table:
    """Give the bars of an instrument's trades in ``[start, end)``."""
    return of_trades(select(lake, TRADES, instrument_id, start, end, allow), interval_s)
