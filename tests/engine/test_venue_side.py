"""The venue's side: lines, limits, questions by time, and what comes at a session's edges."""

import msgspec
import pytest

from tests.engine.test_reconcile import QUICK, SECOND, quick
from tests.engine.truthful import ID, VENUE, TruthfulWorld, reconciled, venue_settings
from tests.engine.world import INSTRUMENT, Peg, World, of
from trading_runtime.account.reports import (
    AccountTold,
    Balance,
    Barred,
    BarredTold,
    LimitsTold,
    LimitTold,
    StreamEnded,
)
from trading_runtime.engine.reducer import Engine
from trading_runtime.errors import Refused
from trading_runtime.market.instrument import Market
from trading_runtime.market.settings import MarketSettings
from trading_runtime.market.sync import SequenceRule
from trading_runtime.oms.reports import (
    Absent,
    Accepted,
    Cancelled,
    Filled,
    Funded,
    Rejected,
    Unanswered,
)
from trading_runtime.records.commands import (
    ArmDeadMan,
    AskVenue,
    CancelOrder,
    PlaceOrder,
    QueryOrder,
    QueryTrades,
    Question,
    order_request,
)
from trading_runtime.records.facts_trading import (
    FillsDisagree,
    FundingPaid,
    OrderFilled,
    OrderRejected,
    OrderUnknown,
    StrategyPaused,
)
from trading_runtime.records.facts_venue import (
    AccountStreamEnded,
    BudgetShort,
    OrderDiffers,
    QuotingHeld,
    RateLimited,
    RateLimitLifted,
    ReconcileBegan,
)
from trading_runtime.records.inputs import Action, OperatorCommanded, Purpose
from trading_runtime.records.instruments import Scales
from trading_runtime.records.lifecycle import OrderState
from trading_runtime.records.units import ClientId, Lots, Money, Nanos, Revision, Ticks


def started(**truth: bool) -> TruthfulWorld:
    world = quick(**truth)
    world.start()
    return world


def barred(request: str, what: Barred = Barred.TOO_MANY, seconds: int = 0) -> BarredTold:
    return BarredTold(request, VENUE, what, Nanos(seconds * SECOND))


def resting(world: TruthfulWorld) -> ClientId:
    return world.truth.open_orders()[0].order


def test_a_lost_orders_line_makes_what_is_on_its_way_unknown_and_holds_quoting() -> None:
    world = started()
    world.book(1010, 1012)
    world.turn()
    out = world.line(up=False)
    assert {each.state for each in of(out, OrderUnknown)} == {OrderState.UNKNOWN_CANCEL}
    assert [each.reason for each in of(out, QuotingHeld)] == ["orders line down"]
    assert of(world.settled(5), PlaceOrder) == []


def test_an_account_line_of_its_own_has_to_be_up_as_well() -> None:
    settings = msgspec.structs.replace(QUICK, account_line=True)
    world = TruthfulWorld(settings)
    world.line(up=True)
    assert world.engine.holding == "account stream down"
    assert of(world.said, AskVenue) == []
    world.line(up=True, purpose=Purpose.USER)
    world.settled(3)
    assert world.truth.open_orders()
    out = world.line(up=False, purpose=Purpose.USER)
    assert of(out, OrderUnknown) == []
    assert world.engine.holding == "account stream down"


def test_a_stream_that_ended_holds_quoting_until_its_line_is_opened_anew() -> None:
    world = started()
    out = world.hear(StreamEnded(VENUE, "terminated by the venue")) + world.settled(3)
    assert len(of(out, AccountStreamEnded)) == 1
    assert world.engine.holding == "account stream down"
    world.line(up=False)
    world.line(up=True)
    world.settled(3)
    assert world.engine.holding == ""


def test_an_unreadable_frame_of_the_account_reconciles_at_once() -> None:
    world = started()
    out = world.hear(StreamEnded(VENUE, "unreadable"))
    assert len(of(out, ReconcileBegan)) == 1
    world.turn()
    assert world.engine.holding.startswith("reconciling")
    world.settled(2)
    assert world.engine.holding == ""


def test_a_placement_that_was_not_sent_never_was() -> None:
    world = started()
    world.end_at_venue(0)
    world.deliver()
    place = of(world.turn(), PlaceOrder)[0]
    said = world.fail(order_request(place), sent=False)
    assert [(each.order, each.retry) for each in of(said, OrderRejected)] == [(place.order, True)]
    assert world.engine.desks[0].rejects == 0
    assert world.engine._floor.answers.count == 0  # noqa: SLF001 -- no answer of the venue's


def test_a_cancel_that_was_not_executed_leaves_the_order_as_it_was() -> None:
    world = started()
    world.book(1010, 1012)
    cancel = of(world.turn(), CancelOrder)[0]
    order = world.engine.desks[0].table.live[cancel.order]
    assert order.state is OrderState.PENDING_CANCEL
    world.hear(Unanswered(order_request(cancel), -1000, "no", known=True))
    assert order.state is OrderState.OPEN


