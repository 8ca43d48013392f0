"""One tick times one lot is a whole number of money, whatever the venue's filters."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from trading_runtime.records.exact import scaled_text
from trading_runtime.records.instruments import (
    MONEY_SCALE_MIN,
    Instrument,
    Scales,
    money_scale,
)
from trading_runtime.records.units import Lots, Revision, Ticks

STEPS = st.builds(scaled_text, st.integers(1, 10**6), st.integers(0, 12))


def instrument(tick: str, lot: str, multiplier: str) -> Instrument:
    return Instrument(
        revision=Revision(1),
        venue="somewhere-usdm",
        symbol="BTCUSDT",
        base_asset="BTC",
        quote_asset="USDT",
        tick_size=tick,
        lot_size=lot,
        multiplier=multiplier,
        money_scale=money_scale(tick, lot, multiplier),
    )


@given(STEPS, STEPS, STEPS, st.integers(0, 10**9), st.integers(0, 10**9))
def test_notional_is_what_decimal_arithmetic_says(
    tick: str, lot: str, multiplier: str, price: int, size: int
) -> None:
    scales = Scales(instrument(tick, lot, multiplier))
    money = scales.notional(Ticks(price), Lots(size))
    exact = Decimal(tick) * price * Decimal(lot) * size * Decimal(multiplier)
    assert Decimal(money).scaleb(-scales.instrument.money_scale) == exact


@given(STEPS, STEPS, STEPS)
def test_money_has_the_venues_eight_decimals_at_least(tick: str, lot: str, multiplier: str) -> None:
    assert money_scale(tick, lot, multiplier) >= MONEY_SCALE_MIN


def test_a_fine_grid_raises_the_scale_of_money() -> None:
    assert money_scale("0.01", "0.00001", "1") == MONEY_SCALE_MIN
    assert money_scale("0.0000001", "0.001", "0.1") == 11


def test_the_identifier_names_venue_and_market() -> None:
    assert instrument("0.1", "0.001", "1").instrument_id == "somewhere-usdm:BTCUSDT"
