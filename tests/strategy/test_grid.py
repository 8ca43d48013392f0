"""The grid maker: its formulas by example, its promises as properties."""

import itertools

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.strategy.views import PARAMETERS, SCALES, VIEW, view
from trading_runtime.records.units import MICROS_PER_UNIT, Side
from trading_runtime.strategy.grid import (
    Grid,
    GridMemory,
    GridParameters,
    Scaled,
    half_spread_micro,
    skew_micro,
)
from trading_runtime.strategy.interface import Desired, View

UNIT = MICROS_PER_UNIT


def quote(seen: View, parameters: GridParameters = PARAMETERS) -> Desired:
    return Grid().quote(seen, parameters, GridMemory())


def ladder(desired: Desired, side: Side) -> list[tuple[int, int]]:
    return [(one.price, one.size) for one in desired.quotes if one.side is side]


def test_levels_stand_evenly_around_the_microprice() -> None:
    desired = quote(VIEW)
    assert ladder(desired, Side.BUY) == [(998, 10), (993, 10), (988, 10)]
    assert ladder(desired, Side.SELL) == [(1_003, 10), (1_008, 10), (1_013, 10)]
    assert desired.fair_micro == VIEW.microprice_micro


def test_the_spread_covers_the_least_share_of_the_price() -> None:
    parameters = replace(PARAMETERS, spread_min_ppm=20_000)
    # 2 % of 1,000.5 ticks is 20.01 ticks, half of it on each side.
    assert half_spread_micro(VIEW, parameters) == 10_005_000
    # 10,005,500.25, rounded up.
    assert half_spread_micro(VIEW, replace(PARAMETERS, spread_min_ppm=20_001)) == 10_005_501
    desired = quote(VIEW, parameters)
    assert ladder(desired, Side.BUY)[0][0] == 990
    assert ladder(desired, Side.SELL)[0][0] == 1_011


def test_volatility_widens_both_sides() -> None:
    parameters = replace(PARAMETERS, volatility_widening_micro=500_000)
    assert half_spread_micro(view(volatility=4 * UNIT), parameters) == 4 * UNIT


@pytest.mark.parametrize(
    ("seen", "skew"),
    [
        (view(inventory=500), -1_500_000),
        (view(inventory=-1_000), 3_000_000),
        (view(imbalance=500_000), 1_000_000),
        (view(trend=-2 * UNIT), -8_000_000),
        (view(inventory=500, imbalance=UNIT, trend=UNIT), 4_500_000),
        (view(trend=100 * UNIT), 10_000_000),
        (view(trend=-100 * UNIT), -10_000_000),
        (view(inventory=5, inventory_max=0), 0),
    ],
)
def test_skews_add_up_within_their_bound(seen: View, skew: int) -> None:
    parameters = replace(
        PARAMETERS,
        inventory_skew_micro=3 * UNIT,
        imbalance_skew_micro=2 * UNIT,
        trend_skew_micro=4 * UNIT,
        skew_max_ticks=10,
    )
    assert skew_micro(seen, parameters) == skew
    assert quote(seen, parameters).fair_micro == VIEW.microprice_micro + skew


def test_a_skew_beyond_the_touch_stops_one_tick_from_the_other_side() -> None:
    parameters = replace(PARAMETERS, trend_skew_micro=UNIT)
    up, down = quote(view(trend=50 * UNIT), parameters), quote(view(trend=-50 * UNIT), parameters)
    assert ladder(up, Side.BUY)[0][0] == VIEW.best_ask - 1
    assert ladder(down, Side.SELL)[0][0] == VIEW.best_bid + 1


def test_a_side_is_cut_to_what_the_limit_leaves() -> None:
    desired = quote(view(inventory=985))
    assert ladder(desired, Side.BUY) == [(998, 10), (993, 5)]
    assert len(ladder(desired, Side.SELL)) == 3
    assert "bids cut by inventory" in desired.reason
    assert "asks" not in desired.reason


