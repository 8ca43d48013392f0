"""The paper venue by example: each rule of its queue, its refusals and its clock."""

import pytest
from msgspec.structs import replace

from tests.core.paper_desk import (
    ANSWER_NS,
    CONNECTION,
    ENTRY_NS,
    SETTINGS,
    Desk,
    buy,
    immediate,
    reducing,
    scales,
    sell,
)
from trading_runtime.core.paper import ENDED_MAX, Code, PaperSettings, PaperVenue, recount
from trading_runtime.errors import Halt
from trading_runtime.oms.reports import (
    Absent,
    Accepted,
    Amended,
    AmendRejected,
    Cancelled,
    CancelRejected,
    Expired,
    Filled,
    OrderReport,
    Rejected,
)
from trading_runtime.records.units import Nanos, Revision


def fills(reports: list[OrderReport]) -> list[tuple[str, int, int]]:
    """Give order, size and cumulative size of each fill."""
    return [
        (report.order, report.size, report.cumulative)
        for report in reports
        if isinstance(report, Filled)
    ]


def test_an_order_arrives_and_is_told_of_after_both_latencies() -> None:
    desk = Desk()
    desk.place(buy("a", 100, 5), 1_000)
    assert desk.wake(1_000) == []
    assert desk.wake(1_000 + ENTRY_NS) == []
    accepted = desk.wake(1_000 + ENTRY_NS + ANSWER_NS)
    assert accepted == [Accepted("a", "V1", Nanos(1_010))]
    assert desk.timers == [1_010, 1_013]


def test_a_timer_is_asked_for_only_when_the_next_moment_changed() -> None:
    desk = Desk()
    desk.place(buy("a", 100, 5), 0)
    desk.wake(0)
    desk.wake(1)
    desk.place(buy("b", 99, 5), 5)
    desk.wake(5)
    assert desk.timers == [10]
    desk.wake(10)
    assert desk.timers == [10, 13]
    desk.wake(13)
    assert desk.timers == [10, 13, 15]


def test_a_late_timer_changes_no_moment_that_is_reported() -> None:
    desk = Desk()
    desk.place(buy("a", 100, 5), 0)
    desk.cancel("a", 4)
    assert desk.wake(500) == [
        Accepted("a", "V1", Nanos(10)),
        Cancelled("a", 0, Nanos(14)),
    ]


def test_an_order_rests_before_the_trade_that_comes_after_its_arrival() -> None:
    desk = Desk()
    desk.place(buy("a", 101, 5), 0)
    desk.trade(101, 2, 9)
    desk.trade(101, 3, 10)
    assert fills(desk.wake(100)) == [("a", 3, 3)]


def test_a_fill_is_reported_after_the_answer_latency() -> None:
    desk = Desk()
    desk.rested(buy("a", 101, 5))
    desk.trade(101, 5, 2_000)
    assert desk.wake(2_002) == []
    [filled] = desk.wake(2_003)
    assert isinstance(filled, Filled)
    assert filled.venue_time == 2_000


def test_a_post_only_order_that_would_take_is_refused() -> None:
    desk = Desk()
    desk.place(buy("a", 102, 5), 0)
    desk.place(sell("b", 100, 5), 0)
    assert desk.wake(100) == [
        Rejected(order, Code.WOULD_TAKE, "post-only order would take", True, Nanos(10))
        for order in ("a", "b")
    ]


def test_the_book_at_arrival_counts_not_the_one_at_the_decision() -> None:
    desk = Desk()
    desk.place(buy("a", 101, 5), 0)
    desk.depth({}, {101: 1}, 5)
    assert isinstance(desk.wake(100)[0], Rejected)


def test_an_immediate_order_takes_level_by_level_and_the_rest_expires() -> None:
    desk = Desk()
    desk.place(immediate(buy("a", 103, 150)), 0)
    accepted, first, second, expired = desk.wake(100)
    assert isinstance(accepted, Accepted)
    # 102 * 40 * 0.1 * 0.001 quote in units of 1e-8, times 500 ppm.
    assert first == Filled("a", "P2", 102, 40, 40, 20_400, "B", False, Nanos(10))
    assert second == Filled("a", "P3", 103, 60, 100, 30_900, "B", False, Nanos(10))
    assert expired == Expired("a", 100, "nothing left to take", Nanos(10))


