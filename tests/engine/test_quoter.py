"""Quotes on the grid that a venue takes orders on."""

from hypothesis import given
from hypothesis import strategies as st

from tests.engine.world import ACCOUNT_LIMITS, INSTRUMENT, INSTRUMENT_LIMITS
from trading_runtime.engine.quoter import in_order, is_in_order, on_grid
from trading_runtime.records.instruments import Scales
from trading_runtime.records.units import Lots, Side, Ticks
from trading_runtime.risk.limits import OrderLimits, order_limits

USUAL = order_limits(INSTRUMENT_LIMITS, ACCOUNT_LIMITS, Scales(INSTRUMENT))
QUOTES = st.lists(
    st.tuples(
        st.sampled_from(Side),
        st.integers(1, 200).map(Ticks),
        st.integers(1, 60).map(Lots),
    ),
    max_size=12,
).map(tuple)


def limits(price_step: int, size_step: int) -> OrderLimits:
    return OrderLimits(
        USUAL.inventory_max,
        USUAL.order_size_max,
        USUAL.price_band,
        USUAL.open_orders_max,
        USUAL.leverage_max,
        price_step,
        size_step,
    )


@given(QUOTES, st.integers(1, 12), st.integers(1, 12))
def test_no_quote_comes_nearer_or_grows_by_rounding(
    quotes: tuple[tuple[Side, Ticks, Lots], ...], price_step: int, size_step: int
) -> None:
    rounded = on_grid(quotes, limits(price_step, size_step))
    assert all(price % price_step == 0 and size % size_step == 0 for _, price, size in rounded)
    assert all(price > 0 and size > 0 for _, price, size in rounded)
    for side in Side:
        before = [(price, size) for each, price, size in quotes if each is side]
        after = [(price, size) for each, price, size in rounded if each is side]
        assert sum(size for _, size in after) <= sum(size for _, size in before)
        if after:
            best = max if side is Side.BUY else min
            nearest = best(price for price, _ in before)
            assert (best(price for price, _ in after) - nearest) * side.sign <= 0
    assert is_in_order(in_order(rounded))


@given(QUOTES)
def test_on_the_finest_grid_nothing_changes(
    quotes: tuple[tuple[Side, Ticks, Lots], ...],
) -> None:
    assert on_grid(quotes, limits(1, 1)) == quotes
