"""Each trade beside the quote that stood when it came.

Hours are joined apart from each other, for a row belongs to the hour of its arrival. Only trades
before the first quote of their hour have one of an hour before, which is put there in the end.
"""

from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from trading_runtime.records.lake_schema import TICKER, TRADES
from trading_runtime.store.condition import Condition
from trading_runtime.store.lake.lake import WHOLE, select
from trading_runtime.store.lake.reading import (
    arrow,
    check_order,
    in_threads,
    one_revision,
    open_file,
    read_opened,
    revisions,
)
from trading_runtime.store.lake.selection import File, Selection
from trading_runtime.store.parquet import Int64s, integers

TRADE_COLUMNS = ["ts_recv", "seq", "trade_id", "px", "qty", "is_buyer_maker"]
QUOTE_COLUMNS = ["ts_recv", "seq", "bid_px", "bid_qty", "ask_px", "ask_qty"]
BESIDE = ["quote_ts_recv", *QUOTE_COLUMNS[2:]]


class Pair(NamedTuple):
    """The files of one hour."""

    trades: File | None
    quotes: File | None


class Joined(NamedTuple):
    """One hour's trades, and beside them a row of ``quotes`` for each name in :data:`BESIDE`."""

    trades: pa.Table
    quotes: Int64s
    without: int
    """So many of the first trades came before the hour's first quote."""
    last: Int64s
    """The hour's last quote, in one column; no column where there is none."""
    revisions: set[int]


def pairs(trades: Selection, quotes: Selection) -> list[Pair]:
    mine, theirs = ({it.hour: it for it in side.files} for side in (trades, quotes))
    return [Pair(mine.get(hour), theirs.get(hour)) for hour in sorted({*mine, *theirs})]


def read_side(
    selection: Selection, columns: Sequence[str], file: File | None, known: set[int]
) -> pa.Table:
    """Read one side of an hour; put the revisions that its rows are of into ``known``."""
    if file is None:
        return arrow(selection._replace(files=[]), columns)
    with open_file(selection, columns, file) as opened:
        known |= revisions(opened.metadata)
        rows = read_opened(selection, columns, opened)
    check_order(file, integers(rows, "ts_recv"))
    return rows


def join_hour(trades: Selection, quotes: Selection, pair: Pair) -> Joined:
    from trading_runtime.store.lake import kernels  # noqa: PLC0415 -- slow to load

    known: set[int] = set()
    prints = read_side(trades, TRADE_COLUMNS, pair.trades, known)
    book = read_side(quotes, QUOTE_COLUMNS, pair.quotes, known)
    arrived = kernels.Arrivals(*(integers(prints, it) for it in kernels.Arrivals._fields))
    quoted = kernels.Quotes(*(integers(book, it) for it in kernels.Quotes._fields))
    out, without = np.empty((len(BESIDE), prints.num_rows), np.int64), prints.num_rows
    if prints.num_rows and book.num_rows:
        without = kernels.fill_quotes(out, arrived, quoted)
    last = np.stack([values[-1:] for values in (quoted.ts_recv, *quoted[2:])])
    return Joined(prints, out, without, last, known)


def quoted(trades: Selection, quotes: Selection) -> pa.Table:
    """Give the trades with the last quote that arrived before each; nulls where none did.

    Both are in the order of arrival (``ts_recv``, then ``seq``). ``quote_ts_recv`` tells how old
    the quote was. Select the quotes from somewhat earlier than the trades. Raises :exc:`Refused`
    where tick or lot changed in the span: two prices of a row would not compare.
    """
    hours = pairs(trades, quotes)
    prints: list[pa.Table] = []
    beside: list[list[pa.Int64Array]] = [[] for _ in BESIDE]
    known: set[int] = set()
    last = np.empty((len(BESIDE), 0), np.int64)
    for pair, hour in zip(
        hours, in_threads(partial(join_hour, trades, quotes), hours), strict=True
    ):
        known |= hour.revisions
        one_revision(known)
        hour.quotes[:, : hour.without] = last if last.size else 0
        absent = None if last.size else np.arange(hour.trades.num_rows) < hour.without
        prints += [hour.trades] if pair.trades else []
        for column, values in zip(beside, hour.quotes, strict=True):
            column.append(pa.array(values, mask=absent))
        last = hour.last if hour.last.size else last
    whole = pa.concat_tables(prints or [arrow(trades._replace(files=[]), TRADE_COLUMNS)])
    for name, chunks in zip(BESIDE, beside, strict=True):
        whole = whole.append_column(name, pa.chunked_array(chunks, pa.int64()))
    return whole


def trades_with_quotes(
    lake: Path,
    instrument_id: str,
    start: int,
    end: int,
    *,
    allow: Collection[Condition] = WHOLE,
) -> pa.Table:
    """Join an instrument's trades of ``[start, end)`` to its quotes of the same span."""
    selected = (select(lake, table, instrument_id, start, end, allow) for table in (TRADES, TICKER))
    return quoted(*selected)
