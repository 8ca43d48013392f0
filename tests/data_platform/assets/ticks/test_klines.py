from decimal import Decimal

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_platform.assets.ticks.klines import Prints, exact_sum, klines, on_one_grid
from data_platform.assets.ticks.minutes import Unsettled
from tests.store.lake_rows import HOUR, INSTRUMENT, Row, table_of, trade_rows
from trading_runtime.records.lake_schema import TRADES, Flag
from trading_runtime.records.units import Revision
from trading_runtime.store.hours import MINUTE_NS

ALL = frozenset(range(60))


def bars(rows: list[Row], seen: frozenset[int] = ALL) -> list[dict[str, object]]:
    return klines(table_of(rows, TRADES), [INSTRUMENT], HOUR, seen).to_pylist()


def minute_of(row: Row) -> int:
    return (int(str(row["ts_recv"])) - HOUR.start) // MINUTE_NS


def number(row: Row, name: str) -> int:
    return int(str(row[name]))


@given(seed=st.integers(0, 1000), count=st.integers(1, 400))
@settings(max_examples=20, deadline=None)
def test_a_bar_is_what_its_trades_say(seed: int, count: int) -> None:
    rows = trade_rows(count, seed=seed)
    found = bars(rows)
    assert [it["open_time"] for it in found] == [HOUR.start + n * MINUTE_NS for n in range(60)]
    for minute, bar in enumerate(found):
        own = [row for row in rows if minute_of(row) == minute]
        prices = [number(row, "px") for row in own]
        assert bar["n_trades"] == len(own)
        assert bar["volume"] == sum(number(row, "qty") for row in own)
        assert bar["quote_volume"] == sum(number(r, "px") * number(r, "qty") for r in own)
        takers = sum(number(row, "qty") for row in own if not row["is_buyer_maker"])
        assert bar["taker_buy_volume"] == takers
        ohlc = (bar["open"], bar["high"], bar["low"], bar["close"])
        wanted = (prices[0], max(prices), min(prices), prices[-1]) if own else (None,) * 4
        assert ohlc == wanted


def test_a_minute_without_a_trade_has_no_price_and_one_not_recorded_has_nothing() -> None:
    rows = [row for row in trade_rows(20) if minute_of(row) == 0]
    found = bars(rows, seen=frozenset({0, 1}))
    silent, unknown = found[1], found[2]
    assert (silent["volume"], silent["n_trades"], silent["close"]) == (0, 0, None)
    assert silent["is_final"]
    assert (unknown["volume"], unknown["n_trades"], unknown["close"]) == (None, None, None)
    assert not unknown["is_final"]


def test_a_trade_off_the_market_is_in_no_bar() -> None:
    rows = trade_rows(10)
    rows[3] = {**rows[3], "px": 1, "flags": int(Flag.OFF_MARKET | Flag.LAST)}
    assert bars(rows)[0]["n_trades"] == 9
    assert bars(rows)[0]["low"] != 1


def test_quote_volume_is_exact_where_it_outgrows_64_bits() -> None:
    rows = [{**row, "px": 10**13 + 1, "qty": 10**11} for row in trade_rows(3)]
    assert bars(rows)[0]["quote_volume"] == Decimal(3 * (10**13 + 1) * 10**11)
    big = np.full(4, 2**62, dtype=np.int64)
    assert exact_sum(big, big) == 4 * 2**124


def prints(px: list[int], revisions: list[int]) -> Prints:
    numbers = np.array(px, dtype=np.int64)
    return Prints(
        numbers, numbers, numbers, np.full(len(px), 10), np.full(len(px), 10), np.array(revisions)
    )


def grids(first: str, second: str) -> dict[int, object]:
    return {
        number: msgspec.structs.replace(INSTRUMENT, revision=Revision(number), tick_size=tick)
        for number, tick in ((1, first), (2, second))
    }


def test_a_minute_with_a_new_grid_is_counted_in_it_or_else_in_the_old_one() -> None:
    finer = on_one_grid(prints([5, 50], [1, 2]), grids("0.1", "0.01"))
    assert (finer.px.tolist(), finer.revision.tolist()) == ([50, 50], [2, 2])
    coarser = on_one_grid(prints([55, 5], [1, 2]), grids("0.01", "0.1"))
    assert (coarser.px.tolist(), coarser.revision.tolist()) == ([55, 50], [1, 1])
    with pytest.raises(Unsettled, match="no grid"):
        on_one_grid(prints([1, 1], [1, 2]), grids("0.2", "0.3"))
    with pytest.raises(Unsettled, match="revision 3"):
        on_one_grid(prints([1, 1], [1, 3]), grids("0.1", "0.1"))


def test_the_sum_of_quote_volumes_is_exact_in_arrow() -> None:
    table = klines(table_of(trade_rows(300), TRADES), [INSTRUMENT], HOUR, ALL)
    total = pa.compute.sum(table.column("quote_volume")).as_py()
    assert total == sum(number(r, "px") * number(r, "qty") for r in trade_rows(300))
