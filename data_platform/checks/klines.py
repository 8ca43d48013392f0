"""What an hour of one-minute bars promises.

Sixty rows: everything is plain Python here, exact without a thought.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from data_platform.checks import identity
from data_platform.checks.findings import PPM, Inspected, Int64s, Rule, Subject
from trading_runtime.records.lake_schema import KLINE_INTERVAL_S, SOURCE_DERIVED, Flag
from trading_runtime.store import parquet
from trading_runtime.store.hours import MINUTE_NS
from trading_runtime.store.parquet import integers

GRID = Rule("grid_complete", "there is one bar for each of the 60 minutes, in their order")
INTERVAL = Rule("interval_known", "every bar is of one minute, and of a known source")
ORDERED = Rule("ohlc_ordered", "low <= open, close <= high, and a price is above zero")
SIZES = Rule("volume_not_negative", "volumes and counts are not negative")
EMPTY = Rule("no_trade_no_price", "a bar has prices, volume and ids exactly if it has trades")
TAKERS = Rule("taker_within_volume", "takers bought no more than was traded")
QUOTE = Rule("quote_volume_in_range", "quote volume lies between low and high times volume")
IDS = Rule("trade_ids_of_bars", "the ids of a bar stand in order, and after the bar before it")
RECOMPUTED = Rule("bars_from_trades", "every bar is what the hour's trades make, to the digit")
WHOLE = Rule("hour_from_bars", "the sixty bars together are the hour's trades")
JUMP = Rule("bar_jump", "a bar opens near the last close", False, "jump_ppm_max")

Bar = Mapping[str, int | str | bool | None]
NUMBERS = (
    *("open", "high", "low", "close", "volume", "quote_volume", "n_trades"),
    *("taker_buy_volume", "first_trade_id", "last_trade_id"),
)


class Trades(NamedTuple):
    """The hour's trades on the market, as columns in the order of arrival."""

    minute: Int64s
    px: Int64s
    qty: Int64s
    ids: Int64s
    by_taker: Int64s
    """Lots that a taker bought; 0 where the taker sold."""


def number(bar: Bar, name: str) -> int | None:
    """Give a number of the bar; the exact sum of money comes as a decimal."""
    value = bar[name]
    return None if value is None else int(value)


def is_ordered(bar: Bar) -> bool:
    prices = [number(bar, it) for it in ("open", "high", "low", "close")]
    known = [it for it in prices if it is not None]
    if len(known) != len(prices):
        return not known  # told by another rule
    opened, high, low, closed = known
    return 0 < low <= min(opened, closed) and max(opened, closed) <= high


def is_counted(bar: Bar) -> bool:
    sizes = [number(bar, it) for it in ("volume", "quote_volume", "n_trades", "taker_buy_volume")]
    return all(it is None or it >= 0 for it in sizes)


def is_filled_as_traded(bar: Bar) -> bool:
    """Whether what is there goes together: a bar with trades, one without, one never recorded."""
    priced = [number(bar, it) is not None for it in ("open", "high", "low", "close")]
    named = [number(bar, it) is not None for it in ("first_trade_id", "last_trade_id")]
    trades, volume = number(bar, "n_trades"), number(bar, "volume")
    if trades is None or volume is None:
        return trades is None and volume is None and not any(priced) and not bar["is_final"]
    if trades == 0:
        return volume == 0 and not any(priced) and not any(named)
    return volume > 0 and all(priced) and all(named)


def is_within_volume(bar: Bar) -> bool:
    volume, bought = number(bar, "volume"), number(bar, "taker_buy_volume")
    return volume is None or bought is None or bought <= volume


def is_priced_within(bar: Bar) -> bool:
    low, high = number(bar, "low"), number(bar, "high")
    volume, quote = number(bar, "volume"), number(bar, "quote_volume")
    if low is None or high is None or volume is None or quote is None:
        return True
    return low * volume <= quote <= high * volume


def is_of_one_minute(bar: Bar) -> bool:
    return bar["interval_s"] == KLINE_INTERVAL_S and bar["source"] == SOURCE_DERIVED


BY_BAR: tuple[tuple[Rule, Callable[[Bar], bool]], ...] = (
    (INTERVAL, is_of_one_minute),
    (ORDERED, is_ordered),
    (SIZES, is_counted),
    (EMPTY, is_filled_as_traded),
    (TAKERS, is_within_volume),
    (QUOTE, is_priced_within),
)


def off_the_grid(bars: Sequence[Bar], start: int) -> Iterator[int]:
    """Give the rows that do not stand at their minute, and the last one if some are missing."""
    for row, bar in enumerate(bars):
        if bar["open_time"] != start + row * MINUTE_NS or row >= 60:  # noqa: PLR2004 -- minutes
            yield row
    if len(bars) < 60:  # noqa: PLR2004 -- minutes
        yield max(len(bars) - 1, 0)


