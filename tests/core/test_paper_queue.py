"""Where paper orders stand in the queue, by example and by property."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.paper_desk import ANSWER_NS, Desk, buy, sell
from trading_runtime.market.events import DepthChanged, TradePrinted
from trading_runtime.oms.reports import Filled, OrderReport
from trading_runtime.records.facts_market import Desync
from trading_runtime.records.units import Lots, Nanos, Revision, Side, Ticks

LATE = 10**6


def fills(reports: list[OrderReport]) -> list[tuple[str, int, int]]:
    """Give order, size and cumulative size of each fill."""
    return [
        (report.order, report.size, report.cumulative)
        for report in reports
        if isinstance(report, Filled)
    ]


def test_an_order_joins_behind_what_is_displayed() -> None:
    desk = Desk()
    desk.rested(buy("a", 100, 5))
    desk.trade(100, 50, 2_000)
    assert desk.wake(3_000) == []
    desk.trade(100, 3, 3_000)
    assert fills(desk.wake(4_000)) == [("a", 3, 3)]
    desk.trade(100, 30, 4_000)
    assert fills(desk.wake(5_000)) == [("a", 2, 5)]


def test_an_order_that_improves_the_price_has_nobody_ahead() -> None:
    desk = Desk()
    desk.rested(buy("a", 101, 5))
    desk.trade(101, 4, 2_000)
    assert fills(desk.wake(3_000)) == [("a", 4, 4)]


def test_a_trade_that_uses_up_the_queue_fills_with_what_is_left_of_it() -> None:
    desk = Desk()
    desk.rested(buy("a", 100, 5))
    desk.trade(100, 52, 2_000)
    assert fills(desk.wake(3_000)) == [("a", 2, 2)]


def test_takers_on_our_own_side_do_not_fill_us() -> None:
    desk = Desk()
    desk.rested(buy("a", 101, 5))
    desk.trade(101, 9, 2_000, taker=Side.BUY)
    assert desk.wake(3_000) == []


def test_what_is_no_ordinary_match_does_not_fill_us() -> None:
    desk = Desk()
    desk.rested(buy("a", 101, 5))
    insurance = TradePrinted(Revision(1), Nanos(0), 1, Ticks(90), Lots(9), True, False)
    desk.venue.on_event(insurance, Nanos(2_000))
    assert desk.wake(3_000) == []


def test_cancels_shorten_the_queue_in_proportion() -> None:
    desk = Desk()
    desk.rested(buy("a", 100, 5))
    desk.depth({100: 100}, {}, 1_100)
    desk.depth({100: 40}, {}, 1_200)
    # 50 of 100 were ahead, so 20 of 40 are.
    desk.trade(100, 20, 2_000)
    assert desk.wake(3_000) == []
    desk.trade(100, 1, 3_000)
    assert fills(desk.wake(4_000)) == [("a", 1, 1)]


def test_what_is_ahead_after_cancels_is_rounded_up() -> None:
    desk = Desk(bids={100: 2})
    desk.rested(buy("a", 100, 5))
    desk.depth({100: 3}, {}, 1_100)
    desk.depth({100: 2}, {}, 1_200)
    # 2 of 3 were ahead, so 4/3 of 2 are: 2.
    desk.trade(100, 2, 2_000)
    assert desk.wake(3_000) == []


def test_a_fall_that_trades_explain_is_no_cancel() -> None:
    desk = Desk()
    desk.rested(buy("a", 100, 5))
    desk.depth({100: 100}, {}, 1_100)
    desk.trade(100, 30, 1_200)
    desk.depth({100: 70}, {}, 1_300)
    # 20 are ahead still.
    desk.trade(100, 20, 2_000)
    assert desk.wake(3_000) == []
    desk.trade(100, 1, 3_000)
    assert fills(desk.wake(4_000)) == [("a", 1, 1)]


def test_a_fall_may_show_only_some_of_the_trades_so_far() -> None:
    desk = Desk()
    desk.rested(buy("a", 100, 5))
    desk.depth({100: 100}, {}, 1_100)
    desk.trade(100, 30, 1_200)
    desk.depth({100: 90}, {}, 1_300)
    desk.depth({100: 70}, {}, 1_400)
    desk.trade(100, 20, 2_000)
    assert desk.wake(3_000) == []


def test_those_who_come_later_are_behind_us() -> None:
    desk = Desk()
    desk.rested(buy("a", 100, 5))
    desk.depth({100: 500}, {}, 1_100)
    desk.trade(100, 51, 2_000)
    assert fills(desk.wake(3_000)) == [("a", 1, 1)]


def test_when_all_others_are_gone_nobody_is_ahead() -> None:
    desk = Desk()
    desk.rested(buy("a", 100, 5))
    desk.depth({100: 0}, {}, 1_100)
    desk.trade(100, 2, 2_000)
    assert fills(desk.wake(3_000)) == [("a", 2, 2)]


def test_a_trade_that_the_book_has_shown_takes_back_what_was_held_for_cancels() -> None:
    desk = Desk()
    desk.rested(buy("a", 100, 5))
    desk.depth({100: 100}, {}, 1_100, time=10)
    desk.depth({100: 40}, {}, 1_200, time=20)
    # 50 of 100 were ahead and 20 of 40 seem to be; but the fall was this trade.
    desk.trade(100, 25, 2_000, time=19)
    desk.trade(100, 25, 2_000, time=20)
    assert desk.wake(3_000) == []
    desk.trade(100, 10, 3_000, time=20)
    assert fills(desk.wake(4_000)) == [("a", 5, 5)]


def test_a_shown_trade_explains_no_later_fall() -> None:
    desk = Desk()
    desk.rested(buy("a", 100, 5))
    desk.depth({100: 100}, {}, 1_100, time=10)
    desk.depth({100: 60}, {}, 1_200, time=20)
    desk.trade(100, 40, 2_000, time=20)
    # 10 of 60 are ahead now, so 5 of 30 are.
    desk.depth({100: 30}, {}, 2_100, time=30)
    desk.trade(100, 6, 3_000, time=31)
    assert fills(desk.wake(4_000)) == [("a", 1, 1)]


def test_a_trade_from_before_the_book_that_an_order_joined_is_not_its_own() -> None:
    desk = Desk(bids={99: 1})
    desk.depth({}, {}, 0, time=10)
    desk.rested(buy("a", 100, 5))
    desk.trade(100, 5, 2_000, time=10)
    desk.trade(99, 5, 2_000, time=10)
    assert desk.wake(3_000) == []
    desk.trade(100, 5, 3_000, time=11)
    assert fills(desk.wake(4_000)) == [("a", 5, 5)]


def test_a_trade_through_our_price_fills_up_to_its_size() -> None:
    desk = Desk()
    desk.rested(buy("a", 100, 5))
    desk.trade(99, 3, 2_000)
    assert fills(desk.wake(3_000)) == [("a", 3, 3)]
    # Whoever was ahead is gone, too.
    desk.trade(100, 1, 3_000)
    assert fills(desk.wake(4_000)) == [("a", 1, 4)]


def test_own_orders_share_one_trade_older_first() -> None:
    desk = Desk(bids={100: 10})
    desk.rested(buy("a", 100, 5))
    desk.depth({100: 14}, {}, 1_100)
    desk.rested(buy("b", 100, 5))
    desk.trade(100, 18, 2_000)
    # 10 others, 5 of a, 3 others; one other more stands before b.
    assert fills(desk.wake(3_000)) == [("a", 5, 5)]
    desk.trade(100, 3, 3_000)
    assert fills(desk.wake(4_000)) == [("b", 2, 2)]


def test_own_orders_share_one_trade_better_price_first() -> None:
    desk = Desk(bids={99: 1})
    desk.rested(buy("low", 100, 5))
    desk.rested(buy("high", 101, 5))
    desk.trade(100, 7, 2_000)
    assert fills(desk.wake(3_000)) == [("high", 5, 5), ("low", 2, 2)]


def test_a_market_that_moves_through_us_fills_us_whole() -> None:
    desk = Desk()
    desk.rested(buy("a", 101, 5))
    desk.rested(buy("b", 100, 7))
    desk.depth({100: 0}, {101: 1}, 2_000)
    assert fills(desk.wake(3_000)) == [("a", 5, 5)]
    desk.depth({99: 0, 98: 5}, {99: 1}, 3_000)
    assert fills(desk.wake(4_000)) == [("b", 7, 7)]


def test_asks_are_the_mirror_of_bids() -> None:
    desk = Desk()
    desk.rested(sell("at", 102, 5))
    desk.rested(sell("inside", 101, 5))
    desk.trade(102, 46, 2_000, taker=Side.BUY)
    assert fills(desk.wake(3_000)) == [("inside", 5, 5), ("at", 1, 1)]
    desk.depth({102: 3}, {102: 0}, 4_000)
    assert fills(desk.wake(5_000)) == [("at", 4, 5)]


def test_a_book_that_is_not_true_moves_no_queue_and_crosses_nobody() -> None:
    desk = Desk()
    desk.rested(buy("a", 100, 5))
    desk.market.desync(Desync.GAP, Nanos(1_500), [])
    desk.venue.on_event(DepthChanged(Revision(1), Nanos(0), 9, 9, 8, [], []), Nanos(2_000))
    desk.trade(100, 50, 2_100)
    assert desk.wake(3_000) == []
    desk.trade(100, 1, 3_000)
    assert fills(desk.wake(4_000)) == [("a", 1, 1)]


def test_nobody_stands_behind_more_than_is_displayed() -> None:
    desk = Desk()
    desk.rested(buy("first", 99, 5))
    desk.trade(99, 30, 1_500)
    # The book still shows 70 when the second one joins, of which 30 have gone.
    desk.rested(buy("second", 99, 5))
    desk.depth({99: 40}, {}, 2_000)
    desk.trade(99, 46, 3_000)
    assert fills(desk.wake(4_000)) == [("first", 5, 5), ("second", 1, 1)]


def test_an_order_without_a_book_takes_its_place_from_the_first_one() -> None:
    desk = Desk(synced=False)
    desk.rested(buy("a", 100, 5))
    desk.trade(100, 500, 2_000)
    assert desk.wake(3_000) == []
    desk.sync({100: 50}, {102: 1})
    desk.trade(100, 51, 3_000)
    assert fills(desk.wake(4_000)) == [("a", 1, 1)]


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(97, 101), st.integers(1, 9)), max_size=6),
    st.lists(st.tuples(st.integers(96, 101), st.integers(1, 12)), max_size=12),
)
def test_no_trade_fills_more_than_its_size(
    orders: list[tuple[int, int]], trades: list[tuple[int, int]]
) -> None:
    desk = Desk(bids={100: 5, 99: 3, 98: 20})
    desk.rested(*(buy(f"o{number}", *order) for number, order in enumerate(orders)))
    prices = {f"o{number}": price for number, (price, _) in enumerate(orders)}
    at = 2_000
    for price, size in trades:
        at += ANSWER_NS
        desk.trade(price, size, at)
        fills = [report for report in desk.wake(at + ANSWER_NS) if isinstance(report, Filled)]
        assert sum(fill.size for fill in fills) <= size
        assert all(fill.price == prices[fill.order] >= price for fill in fills)
        ranks = [(-fill.price, int(fill.order[1:])) for fill in fills]
        assert ranks == sorted(ranks)


@settings(deadline=None)
@given(
    st.integers(1, 20), st.lists(st.tuples(st.integers(100, 101), st.integers(1, 12)), max_size=12)
)
def test_a_lone_order_gets_what_traded_beyond_its_queue(
    size: int, trades: list[tuple[int, int]]
) -> None:
    desk = Desk(bids={100: 30})
    desk.rested(buy("a", 100, size))
    for number, (price, traded) in enumerate(trades):
        desk.trade(price, traded, 2_000 + number)
    fills = [report for report in desk.wake(LATE) if isinstance(report, Filled)]
    here = sum(traded for price, traded in trades if price == 100)
    assert sum(fill.size for fill in fills) == min(size, max(0, here - 30))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 9)), max_size=20))
def test_changes_of_the_book_never_leave_more_ahead_than_is_displayed(
    shown: list[tuple[int, int]],
) -> None:
    desk = Desk(bids={100: 8, 99: 1})
    desk.rested(buy("a", 100, 500), buy("b", 100, 500))
    before = 8
    for displayed, traded in shown:
        if traded:
            desk.trade(100, traded, 2_000)
        desk.depth({100: displayed}, {}, 2_000)
        [level] = desk.venue.carry().markets[0].levels
        first, second = (order.ahead for order in level.orders)
        assert 0 <= first <= second <= min(before, displayed)
        before = second
