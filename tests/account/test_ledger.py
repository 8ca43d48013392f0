"""The ledger against exact fractions."""

from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_runtime.account.ledger import Ledger
from trading_runtime.errors import Halt
from trading_runtime.records.carried_trading import LedgerCarried
from trading_runtime.records.instruments import Instrument, Scales
from trading_runtime.records.units import MICROS_PER_UNIT, Lots, Money, Revision, Side, Ticks

INSTRUMENT = Instrument(
    revision=Revision(1),
    venue="venue-spot",
    symbol="BTCUSDT",
    base_asset="BTC",
    quote_asset="USDT",
    tick_size="0.10",
    lot_size="0.001",
    multiplier="1",
    money_scale=8,
)
SCALES = Scales(INSTRUMENT)
UNIT = 10**8
"""Of money, in one unit of the quote asset."""


def usdt(text: str) -> int:
    return int(Fraction(text) * UNIT)


def book(ledger: Ledger, side: Side, price: int, size: int, fee: int = 0, asset: str = "") -> None:
    ledger.book(side, Ticks(price), Lots(size), Money(fee), asset or "USDT")


def test_a_round_trip_earns_the_difference_less_the_fees() -> None:
    ledger = Ledger(SCALES)
    book(ledger, Side.BUY, 100_000, 500, usdt("2.5"))
    book(ledger, Side.SELL, 100_100, 500, usdt("2.5"))
    assert (ledger.position, ledger.cost) == (0, 0)
    assert ledger.realized == usdt("5")
    assert ledger.fees == usdt("5")
    assert ledger.total == 0


def test_a_position_turned_round_is_closed_and_opened_at_the_fill() -> None:
    ledger = Ledger(SCALES)
    book(ledger, Side.SELL, 1_000, 10)
    book(ledger, Side.BUY, 900, 30)
    assert ledger.position == 20
    assert ledger.realized == usdt("0.1")
    assert ledger.cost == usdt("1.8")


def test_a_base_asset_fee_is_converted_at_the_fill_and_rounded_against_us() -> None:
    ledger = Ledger(SCALES)
    book(ledger, Side.BUY, 123, 10, 1, "BTC")
    assert ledger.fees == 13
    book(ledger, Side.BUY, 618_000, 10, 1_000, "BTC")
    assert ledger.fees == 13 + 1_000 * 61_800


def test_fees_in_other_assets_are_kept_apart() -> None:
    ledger = Ledger(SCALES)
    book(ledger, Side.BUY, 1_000, 10, 7, "BNB")
    book(ledger, Side.BUY, 1_000, 10, 5, "BNB")
    assert ledger.fees == 0
    assert ledger.other_fees == {"BNB": 12}


def test_a_rebate_is_a_fee_below_zero() -> None:
    ledger = Ledger(SCALES)
    book(ledger, Side.BUY, 1_000, 10, -3)
    assert ledger.total == 3 + ledger.unrealized


def test_the_days_profit_counts_from_its_start() -> None:
    ledger = Ledger(SCALES)
    book(ledger, Side.BUY, 1_000, 10, 3)
    ledger.fund(Money(5))
    ledger.roll_day()
    book(ledger, Side.SELL, 1_001, 10, 4)
    ledger.fund(Money(-2))
    assert ledger.day_realized == usdt("0.001")
    assert (ledger.day_fees, ledger.day_funding) == (4, -2)


FILLS = st.lists(
    st.tuples(
        st.sampled_from(Side),
        st.integers(1, 10**7),
        st.integers(1, 10**6),
        st.integers(-1_000, 1_000),
    ),
    max_size=25,
)


def exact_money(price: int | Fraction, size: int) -> Fraction:
    return Fraction(price) * size * SCALES.money_per_tick_lot


@given(FILLS, st.integers(1, 10**13))
def test_total_profit_is_exact_and_its_parts_are_within_a_unit_a_fill(
    fills: list[tuple[Side, int, int, int]], mark_micro: int
) -> None:
    ledger = Ledger(SCALES)
    position, average, realized, cash, fees = 0, Fraction(0), Fraction(0), Fraction(0), 0
    for side, price, size, fee in fills:
        book(ledger, side, price, size, fee)
        fees += fee
        sign = side.sign
        cash -= sign * exact_money(price, size)
        reduced = min(size, abs(position)) if position * sign < 0 else 0
        realized += -sign * exact_money(price - average, reduced)
        opened = size - reduced
        after = position + sign * size
        if opened:
            kept = abs(after) - opened
            average = (average * kept + Fraction(price) * opened) / abs(after)
        position = after
    ledger.mark(mark_micro)
    value = exact_money(Fraction(mark_micro, MICROS_PER_UNIT), position)
    assert ledger.position == position
    exact_total = cash - fees + value
    assert exact_total - 1 < ledger.total <= exact_total
    assert abs(ledger.realized - realized) <= len(fills)
    assert abs(ledger.cost - exact_money(average, position)) <= len(fills)
    if position == 0:
        assert ledger.cost == 0
        assert ledger.total == exact_total


@given(FILLS)
def test_a_ledger_can_be_carried_at_any_time(fills: list[tuple[Side, int, int, int]]) -> None:
    ledger = Ledger(SCALES)
    for side, price, size, fee in fills:
        book(ledger, side, price, size, fee, "BNB" if fee % 2 else "USDT")
        packed = msgspec.msgpack.encode(ledger.carry())
        ledger = Ledger(SCALES)
        ledger.restore(msgspec.msgpack.decode(packed, type=LedgerCarried))
        assert msgspec.msgpack.encode(ledger.carry()) == packed


def revised(**changes: object) -> Scales:
    return Scales(msgspec.structs.replace(INSTRUMENT, revision=Revision(2), **changes))


def test_on_a_finer_grid_nothing_is_worth_more_or_less() -> None:
    ledger = Ledger(SCALES)
    book(ledger, Side.BUY, 1_000, 10, 3)
    ledger.mark(1_001 * MICROS_PER_UNIT)
    total = ledger.total
    ledger.revise(revised(tick_size="0.01", lot_size="0.0001"))
    assert ledger.position == 100
    assert ledger.mark_micro == 10_010 * MICROS_PER_UNIT
    assert ledger.total == total


def test_a_position_that_the_new_grid_cannot_count_halts() -> None:
    ledger = Ledger(SCALES)
    book(ledger, Side.BUY, 1_000, 3)
    with pytest.raises(Halt):
        ledger.revise(revised(lot_size="0.002"))


def test_a_position_that_is_taken_over_is_neither_profit_nor_loss() -> None:
    ledger = Ledger(SCALES)
    ledger.book(Side.BUY, Ticks(100), Lots(10), Money(0), "USDT")
    ledger.mark(120 * MICROS_PER_UNIT)
    total = ledger.total
    ledger.rebase(Lots(25))
    assert (ledger.position, ledger.total) == (25, total)
    ledger.rebase(Lots(-3))
    assert (ledger.position, ledger.total) == (-3, total)
    ledger.rebase(Lots(0))
    assert (ledger.position, ledger.cost, ledger.total) == (0, 0, total)


def test_a_position_that_is_taken_over_without_a_price_is_bought_at_the_first_one() -> None:
    ledger = Ledger(SCALES)
    ledger.rebase(Lots(5))
    ledger.mark(100 * MICROS_PER_UNIT)
    assert ledger.total == 0
    ledger.mark(110 * MICROS_PER_UNIT)
    assert ledger.total == SCALES.notional(Ticks(10), Lots(5))
