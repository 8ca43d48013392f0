"""Continuous limits and what follows from them (RSK-2, RSK-3, RSK-4)."""

from tests.engine.world import World, of, settings
from trading_runtime.account.settings import AccountSettings
from trading_runtime.engine.terms import LATE_PAUSE, REFUSED_PAUSE
from trading_runtime.oms.reports import Rejected
from trading_runtime.oms.settings import RateSettings
from trading_runtime.records.commands import CancelOrder, PlaceOrder
from trading_runtime.records.facts_trading import (
    Limit,
    PanicStopTriggered,
    Response,
    RiskLimitCleared,
    RiskLimitTriggered,
    StrategyPaused,
    StrategyResumed,
)
from trading_runtime.records.inputs import Action
from trading_runtime.records.units import Micro, Nanos, Revision, Side
from trading_runtime.risk.limits import Threshold

SECOND = 10**9


def at(trigger: int, clear: int, response: Response = Response.PAUSE) -> Threshold:
    return Threshold(trigger=trigger, clear=clear, response=response)


def triggered(out: list[object]) -> list[tuple[Limit, int]]:
    return [(each.limit, each.value) for each in of(out, RiskLimitTriggered)]


def test_an_old_book_pauses_and_a_fresh_one_resumes() -> None:
    world = World(settings(limits={"depth_lag_ns": at(500, 200)}))
    world.book(1000, 1002)
    world.settle(world.turn())
    world.engine.on_lag(Revision(1), Nanos(501))
    out = world.turn()
    assert triggered(out) == [(Limit.DEPTH_LAG, 501)]
    assert [each.reason for each in of(out, StrategyPaused)] == ["depth_lag"]
    assert len(of(out, CancelOrder)) == 2
    world.settle(out)
    world.engine.on_lag(Revision(1), Nanos(201))
    assert world.turn() == []
    world.engine.on_lag(Revision(1), Nanos(200))
    out = world.turn()
    assert [each.limit for each in of(out, RiskLimitCleared)] == [Limit.DEPTH_LAG]
    assert [each.reason for each in of(out, StrategyResumed)] == ["over: depth_lag"]
    assert len(of(out, PlaceOrder)) == 2


def test_a_limit_that_refuses_leaves_what_rests_and_places_nothing_new() -> None:
    world = World(settings(limits={"depth_lag_ns": at(500, 200, Response.REFUSE)}))
    world.book(1000, 1002)
    world.settle(world.turn())
    world.engine.on_lag(Revision(1), Nanos(501))
    assert triggered(world.turn()) == [(Limit.DEPTH_LAG, 501)]
    assert len(world.resting) == 2
    world.book(1010, 1012)
    out = world.settle(world.turn())
    assert len(of(out, CancelOrder)) == 2
    assert of(out, PlaceOrder) == []
    world.engine.on_lag(Revision(1), Nanos(0))
    assert len(of(world.turn(), PlaceOrder)) == 2


def test_a_volatility_panic_pauses() -> None:
    world = World(settings(limits={"volatility": at(10_000_000, 1_000_000)}))
    world.book(1000, 1002)
    world.settle(world.turn(after_ns=SECOND))
    world.book(1300, 1302)
    assert [limit for limit, _ in triggered(world.turn())] == [Limit.VOLATILITY]


def test_rejects_in_a_row_pause_until_a_window_has_passed() -> None:
    world = World(settings(limits={"consecutive_rejects": at(2, 0)}))
    world.book(1000, 1002)
    out = world.turn()
    for _ in range(2):
        for place in of(out, PlaceOrder):
            world.report(Rejected(place.order, -1, "no", True, world.at))
        out = world.turn(after_ns=2 * LATE_PAUSE)
    assert triggered(out) == [(Limit.CONSECUTIVE_REJECTS, 4)]
    assert of(out, PlaceOrder) == []
    out = world.turn(after_ns=10 * SECOND + 1)
    assert [each.limit for each in of(out, RiskLimitCleared)] == [Limit.CONSECUTIVE_REJECTS]
    assert len(of(out, PlaceOrder)) == 2


def test_a_quote_that_came_too_late_is_not_tried_a_thousand_times_a_second() -> None:
    world = World(settings())
    world.book(1000, 1002)
    out = world.turn()
    for tries in range(1, 4):
        for place in of(out, PlaceOrder):
            world.report(Rejected(place.order, -5022, "would take", True, world.at))
        rejects = 2 * tries
        assert of(world.turn(after_ns=rejects * LATE_PAUSE - 1), PlaceOrder) == []
        out = world.turn(after_ns=1)
        assert len(of(out, PlaceOrder)) == 2


def test_what_is_refused_by_rule_is_not_tried_at_once_again() -> None:
    world = World(settings())
    world.book(1000, 1002)
    for place in of(world.turn(), PlaceOrder):
        world.report(Rejected(place.order, -4014, "tick size", False, world.at))
    world.book(1001, 1003)
    assert of(world.turn(after_ns=2 * REFUSED_PAUSE - 1), PlaceOrder) == []
    assert len(of(world.turn(after_ns=1), PlaceOrder)) == 2