def test_an_error_that_tells_nothing_makes_an_order_unknown_and_it_is_asked_for() -> None:
    world = started()
    world.book(1010, 1012)
    cancel = of(world.turn(), CancelOrder)[0]
    out = world.hear(Unanswered(order_request(cancel), -1007, "timeout", known=False))
    assert [each.order for each in of(out, QueryOrder)] == [cancel.order]


def test_a_venue_that_bars_us_is_asked_nothing_until_its_wait_is_over() -> None:
    world = started()
    out = world.hear(barred("account-0-1", Barred.BANNED, 30))
    assert [each.strikes for each in of(out, RateLimited)] == [1]
    world.mail.clear()
    out = world.turn()
    for _ in range(29):
        out += world.wait(SECOND)
    assert of(out, AskVenue | QueryTrades | QueryOrder | PlaceOrder | CancelOrder) == []
    assert [each.reason for each in of(out, QuotingHeld)] == ["rate limited"]
    out = world.wait(2 * SECOND) + world.settled(10)
    assert len(of(out, RateLimitLifted)) == 1
    assert world.engine.holding == ""


def test_answers_to_what_was_sent_before_the_bar_are_one_strike() -> None:
    world = started()
    for number in range(5):
        world.hear(barred(f"account-0-{number}", seconds=2))
    assert [each.strikes for each in of(world.said, RateLimited)] == [1]


def test_strikes_in_a_row_stop_trading_until_a_person_resumes() -> None:
    world = started()
    for _ in range(4):
        world.hear(barred("account-0-1", seconds=1))
        world.wait(2 * SECOND)
    paused = [each.reason for each in of(world.said, StrategyPaused)]
    assert paused == ["the venue's rate limit persists"]
    world.settled(10)
    assert world.truth.open_orders() == []
    world.command(Action.RESUME)
    world.settled(10)
    assert world.truth.open_orders()


def test_strikes_halve_the_rate_of_orders_and_time_restores_it() -> None:
    world = started()
    bucket = world.engine._floor.orders  # noqa: SLF001 -- what the rate is
    full = bucket._rate  # noqa: SLF001 -- likewise
    world.hear(barred("account-0-1", seconds=1))
    assert bucket._rate == full // 2  # noqa: SLF001 -- likewise
    world.settled(70)
    assert bucket._rate == full  # noqa: SLF001 -- likewise


def test_new_orders_wait_while_most_of_a_limit_is_used_and_cancels_do_not() -> None:
    world = started()
    limit = LimitTold("orders", Nanos(10 * SECOND), 81, 100)
    out = world.hear(LimitsTold(VENUE, (limit,)))
    assert [(each.kind, each.used) for each in of(out, BudgetShort)] == [("orders", 81)]
    world.book(1010, 1012)
    out = world.turn()
    assert len(of(out, CancelOrder)) == 4
    assert of(world.deliver_all(), PlaceOrder) == []
    assert len(of(world.settled(11), PlaceOrder)) == 4


def test_the_clock_is_asked_for_at_the_start_and_then_each_interval() -> None:
    world = started()
    world.settled(70)
    clocks = [each for each in of(world.said, AskVenue) if each.question is Question.CLOCK]
    assert len(clocks) == 2
    assert clocks[0].request == f"time-{VENUE}-{clocks[0].request.rpartition('-')[2]}"


def test_a_time_that_was_not_believed_has_the_clock_asked_for() -> None:
    world = started()
    world.hear(Unanswered("account-0-99", -1021, "timestamp", known=True, clock=True))
    out = world.wait(2 * SECOND)
    assert Question.CLOCK in [each.question for each in of(out, AskVenue)]


def test_the_dead_man_switch_is_armed_each_third_of_its_countdown() -> None:
    world = TruthfulWorld(msgspec.structs.replace(QUICK, dead_man_ns=Nanos(30 * SECOND)))
    world.start()
    out = world.settled(30)
    armed = of(out, ArmDeadMan)
    assert len(armed) == 3
    assert {each.countdown_ns for each in armed} == {30 * SECOND}
    world.command(Action.STOP)
    assert of(world.settled(30), ArmDeadMan) == []


def test_a_session_whose_lease_is_lost_sends_nothing_at_all() -> None:
    world = started()
    world.run(lambda engine, out: engine.on_lease_lost("ran out", world.at, out))
    world.book(1010, 1012)
    count = len(world.said)
    world.settled(40)
    sent = (PlaceOrder, CancelOrder, AskVenue, QueryOrder, QueryTrades, ArmDeadMan)
    assert not [each for each in world.said[count:] if isinstance(each, sent)]
    assert world.engine.holding == "lease lost: ran out"
    world.crash()
    world.start()
    assert world.engine.holding == ""


def test_a_watchdog_that_fired_leaves_quoting_to_a_person() -> None:
    world = quick()
    world.run(lambda engine, out: engine.on_watchdog_fired("no heartbeat", world.at, out))
    world.start()
    assert world.truth.open_orders() == []
    world.command(Action.RESUME)
    world.settled(2)
    assert world.truth.open_orders()


