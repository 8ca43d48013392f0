"""Each trade beside the quote that stood when it came."""

from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from trading_runtime.records.lake_schema import TICKER, TRADES
from trading_runtime.store.condition import Condition
from trading_runtime.store.lake.lake import WHOLE, select
from trading_runtime.store.lake.reading import arrow, one_grid
from trading_runtime.store.lake.selection import Selection

TRADE_COLUMNS = ("ts_recv", "seq", "trade_id", "px", "qty", "is_buyer_maker")
QUOTE_COLUMNS = ("ts_recv", "seq", "bid_px", "bid_qty", "ask_px", "ask_qty")


def quoted(trades: Selection, quotes: Selection) -> pa.Table:
    """Give the trades with the last quote that arrived before each; nulls where none did.

    Both are in the order of arrival (``ts_recv``, then ``seq``). ``quote_ts_recv`` tells how old
    the quote was. Select the quotes from somewhat earlier than the trades. Raises :exc:`Refused`
    where tick or lot changed in the span: two prices of a row would not compare.
    """
    from trading_runtime.store.lake import kernels  # noqa: PLC0415 -- slow to load

    one_grid(pq.read_metadata(path) for path in (*trades.paths, *quotes.paths))

    prints, book = arrow(trades, TRADE_COLUMNS), arrow(quotes, QUOTE_COLUMNS)
    arrivals = [
        kernels.Arrivals(*(it.column(name).to_numpy() for name in kernels.Arrivals._fields))
        for it in (prints, book)
    ]
    places = kernels.latest(*arrivals)
    found = book.select(["ts_recv", *QUOTE_COLUMNS[2:]]).take(pa.array(places, mask=places < 0))
    for name in found.column_names:
        title = "quote_ts_recv" if name == "ts_recv" else name
        prints = prints.append_column(title, found.column(name))
    return prints


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
