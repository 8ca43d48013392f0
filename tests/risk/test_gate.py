"""The gate: one past a limit is refused with its name, and nobody else approves."""

import ast
from fractions import Fraction
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_runtime.records.commands import Execution
from trading_runtime.records.facts_trading import Limit
from trading_runtime.records.units import Lots, Micro, Side, Ticks
from trading_runtime.risk.gate import Approved, Exposure, Intent, Refused, check, cut
from trading_runtime.risk.limits import OrderLimits

ROOT = Path(__file__).parents[2]
LIMITS = OrderLimits(
    inventory_max=Lots(100),
    order_size_max=Lots(50),
    price_band=Micro(100_000),
    open_orders_max=3,
    leverage_max=Micro(2_000_000),
)


def exposure(**changes: int) -> Exposure:
    usual = Exposure(
        position=Lots(0),
        pending_buy=Lots(0),
        pending_sell=Lots(0),
        double_mid=2_000,
        open_orders=0,
        equity=10**9,
        notional_elsewhere=0,
        money_per_tick_lot=1,
    )
    return msgspec.structs.replace(usual, **changes)


def intent(side: Side = Side.BUY, price: int = 1_000, size: int = 10, **changes: object) -> Intent:
    usual = Intent(side, Ticks(price), Lots(size), Execution.POST_ONLY, False)
    return msgspec.structs.replace(usual, **changes)


CASES = [
    (intent(size=50), exposure(), intent(size=51), exposure(), (Limit.ORDER_SIZE, 51, 50)),
    (
        intent(),
        exposure(open_orders=2),
        intent(),
        exposure(open_orders=3),
        (Limit.OPEN_ORDERS, 4, 3),
    ),
    (
        intent(price=900),
        exposure(),
        intent(price=899),
        exposure(),
        (Limit.PRICE_BAND, 101_000, 100_000),
    ),
    (
        intent(price=1_100),
        exposure(),
        intent(price=1_101),
        exposure(),
        (Limit.PRICE_BAND, 101_000, 100_000),
    ),
    (
        intent(),
        exposure(position=60, pending_buy=30),
        intent(),
        exposure(position=60, pending_buy=31),
        (Limit.INVENTORY, 101, 100),
    ),
    (
        intent(Side.SELL),
        exposure(position=-60, pending_sell=30),
        intent(Side.SELL),
        exposure(position=-60, pending_sell=31),
        (Limit.INVENTORY, 101, 100),
    ),
    (
        intent(),
        exposure(equity=10_000, notional_elsewhere=10_000),
        intent(),
        exposure(equity=10_000, notional_elsewhere=10_001),
        (Limit.LEVERAGE, 2_000_100, 2_000_000),
    ),
]


@pytest.mark.parametrize(("within", "there", "past", "then", "broken"), CASES)
def test_one_past_a_limit_is_refused_with_its_name_and_the_limit_itself_is_not(
    within: Intent, there: Exposure, past: Intent, then: Exposure, broken: tuple[Limit, int, int]
) -> None:
    assert check(within, there, LIMITS) == Approved(within)
    verdict = check(past, then, LIMITS)
    assert isinstance(verdict, Refused)
    assert (verdict.limit, verdict.value, verdict.threshold) == broken


def test_without_a_mid_nothing_is_let_through() -> None:
    verdict = check(intent(), exposure(double_mid=0), LIMITS)
    assert isinstance(verdict, Refused)
    assert verdict.limit is Limit.PRICE_BAND


def test_without_equity_only_what_reduces_is_let_through() -> None:
    verdict = check(intent(), exposure(equity=0), LIMITS)
    assert isinstance(verdict, Refused)
    assert verdict.limit is Limit.LEVERAGE
    assert isinstance(check(intent(), exposure(equity=-5, position=-10), LIMITS), Approved)


@pytest.mark.parametrize(
    ("side", "position", "pending", "size", "passes"),
    [
        (Side.SELL, 30, 0, 30, True),
        (Side.SELL, 30, 0, 31, False),
        (Side.SELL, 30, 5, 26, False),
        (Side.SELL, -30, 0, 1, False),
        (Side.BUY, -30, 0, 30, True),
        (Side.BUY, 30, 0, 1, False),
    ],
)
def test_what_promises_to_reduce_is_held_to_that_and_to_nothing_else(
    *, side: Side, position: int, pending: int, size: int, passes: bool
) -> None:
    there = exposure(
        position=position, pending_buy=pending, pending_sell=pending, open_orders=99, equity=-1
    )
    verdict = check(intent(side, 1, size, reduce_only=True), there, LIMITS)
    assert isinstance(verdict, Approved) == passes
    if isinstance(verdict, Refused):
        assert verdict.limit is Limit.REDUCE_ONLY


SIZES = st.integers(0, 120)


