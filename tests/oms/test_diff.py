"""The fewest actions from what rests to what is wanted."""

from itertools import pairwise, product

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oms.table import order
from trading_runtime.oms.diff import DOUBLED, OFF_PRICE, OFF_SIZE, Tolerance, Wanted, diff
from trading_runtime.oms.order import Order
from trading_runtime.records.lifecycle import OrderState
from trading_runtime.records.units import Lots, Side, Ticks

EXACT = Tolerance(Ticks(0), Lots(0))
OPEN = OrderState.OPEN


def quote(price: int, size: int = 10, side: Side = Side.BUY) -> Wanted:
    return side, Ticks(price), Lots(size)


def resting(name: str, price: int, size: int = 10, filled: int = 0, side: Side = Side.BUY) -> Order:
    state = OrderState.PARTIALLY_FILLED if filled else OPEN
    return order(name, side, price, size, filled, state)


def test_nothing_is_done_when_all_is_as_wanted() -> None:
    actions = diff([quote(100), quote(99)], [resting("a", 100), resting("b", 99)], EXACT)
    assert actions == ([], [], [])


def test_within_the_tolerances_an_order_stays() -> None:
    tolerance = Tolerance(Ticks(2), Lots(1))
    assert diff([quote(100)], [resting("a", 102, 11)], tolerance) == ([], [], [])
    assert diff([quote(100)], [resting("a", 103)], tolerance).cancels[0].reason == OFF_PRICE
    assert diff([quote(100)], [resting("a", 100, 8)], tolerance).cancels[0].reason == OFF_SIZE


def test_what_is_too_large_is_reduced_in_place_with_what_is_filled_on_top() -> None:
    actions = diff([quote(100, 4)], [resting("a", 100, 10, filled=3)], EXACT)
    assert [(amend.order.order, amend.size) for amend in actions.amends] == [("a", 7)]
    assert actions.cancels == actions.places == []


def test_what_is_too_small_is_cancelled_and_placed_when_it_is_gone() -> None:
    small = resting("a", 100, 10, filled=3)
    actions = diff([quote(100)], [small], EXACT)
    assert [(cancel.order, cancel.reason) for cancel in actions.cancels] == [(small, OFF_SIZE)]
    assert actions.places == []
    assert diff([quote(100)], [], EXACT).places == [quote(100)]


def test_the_quote_of_a_pending_or_unknown_order_waits() -> None:
    for state in OrderState:
        pending = order("a", state=state)
        if not pending.ended and not pending.resting:
            assert diff([quote(100, 5)], [pending], EXACT) == ([], [], [])


def test_an_order_on_its_way_out_holds_back_the_worst_missing_quote() -> None:
    leaving = order("a", price=95, state=OrderState.PENDING_CANCEL)
    actions = diff([quote(100), quote(99)], [leaving], EXACT)
    assert actions.places == [quote(100)]


def test_of_two_orders_for_one_quote_the_one_that_fits_stays() -> None:
    small, fits = resting("a", 100, 3), resting("b", 100)
    actions = diff([quote(100)], [small, fits], EXACT)
    assert [(cancel.order, cancel.reason) for cancel in actions.cancels] == [(small, DOUBLED)]


def test_an_order_stands_for_its_own_side_only() -> None:
    actions = diff([quote(100, side=Side.SELL)], [resting("a", 100)], EXACT)
    assert [cancel.order.order for cancel in actions.cancels] == ["a"]
    assert actions.places == [quote(100, side=Side.SELL)]


@st.composite
def wants(draw: st.DrawFn) -> list[Wanted]:
    prices = draw(st.lists(st.integers(90, 110), max_size=4, unique=True))
    middle = draw(st.integers(90, 111))
    made = [quote(p, draw(st.integers(1, 6))) for p in sorted(prices, reverse=True) if p < middle]
    sells = [p for p in sorted(prices) if p >= middle]
    return made + [quote(p, draw(st.integers(1, 6)), Side.SELL) for p in sells]