def test_an_immediate_order_that_is_filled_whole_does_not_expire() -> None:
    desk = Desk()
    desk.place(immediate(sell("a", 99, 60)), 0)
    assert [type(report) for report in desk.wake(100)] == [Accepted, Filled, Filled]


def test_an_immediate_order_without_a_book_expires() -> None:
    desk = Desk(synced=False)
    desk.place(immediate(buy("a", 103, 50)), 0)
    assert [type(report) for report in desk.wake(100)] == [Accepted, Expired]


def test_what_only_reduces_stops_at_a_flat_position() -> None:
    desk = Desk()
    desk.place(reducing(sell("none", 99, 10)), 0)
    desk.place(immediate(buy("buy", 102, 10)), 0)
    desk.place(reducing(buy("more", 103, 10)), 0)
    desk.place(reducing(sell("close", 99, 15)), 0)
    reports = desk.wake(100)
    assert [(report.order, type(report)) for report in reports] == [
        ("none", Rejected),
        ("buy", Accepted),
        ("buy", Filled),
        ("more", Rejected),
        ("close", Accepted),
        ("close", Filled),
        ("close", Expired),
    ]
    assert fills(reports) == [("buy", 10, 10), ("close", 10, 10)]


def test_what_only_reduces_takes_no_more_than_its_size() -> None:
    desk = Desk()
    desk.place(immediate(buy("buy", 102, 10)), 0)
    desk.place(reducing(sell("some", 99, 4)), 0)
    assert fills(desk.wake(100)) == [("buy", 10, 10), ("some", 4, 4)]


def test_a_position_outlives_a_new_grid_and_a_new_venue() -> None:
    desk = Desk()
    desk.place(immediate(buy("buy", 102, 10)), 0)
    desk.wake(100)
    carried = desk.venue.carry()
    desk.venue = PaperVenue(SETTINGS, CONNECTION)
    desk.venue.revise(desk.market, Nanos(100))
    desk.venue.restore(carried)
    desk.market.revise(scales(revision=2, lot="0.0001"), Nanos(200), [])
    desk.venue.revise(desk.market, Nanos(200))
    [market] = desk.venue.carry().markets
    assert (market.revision, market.position) == (2, 100)


def test_an_order_in_no_known_instrument_is_refused() -> None:
    desk = Desk()
    desk.place(replace(buy("a", 100, 5), revision=Revision(9)), 0)
    [rejected] = desk.wake(100)
    assert isinstance(rejected, Rejected)
    assert rejected.code == Code.NO_SUCH_INSTRUMENT


def test_a_cancel_that_comes_after_the_fill_is_refused() -> None:
    desk = Desk()
    desk.rested(buy("a", 101, 5))
    desk.cancel("a", 2_000)
    desk.trade(101, 5, 2_005)
    filled, refused = desk.wake(3_000)
    assert isinstance(filled, Filled)
    assert refused == CancelRejected("a", Code.NO_SUCH_ORDER, "no such order", Nanos(2_010))


def test_a_cancelled_order_tells_what_was_filled_and_is_filled_no_more() -> None:
    desk = Desk()
    desk.rested(buy("a", 101, 5))
    desk.trade(101, 2, 2_000)
    desk.cancel("a", 2_000)
    desk.trade(101, 9, 2_010)
    assert desk.wake(3_000)[1:] == [Cancelled("a", 2, Nanos(2_010))]


def test_a_smaller_order_keeps_its_place() -> None:
    desk = Desk()
    desk.rested(buy("a", 100, 5))
    desk.trade(100, 40, 1_500)
    desk.amend("a", 3, 1_500)
    assert desk.wake(2_000) == [Amended("a", 3, Nanos(1_510))]
    desk.trade(100, 20, 2_000)
    assert fills(desk.wake(3_000)) == [("a", 3, 3)]


@pytest.mark.parametrize("size", [5, 6])
def test_an_amend_that_does_not_reduce_is_refused(size: int) -> None:
    desk = Desk()
    desk.rested(buy("a", 100, 5))
    desk.amend("a", size, 2_000)
    [refused] = desk.wake(3_000)
    assert isinstance(refused, AmendRejected)
    assert refused.code == Code.NOT_SMALLER


def test_an_amend_below_what_is_filled_ends_the_order() -> None:
    desk = Desk()
    desk.rested(buy("a", 101, 5))
    desk.trade(101, 3, 2_000)
    desk.amend("a", 3, 2_000)
    desk.amend("a", 2, 2_001)
    _, ended, refused = desk.wake(3_000)
    assert ended == Cancelled("a", 3, Nanos(2_010))
    assert isinstance(refused, AmendRejected)