@pytest.mark.parametrize("inventory", [1_000, 1_700])
def test_at_the_limit_only_the_other_side_is_quoted(inventory: int) -> None:
    desired = quote(view(inventory=inventory))
    assert ladder(desired, Side.BUY) == []
    assert len(ladder(desired, Side.SELL)) == 3


def test_outside_the_band_only_the_side_that_brings_it_back_is_quoted() -> None:
    parameters = replace(PARAMETERS, inventory_band_ppm=250_000)
    assert ladder(quote(view(inventory=249), parameters), Side.BUY)
    assert not ladder(quote(view(inventory=250), parameters), Side.BUY)
    assert not ladder(quote(view(inventory=-250), parameters), Side.SELL)
    assert ladder(quote(view(inventory=-250), parameters), Side.BUY)


def test_one_level_a_side_comes_first_then_the_grid() -> None:
    parameters = replace(PARAMETERS, first_phase_seconds=10)
    grid, memory = Grid(), GridMemory()
    assert len(grid.quote(view(), parameters, memory).quotes) == 2
    assert len(grid.quote(view(seconds=9), parameters, memory).quotes) == 2
    desired = grid.quote(view(seconds=10), parameters, memory)
    assert len(desired.quotes) == 6
    assert desired.reason.startswith("grid")


def test_high_volatility_withdraws_until_it_is_well_below_and_begins_anew() -> None:
    parameters = replace(
        PARAMETERS,
        volatility_usual_micro=UNIT,
        volatility_factor_max_ppm=2 * UNIT,
        first_phase_seconds=10,
    )
    grid, memory = Grid(), GridMemory()
    moments = [
        (0, 2_000_000),
        (20, 2_000_000),
        (21, 2_000_001),
        (22, 1_600_001),
        (23, 1_600_000),
        (24, 2_000_000),
        (33, 2_000_000),
    ]
    counts = [
        len(grid.quote(view(seconds=at, volatility=volatility), parameters, memory).quotes)
        for at, volatility in moments
    ]
    assert counts == [2, 6, 0, 0, 2, 2, 6]


def test_without_a_usual_volatility_nothing_is_withdrawn() -> None:
    assert quote(view(volatility=10**12)).quotes


def test_a_gray_release_runs_part_of_the_size_or_of_the_levels() -> None:
    some = replace(PARAMETERS, scale_ppm=350_000)
    assert ladder(quote(VIEW, some), Side.BUY) == [(998, 3), (993, 3), (988, 3)]
    fewer = replace(PARAMETERS, scale_ppm=700_000, scaled=Scaled.LEVELS)
    assert ladder(quote(VIEW, fewer), Side.BUY) == [(998, 10), (993, 10)]
    least = replace(PARAMETERS, scale_ppm=1, scaled=Scaled.LEVELS)
    assert ladder(quote(VIEW, least), Side.BUY) == [(998, 10)]


def test_levels_end_at_the_lowest_price() -> None:
    low = replace(VIEW, best_bid=7, best_ask=8, microprice_micro=7_500_000)
    assert ladder(quote(low), Side.BUY) == [(5, 10)]


def test_parameters_are_read_from_settings_and_bounded() -> None:
    table = {"levels": 1, "half_spread_ticks": 1, "level_spacing_ticks": 1, "size_lots": 1}
    assert msgspec.convert({**table, "scaled": "levels"}, GridParameters).scaled is Scaled.LEVELS
    wrong = [{"levels": 101}, {"half_spread_ticks": 0}, {"scale_ppm": 0}, {"leveles": 3}]
    for change in wrong:
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({**table, **change}, GridParameters)


