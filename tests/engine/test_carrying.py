"""Whatever happens, an engine that was carried says the same bytes, and the promises hold."""

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tests.engine.world import INSTRUMENT, START, World, never, settings
from trading_runtime.account.settings import AccountSettings
from trading_runtime.engine.reducer import Engine
from trading_runtime.engine.settings import EngineSettings, HedgeSettings
from trading_runtime.oms.reports import (
    Absent,
    Accepted,
    Cancelled,
    CancelRejected,
    Filled,
    Funded,
    OrderReport,
    Rejected,
)
from trading_runtime.oms.settings import RateSettings
from trading_runtime.records.commands import (
    AmendOrder,
    CancelOrder,
    Execution,
    PlaceOrder,
    QueryOrder,
    order_request,
)
from trading_runtime.records.envelope import Output, encode_body
from trading_runtime.records.facts_trading import Response
from trading_runtime.records.inputs import Action, OperatorCommanded, ParametersActivated
from trading_runtime.records.units import (
    NANOS_PER_SECOND,
    Lots,
    Micro,
    Money,
    Nanos,
    Seq,
    Side,
    Ticks,
)
from trading_runtime.risk.limits import Threshold


def at_most(trigger: int, response: Response = Response.PAUSE) -> Threshold:
    return Threshold(trigger=trigger, clear=trigger // 2, response=response)


TIGHT: EngineSettings = settings(
    limits={
        "inventory_max": "0.060",
        "order_size_max": "0.030",
        "cancel_rate": at_most(800_000),
        "order_rate": at_most(6),
        "consecutive_rejects": at_most(2),
        "volatility": at_most(60_000_000, Response.REFUSE),
        "depth_lag_ns": at_most(5),
    },
    instrument={
        "hedge": HedgeSettings(
            band="0.030", clip="0.010", slippage_max=Micro(1_000), cooldown_ns=Nanos(10_000_000)
        )
    },
    account_limits={
        "daily_loss": at_most(2_000, Response.PANIC_STOP),
        "drawdown": never(Response.PANIC_STOP),
        "api_error_rate": at_most(700_000),
        "window_ns": Nanos(NANOS_PER_SECOND),
    },
    oms={
        "open_orders_max": 7,
        "orders": RateSettings(per_second=200, burst=8),
        "cancels": RateSettings(per_second=200, burst=8),
        "instrument_orders": RateSettings(per_second=200, burst=8),
        "instrument_cancels": RateSettings(per_second=200, burst=8),
        "cancels_reserved": 2,
        "price_tolerance": Ticks(1),
        "answer_timeout_ns": Nanos(30_000_000),
        "query_interval_ns": Nanos(20_000_000),
        "absent_grace_ns": Nanos(60_000_000),
    },
    account=AccountSettings(
        quote_asset="USDT",
        balance="1000",
        money_scale=9,
        day_offset_minutes=0,
        maintenance_margin=Micro(5_000),
    ),
    mark_interval_ns=Nanos(10_000_000),
    close_interval_ns=Nanos(2_000_000),
)


@dataclass
class Script:
    """Runs steps against an engine and, from a moment on, against one restored from it."""

    world: World
    twin: Engine | None = None
    asked: list[tuple[Nanos, Output]] = field(default_factory=list)
    """Commands that the venue has not answered, and when they were given."""
    seen: dict[str, PlaceOrder] = field(default_factory=dict)
    said: list[Output] = field(default_factory=list)

    def put(self, method: str, *arguments: object) -> None:
        self.world.seq += 1
        out: list[Output] = []
        _call(self.world, self.world.engine, method, arguments, out)
        if self.twin is not None:
            again: list[Output] = []
            _call(self.world, self.twin, method, arguments, again)
            assert [encode_body(each) for each in again] == [encode_body(each) for each in out]
        self.said += out
        for each in out:
            if isinstance(each, PlaceOrder | CancelOrder | AmendOrder | QueryOrder):
                self.asked.append((self.world.at, each))
            if isinstance(each, PlaceOrder):
                self._check_place(each)
        self._check_state()

    def split(self) -> None:
        """Carry the engine's state, packed as in a journal, into another engine."""
        packed = msgspec.msgpack.encode(self.world.engine.carry())
        self.twin = self.world.restored(packed)

    def _check_place(self, place: PlaceOrder) -> None:
        assert place.order not in self.seen
        self.seen[place.order] = place
        engine, market = self.world.engine, self.world.market
        assert market.synced
        if place.execution is Execution.POST_ONLY:
            assert not engine.holding
            best = market.book.best_ask() if place.side is Side.BUY else market.book.best_bid()
            assert (best - place.price) * place.side.sign > 0

    def _check_state(self) -> None:
        desk = self.world.engine.desks[0]
        table, position = desk.table, desk.ledger.position
        orders = list(table.live.values())
        buys = sum(order.pending for order in orders if order.side is Side.BUY)
        sells = sum(order.pending for order in orders if order.side is Side.SELL)
        assert (table.pending_buy, table.pending_sell) == (buys, sells)
        # What rests at the venue is known here, and counts.
        for name in self.world.resting:
            assert not desk.table.live[name].ended
        # The worst case is within the limit, whatever the venue makes of what is on its way.
        assert max(position + buys, sells - position, 0) <= max(60, abs(position))


def _call(
    world: World, engine: Engine, method: str, arguments: tuple[object, ...], out: list[Output]
) -> None:
    if method == "turn":
        engine.on_turn_ended(Seq(world.seq), world.at, out)
    elif method == "lag":
        engine.on_lag(world.market.revision, *arguments)
    elif method == "funding":
        engine.on_funding(*arguments, out)
    else:
        getattr(engine, f"on_{method}")(*arguments, world.at, out)


def answer(script: Script, index: int, kind: int) -> None:
    """Let the venue answer one of the commands that wait: well, badly or not at all."""
    if not script.asked:
        return
    given_at, command = script.asked.pop(index % len(script.asked))
    world = script.world
    # What is older than the grace the venue takes no more.
    late = world.at - given_at >= TIGHT.oms.absent_grace_ns
    if late and isinstance(command, PlaceOrder):
        return
    if kind == 0 and not isinstance(command, QueryOrder):
        # The venue did it, or not: whoever asked cannot know.
        if index % 2:
            world.answers(command)
        script.put("request_failed", order_request(command), "timeout")
        return
    for report in reports_on(world, command, refuses=kind == 1):
        script.put("report", report)


def reports_on(world: World, command: Output, *, refuses: bool) -> list[OrderReport]:
    match command:
        case QueryOrder() if command.order in world.resting:
            return [Accepted(command.order, "queried", world.at)]
        case QueryOrder():
            return [Absent(command.order, world.at)]
        case PlaceOrder() if refuses:
            return [Rejected(command.order, -2010, "would take", True, world.at)]
        case CancelOrder() if refuses and command.order not in world.resting:
            return [CancelRejected(command.order, -2011, "unknown order", world.at)]
    return world.answers(command)


def answer_all(script: Script, _: int, __: int) -> None:
    """Let the venue do all that was asked."""
    for _ in range(len(script.asked)):
        answer(script, 0, 2)


def fill(script: Script, index: int, size: int) -> None:
    world = script.world
    if not world.resting:
        return
    order = list(world.resting)[index % len(world.resting)]
    place, whole, filled = world.resting[order]
    size = min(size, whole - filled)
    cumulative = Lots(filled + size)
    world.resting[order] = (place, whole, cumulative)
    if cumulative == whole:
        del world.resting[order]
    world.trades += 1
    price, trade = place.price, f"t{world.trades}"
    report = Filled(
        order, trade, price, Lots(size), cumulative, Money(size), "USDT", True, world.at
    )
    script.put("report", report)
    if size % 3 == 0:
        script.put("report", report)
    if size % 5 == 0:
        world.resting.pop(order, None)
        script.put("report", Cancelled(order, cumulative, world.at))


def operate(script: Script, _: int, two: int) -> None:
    action = list(Action)[two % len(Action)]
    script.put("operator", OperatorCommanded(action=action, user="ann", reason="why"))


def change_parameters(script: Script, one: int, two: int) -> None:
    text = f'{{"levels": {1 + one % 4}, "size": {two % 31}, "fails_at_bid": {10_000 + one}}}'
    body = ParametersActivated(
        instrument_id=INSTRUMENT.instrument_id, parameters=text.encode(), user="bob"
    )
    script.put("parameters", body)


def wait_for_timer(script: Script, _: int, two: int) -> None:
    script.world.at = Nanos(script.world.at + two * 5_000_000)
    script.put("timer", "engine")
    script.put("turn")


def next_day(script: Script, _: int, __: int) -> None:
    script.world.at = Nanos(script.world.at + 86_400 * NANOS_PER_SECOND)


ACTS: dict[str, Callable[[Script, int, int], object]] = {
    "book": lambda script, one, two: script.world.book(
        10_000 + one * 3, 10_002 + one * 3 + two % 3
    ),
    "answer": answer,
    "answer_all": answer_all,
    "fill": fill,
    "timer": wait_for_timer,
    "operate": operate,
    "desync": lambda script, _, __: script.world.desync(),
    "parameters": change_parameters,
    "fund": lambda script, one, _: script.put(
        "funding", Funded(INSTRUMENT.instrument_id, Money(one - 4), script.world.at)
    ),
    "lag": lambda script, _, two: script.put("lag", Nanos(two)),
    "day": next_day,
}


def step(script: Script, kind: str, one: int, two: int) -> None:
    ACTS[kind](script, one, two)
    script.world.at = Nanos(script.world.at + 500_000 * (1 + two))
    script.put("turn")


KINDS = (
    ["book"] * 6
    + ["answer"] * 3
    + ["answer_all"] * 6
    + ["fill"] * 6
    + ["timer"] * 3
    + ["operate", "desync", "parameters", "fund", "lag", "day"]
)
STEPS = st.lists(
    st.tuples(st.sampled_from(KINDS), st.integers(0, 12), st.integers(0, 12)), max_size=60
)


@examples(max_examples=60, deadline=None)
@given(STEPS, STEPS)
def test_a_carried_engine_goes_on_with_the_same_bytes(
    before: list[tuple[str, int, int]], after: list[tuple[str, int, int]]
) -> None:
    script = Script(World(TIGHT, parameters=b'{"levels": 3}'))
    script.world.book(10_000, 10_002)
    script.put("turn")
    for each in before:
        step(script, *each)
    script.split()
    for each in after:
        step(script, *each)
    engine, twin = script.world.engine, script.twin
    assert twin is not None
    assert msgspec.msgpack.encode(engine.carry()) == msgspec.msgpack.encode(twin.carry())
    assert script.world.at >= START
