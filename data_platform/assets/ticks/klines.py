"""One-minute bars of an hour's trades, in exact integers, on a complete grid.

A minute belongs to a trade by its ``ts_recv``. Where a new grid came into force within a minute,
its earlier trades are counted in ticks and lots of the new one; if they do not fit, in the old.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from data_platform.assets.ticks.minutes import Unsettled
from trading_runtime.records.instruments import Instrument
from trading_runtime.records.lake_schema import (
    KLINE_INTERVAL_S,
    KLINES,
    SOURCE_DERIVED,
    Flag,
)
from trading_runtime.store import parquet
from trading_runtime.store.hours import MINUTE_NS, Hour
from trading_runtime.store.parquet import Int64s, integers

MINUTES_PER_HOUR = 60
INT64_MAX = 2**63 - 1
COLUMNS = ("ts_recv", "trade_id", "px", "qty", "is_buyer_maker", "flags", "instrument_rev")
Bar = dict[str, int | str | bool | Decimal | None]
NOTHING: Mapping[str, int | None] = dict.fromkeys(
    (
        *("open", "high", "low", "close", "volume", "quote_volume", "n_trades"),
        *("taker_buy_volume", "first_trade_id", "last_trade_id"),
    )
)
SILENCE: Mapping[str, int | None] = {
    **NOTHING,
    **dict.fromkeys(("volume", "quote_volume", "n_trades", "taker_buy_volume"), 0),
}


class Prints(NamedTuple):
    """Trades as columns of one length, in the order of arrival."""

    at: Int64s
    trade_id: Int64s
    px: Int64s
    qty: Int64s
    bought: Int64s
    """The size where a taker bought, else 0."""
    revision: Int64s

    def between(self, start: int, end: int) -> "Prints":
        return Prints(*(column[start:end] for column in self))


def prints_of(rows: pa.Table) -> Prints:
    """Take the columns of the ordinary trades."""
    ordinary = (integers(rows, "flags") & Flag.OFF_MARKET) == 0
    at, trade_id, px, qty = (
        integers(rows, name)[ordinary] for name in ("ts_recv", "trade_id", "px", "qty")
    )
    sold = rows.column("is_buyer_maker").to_numpy().astype(np.bool_)[ordinary]
    revision = integers(rows, "instrument_rev")[ordinary]
    return Prints(at, trade_id, px, qty, np.where(sold, 0, qty), revision)


def exact_sum(left: Int64s, right: Int64s) -> int:
    """Sum the products of two columns that are not negative."""
    if len(left) * int(left.max()) * int(right.max()) <= INT64_MAX:
        return int(left @ right)
    return sum(a * b for a, b in zip(left.tolist(), right.tolist(), strict=True))


def scaled(values: Int64s, ratio: Decimal) -> Int64s | None:
    """Give ``values`` times ``ratio`` if all are whole."""
    found = [int(it) * ratio for it in values.tolist()]
    if any(it != it.to_integral_value() for it in found):
        return None
    return np.array([int(it) for it in found], dtype=np.int64)


def on_grid(prints: Prints, grids: Mapping[int, Instrument], target: int) -> Prints | None:
    """Count all prices and sizes in the steps of revision ``target``, if they fit them."""
    px, qty, bought = prints.px.copy(), prints.qty.copy(), prints.bought.copy()
    for revision in np.unique(prints.revision).tolist():
        own = prints.revision == revision
        tick = Decimal(grids[revision].tick_size) / Decimal(grids[target].tick_size)
        lot = Decimal(grids[revision].lot_size) / Decimal(grids[target].lot_size)
        for column, ratio in ((px, tick), (qty, lot), (bought, lot)):
            counted = scaled(column[own], ratio)
            if counted is None:
                return None
            column[own] = counted
    revisions = np.full(len(px), target, dtype=np.int64)
    return prints._replace(px=px, qty=qty, bought=bought, revision=revisions)


def on_one_grid(prints: Prints, grids: Mapping[int, Instrument]) -> Prints:
    """Count the trades of a minute in one grid; raise :exc:`Unsettled` where none holds them."""
    revisions = np.unique(prints.revision)
    if len(revisions) == 1:
        return prints
    unknown = [it for it in revisions.tolist() if it not in grids]
    if unknown:
        raise Unsettled(f"the trades name revision {unknown[0]}, whose grid the footer lacks")
    for target in (int(prints.revision[-1]), *revisions.tolist()):
        found = on_grid(prints, grids, target)
        if found is not None:
            return found
    raise Unsettled(f"no grid of the revisions {revisions.tolist()} holds a whole minute's trades")


def bar_of(prints: Prints) -> Mapping[str, int | Decimal | None]:
    """Make the bar of one minute's trades, of which there is at least one."""
    px, qty = prints.px, prints.qty
    return {
        "open": int(px[0]),
        "high": int(px.max()),
        "low": int(px.min()),
        "close": int(px[-1]),
        "volume": int(qty.sum()),
        "quote_volume": Decimal(exact_sum(px, qty)),
        "n_trades": len(px),
        "taker_buy_volume": int(prints.bought.sum()),
        "first_trade_id": int(prints.trade_id[0]),
        "last_trade_id": int(prints.trade_id[-1]),
    }


def klines(
    rows: pa.Table, grids: Sequence[Instrument], hour: Hour, seen: frozenset[int]
) -> pa.Table:
    """Give the hour's sixty bars; ``seen`` are the minutes in which the instrument was recorded.

    There is at least one trade. Raises :exc:`Unsettled`.
    """
    known = {int(it.revision): it for it in grids}
    prints = prints_of(rows)
    instrument_id = str(rows.column("instrument_id")[0])
    revision = int(integers(rows, "instrument_rev")[0])
    edges = np.searchsorted(prints.at, hour.start + np.arange(MINUTES_PER_HOUR + 1) * MINUTE_NS)
    bars: list[Bar] = []
    for minute in range(MINUTES_PER_HOUR):
        start, end = int(edges[minute]), int(edges[minute + 1])
        bar: Mapping[str, int | Decimal | None] = SILENCE if minute in seen else NOTHING
        if end > start:
            own = on_one_grid(prints.between(start, end), known)
            bar, revision = bar_of(own), int(own.revision[-1])
        bars.append(
            {
                "open_time": hour.start + minute * MINUTE_NS,
                "interval_s": KLINE_INTERVAL_S,
                **bar,
                "source": SOURCE_DERIVED,
                "is_final": minute in seen,
                "instrument_id": instrument_id,
                "instrument_rev": revision,
            }
        )
    return pa.Table.from_pylist(bars, schema=parquet.arrow_schema(KLINES))
