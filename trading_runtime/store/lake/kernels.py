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

    ts_recv: Column
    px: Column
    qty: Column


class Arrivals(NamedTuple):
    """When a row came: by the clock, and by the journal where the clock says the same."""

    ts_recv: Column
    seq: Column


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


def _fill_bars(out: Records, rows: Prints, interval_ns: int) -> int:
    """Fill ``out`` with the bars of ``rows``; give their number."""
    count, closes_at = 0, -1
    high = low = close = volume = trades = 0
    for row in range(len(rows.px)):
        at, px = rows.ts_recv[row], rows.px[row]
        # A bar is kept in registers while it grows: this loop is what a query waits for.
        if at >= closes_at:
            if count:
                bar = out[count - 1]
                bar.high, bar.low, bar.close = high, low, close
                bar.volume, bar.n_trades = volume, trades
            out[count].open_time = at // interval_ns * interval_ns
            out[count].open = high = low = px
            closes_at = out[count].open_time + interval_ns
            volume = trades = 0
            count += 1
        high, low, close = max(high, px), min(low, px), px
        volume += rows.qty[row]
        trades += 1
    if count:
        bar = out[count - 1]
        bar.high, bar.low, bar.close = high, low, close
        bar.volume, bar.n_trades = volume, trades
    return count


def _latest(trades: Arrivals, quotes: Arrivals) -> Int64s:
    """Give, of each trade, the place of the last quote that came before it; -1 where none did."""
    found = np.empty(len(trades.ts_recv), np.int64)
    place = 0
    for row in range(len(found)):
        at, seq = trades.ts_recv[row], trades.seq[row]
        while place < len(quotes.ts_recv) and (
            quotes.ts_recv[place] < at or (quotes.ts_recv[place] == at and quotes.seq[place] < seq)
        ):
            place += 1
        found[row] = place - 1
    return found


fill_depth = compiled(_fill_depth)
fill_trades = compiled(_fill_trades)
merge = compiled(_merge)
fill_bars = compiled(_fill_bars)
latest = compiled(_latest)