def ids_out_of_order(bars: Sequence[Bar]) -> Iterator[int]:
    before = 0
    for row, bar in enumerate(bars):
        first, last = number(bar, "first_trade_id"), number(bar, "last_trade_id")
        if first is None or last is None:
            continue
        if first > last or first <= before:
            yield row
        before = max(before, last)


def jumps(bars: Sequence[Bar]) -> Int64s:
    """Give the distance of each open from the last close, in millionths; 0 where there is none."""
    moved, closed = np.zeros(len(bars), dtype=np.int64), None
    for row, bar in enumerate(bars):
        opened = number(bar, "open")
        if opened is not None and closed:
            moved[row] = abs(opened - closed) * PPM // abs(closed)
        last = number(bar, "close")
        closed = closed if last is None else last
    return moved


def trades_beside(subject: Subject) -> Trades | None:
    """Read the trades that the bars' commit record names; none where it names none."""
    if subject.files is None:
        return None
    paths = [it.path for it in subject.files.commit.sources if it.path.endswith("trade.parquet")]
    found = [subject.files.data / it for it in paths if (subject.files.data / it).exists()]
    if not found:
        return None
    columns = ["ts_recv", "trade_id", "px", "qty", "is_buyer_maker", "flags"]
    rows = pa.concat_tables([parquet.read(it, columns) for it in found])
    keep = (integers(rows, "flags") & Flag.OFF_MARKET) == 0
    qty = integers(rows, "qty")
    sold = rows.column("is_buyer_maker").to_numpy().astype(np.bool_)
    minute = (integers(rows, "ts_recv") - subject.hour.start) // MINUTE_NS
    return Trades(
        minute[keep],
        integers(rows, "px")[keep],
        qty[keep],
        integers(rows, "trade_id")[keep],
        np.where(sold, 0, qty)[keep],
    )


def bar_of(trades: Trades, minute: int) -> dict[str, int | None]:
    """Make the bar of a minute again, without the code that made it."""
    own = np.flatnonzero(trades.minute == minute)
    if len(own) == 0:
        none = dict.fromkeys(NUMBERS)
        return {**none, "volume": 0, "quote_volume": 0, "n_trades": 0, "taker_buy_volume": 0}
    px, qty = trades.px[own].tolist(), trades.qty[own].tolist()
    return {
        "open": px[0],
        "high": max(px),
        "low": min(px),
        "close": px[-1],
        "volume": sum(qty),
        "quote_volume": sum(price * size for price, size in zip(px, qty, strict=True)),
        "n_trades": len(own),
        "taker_buy_volume": int(trades.by_taker[own].sum()),
        "first_trade_id": int(trades.ids[own[0]]),
        "last_trade_id": int(trades.ids[own[-1]]),
    }


def unlike_trades(bars: Sequence[Bar], trades: Trades, start: int) -> Iterator[int]:
    for row, bar in enumerate(bars):
        minute = (int(bar["open_time"] or 0) - start) // MINUTE_NS
        told = {it: number(bar, it) for it in NUMBERS}
        if told["n_trades"] is None and not (trades.minute == minute).any():
            continue  # nothing of the instrument was recorded in this minute
        if told != bar_of(trades, minute):
            yield row


def total_off(bars: Sequence[Bar], trades: Trades) -> int:
    """Give by how many trades and lots the bars' sums are off the trades'."""
    count = sum(number(bar, "n_trades") or 0 for bar in bars)
    volume = sum(number(bar, "volume") or 0 for bar in bars)
    return abs(count - len(trades.ids)) + abs(volume - int(trades.qty.sum()))


def row_numbers(rows: Iterator[int]) -> Int64s:
    return np.array(sorted(set(rows)), dtype=np.int64)


def inspect(rows: pa.Table, subject: Subject) -> Inspected:
    """Check one symbol's hour of bars; the rows of each finding are numbers in the file."""
    bars: Sequence[Bar] = rows.to_pylist()
    start, trades = subject.hour.start, trades_beside(subject)
    moved = jumps(bars)
    findings = [
        identity.INSTRUMENT.broken_by(~identity.own_rows(rows, subject.grids)),
        GRID.broken_by(row_numbers(off_the_grid(bars, start))),
        *(
            rule.broken_by(np.array([not holds(bar) for bar in bars], dtype=np.bool_))
            for rule, holds in BY_BAR
        ),
        IDS.broken_by(row_numbers(ids_out_of_order(bars))),
        JUMP.most(moved, np.arange(len(bars)), subject.limits),
    ]
    if trades is not None:
        findings += [
            RECOMPUTED.broken_by(row_numbers(unlike_trades(bars, trades, start))),
            WHOLE.differs(total_off(bars, trades)),
        ]
    metrics = {
        "rows": rows.num_rows,
        "trades": sum(number(bar, "n_trades") or 0 for bar in bars),
    }
    return Inspected(findings, metrics)