@st.composite
def orders(draw: st.DrawFn, states: tuple[OrderState, ...] = (OPEN,)) -> list[Order]:
    return [
        order(
            str(number),
            draw(st.sampled_from(Side)),
            draw(st.integers(88, 112)),
            draw(st.integers(1, 8)),
            state=draw(st.sampled_from(states)),
        )
        for number in range(draw(st.integers(0, 4)))
    ]


TOLERANCES = st.builds(Tolerance, st.integers(0, 3), st.integers(0, 2))


def reach(quotes: list[Wanted], tolerance: Tolerance, side: Side) -> int:
    prices = sorted(price for each, price, _ in quotes if each is side)
    gaps = [(above - below - 1) // 2 for below, above in pairwise(prices)]
    return min([tolerance.price, *gaps])


def cost(
    match: tuple[int, ...], quotes: list[Wanted], live: list[Order], tolerance: Tolerance
) -> int | None:
    """Count the actions if order ``i`` stands for quote ``match[i]`` (-1 for none), or None."""
    used = [each for each in match if each >= 0]
    if len(set(used)) < len(used):
        return None
    actions = len(quotes) - len(used)
    for each, at in zip(live, match, strict=True):
        if at < 0:
            actions += 1
            continue
        side, price, size = quotes[at]
        near = abs(each.price - price) <= reach(quotes, tolerance, side)
        if each.side is not side or not near or each.remaining < size - tolerance.size:
            return None
        actions += each.remaining > size + tolerance.size
    return actions


def run(quotes: list[Wanted], live: list[Order], tolerance: Tolerance) -> tuple[int, list[Order]]:
    """Act until nothing is left to do; give the count of actions and what rests then."""
    count = 0
    live = list(live)
    for turn in range(3):
        actions = diff(quotes, live, tolerance)
        sides = [side for side, _, _ in quotes]
        for cancel in actions.cancels:
            live.remove(cancel.order)
        for amend in actions.amends:
            amend.order.size = amend.size
        for number, (side, price, size) in enumerate(actions.places):
            live.append(order(f"new{turn}-{number}", side, price, size, state=OPEN))
        for side in Side:
            new = sum(1 for placed in actions.places if placed[0] is side)
            assert not new or sum(1 for o in live if o.side is side) <= sides.count(side)
        count += sum(len(each) for each in actions)
        if actions == ([], [], []):
            return count, live
    raise AssertionError("three rounds do not lead to rest")


@settings(max_examples=200, deadline=None)
@given(wants(), orders(), TOLERANCES)
def test_the_actions_are_the_fewest_and_lead_to_what_is_wanted(
    quotes: list[Wanted], live: list[Order], tolerance: Tolerance
) -> None:
    matches = product(range(-1, len(quotes)), repeat=len(live))
    costs = [cost(match, quotes, live, tolerance) for match in matches]
    fewest = min(each for each in costs if each is not None)
    count, rest = run(quotes, live, tolerance)
    assert count == fewest
    assert len(rest) == len(quotes)
    matches = product(range(len(quotes)), repeat=len(rest))
    assert 0 in [cost(match, quotes, rest, tolerance) for match in matches]


@settings(max_examples=200, deadline=None)
@given(wants(), orders(tuple(OrderState)), TOLERANCES)
def test_what_is_pending_or_unknown_is_left_alone_and_no_side_outgrows_its_quotes(
    quotes: list[Wanted], live: list[Order], tolerance: Tolerance
) -> None:
    actions = diff(quotes, live, tolerance)
    touched = [cancel.order for cancel in actions.cancels]
    touched += [amend.order for amend in actions.amends]
    assert all(each.resting for each in touched)
    assert len({each.order for each in touched}) == len(touched)
    for side in Side:
        places = sum(1 for each in actions.places if each[0] is side)
        alive = sum(1 for each in live if each.side is side and not each.ended)
        wanted = sum(1 for each in quotes if each[0] is side)
        assert not places or alive + places <= wanted
