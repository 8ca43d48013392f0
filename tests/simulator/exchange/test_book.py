"""A queue of our orders and the crowd's stretches, and what an order would sweep."""

from hypothesis import given
from hypothesis import strategies as st

from trading_runtime.simulator.exchange.book import BookSide, Crowd, Level
from trading_runtime.simulator.exchange.words import UNIT


@given(st.lists(st.tuples(st.sampled_from(["join", "front", "back"]), st.integers(1, 9))))
def test_a_level_counts_what_its_crowd_shows(acts: list[tuple[str, int]]) -> None:
    level, total = Level(100), 0
    for act, quantity in acts:
        if act == "join":
            level.join_crowd(quantity)
            total += quantity
        else:
            level.leave_crowd(quantity, from_front=act == "front")
            total = max(0, total - quantity)
        stretches = [entry for entry in level.queue.values() if isinstance(entry, Crowd)]
        assert level.total == level.crowd == total == sum(each.quantity for each in stretches)


@given(
    st.sampled_from([1, -1]),
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 3))),
    st.integers(1, 5),
)
def test_a_side_keeps_its_prices_in_order(
    sign: int, sets: list[tuple[int, int]], limit: int
) -> None:
    side, plain = BookSide(sign), dict[int, int]()
    for price, quantity in sets:
        side.set_crowd(price * UNIT, quantity)
        plain[price * UNIT] = quantity
    standing = {price: quantity for price, quantity in plain.items() if quantity}
    in_order = sorted(standing.items(), reverse=sign == 1)
    assert list(side.top(limit)) == in_order[:limit]
    changes = dict(side.take_changes())
    assert {p: q for p, q in changes.items() if q} == standing
    assert side.take_changes() == ()