signed = st.integers(-(10**8), 10**8)
parameter_sets = st.builds(
    GridParameters,
    levels=st.integers(1, 100),
    half_spread_ticks=st.integers(1, 50),
    level_spacing_ticks=st.integers(1, 20),
    size_lots=st.integers(1, 500),
    spread_min_ppm=st.integers(0, 2_000),
    inventory_skew_micro=st.integers(0, 10**8),
    imbalance_skew_micro=signed,
    trend_skew_micro=signed,
    skew_max_ticks=st.integers(0, 2_000),
    volatility_widening_micro=st.integers(0, 10**7),
    inventory_band_ppm=st.integers(1, UNIT),
    first_phase_seconds=st.integers(0, 1),
    scale_ppm=st.integers(1, UNIT),
    scaled=st.sampled_from(Scaled),
)


@st.composite
def views(draw: st.DrawFn) -> View:
    bid = draw(st.integers(1, 10**7))
    ask = bid + draw(st.integers(1, 30))
    inventory = draw(st.integers(-3_000, 3_000))
    return View(
        at=VIEW.at,
        scales=SCALES,
        best_bid=bid,
        bid_size=draw(st.integers(1, 1_000)),
        best_ask=ask,
        ask_size=draw(st.integers(1, 1_000)),
        microprice_micro=draw(st.integers(bid * UNIT, ask * UNIT)),
        imbalance=draw(st.integers(-UNIT, UNIT)),
        volatility=draw(st.integers(0, 10**9)),
        trend=draw(signed),
        inventory=inventory,
        effective_inventory=inventory,
        inventory_max=draw(st.integers(0, 2_500)),
    )


@settings(deadline=None)
@given(views(), parameter_sets)
def test_quotes_are_safe_to_post_and_in_order(seen: View, parameters: GridParameters) -> None:
    desired = quote(seen, parameters)
    bids, asks = ladder(desired, Side.BUY), ladder(desired, Side.SELL)
    assert all(0 < price < seen.best_ask and size > 0 for price, size in bids)
    assert all(price > seen.best_bid and size > 0 for price, size in asks)
    assert len(bids) <= parameters.levels
    assert len(asks) <= parameters.levels
    spacing = parameters.level_spacing_ticks
    for one, two in itertools.pairwise(bids):
        assert one[0] - two[0] == spacing
    for one, two in itertools.pairwise(asks):
        assert two[0] - one[0] == spacing
    if bids and asks:
        assert bids[0][0] < asks[0][0]


@settings(deadline=None)
@given(views(), parameter_sets)
def test_no_side_can_bring_the_position_past_the_limit(
    seen: View, parameters: GridParameters
) -> None:
    desired = quote(seen, parameters)
    bought = sum(size for _, size in ladder(desired, Side.BUY))
    sold = sum(size for _, size in ladder(desired, Side.SELL))
    assert not bought or seen.inventory + bought <= seen.inventory_max
    assert not sold or seen.inventory - sold >= -seen.inventory_max


@settings(deadline=None)
@given(views(), parameter_sets)
def test_a_mirrored_market_is_quoted_in_the_mirror(seen: View, parameters: GridParameters) -> None:
    # Prices are mirrored about a point so high that no bid ends at the lowest price.
    shifted = replace(
        seen,
        best_bid=seen.best_bid + 10**9,
        best_ask=seen.best_ask + 10**9,
        microprice_micro=seen.microprice_micro + 10**9 * UNIT,
    )
    flat = replace(parameters, spread_min_ppm=0)
    about = shifted.best_bid + shifted.best_ask
    mirrored = replace(
        shifted,
        bid_size=seen.ask_size,
        ask_size=seen.bid_size,
        microprice_micro=about * UNIT - shifted.microprice_micro,
        imbalance=-seen.imbalance,
        trend=-seen.trend,
        inventory=-seen.inventory,
    )
    assert skew_micro(mirrored, flat) == -skew_micro(shifted, flat)
    here, there = quote(shifted, flat), quote(mirrored, flat)
    reflected = [(about - price, size) for price, size in ladder(there, Side.SELL)]
    assert ladder(here, Side.BUY) == reflected


@settings(deadline=None)
@given(views(), parameter_sets)
def test_the_same_view_gives_the_same_quotes(seen: View, parameters: GridParameters) -> None:
    assert quote(seen, parameters) == quote(seen, parameters)
