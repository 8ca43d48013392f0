"""PanicStop on a venue: until the venue itself shows no order of ours and no position."""

from collections.abc import Callable
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tests.engine.world import INSTRUMENT, of
from tests.risk.venue import VenueWorld, on_venue
from trading_runtime.account.reports import Barred, BarredTold
from trading_runtime.engine.settings import EngineSettings
from trading_runtime.records.commands import (
    AskVenue,
    CancelOrder,
    Execution,
    PlaceOrder,
    Question,
    order_request,
)
from trading_runtime.records.envelope import Output
from trading_runtime.records.facts_trading import PanicStep, PanicStopStepped
from trading_runtime.records.inputs import Action
from trading_runtime.records.units import NANOS_PER_SECOND, Lots, Nanos, Side, Ticks

MILLI = 1_000_000
LARGE: EngineSettings = on_venue(
    limits={"inventory_max": "2", "order_size_max": "0.5", "open_orders_max": 100}
)


def quoting(position: int = 0, settings: EngineSettings = LARGE, levels: int = 2) -> VenueWorld:
    """Give a world that quotes and has bought ``position`` lots."""
    size = max(position, 10)
    world = VenueWorld(settings, parameters=b'{"levels": %d, "size": %d}' % (levels, size))
    world.book(1000, 1002, size=10_000)
    world.open_line()
    if position:
        world.settle(world.fill(world.order(Side.BUY), position))
        world.settle(world.turn())
    assert world.position == position
    return world


def steps(out: list[Output]) -> list[PanicStep]:
    return [each.step for each in of(out, PanicStopStepped)]


def immediate(out: list[Output]) -> list[PlaceOrder]:
    return [each for each in of(out, PlaceOrder) if each.execution is Execution.IMMEDIATE]


