"""Orders that take: the hedge outside the band, and PanicStop until all is flat."""

from tests.engine.world import INSTRUMENT, World, of, settings
from trading_runtime.engine.settings import EngineSettings, HedgeSettings
from trading_runtime.oms.reports import Cancelled, Expired, Filled
from trading_runtime.records.commands import CancelOrder, Execution, PlaceOrder, SetTimer
from trading_runtime.records.facts_trading import (
    HedgeDecided,
    PanicStep,
    PanicStopCleared,
    PanicStopStepped,
    PanicStopTriggered,
    StrategyPaused,
)
from trading_runtime.records.inputs import Action
from trading_runtime.records.units import Lots, Micro, Money, Nanos, Side, Ticks

HEDGE = HedgeSettings(
    band="0.015", clip="0.010", slippage_max=Micro(2_000), cooldown_ns=Nanos(10**9)
)
HEDGING: EngineSettings = settings(instrument={"hedge": HEDGE})


def long_by(world: World, lots: int) -> World:
    """Let the quotes buy ``lots`` in all, ten at a time."""
    world.book(1000, 1002)
    for _ in range(lots // 10):
        world.settle(world.turn())
        world.settle(world.fill(world.order(Side.BUY), 10))
    return world


def immediate(out: list[object]) -> list[PlaceOrder]:
    return [each for each in of(out, PlaceOrder) if each.execution is Execution.IMMEDIATE]


def test_within_its_band_inventory_is_left_to_the_quotes() -> None:
    world = long_by(World(HEDGING), 10)
    assert of(world.settle(world.turn()), HedgeDecided) == []


def test_outside_its_band_quotes_are_withdrawn_and_the_excess_is_taken_back() -> None:
    world = long_by(World(HEDGING), 20)
    out = world.turn()
    assert {each.reason for each in of(out, CancelOrder)} == {"hedging"}
    assert immediate(out) == []
    out = world.settle(out)
    hedge = immediate(out)[0]
    assert (hedge.side, hedge.size, hedge.price, hedge.reduce_only) == (Side.SELL, 5, 998, True)
    decided = of(out, HedgeDecided)[0]
    assert (decided.inventory, decided.band) == (20, 15)
    assert world.quotes() == [(Side.BUY, 1000, 10), (Side.SELL, 1002, 10)]


def test_a_hedge_takes_no_more_than_its_clip_and_waits_for_its_cooldown() -> None:
    world = World(settings(instrument={"hedge": HEDGE}), parameters=b'{"size": 40}')
    world.book(1000, 1002)
    world.settle(world.turn())
    world.fill(world.order(Side.BUY), 40)
    out = world.settle(world.turn())
    assert [each.size for each in immediate(out)] == [10]
    assert len(world.quotes()) == 2
    assert immediate(world.settle(world.turn(after_ns=9 * 10**8))) == []
    assert [each.size for each in immediate(world.settle(world.turn(after_ns=10**8)))] == [10]


def test_while_a_hedge_is_unanswered_nothing_else_is_sent() -> None:
    world = long_by(World(HEDGING), 20)
    out = world.turn()
    for cancel in of(out, CancelOrder):
        for report in world.answers(cancel):
            world.report(report)
    hedge = immediate(world.turn())[0]
    assert of(world.turn(after_ns=2 * 10**9), PlaceOrder) == []
    world.report(Expired(hedge.order, Lots(0), "immediate", world.at))
    assert len(immediate(world.turn())) == 1


def steps(out: list[object]) -> list[PanicStep]:
    return [each.step for each in of(out, PanicStopStepped)]


def test_panic_latches_first_then_cancels_then_closes_and_is_flat() -> None:
    world = long_by(World(), 20)
    world.settle(world.turn())
    out = world.command(Action.PANIC_STOP, reason="fire")
    assert [each.reason for each in of(out, PanicStopTriggered)] == ["ann: fire"]
    assert isinstance(out[0], PanicStopTriggered)
    assert steps(out) == [PanicStep.LATCHED, PanicStep.CANCELLING]
    assert len(of(out, CancelOrder)) == 2
    assert immediate(out) == []
    out = world.settle(out)
    assert steps(out)[2:] == [PanicStep.CLOSING, PanicStep.FLAT]
    close = immediate(out)[0]
    assert (close.side, close.size, close.reduce_only) == (Side.SELL, 20, True)
    assert close.price == 1000 - 10
    assert world.engine.desks[0].ledger.position == 0
    world.book(1010, 1012)
    assert of(world.turn(), PlaceOrder) == []


def test_a_large_position_is_closed_in_slices() -> None:
    world = long_by(World(settings(limits={"order_size_max": "0.010"})), 30)
    world.settle(world.command(Action.PANIC_STOP))
    sizes = []
    for _ in range(4):
        out = world.settle(world.turn(after_ns=10**9))
        sizes += [each.size for each in immediate(out)]
    assert sum(sizes) + 10 == 30
    assert world.engine.desks[0].ledger.position == 0


def test_panic_survives_a_restart_at_every_step_and_goes_on() -> None:
    world = long_by(World(), 20)
    world.settle(world.turn())
    out = world.command(Action.PANIC_STOP)
    for _ in range(6):
        world.restart()
        reports = [report for each in out for report in world.answers(each)]
        out = [said for report in reports for said in world.report(report)]
        world.restart()
        out += world.turn(after_ns=10**9)
    assert world.engine.desks[0].ledger.position == 0
    assert world.resting == {}
    assert world.engine.holding == "panic stop"


def test_a_second_panic_changes_nothing() -> None:
    world = long_by(World(), 20)
    world.settle(world.command(Action.PANIC_STOP))
    assert world.command(Action.PANIC_STOP) == []


def test_a_position_that_cannot_be_priced_waits_for_a_book() -> None:
    world = long_by(World(), 20)
    world.desync()
    out = world.settle(world.command(Action.PANIC_STOP))
    assert immediate(out) == []
    assert len(of(out, SetTimer)) <= 1
    world.book(900, 902)
    out = world.settle(world.turn(after_ns=10**9))
    assert immediate(out)[0].price == 900 - 9


def test_what_a_missing_fill_may_have_reduced_is_not_closed_twice() -> None:
    world = long_by(World(), 20)
    world.settle(world.turn())
    world.turn()
    ask = world.order(Side.SELL)
    del world.resting[ask]
    world.report(Cancelled(ask, Lots(6), world.at))
    out = world.settle(world.command(Action.PANIC_STOP))
    assert [each.size for each in immediate(out)] == [14]
    assert steps(out)[-1] is PanicStep.CLOSING
    late = Filled(ask, "late", Ticks(1002), Lots(6), Lots(6), Money(0), "USDT", True, world.at)
    world.report(late)
    assert steps(world.turn()) == [PanicStep.FLAT]


def test_a_cancel_that_is_lost_is_sent_again_until_nothing_rests() -> None:
    world = World()
    world.book(1000, 1002)
    world.settle(world.turn())
    world.command(Action.PANIC_STOP)
    out = world.timer(after_ns=world.settings.oms.answer_timeout_ns)
    out += world.turn()
    assert of(out, CancelOrder) == []
    out = world.turn(after_ns=world.settings.oms.query_interval_ns)
    assert len(of(out, CancelOrder)) == 2
    assert PanicStep.FLAT in steps(world.settle(out))


def test_only_a_clear_opens_the_latch_and_a_resume_has_to_follow() -> None:
    world = World()
    world.book(1000, 1002)
    world.settle(world.turn())
    world.settle(world.command(Action.PANIC_STOP))
    paused = of(world.command(Action.RESUME), StrategyPaused)
    assert [each.instrument_id for each in paused] == [INSTRUMENT.instrument_id]
    assert of(world.turn(), PlaceOrder) == []
    out = world.command(Action.CLEAR_PANIC, user="bea")
    assert [each.user for each in of(out, PanicStopCleared)] == ["bea"]
    assert of(world.turn(), PlaceOrder) == []
    world.command(Action.RESUME)
    assert len(of(world.turn(), PlaceOrder)) == 2
