"""Whether what was traded left the book: a sample of trades against the levels they were made at.

A trade takes its size from a level, and the next message of depth says so. By the venue's times,
and with a message to spare on either side: clocks within a venue differ. Orders that come to the
level in the same message hide what left it, so that some share of trades never adds up.
"""

import numpy as np
import pyarrow as pa

from data_platform.checks.findings import Bools, Finding, Int64s, Rule, ppm
from data_platform.checks.settings import Thresholds
from trading_runtime.records.lake_schema import SIDE_ASK, SIDE_BID, Flag
from trading_runtime.store.parquet import integers

QUEUE = Rule(
    "trades_leave_book",
    "no more is traded at a level than leaves it",
    blocking=False,
    limit="queue_ppm_max",
)
SAMPLE = 200
"""So many trades of an hour are looked at: each takes a search in the whole depth."""


class Depth:
    """The messages of an hour by the venue's time, and the rows of some prices."""

    def __init__(self, rows: pa.Table, prices: Int64s) -> None:
        flags = integers(rows, "flags")
        self.ends = np.flatnonzero(flags & Flag.LAST)
        self.at = np.maximum.accumulate(integers(rows, "ts_exch")[self.ends])
        _, sessions = np.unique(
            rows.column("session").combine_chunks().dictionary_encode().indices.to_numpy(),
            return_inverse=True,
        )
        odd = (flags & (Flag.SNAPSHOT | Flag.MAYBE_BAD_BOOK)) != 0
        odd[1:] |= sessions[1:] != sessions[:-1]
        self._odd = np.concatenate([[0], np.cumsum(odd)])
        px = integers(rows, "px")
        self._own: Int64s = np.flatnonzero(np.isin(px, prices))
        self._px, self._side = px[self._own], integers(rows, "side")[self._own]
        self._qty = integers(rows, "qty")[self._own]

    def left(self, message: int, side: int, price: int) -> int | None:
        """Give what left a level from the message before to the one after; None: not known."""
        if message < 2 or message + 1 >= len(self.ends):  # noqa: PLR2004 -- two before it
            return None
        start, end = int(self.ends[message - 2]) + 1, int(self.ends[message + 1]) + 1
        if self._odd[start] != self._odd[end]:
            return None
        level: Bools = (self._px == price) & (self._side == side)
        rows, sizes = self._own[level], self._qty[level]
        first, last = np.searchsorted(rows, (start, end))
        if first == 0:
            return None  # nothing says how much stood there
        steps = np.diff(sizes[first - 1 : last])
        return int(-steps[steps < 0].sum())


def sampled(judged: Int64s) -> Int64s:
    """Choose evenly spaced ones, the same each time."""
    places = np.linspace(0, len(judged) - 1, min(len(judged), SAMPLE)).astype(np.int64)
    chosen: Int64s = judged[np.unique(places)]
    return chosen


def inspect(rows: pa.Table, trades: pa.Table, limits: Thresholds) -> list[Finding]:
    """Hold trades against the depth of their hour; none where the venue tells no times."""
    times, px, qty = (integers(trades, it) for it in ("ts_exch", "px", "qty"))
    sold = trades.column("is_buyer_maker").to_numpy().astype(np.bool_)
    side = np.where(sold, SIDE_BID, SIDE_ASK)
    ordinary = (integers(trades, "flags") & Flag.OFF_MARKET) == 0
    judged = np.flatnonzero(ordinary & (times > 0))
    if len(judged) == 0 or rows.num_rows == 0:
        return []
    chosen = sampled(judged)
    depth = Depth(rows, np.unique(px[chosen]))
    message = np.searchsorted(depth.at, times)
    told, wrong = 0, []
    for it in chosen.tolist():
        left = depth.left(int(message[it]), int(side[it]), int(px[it]))
        if left is None:
            continue
        told += 1
        same = ordinary & (message == message[it]) & (px == px[it]) & (side == side[it])
        if int(qty[same].sum()) > left:
            wrong.append(it)
    if not told:
        return []
    numbers = np.array(wrong, dtype=np.int64)
    return [Finding(QUEUE, ppm(len(wrong), told), numbers, QUEUE.limit_of(limits))]
