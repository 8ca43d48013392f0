"""The data grid stays as it is unless the venue's orders need a finer one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.desk_inputs import instrument
from trading_runtime.account.reports import Trading
from trading_runtime.core.venues.filters import Filters, fitted
from trading_runtime.records.exact import Grid
from trading_runtime.records.instruments import Scales


def filters(tick: str, lot: str, notional: str = "5") -> Filters:
    return Filters("BTCUSDT", "A", "B", tick, lot, notional, Trading.OPEN)


@pytest.mark.parametrize(
    ("data", "order", "grid", "step"),
    [
        ("0.10", "0.1", "0.10", 1),
        ("0.01", "0.1", "0.01", 10),
        ("0.1", "0.01", "0.01", 1),
        ("1", "5", "1", 5),
        ("0.02", "0.05", "0.01", 5),
        ("0.50", "0.25", "0.25", 1),
    ],
)
def test_grids_of_data_and_orders(data: str, order: str, grid: str, step: int) -> None:
    told = fitted(instrument("v", "BTCUSDT", data, data), filters(order, order))
    assert (told.tick_size, told.price_step) == (grid, step)
    assert (told.lot_size, told.size_step) == (grid, step)
    assert told.notional_min == "5"


def test_nothing_new_leaves_the_instrument_as_it_is() -> None:
    once = fitted(instrument("v", "BTCUSDT", "0.10", "0.001"), filters("0.1", "0.001"))
    assert fitted(once, filters("0.1", "0.001")) == once


STEPS = st.integers(1, 500).flatmap(
    lambda units: st.integers(0, 6).map(lambda scale: f"{units / 10**scale:.6f}")
)


@given(STEPS, STEPS)
def test_every_price_of_either_grid_lies_on_the_one_that_is_told(data: str, order: str) -> None:
    told = fitted(instrument("v", "BTCUSDT", data, "1"), filters(order, "1"))
    grid = Grid(told.tick_size)
    assert grid.count(order) == told.price_step
    assert grid.count(data) >= 1
    assert Scales(told).money_per_tick_lot >= 1
