"""The order table: merging reports, counting what is pending, asking for what is in doubt."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oms.table import SETTINGS, fill, order, table
from trading_runtime.errors import Refused
from trading_runtime.oms.orders import ENDED_KEPT_MAX, HAPPENINGS, OrderTable
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
    Standing,
    Stands,
)
from trading_runtime.records.carried_trading import OrderCarried
from trading_runtime.records.commands import QueryOrder
from trading_runtime.records.envelope import Output
from trading_runtime.records.facts_trading import (
    CancelRefused,
    FillsDisagree,
    OrderAccepted,
    OrderAmended,
    OrderExpired,
    OrderFilled,
    TransitionImpossible,
)
from trading_runtime.records.lifecycle import TRANSITIONS, Happening, OrderState
from trading_runtime.records.units import ClientId, Lots, Nanos, Revision, Side, Ticks

A = ClientId("a")
AT = Nanos(5_000)


def merge(orders: OrderTable, *reports: OrderReport) -> list[Output]:
    out: list[Output] = []
    for report in reports:
        found = orders.find(report.order)
        assert found is not None
        orders.on_report(found, report, AT, out)
    return out


def names(out: list[Output]) -> list[str]:
    return [type(each).__name__ for each in out]


def test_an_order_is_accepted_filled_in_parts_and_then_whole() -> None:
    orders = table(order())
    out = merge(orders, Accepted(A, "v1", AT), fill("t1", 4, 4), fill("t2", 6, 10))
    assert names(out) == ["OrderAccepted", "OrderFilled", "OrderFilled"]
    assert [each.remaining for each in out if isinstance(each, OrderFilled)] == [6, 0]
    assert orders.pending_buy == 0
    assert orders.live == {}


def test_a_fill_may_overtake_the_acknowledgement() -> None:
    orders = table(order())
    out = merge(orders, fill("t1", 10, 10), Accepted(A, "v1", AT))
    assert names(out) == ["OrderFilled", "OrderAccepted"]


def test_the_same_fill_from_two_sources_is_booked_once() -> None:
    orders = table(order())
    assert names(merge(orders, fill("t1", 4, 4), fill("t1", 4, 4))) == ["OrderFilled"]
    assert orders.pending_buy == 6


def test_fills_may_come_in_any_order() -> None:
    orders = table(order())
    out = merge(orders, fill("t2", 6, 10), fill("t1", 4, 4))
    assert names(out) == ["OrderFilled", "FillsDisagree", "OrderFilled"]
    assert out[1] == FillsDisagree(
        order=A, revision=orders.find(A).revision, booked=Lots(6), cumulative=Lots(10)
    )
    assert orders.live == {}
    assert orders.pending_buy == 0


def test_a_fill_that_is_missing_counts_as_pending_and_is_asked_for() -> None:
    orders = table(order())
    merge(orders, Accepted(A, "v1", AT), fill("t2", 2, 6), Cancelled(A, Lots(6), AT))
    assert orders.pending_buy == 4
    out: list[Output] = []
    assert orders.overdue(AT, Nanos(0), out) == AT + SETTINGS.query_interval_ns
    assert names(out) == ["QueryOrder"]
    merge(orders, fill("t1", 4, 4))
    assert orders.pending_buy == 0
    assert orders.live == {}


def test_a_fill_beyond_the_cumulative_size_is_an_alarm_and_is_not_booked() -> None:
    orders = table(order())
    out = merge(orders, fill("t1", 4, 4), fill("t1-again", 4, 4))
    assert names(out) == ["OrderFilled", "FillsDisagree"]
    assert orders.pending_buy == 6


def test_a_fill_after_the_cancel_is_still_booked() -> None:
    orders = table(order())
    out = merge(orders, Cancelled(A, Lots(0), AT))
    assert orders.pending_buy == 0
    late = orders.on_report(orders.find(A), fill("t1", 3, 3), AT, out)
    assert late is not None
    assert names(out) == ["OrderCancelled", "OrderFilled"]
    assert orders.pending_buy == 0


def test_a_fill_of_a_rejected_order_is_an_alarm_and_is_booked() -> None:
    orders = table(order())
    out = merge(orders, Rejected(A, -1, "no", False, AT), fill("t1", 3, 3))
    assert names(out) == ["OrderRejected", "TransitionImpossible", "OrderFilled"]


def test_the_end_told_twice_is_said_once() -> None:
    orders = table(order())
    out = merge(orders, Cancelled(A, Lots(0), AT), Cancelled(A, Lots(0), AT))
    out += merge(orders, Expired(A, Lots(0), "end", AT))
    assert names(out) == ["OrderCancelled"]


def test_an_amendment_counts_at_full_size_until_it_is_confirmed() -> None:
    orders = table(order(state=OrderState.OPEN))
    resting = orders.find(A)
    orders.amend_sent(resting, Nanos(4_000))
    assert orders.pending_buy == 10
    out = merge(orders, Amended(A, Lots(6), AT))
    assert orders.pending_buy == 6
    assert out == [
        OrderAmended(order=A, revision=resting.revision, size=Lots(6), latency_ns=Nanos(1_000))
    ]


def test_a_fill_that_overtakes_its_reduction_leaves_nothing_to_rest() -> None:
    orders = table(order(state=OrderState.OPEN))
    orders.amend_sent(orders.find(A), AT)
    merge(orders, fill("t1", 6, 6), Amended(A, Lots(6), AT))
    assert orders.find(A).state is OrderState.FILLED
    assert orders.live == {}


def test_a_lost_answer_makes_an_order_unknown_and_a_query_is_sent_until_it_is_known() -> None:
    orders = table(order())
    out: list[Output] = []
    assert orders.overdue(Nanos(99), Nanos(0), out) == 100
    assert out == []
    assert orders.overdue(Nanos(100), Nanos(0), out) == 150
    assert names(out) == ["OrderUnknown", "QueryOrder"]
    assert orders.pending_buy == 10
    assert orders.overdue(Nanos(120), Nanos(0), out) == 150
    assert orders.overdue(Nanos(150), Nanos(0), out) == 200
    assert [each.request for each in out if isinstance(each, QueryOrder)] == [
        "a-query1",
        "a-query2",
    ]
    merge(orders, Accepted(A, "v1", AT))
    assert orders.overdue(Nanos(200), Nanos(0), out) == 0


def test_no_such_order_proves_nothing_within_the_grace() -> None:
    orders = table(order(state=OrderState.UNKNOWN_NEW))
    out: list[Output] = []
    orders.on_report(orders.find(A), Absent(A, Nanos(999)), Nanos(999), out)
    assert out == []
    assert orders.find(A).state is OrderState.UNKNOWN_NEW
    orders.on_report(orders.find(A), Absent(A, Nanos(1_000)), Nanos(1_000), out)
    assert names(out) == ["OrderRejected"]
    assert orders.pending_buy == 0


REPORTS: list[OrderReport] = [
    Accepted(A, "v1", AT),
    Rejected(A, -1, "no", False, AT),
    fill("t9", 1, 6),
    fill("t9", 5, 10),
    Cancelled(A, Lots(5), AT),
    CancelRejected(A, -2011, "unknown order", AT),
    Amended(A, Lots(8), AT),
    AmendRejected(A, -2038, "no", AT),
    Expired(A, Lots(5), "end", AT),
    Absent(A, AT),
]


@pytest.mark.parametrize("report", REPORTS, ids=str)
@pytest.mark.parametrize("state", OrderState)
def test_every_report_in_every_state_moves_as_the_table_says_or_is_an_alarm(
    state: OrderState, report: OrderReport
) -> None:
    orders = table(order(filled=5, state=state))
    found = orders.find(A)
    happening = HAPPENINGS[type(report)]
    if isinstance(report, Filled) and report.cumulative == found.size:
        happening = Happening.FILLED_WHOLE
    out = merge(orders, report)
    after = TRANSITIONS.get((state, happening))
    alarms = [each for each in out if isinstance(each, TransitionImpossible)]
    if after is None:
        assert alarms == [TransitionImpossible(order=A, state=state, happening=happening)]
        assert found.state is state
    else:
        assert alarms == []
        expected = OrderState.PARTIALLY_FILLED if after is OrderState.OPEN else after
        assert found.state is expected


@pytest.mark.parametrize("state", [each for each in OrderState if not order(state=each).ended])
def test_a_cancel_may_be_sent_as_the_table_says(state: OrderState) -> None:
    orders = table(order(state=state))
    orders.cancel_sent(orders.find(A), AT)
    assert orders.find(A).state is TRANSITIONS[state, Happening.CANCEL_SENT]


def test_only_so_many_ended_orders_are_kept() -> None:
    orders = table()
    for number in range(ENDED_KEPT_MAX + 1):
        orders.place(order(str(number)))
        merge(orders, Cancelled(ClientId(str(number)), Lots(0), AT))
    assert orders.find(ClientId("0")) is None
    assert orders.find(ClientId("1")) is not None


def test_a_table_that_holds_orders_takes_no_others_over() -> None:
    with pytest.raises(Refused):
        table(order()).restore(())


EVENTS = st.one_of(
    st.builds(lambda: Accepted(A, "v1", AT)),
    st.builds(lambda: Rejected(A, -1, "no", False, AT)),
    st.builds(
        lambda number, size: fill(f"t{number}", size, (number + 1) * 3),
        st.integers(0, 3),
        st.integers(1, 4),
    ),
    st.builds(lambda cumulative: Cancelled(A, Lots(cumulative), AT), st.integers(0, 10)),
    st.builds(lambda: CancelRejected(A, 1, "no", AT)),
    st.builds(lambda size: Amended(A, Lots(size), AT), st.integers(1, 12)),
    st.builds(lambda: AmendRejected(A, 1, "no", AT)),
    st.builds(lambda cumulative: Expired(A, Lots(cumulative), "end", AT), st.integers(0, 10)),
    st.builds(lambda: Absent(A, AT)),
    st.sampled_from(["cancel", "amend", "lost"]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(EVENTS, max_size=12))
def test_whatever_comes_pending_is_what_the_orders_add_up_to_and_can_be_carried(
    events: list[OrderReport | str],
) -> None:
    orders = table(order())
    booked = 0
    for event in events:
        out: list[Output] = []
        found = orders.find(A)
        assert found is not None
        if isinstance(event, str):
            if found.ended:
                continue
            if event == "cancel":
                orders.cancel_sent(found, AT)
            elif event == "lost":
                orders.on_answer_lost(found, "lost", AT, out)
            elif found.resting:
                orders.amend_sent(found, AT)
        else:
            taken = orders.on_report(found, event, AT, out)
            booked += taken.size if taken else 0
        assert orders.pending_buy == found.pending >= 0
        assert found.filled == booked <= found.cumulative
        assert (A in orders.live) == (not found.ended or found.cumulative > booked)
        packed = msgspec.msgpack.encode(orders.carry())
        again = OrderTable(SETTINGS)
        again.restore(msgspec.msgpack.decode(packed, type=tuple[OrderCarried, ...]))
        assert msgspec.msgpack.encode(again.carry()) == packed
        assert again.pending_buy == orders.pending_buy
        assert again.find(A) == found


def test_each_fact_is_told_with_its_numbers() -> None:
    orders = table(order())
    out = merge(orders, Accepted(A, "v1", AT))
    orders.cancel_sent(orders.find(A), Nanos(4_400))
    out += merge(orders, CancelRejected(A, -2011, "unknown", AT))
    orders.on_answer_lost(orders.find(A), "lost", AT, out)
    out += merge(orders, Expired(A, Lots(0), "stp", AT))
    revision = orders.find(A).revision
    assert out == [
        OrderAccepted(order=A, revision=revision, venue_order="v1", latency_ns=Nanos(5_000)),
        CancelRefused(order=A, revision=revision, code=-2011, reason="unknown"),
        OrderExpired(order=A, revision=revision, filled=Lots(0), reason="stp"),
    ]


def stands(standing: Standing, cumulative: int = 0, size: int = 10, name: str = "a") -> Stands:
    return Stands(
        ClientId(name),
        "venue-spot:BTCUSDT",
        "v1",
        Side.BUY,
        Ticks(100),
        Lots(size),
        Lots(cumulative),
        standing,
        False,
        AT,
    )


def test_where_an_order_stands_answers_its_placement() -> None:
    orders = table(order())
    assert names(merge(orders, stands(Standing.OPEN))) == ["OrderAccepted"]
    assert orders.live[A].state is OrderState.OPEN
    assert names(merge(orders, stands(Standing.OPEN, 4))) == []
    assert orders.live[A].state is OrderState.PARTIALLY_FILLED
    assert [each.order for each in orders.lacking()] == [A]
    assert orders.pending_buy == 10
    merge(orders, fill("t1", 4, 4))
    assert orders.lacking() == []


def test_an_order_that_stands_filled_is_pending_with_the_fills_that_are_missing() -> None:
    orders = table(order())
    merge(orders, stands(Standing.FILLED, 10))
    assert orders.live[A].state is OrderState.FILLED
    assert orders.pending_buy == 10
    merge(orders, fill("t1", 4, 4), fill("t2", 6, 10))
    assert (orders.live, orders.pending_buy) == ({}, 0)


@pytest.mark.parametrize(
    ("standing", "said"),
    [
        (Standing.CANCELLED, "OrderCancelled"),
        (Standing.EXPIRED, "OrderExpired"),
        (Standing.REJECTED, "OrderRejected"),
    ],
)
def test_an_order_that_stands_ended_is_ended_once(standing: Standing, said: str) -> None:
    orders = table(order())
    assert names(merge(orders, stands(standing), stands(standing))) == [said]
    assert orders.live == {}


def test_an_older_look_at_an_ended_order_changes_nothing() -> None:
    orders = table(order())
    merge(orders, Accepted(A, "v1", AT), fill("t1", 10, 10))
    assert merge(orders, stands(Standing.OPEN, 4)) == []
    assert orders.live == {}


def test_a_lost_amendment_is_resolved_by_the_size_that_stands() -> None:
    orders = table(order(state=OrderState.OPEN))
    resting = orders.live[A]
    orders.amend_sent(resting, AT)
    orders.on_answer_lost(resting, "lost", AT, [])
    assert names(merge(orders, stands(Standing.OPEN, size=6))) == ["OrderAccepted", "OrderAmended"]
    assert orders.pending_buy == 6


@pytest.mark.parametrize("state", [OrderState.PENDING_NEW, OrderState.UNKNOWN_NEW])
def test_a_placement_that_was_not_executed_is_rejected_for_another_try(state: OrderState) -> None:
    orders = table(order(state=state))
    out: list[Output] = []
    orders.on_not_executed(orders.live[A], "a", "not sent", AT, out)
    assert names(out) == ["OrderRejected"]
    assert orders.pending_buy == 0


def test_a_placement_that_is_known_to_stand_was_executed_whatever_is_said() -> None:
    orders = table(order())
    merge(orders, Accepted(A, "v1", AT))
    out: list[Output] = []
    orders.on_not_executed(orders.live[A], "a", "not sent", AT, out)
    assert out == []
    assert orders.live[A].state is OrderState.OPEN


def test_requests_that_were_not_executed_leave_an_order_as_it_was() -> None:
    orders = table(order())
    merge(orders, Accepted(A, "v1", AT), fill("t1", 4, 4))
    resting = orders.live[A]
    orders.cancel_sent(resting, AT)
    orders.on_not_executed(resting, "a-cancel", "not sent", AT, [])
    assert resting.state is OrderState.PARTIALLY_FILLED
    orders.amend_sent(resting, AT)
    orders.on_not_executed(resting, "a-amend", "not sent", AT, [])
    assert resting.state is OrderState.PARTIALLY_FILLED
    assert resting.resting


def test_a_cancel_of_an_order_that_nobody_confirmed_leaves_it_unknown() -> None:
    orders = table(order())
    orders.cancel_sent(orders.live[A], AT)
    orders.on_not_executed(orders.live[A], "a-cancel", "not sent", AT, [])
    assert orders.live[A].state is OrderState.UNKNOWN_NEW


def test_an_adopted_order_counts_with_all_that_is_not_booked() -> None:
    orders = OrderTable(SETTINGS)
    out: list[Output] = []
    adopted = orders.adopt(stands(Standing.OPEN, 4), Revision(1), AT, out)
    assert names(out) == ["OrderAdopted"]
    assert (adopted.state, orders.pending_buy) == (OrderState.PARTIALLY_FILLED, 10)
    orders.write_off(adopted)
    assert (orders.lacking(), orders.pending_buy) == ([], 6)


def test_fills_that_trades_tell_are_not_asked_for_with_queries() -> None:
    orders = table(order())
    orders.asks_fills = False
    merge(orders, Accepted(A, "v1", AT), stands(Standing.OPEN, 4))
    out: list[Output] = []
    assert orders.overdue(AT, Nanos(0), out) == 0
    assert out == []


def test_nothing_is_asked_while_the_venue_wants_quiet() -> None:
    orders = table(order(state=OrderState.UNKNOWN_NEW))
    out: list[Output] = []
    quiet_until = Nanos(AT + 77)
    assert orders.overdue(AT, quiet_until, out) == quiet_until
    assert out == []
    orders.overdue(quiet_until, quiet_until, out)
    assert names(out) == ["QueryOrder"]


def test_orders_on_a_finer_grid_are_the_same_orders() -> None:
    orders = table(order(name="b"), order())
    merge(orders, Accepted(A, "v1", AT), fill("t1", 4, 4), Cancelled(ClientId("b"), Lots(0), AT))
    orders.recount(Revision(2), 10, 100)
    found = orders.live[A]
    assert (found.price, found.size, found.filled) == (1000, 1000, 400)
    assert orders.pending_buy == 600
    ended = orders.find(ClientId("b"))
    assert ended is not None
    assert (ended.revision, ended.size) == (2, 1000)
    orders.forget_ended()
    assert orders.find(ClientId("b")) is None