def pass_time(world: VenueWorld, seconds: int, every: int = 200 * MILLI) -> list[Output]:
    """Let the timer fire again and again, and the venue answer."""
    said: list[Output] = []
    for _ in range(seconds * NANOS_PER_SECOND // every):
        said += world.settle(world.timer(every) + world.turn(), rounds=30)
    return said


def is_asked(question: Question) -> Callable[[Output], bool]:
    return lambda each: isinstance(each, AskVenue) and each.question is question


def test_each_step_is_proved_by_the_venue() -> None:
    world = quoting(20)
    out = world.command(Action.PANIC_STOP)
    assert len(of(out, CancelOrder)) == len(world.resting) == 4
    out = world.settle(out)
    assert steps(out) == [
        PanicStep.LATCHED,
        PanicStep.CANCELLING,
        PanicStep.VERIFYING,
        PanicStep.CLOSING,
        PanicStep.VERIFYING,
        PanicStep.FLAT,
    ]
    close = immediate(out)[0]
    assert (close.side, close.size, close.reduce_only) == (Side.SELL, 20, True)
    assert (world.resting, world.position) == ({}, 0)


def test_fifty_orders_are_cancelled_in_one_turn_and_looked_for_in_the_next() -> None:
    world = quoting(10, levels=25)
    out = world.command(Action.PANIC_STOP)
    assert len(of(out, CancelOrder)) == 50
    told = [each for output in out for each in world.answers(output)]
    for each in told:
        world.tell(each)
    asked = of(world.turn(), AskVenue)
    assert [each.question for each in asked] == [Question.OPEN_ORDERS, Question.ACCOUNT]


def test_slices_that_fill_follow_each_other_without_a_wait() -> None:
    world = quoting(500)
    world.settle(world.fill(world.order(Side.BUY), 500))
    before = world.at
    out = world.settle(world.command(Action.PANIC_STOP), rounds=30)
    assert [each.size for each in immediate(out)] == [500, 500]
    assert world.at - before < 30 * MILLI
    assert steps(out)[-1] is PanicStep.FLAT


def test_it_closes_what_the_venue_holds_and_not_what_we_believe() -> None:
    world = quoting(20)
    world.position = Lots(35)
    out = world.settle(world.command(Action.PANIC_STOP), rounds=30)
    assert [each.size for each in immediate(out)] == [35]
    assert (world.position, steps(out)[-1]) == (0, PanicStep.FLAT)


@pytest.mark.parametrize("foreign", ["someone1", "td-by-hand"])
def test_foreign_orders_are_never_touched(foreign: str) -> None:
    world = quoting()
    world.foreign_order(foreign)
    out = world.settle(world.command(Action.PANIC_STOP))
    assert foreign not in {each.order for each in of(out, CancelOrder)}
    assert steps(out)[-1] is PanicStep.FLAT


def test_an_order_of_ours_that_no_record_knows_is_cancelled_before_it_is_flat() -> None:
    world = quoting()
    world.foreign_order("tdxxxxxxxx000")
    out = world.settle(world.command(Action.PANIC_STOP))
    assert "tdxxxxxxxx000" in {each.order for each in of(out, CancelOrder)}
    assert PanicStep.FLAT not in steps(out)
    world.foreign.clear()
    out = pass_time(world, 20)
    assert steps(out)[-1] is PanicStep.FLAT


def test_without_a_book_it_closes_by_the_mark_within_the_slippage_bound() -> None:
    world = quoting(20)
    world.reference = (Ticks(990), Ticks(0))
    world.settle(world.timer(10 * NANOS_PER_SECOND) + world.turn())
    world.desync()
    out = world.command(Action.PANIC_STOP)
    while not immediate(out):
        out = [said for each in out for told in world.answers(each) for said in world.tell(told)]
        out += world.turn()
    assert immediate(out)[0].price == 990 - 9


@pytest.mark.parametrize("question", [Question.OPEN_ORDERS, Question.ACCOUNT])
def test_what_is_not_answered_is_asked_again_ever_later(question: Question) -> None:
    world = quoting(20)
    world.mute = is_asked(question)
    out = world.settle(world.command(Action.PANIC_STOP))
    times: list[int] = []
    for _ in range(100):
        out += world.settle(world.timer(100 * MILLI) + world.turn(), rounds=30)
        if any(world.mute(each) for each in out):
            times.append(world.at)
        out = []
    waits = [after - before for before, after in pairwise(times)]
    assert len(times) <= 8
    assert waits[1:] == sorted(waits[1:])
    world.mute = lambda _: False
    assert steps(pass_time(world, 40))[-1] is PanicStep.FLAT
    assert world.position == 0


def test_a_cancel_whose_answer_is_lost_holds_the_close_up_for_no_longer_than_the_venue() -> None:
    world = quoting(20)
    lost: list[CancelOrder] = []

    def loses(each: Output) -> bool:
        if isinstance(each, CancelOrder) and not lost:
            lost.append(each)
            # It is executed all the same.
            world.resting.pop(each.order)
            return True
        return False

    world.mute = loses
    out = world.settle(world.command(Action.PANIC_STOP))
    assert immediate(out) == []
    out = pass_time(world, 1)
    assert [each.size for each in immediate(out)] == [20]
    assert world.position == 0
    assert steps(out)[-1] is PanicStep.VERIFYING
    assert steps(pass_time(world, 20))[-1] is PanicStep.FLAT


def test_an_order_that_the_venue_still_shows_is_cancelled_again() -> None:
    world = quoting()
    lost: list[CancelOrder] = []
    world.mute = lambda each: (
        isinstance(each, CancelOrder) and len(lost) < 3 and lost.append(each) is None
    )
    out = world.settle(world.command(Action.PANIC_STOP))
    assert len(world.resting) == 3
    out = pass_time(world, 2)
    assert world.resting == {}
    assert steps(out)[-1] is PanicStep.FLAT


def test_a_close_that_is_refused_is_tried_again_ever_later_and_by_what_the_venue_holds() -> None:
    world = quoting(20)
    world.book(1000, 1002, size=0)
    world.book(1000, 1002, size=7)
    out = world.settle(world.command(Action.PANIC_STOP), rounds=30)
    assert [each.size for each in immediate(out)] == [20]
    out = pass_time(world, 5)
    assert [each.size for each in immediate(out)] == [13, 6]
    assert steps(out)[-1] is PanicStep.FLAT


def test_quiet_that_the_venue_wants_is_kept_and_it_goes_on_after_it() -> None:
    world = quoting(20)
    world.mute = lambda each: isinstance(each, CancelOrder)
    out = world.command(Action.PANIC_STOP)
    for cancel in of(out, CancelOrder):
        wait = Nanos(3 * NANOS_PER_SECOND)
        request = order_request(cancel)
        world.tell(BarredTold(request, INSTRUMENT.venue, Barred.TOO_MANY, wait))
    world.mute = lambda _: False
    out = []
    for _ in range(14):
        out += world.timer(200 * MILLI) + world.turn()
    assert of(out, CancelOrder) + of(out, AskVenue) == []
    out = pass_time(world, 10)
    assert (world.resting, world.position) == ({}, 0)
    assert steps(out)[-1] is PanicStep.FLAT


def test_with_the_line_down_it_tries_now_and_then_and_goes_on_when_it_is_up() -> None:
    world = quoting(20)
    world.lose_line()
    world.turn()
    out = world.command(Action.PANIC_STOP)
    tries = len(of(out, CancelOrder))
    for _ in range(40):
        out = world.timer(200 * MILLI) + world.turn()
        tries += len(of(out, CancelOrder))
        for each in out:
            if isinstance(each, CancelOrder):
                world.fails(order_request(each), sent=False)
            elif isinstance(each, AskVenue):
                world.fails(each.request, sent=False)
    assert 4 <= tries <= 4 * 5
    out = world.open_line() + pass_time(world, 20)
    assert (world.resting, world.position) == ({}, 0)
    assert steps(out)[-1] is PanicStep.FLAT


def test_flat_it_asks_no_more_and_a_late_fill_wakes_it() -> None:
    world = quoting(20)
    world.settle(world.command(Action.PANIC_STOP))
    assert of(pass_time(world, 3), PanicStopStepped) == []
    order = next(each for each in reversed(world.sent) if isinstance(each, CancelOrder)).order
    placed = next(e for e in world.sent if isinstance(e, PlaceOrder) and e.order == order)
    world.resting[order] = (placed, placed.size, Lots(0))
    out = world.settle(world.fill(order, 5) + world.turn(), rounds=30)
    world.resting.pop(order, None)
    out += pass_time(world, 20)
    assert world.position == 0
    assert steps(out)[-1] is PanicStep.FLAT


def test_dust_that_no_order_can_close_is_left_and_said() -> None:
    coarse = msgspec.structs.replace(INSTRUMENT, size_step=4)
    world = VenueWorld(LARGE, parameters=b'{"size": 20}', instrument=coarse)
    world.told = coarse
    world.book(1000, 1002, size=10_000)
    world.open_line()
    world.settle(world.fill(world.order(Side.BUY), 18))
    out = world.settle(world.command(Action.PANIC_STOP), rounds=30)
    assert [each.size for each in immediate(out)] == [16]
    assert (world.position, steps(out)[-1]) == (2, PanicStep.FLAT)


EVENTS = st.lists(
    st.sampled_from(["turn", "timer", "lose", "restart", "answer", "swap", "late"]), max_size=40
)


@given(EVENTS, st.integers(0, 40))
@examples(max_examples=60, deadline=None)
def test_whatever_is_lost_late_or_restarted_it_ends_flat(events: list[str], held: int) -> None:
    world = quoting(held, levels=3)
    waiting = world.command(Action.PANIC_STOP)
    for event in events:
        match event:
            case "turn":
                waiting += world.turn()
            case "timer":
                waiting += world.timer(300 * MILLI)
            case "lose" if waiting:
                lose(world, waiting.pop(0))
            case "restart":
                world.restart()
            case "answer" if waiting:
                for told in world.answers(waiting.pop(0)):
                    waiting += world.tell(told)
            case "swap":
                waiting.reverse()
            case _:
                pass
    world.settle(waiting, rounds=60)
    pass_time(world, 60, every=500 * MILLI)
    assert (world.resting, world.position) == ({}, 0)
    assert world.engine.desks[0].ledger.position == 0
    assert world.engine.holding == "panic stop"
    assert world.engine.open_orders() == 0


def lose(world: VenueWorld, output: Output) -> None:
    """Let the venue do what it is told, and its answer be lost on the way."""
    if isinstance(output, PlaceOrder | CancelOrder):
        told = world.answers(output)
        del told
        world.fails(order_request(output))
    elif isinstance(output, AskVenue):
        world.fails(output.request)