def test_a_query_tells_the_last_of_an_order() -> None:
    desk = Desk()
    desk.rested(buy("open", 100, 5))
    desk.rested(buy("gone", 99, 5))
    desk.cancel("gone", 2_000)
    for order in ("open", "gone", "never"):
        desk.query(order, 2_001)
    assert desk.wake(3_000) == [
        Cancelled("gone", 0, Nanos(2_010)),
        Accepted("open", "V1", Nanos(2_011)),
        Cancelled("gone", 0, Nanos(2_010)),
        Absent("never", Nanos(2_011)),
    ]


def test_only_so_many_ended_orders_are_remembered() -> None:
    desk = Desk()
    for number in range(ENDED_MAX + 1):
        desk.place(buy(f"a{number}", 102, 5), 0)
    desk.query("a0", 0)
    desk.query("a1", 0)
    *_, forgotten, known = desk.wake(100)
    assert isinstance(forgotten, Absent)
    assert isinstance(known, Rejected)


@pytest.mark.parametrize(("ppm", "fee"), [(201, 610), (-201, -609), (0, 0)])
def test_fees_are_rounded_up_against_us(ppm: int, fee: int) -> None:
    # 101 * 3 ticks and lots are 3,030,000 money units: 609.03 of them at 201 ppm.
    desk = Desk(settings=PaperSettings(maker_fee_ppm=ppm))
    desk.place(buy("a", 101, 3), 0)
    desk.trade(101, 3, 10**9)
    filled = desk.wake(2 * 10**9)[1]
    assert isinstance(filled, Filled)
    assert (filled.fee, filled.fee_asset, filled.maker) == (fee, "B", True)


def test_a_new_grid_ends_what_rests_on_the_old_one() -> None:
    desk = Desk()
    desk.rested(buy("a", 101, 5))
    desk.trade(101, 2, 2_000)
    desk.wake(3_000)
    desk.market.revise(scales(revision=2, lot="0.0001"), Nanos(3_000), [])
    desk.venue.revise(desk.market, Nanos(3_000))
    desk.venue.revise(desk.market, Nanos(3_000))
    desk.cancel("a", 3_000)
    assert desk.wake(4_000) == [
        Expired("a", 2, "instrument revised", Nanos(3_000)),
        CancelRejected("a", Code.NO_SUCH_ORDER, "no such order", Nanos(3_010)),
    ]


@pytest.mark.parametrize(("position", "recounted"), [(7, 3), (-7, -3), (0, 0)])
def test_a_position_is_counted_again_in_the_new_lots(position: int, recounted: int) -> None:
    assert recount(position, scales(lot="0.05"), scales(lot="0.1")) == recounted


def test_a_venue_that_goes_on_numbers_on_and_knows_its_orders() -> None:
    desk = Desk()
    desk.depth({100: 100}, {}, 0, time=5)
    desk.rested(buy("a", 100, 5), buy("b", 99, 5))
    desk.trade(100, 20, 1_000, time=6)
    desk.depth({100: 60}, {}, 1_000, time=7)
    desk.trade(100, 10, 1_000, time=8)
    desk.query("a", 2_000)
    carried = desk.venue.carry()
    [level, _] = carried.markets[0].levels
    assert (level.displayed, level.traded, carried.markets[0].shown_at) == (60, 10, 7)
    [order] = level.orders
    assert (order.ahead, order.cancelled, order.joined) == (50, 20, 5)
    desk.venue = PaperVenue(SETTINGS, CONNECTION)
    desk.venue.revise(desk.market, Nanos(0))
    desk.venue.restore(carried)
    assert desk.venue.carry() == carried
    desk.trade(100, 51, 3_000)
    answer, filled = desk.wake(4_000)
    assert answer == Accepted("a", "V1", Nanos(2_010))
    assert isinstance(filled, Filled)
    assert (filled.venue_trade, filled.size) == ("P3", 1)


def test_orders_in_an_instrument_that_nobody_knows_stop_the_start() -> None:
    desk = Desk()
    desk.rested(buy("a", 100, 5))
    with pytest.raises(Halt, match="revision 1"):
        PaperVenue(SETTINGS, CONNECTION).restore(desk.venue.carry())