def test_after_a_standstill_the_records_are_compared_while_quoting_goes_on() -> None:
    world = started()
    world.run(lambda engine, out: engine.on_stalled(Nanos(2 * SECOND), world.at, out))
    assert world.engine.holding == ""
    done = reconciled(world.settled(1))
    assert [each.reason for each in done] == ["the loop stood still for 2000 ms"]


def test_funding_is_booked_and_is_no_drift() -> None:
    world = started()
    world.truth.wallet += 7 * 10**8
    wallet = Balance("USDT", Money(world.truth.wallet), Money(0))
    told = AccountTold("", VENUE, False, (wallet,), (), Money(0), Money(0), "FUNDING_FEE", world.at)
    world.hear(told)
    out = world.hear(Funded(ID, Money(7 * 10**8), world.at))
    assert [each.amount for each in of(out, FundingPaid)] == [7 * 10**8]
    world.settled(10)
    assert "BalanceDrifted" not in [type(each).__name__ for each in world.said]


def test_a_liquidation_is_seen_as_a_drift_and_taken_over() -> None:
    world = started()
    world.fill_at_venue(0, 5)
    world.settled(6)
    world.truth.position = 0
    out = world.settled(12)
    assert "PositionDrifted" in [type(each).__name__ for each in out]
    assert world.engine.desks[0].ledger.position == 0


def test_an_order_that_the_venue_shows_late_is_not_taken_for_absent() -> None:
    world = started()
    world.book(1010, 1012)
    world.turn()
    world.deliver_all()
    name = resting(world)
    order = world.engine.desks[0].table.live[name]
    order.state = OrderState.UNKNOWN_NEW
    order.placed_at = world.at
    order.note_state()
    world.hear(Absent(name, world.at))
    assert order.state is OrderState.UNKNOWN_NEW
    world.hear(Accepted(name, order.venue_order, world.at))
    assert order.state is OrderState.OPEN


def test_a_late_answer_about_an_order_that_was_forgotten_is_no_foreign_order() -> None:
    world = started()
    out = world.hear(Rejected(ClientId("tdnonce001zz00"), -1, "late", False, world.at))
    assert out == []


def test_one_session_trades_on_one_venue() -> None:
    other = msgspec.structs.replace(INSTRUMENT, venue="other-spot")
    settings = venue_settings()
    both = settings.instruments | {other.instrument_id: settings.instruments[ID]}
    engine = Engine(msgspec.structs.replace(settings, instruments=both))
    for instrument in (INSTRUMENT, other):
        market = Market(
            Scales(instrument), SequenceRule.OVERLAP, MarketSettings(warm_after_ns=Nanos(0))
        )
        if instrument is other:
            with pytest.raises(Refused, match="one venue"):
                engine.add(market, Peg(), b"{}")
        else:
            engine.add(market, Peg(), b"{}")


def test_on_paper_no_venue_is_asked_anything() -> None:
    world = World()
    world.book(1000, 1002)
    out = world.settle(world.turn())
    for _ in range(20):
        out += world.timer(10 * SECOND) + world.turn()
    assert of(out, AskVenue | QueryTrades | ArmDeadMan) == []


def revised(world: TruthfulWorld, **changes: object) -> None:
    changed = msgspec.structs.replace(INSTRUMENT, revision=Revision(2), **changes)
    world.market.revise(Scales(changed), world.at, [])


def test_on_a_finer_grid_reports_count_at_once_and_so_do_our_orders() -> None:
    world = started()
    kept = world.truth.open_orders()[0]
    revised(world, tick_size="0.01", lot_size="0.0001")
    fill = Filled(
        kept.order,
        "5000",
        Ticks(kept.price * 10),
        Lots(40),
        Lots(40),
        Money(0),
        "USDT",
        True,
        world.at,
    )
    out = world.hear(fill)
    assert [each.remaining for each in of(out, OrderFilled)] == [60]
    desk = world.engine.desks[0]
    assert desk.ledger.position == 40 * kept.side.sign
    assert desk.table.live[kept.order].price == kept.price * 10
    assert of(world.turn(), FillsDisagree) == []


def test_a_late_fill_after_another_filter_is_booked() -> None:
    world = started()
    kept = world.truth.open_orders()[0]
    world.hear(Cancelled(kept.order, Lots(0), world.at))
    revised(world, price_step=5)
    world.turn()
    for name in list(world.engine.desks[0].table.live):
        world.hear(Cancelled(name, Lots(0), world.at))
    world.turn()
    late = Filled(
        kept.order, "5000", kept.price, Lots(4), Lots(4), Money(0), "USDT", True, world.at
    )
    assert len(of(world.hear(late), OrderFilled)) == 1
    assert abs(world.engine.desks[0].ledger.position) == 4


def test_an_operator_has_the_records_compared_and_each_difference_told() -> None:
    world = started()
    world.fill_at_venue(0, 4)
    world.mail.clear()
    world.wait(2 * SECOND)
    sync = OperatorCommanded(action=Action.SYNC, user="ann", reason="a doubt")
    out = world.run(lambda engine, out: engine.on_operator(sync, world.at, out))
    out += world.deliver_all()
    assert [each.reason for each in reconciled(out)] == ["ann: a doubt"]
    assert [each.difference for each in of(out, OrderDiffers)] == ["fill"]
