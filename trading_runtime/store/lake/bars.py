"""Bars of any interval from trades, in exact integers.

The published ``kline.parquet`` holds the same bars of one minute on a complete grid; this makes
others, and those of an hour that still grows.
"""

from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from trading_runtime.errors import Refused
from trading_runtime.records.lake_schema import TRADES, Flag
from trading_runtime.store.condition import Condition
from trading_runtime.store.hours import HOUR_NS
from trading_runtime.store.lake.lake import WHOLE, select
from trading_runtime.store.lake.reading import (
    check_order,
    in_threads,
    one_grid,
    open_file,
    read_opened,
)
from trading_runtime.store.lake.selection import File, Selection
from trading_runtime.store.parquet import integers

BAR = np.dtype(
    [
        ("open_time", np.int64),
        ("open", np.int64),
        ("high", np.int64),
        ("low", np.int64),
        ("close", np.int64),
        ("volume", np.int64),
        ("n_trades", np.int64),
    ]
)
"""Columns of ``records.lake_schema.KLINES``."""


class FileBars(NamedTuple):
    """The bars of one file; ``revision`` says what a tick and a lot are in it."""

    bars: npt.NDArray[np.void]
    revision: int


def has_off_market(footer: pq.FileMetaData) -> bool:
    """Whether a trade off the market may be in the file: the flag is the greatest a trade has."""
    place = footer.schema.names.index("flags")
    known = [footer.row_group(it).column(place).statistics for it in range(footer.num_row_groups)]
    return any(it is None or int(it.max or 0) >= Flag.OFF_MARKET for it in known)


def of_file(selection: Selection, interval_ns: int, file: File) -> FileBars:
    from trading_runtime.store.lake import kernels  # noqa: PLC0415 -- slow to load

    names = [*kernels.Prints._fields]
    with open_file(selection, names, file) as opened:
        revision = one_grid([opened.metadata])
        if has_off_market(opened.metadata):
            rows = read_opened(selection, [*names, "flags"], opened)
            rows = rows.filter((integers(rows, "flags") & Flag.OFF_MARKET) == 0)
        else:
            rows = read_opened(selection, names, opened)
    prints = kernels.Prints(*(rows.column(name).to_numpy() for name in names))
    check_order(file, prints.ts_recv)
    out = np.zeros(min(rows.num_rows, HOUR_NS // interval_ns), BAR)
    count = kernels.fill_bars(out, prints, interval_ns)
    return FileBars(out[:count], revision)


def of_trades(selection: Selection, interval_s: int = 60) -> pa.Table:
    """Give a bar for each interval that has a trade, in order, by ``ts_recv``.

    Prices are ticks and volumes lots of ``instrument_rev``; open and close are the first and the
    last trade to arrive. Trades off the market are left out. Raises :exc:`Refused` unless the
    interval divides the hour, and for an hour in which tick or lot changed: its bars are in the
    table ``klines``.
    """
    interval_ns = interval_s * 10**9
    if interval_s < 1 or HOUR_NS % interval_ns:
        raise Refused(f"bars of {interval_s} s do not divide the hour")
    parts = list(in_threads(partial(of_file, selection, interval_ns), selection.files))
    whole = np.concatenate([np.zeros(0, BAR), *(it.bars for it in parts)])
    columns = {name: np.ascontiguousarray(whole[name]) for name in BAR.names or ()}
    counts = [len(it.bars) for it in parts]
    revisions = np.repeat(np.array([it.revision for it in parts], np.int64), counts)
    return pa.table({**columns, "instrument_rev": revisions})


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
