"""On a venue, too: whatever happens, an engine that was carried says the same bytes."""

from collections.abc import Callable

import msgspec
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tests.engine.world import INSTRUMENT
from tests.risk.venue import VenueWorld, on_venue
from trading_runtime.account.reports import (
    Barred,
    BarredTold,
    InstrumentTold,
    PermissionsTold,
    ReferenceTold,
    Trading,
)
from trading_runtime.engine.reducer import Engine
from trading_runtime.engine.settings import HedgeSettings
from trading_runtime.records.commands import AskVenue, CancelOrder, PlaceOrder, order_request
from trading_runtime.records.envelope import Output, encode_body
from trading_runtime.records.facts_trading import Response
from trading_runtime.records.inputs import Action
from trading_runtime.records.units import NANOS_PER_SECOND, Micro, Nanos, Ticks
from trading_runtime.risk.limits import Threshold


def above(trigger: int, response: Response = Response.PAUSE) -> Threshold:
    return Threshold(trigger=trigger, clear=trigger // 2, response=response)


SETTINGS = on_venue(
    limits={
        "inventory_max": "0.060",
        "order_size_max": "0.030",
        "reference": above(20_000),
    },
    account_limits={
        "message_rate": above(60),
        "notional_rate": above(20, Response.PANIC_STOP),
        "connections_lost": above(4, Response.PANIC_STOP),
        "balance_min": "90000",
        "window_ns": Nanos(NANOS_PER_SECOND),
    },
    instrument={
        "hedge": HedgeSettings(
            band="0.030", clip="0.010", slippage_max=Micro(1_000), cooldown_ns=Nanos(10_000_000)
        )
    },
)


class Twins:
    """Two engines that have to say the same."""

    def __init__(self, one: Engine, two: Engine) -> None:
        self.engines = (one, two)

    def __getattr__(self, name: str) -> object:
        one, two = self.engines
        found = getattr(one, name)
        if not callable(found):
            return found

        def both(*arguments: object, **named: object) -> object:
            again: list[Output] = []
            out = next(each for each in arguments if isinstance(each, list))
            said = len(out)
            copies = [again if each is out else each for each in arguments]
            given = found(*arguments, **named)
            getattr(two, name)(*copies, **named)
            assert [encode_body(each) for each in again] == [
                encode_body(each) for each in out[said:]
            ]
            return given

        return both


def packed(engine: Engine) -> bytes:
    return msgspec.msgpack.encode(engine.carry())


def pop(waiting: list[Output], index: int) -> Output | None:
    return waiting.pop(index % len(waiting)) if waiting else None


def answer(world: VenueWorld, waiting: list[Output], one: int) -> None:
    output = pop(waiting, one)
    if output is not None:
        for told in world.answers(output):
            waiting += world.tell(told)


def answer_all(world: VenueWorld, waiting: list[Output], one: int) -> None:
    for _ in range(len(waiting)):
        answer(world, waiting, one)


def lose(world: VenueWorld, waiting: list[Output], one: int) -> None:
    output = pop(waiting, one)
    if isinstance(output, AskVenue):
        waiting += world.fails(output.request, sent=one % 2 == 0)
    elif isinstance(output, PlaceOrder | CancelOrder):
        sent = one % 2 == 0
        if sent:
            world.answers(output)
        waiting += world.fails(order_request(output), sent=sent)


def bar(world: VenueWorld, waiting: list[Output], one: int) -> None:
    output = pop(waiting, one)
    wait = Nanos(one * 100_000_000)
    if isinstance(output, AskVenue):
        told = BarredTold(output.request, INSTRUMENT.venue, Barred.TOO_MANY, wait)
        waiting += world.tell(told)
    elif isinstance(output, PlaceOrder | CancelOrder):
        told = BarredTold(order_request(output), INSTRUMENT.venue, Barred.TOO_MANY, wait)
        waiting += world.tell(told)


def fill(world: VenueWorld, waiting: list[Output], one: int) -> None:
    if world.resting:
        order = list(world.resting)[one % len(world.resting)]
        _, whole, filled = world.resting[order]
        waiting += world.fill(order, min(1 + one, whole - filled))


def line(world: VenueWorld, waiting: list[Output], one: int) -> None:
    waiting += world.lose_line()
    if one % 3:
        waiting += world.turn()
    waiting += world.line_up()


def operate(world: VenueWorld, waiting: list[Output], one: int) -> None:
    often = [*Action, Action.PANIC_STOP, Action.PANIC_STOP]
    waiting += world.command(often[one % len(often)])


def market(world: VenueWorld, _: list[Output], one: int) -> None:
    world.book(1000 + one, 1002 + one)


def tell(world: VenueWorld, waiting: list[Output], one: int) -> None:
    instrument_id = INSTRUMENT.instrument_id
    finer = msgspec.structs.replace(INSTRUMENT, notional_min=str(one))
    world.margins = (one * 10**11, 10**13)
    told = (
        ReferenceTold(instrument_id, Ticks(990 + 3 * one), Ticks(0), Micro(0), world.at),
        InstrumentTold(INSTRUMENT, list(Trading)[one % 3]),
        InstrumentTold(finer, Trading.OPEN),
        PermissionsTold(INSTRUMENT.venue, may_trade=True, may_withdraw=one % 2 == 0),
        world.account(""),
    )
    waiting += world.tell(told[one % len(told)])


def wait(world: VenueWorld, waiting: list[Output], one: int) -> None:
    waiting += world.timer(one * 70_000_000)


ACTS: dict[str, Callable[[VenueWorld, list[Output], int], None]] = {
    "answer": answer,
    "answer_all": answer_all,
    "lose": lose,
    "bar": bar,
    "fill": fill,
    "line": line,
    "operate": operate,
    "market": market,
    "tell": tell,
    "wait": wait,
}
KINDS = [*ACTS, "answer_all", "answer_all", "fill", "market", "tell", "tell", "wait"]
STEPS = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 12)), min_size=5, max_size=40)


@examples(max_examples=120, deadline=None)
@given(STEPS, STEPS)
def test_a_carried_engine_goes_on_with_the_same_bytes_on_a_venue(
    before: list[tuple[str, int]], after: list[tuple[str, int]]
) -> None:
    world = VenueWorld(SETTINGS, parameters=b'{"levels": 3}')
    world.book(1000, 1002)
    waiting = world.line_up()
    for kind, one in before:
        ACTS[kind](world, waiting, one)
        waiting += world.turn()
    twins = Twins(world.engine, world.restored(packed(world.engine)))
    world.engine = twins
    for kind, one in after:
        ACTS[kind](world, waiting, one)
        waiting += world.turn()
    one, two = twins.engines
    assert packed(one) == packed(two)