@settings(max_examples=300)
@given(
    st.builds(intent, st.sampled_from(Side), st.integers(1, 3_000), st.integers(1, 60)),
    st.builds(
        exposure,
        position=st.integers(-120, 120),
        pending_buy=SIZES,
        pending_sell=SIZES,
        double_mid=st.integers(0, 5_000),
        open_orders=st.integers(0, 4),
        equity=st.integers(-10_000, 200_000),
        notional_elsewhere=st.integers(0, 100_000),
        money_per_tick_lot=st.integers(1, 3),
    ),
)
def test_the_gate_says_what_fractions_say(order: Intent, there: Exposure) -> None:
    sign = order.side.sign
    pending = there.pending_buy if order.side is Side.BUY else there.pending_sell
    worst = sign * there.position + pending + order.size
    mid = Fraction(there.double_mid, 2)
    notional = there.notional_elsewhere + worst * order.price * there.money_per_tick_lot
    breaks = {
        Limit.ORDER_SIZE: order.size > 50,
        Limit.OPEN_ORDERS: there.open_orders >= 3,
        Limit.PRICE_BAND: not mid or abs(order.price - mid) / mid > Fraction(1, 10),
        Limit.INVENTORY: worst > 100,
        Limit.LEVERAGE: worst > 0 and notional > 2 * there.equity,
    }
    first = next((limit for limit, broken in breaks.items() if broken), None)
    verdict = check(order, there, LIMITS)
    assert (verdict.limit if isinstance(verdict, Refused) else None) is first


def quote(side: Side, size: int) -> tuple[Side, Ticks, Lots]:
    return side, Ticks(1_000), Lots(size)


def test_quotes_are_cut_best_first_to_what_may_be_filled() -> None:
    quotes = (quote(Side.BUY, 30), quote(Side.BUY, 30), quote(Side.BUY, 30), quote(Side.SELL, 90))
    cutting = cut(quotes, Lots(50), LIMITS)
    assert cutting.quotes == (quote(Side.BUY, 30), quote(Side.BUY, 20), quote(Side.SELL, 90))
    assert [(each.limit, each.value) for each in cutting.refused] == [
        (Limit.INVENTORY, 110),
        (Limit.INVENTORY, 140),
    ]


@given(
    st.lists(st.builds(quote, st.sampled_from(Side), st.integers(1, 60)), max_size=8),
    st.integers(-150, 150),
)
def test_whatever_is_filled_of_cut_quotes_the_limit_holds(
    quotes: list[tuple[Side, Ticks, Lots]], position: int
) -> None:
    cutting = cut(tuple(quotes), Lots(position), LIMITS)
    bought = sum(size for side, _, size in cutting.quotes if side is Side.BUY)
    sold = sum(size for side, _, size in cutting.quotes if side is Side.SELL)
    assert not bought or position + bought <= 100
    assert not sold or sold - position <= 100
    assert all(size > 0 for _, _, size in cutting.quotes)
    if not cutting.refused:
        assert cutting.quotes == tuple(quotes)


GRID = msgspec.structs.replace(LIMITS, price_step=5, size_step=4, notional_min=8_000)


@pytest.mark.parametrize("reduce_only", [False, True])
def test_price_and_size_are_on_the_grid_of_orders(*, reduce_only: bool) -> None:
    held = exposure(position=-40)
    for price, size, limit in ((1_001, 8, Limit.ORDER_GRID), (1_000, 9, Limit.ORDER_GRID)):
        verdict = check(intent(price=price, size=size, reduce_only=reduce_only), held, GRID)
        assert isinstance(verdict, Refused)
        assert (verdict.limit, verdict.value) == (limit, 1)
    assert isinstance(check(intent(size=8, reduce_only=reduce_only), held, GRID), Approved)


def test_less_than_the_least_notional_may_only_reduce() -> None:
    verdict = check(intent(size=4), exposure(position=-40), GRID)
    assert isinstance(verdict, Refused)
    assert (verdict.limit, verdict.value, verdict.threshold) == (Limit.NOTIONAL_MIN, 4_000, 8_000)
    assert isinstance(
        check(intent(size=4, reduce_only=True), exposure(position=-40), GRID), Approved
    )


@pytest.mark.parametrize("execution", list(Execution))
def test_an_order_never_meets_one_of_ours(execution: Execution) -> None:
    ours = exposure(highest_buy=990, lowest_sell=1_010)
    meets = [(Side.BUY, 1_010), (Side.BUY, 1_011), (Side.SELL, 990), (Side.SELL, 989)]
    for side, price in meets:
        verdict = check(intent(side, price, execution=execution), ours, LIMITS)
        assert isinstance(verdict, Refused)
        assert verdict.limit is Limit.SELF_TRADE
    for side, price in ((Side.BUY, 1_009), (Side.SELL, 991)):
        assert isinstance(check(intent(side, price, execution=execution), ours, LIMITS), Approved)


def test_what_is_cut_stays_on_the_grid_of_sizes() -> None:
    quotes = ((Side.BUY, Ticks(1_000), Lots(20)),)
    assert cut(quotes, Lots(90), GRID).quotes == ((Side.BUY, 1_000, 8),)


def calls(path: Path, name: str) -> int:
    return sum(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
        for node in ast.walk(ast.parse(path.read_text()))
    )


def test_only_the_gate_approves_and_only_the_lane_places() -> None:
    sources = sorted((ROOT / "trading_runtime").rglob("*.py"))
    approving = {path.name for path in sources if calls(path, "Approved")}
    assert approving == {"gate.py"}
    placing = {path.name for path in sources if calls(path, "PlaceOrder")}
    # The dispatch says again how an order was placed, to whoever encodes its amendment.
    assert placing == {"dispatch.py", "lane.py"}
