"""One side of the generator's book keeps price and time, against a plain list of orders."""

from hypothesis import given
from hypothesis import strategies as st

from trading_runtime.simulator.ladder import Ladder
from trading_runtime.simulator.orders import Crowd, Order

ACTIONS = st.lists(
    st.tuples(st.sampled_from(["add", "take", "cancel"]), st.integers(1, 12), st.integers(1, 9)),
    max_size=80,
)


@given(ACTIONS, st.sampled_from([1, -1]))
def test_a_ladder_equals_a_sorted_list_of_orders(
    actions: list[tuple[str, int, int]], sign: int
) -> None:
    ladder, crowd = Ladder(sign), Crowd(1.0)
    plain: list[Order] = []
    for number, (action, price, lots) in enumerate(actions):
        if action == "add":
            order = Order(number, price, lots, crowd)
            ladder.add(order)
            plain.append(order)
        elif plain and action == "take":
            order = min(plain, key=lambda one: (-sign * one.price, one.number))
            assert ladder.first() is order
            ladder.reduce(order, min(lots, order.lots))
        elif plain:
            order = plain[lots % len(plain)]
            ladder.reduce(order, order.lots)
        plain = [one for one in plain if one.lots]
        prices = sorted({one.price for one in plain}, key=lambda one: -sign * one)
        sizes = [sum(one.lots for one in plain if one.price == price) for price in prices]
        assert ladder.top(5) == list(zip(prices, sizes, strict=True))[:5]
        assert ladder.best() == (prices[0] if prices else 0)


def test_changes_are_given_once_with_the_size_as_it_is_then() -> None:
    ladder, crowd = Ladder(1), Crowd(1.0)
    first, second = Order(1, 10, 5, crowd), Order(2, 11, 5, crowd)
    ladder.add(first)
    ladder.add(second)
    ladder.reduce(second, 5)
    ladder.reduce(first, 2)
    assert ladder.take_changes() == [(10, 3), (11, 0)]
    assert ladder.take_changes() == []


@given(st.lists(st.integers(0, 30), max_size=60))
def test_a_crowd_forgets_whoever_leaves(places: list[int]) -> None:
    crowd = Crowd(2.0)
    staying: list[Order] = []
    for number, place in enumerate(places):
        if place % 3 and staying:
            order = staying.pop(place % len(staying))
            crowd.leave(order)
        else:
            staying.append(Order(number, 1, 1, crowd))
            crowd.join(staying[-1])
        assert sorted(order.number for order in crowd.orders) == [o.number for o in staying]
        assert all(crowd.orders[order.place] is order for order in crowd.orders)
        assert crowd.rate() == len(staying) / 2.0
