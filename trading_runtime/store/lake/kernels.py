"""The loops over rows, compiled by numba and kept on disk beside this file.

Importing this module costs half a second, and the first call of a kernel on a machine some
seconds: import it where it is called. A kernel lets go of the interpreter, so that two threads
fill two halves of one result.
"""

from collections.abc import Callable
from typing import NamedTuple, ParamSpec, TypeVar

import numba
import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]
Column = npt.NDArray[np.int64 | np.int8 | np.uint8 | np.bool_]
"""In the type of its column in ``records.lake_schema``."""
Records = npt.NDArray[np.void]

P = ParamSpec("P")
R = TypeVar("R")


class Depth(NamedTuple):
    """Columns of depth rows, of one length."""

    ts_recv: Column
    ts_exch: Column
    px: Column
    qty: Column
    seq: Column
    side: Column
    flags: Column


class Trades(NamedTuple):
    """Columns of trades, of one length."""

    ts_recv: Column
    ts_exch: Column
    px: Column
    qty: Column
    seq: Column
    is_buyer_maker: Column
    flags: Column


class Prints(NamedTuple):
    """What a bar is made of, in the order of arrival."""

    ts_recv: Int64s
    px: Int64s
    qty: Int64s


class Arrivals(NamedTuple):
    """When a row came: by the clock, and by the journal where the clock says the same."""

    ts_recv: Int64s
    seq: Int64s


class Quotes(NamedTuple):
    """Columns of quotes, of one length."""

    ts_recv: Int64s
    seq: Int64s
    bid_px: Int64s
    bid_qty: Int64s
    ask_px: Int64s
    ask_qty: Int64s


def compiled(kernel: Callable[P, R]) -> Callable[P, R]:
    """Give ``kernel`` as machine code."""
    fast: Callable[P, R] = numba.njit(cache=True, nogil=True)(kernel)
    return fast


def _fill_depth(out: Records, rows: Depth) -> None:
    for row in range(len(rows.px)):
        event = out[row]
        event.ts_recv = rows.ts_recv[row]
        event.ts_exch = rows.ts_exch[row]
        event.px = rows.px[row]
        event.qty = rows.qty[row]
        event.seq = rows.seq[row]
        event.kind = 0
        event.side = rows.side[row]
        event.flags = rows.flags[row]


def _fill_trades(out: Records, rows: Trades) -> None:
    for row in range(len(rows.px)):
        event = out[row]
        event.ts_recv = rows.ts_recv[row]
        event.ts_exch = rows.ts_exch[row]
        event.px = rows.px[row]
        event.qty = rows.qty[row]
        event.seq = rows.seq[row]
        event.kind = 1
        event.side = 0 if rows.is_buyer_maker[row] else 1
        event.flags = rows.flags[row]


def _merge(out: Records, left: Records, right: Records) -> None:
    """Merge two runs by ``ts_recv``, then ``seq``; of equals the left one comes first."""
    here, there = 0, 0
    for row in range(len(out)):
        if there == len(right):
            takes_left = True
        elif here == len(left):
            takes_left = False
        else:
            mine, theirs = left[here], right[there]
            takes_left = mine.ts_recv < theirs.ts_recv or (
                mine.ts_recv == theirs.ts_recv and mine.seq <= theirs.seq
            )
        if takes_left:
            out[row] = left[here]
            here += 1
        else:
            out[row] = right[there]
            there += 1


def _in_order(times: Int64s) -> bool:
    """Whether no time is before the one above it."""
    behind = False
    for row in range(len(times) - 1):
        behind |= times[row + 1] < times[row]  # and on, for a loop with an exit is not unrolled
    return not behind


def _fill_bars(out: Records, rows: Prints, interval_ns: int) -> int:
    """Fill ``out`` with the bars of ``rows``, whose times are in order; give their number.

    Gives -1 where ``out`` has no room for them.
    """
    count, start = 0, 0
    while start < len(rows.ts_recv):
        if count == len(out):
            return -1
        opens_at = rows.ts_recv[start] // interval_ns * interval_ns
        size = np.searchsorted(rows.ts_recv[start:], opens_at + interval_ns)
        px, qty = rows.px[start : start + size], rows.qty[start : start + size]
        # One loop for each sum: the compiler makes vectors of them.
        high = low = px[0]
        for price in px:
            high, low = max(high, price), min(low, price)
        volume = 0
        for lots in qty:
            volume += lots
        bar = out[count]
        bar.open_time, bar.open, bar.close = opens_at, px[0], px[-1]
        bar.high, bar.low = high, low
        bar.volume, bar.n_trades = volume, size
        count, start = count + 1, start + size
    return count


def _fill_quotes(out: Int64s, trades: Arrivals, quotes: Quotes) -> int:
    """Put beside each trade the last quote that came before it; give the trades that have none.

    They are the first ones. Of ``out`` each row is a column: those of ``Quotes`` but ``seq``.
    """
    place, without = -1, 0
    for row in range(len(trades.ts_recv)):
        at, seq = trades.ts_recv[row], trades.seq[row]
        while place + 1 < len(quotes.ts_recv) and (
            quotes.ts_recv[place + 1] < at
            or (quotes.ts_recv[place + 1] == at and quotes.seq[place + 1] < seq)
        ):
            place += 1
        if place < 0:
            without += 1
            continue
        out[0, row] = quotes.ts_recv[place]
        out[1, row] = quotes.bid_px[place]
        out[2, row] = quotes.bid_qty[place]
        out[3, row] = quotes.ask_px[place]
        out[4, row] = quotes.ask_qty[place]
    return without


fill_depth = compiled(_fill_depth)
fill_trades = compiled(_fill_trades)
merge = compiled(_merge)
in_order = compiled(_in_order)
fill_bars = compiled(_fill_bars)
fill_quotes = compiled(_fill_quotes)