def test_an_order_that_is_taken_ends_the_row_of_rejects() -> None:
    world = World(settings(limits={"consecutive_rejects": at(1, 0)}))
    world.book(1000, 1002)
    bid, ask = of(world.turn(), PlaceOrder)
    world.report(Rejected(bid.order, -1, "no", True, world.at))
    world.report(world.answers(ask)[0])
    assert triggered(world.turn()) == []


def test_a_strategy_that_floods_is_throttled_and_then_paused() -> None:
    slow = RateSettings(per_second=1, burst=2)
    world = World(
        settings(limits={"order_rate": at(5, 0)}, oms={"instrument_orders": slow}),
        parameters=b'{"levels": 3}',
    )
    limits = []
    for bid in range(1000, 1010):
        world.book(bid, bid + 2)
        limits += triggered(world.settle(world.turn()))
    assert [limit for limit, _ in limits] == [Limit.ORDER_RATE]
    assert world.resting == {}


def test_cancelling_too_much_for_what_is_placed_pauses() -> None:
    world = World(settings(limits={"cancel_rate": at(700_000, 0)}))
    limits = []
    for bid in range(1000, 1008):
        world.book(bid, bid + 2)
        limits += triggered(world.settle(world.turn()))
    assert limits == [(Limit.CANCEL_RATE, 1_000_000)]


def test_too_many_errors_among_the_answers_pause_everybody() -> None:
    world = World(settings(account_limits={"api_error_rate": at(500_000, 100_000)}))
    world.book(1000, 1002)
    placed = of(world.turn(), PlaceOrder)
    for place in placed * 3:
        world.report(Rejected(place.order, -1, "no", False, world.at))
    out = world.turn()
    assert triggered(out) == [(Limit.API_ERROR_RATE, 1_000_000)]
    assert [each.reason for each in of(out, StrategyPaused)] == ["api_error_rate"]


def test_quotes_that_came_too_late_to_rest_are_no_errors_of_the_venue() -> None:
    world = World(settings(account_limits={"api_error_rate": at(500_000, 100_000)}))
    world.book(1000, 1002)
    out = world.turn()
    for _ in range(3):
        for place in of(out, PlaceOrder):
            world.report(Rejected(place.order, -1, "would take", True, world.at))
        out = world.turn()
    assert triggered(out) == []


def losing(threshold: str, trigger: int) -> World:
    """Hold 10 lots bought at 1000 ticks, of an account of 100.00; a tick is worth 0.001."""
    account = AccountSettings(
        quote_asset="USDT",
        balance="100",
        money_scale=8,
        day_offset_minutes=0,
        maintenance_margin=Micro(5_000),
    )
    limits = {threshold: at(trigger, 0, Response.PANIC_STOP)}
    world = World(settings(account_limits=limits, account=account))
    world.book(1000, 1002)
    world.settle(world.turn())
    world.settle(world.fill(world.order(Side.BUY), 10))
    return world


def test_a_fall_in_profit_is_a_panic_at_the_exact_event_and_closes() -> None:
    world = losing("daily_loss", 100)
    # Marked at 990 the position has lost 0.01, which is 100 millionths of 100.00: the limit itself.
    world.book(989, 991)
    assert triggered(world.settle(world.turn())) == []
    world.book(988, 991)
    out = world.settle(world.turn())
    assert triggered(out) == [(Limit.DAILY_LOSS, 105)]
    assert [each.reason for each in of(out, PanicStopTriggered)] == ["daily_loss"]
    assert world.engine.desks[0].ledger.position == 0
    assert world.resting == {}


def test_a_days_loss_that_is_cleared_latches_again_and_a_drawdown_does_not() -> None:
    for threshold, again in (("daily_loss", 1), ("drawdown", 0)):
        world = losing(threshold, 100)
        world.book(900, 902)
        world.settle(world.turn())
        world.command(Action.CLEAR_PANIC)
        assert len(of(world.turn(), PanicStopTriggered)) == again


def test_the_risk_rate_pauses_first_and_closes_all_beyond() -> None:
    limits = {
        "risk_rate": at(800_000, 500_000),
        "risk_rate_close": at(900_000, 0, Response.PANIC_STOP),
    }
    account = AccountSettings(
        quote_asset="USDT",
        balance="10",
        money_scale=8,
        day_offset_minutes=0,
        maintenance_margin=Micro(1_000_000),
    )
    world = World(settings(account_limits=limits, account=account), parameters=b'{"size": 84}')
    world.book(1000, 1002)
    world.settle(world.turn())
    out = world.settle(world.fill(world.order(Side.BUY), 84))
    out += world.settle(world.turn())
    assert [each.reason for each in of(out, StrategyPaused)] == ["risk_rate_limit"]
    assert of(out, PanicStopTriggered) == []
    world.book(1800, 1802)
    out = world.settle(world.turn())
    assert [each.reason for each in of(out, PanicStopTriggered)] == ["risk_rate_limit"]
    assert world.engine.desks[0].ledger.position == 0
