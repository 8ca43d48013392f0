"""Reconciliation: whatever was lost, repeated or late, our record becomes the venue's."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tests.engine.truthful import ID, Truth, TruthfulWorld, reconciled, venue_settings
from tests.engine.world import of
from trading_runtime.records.commands import (
    CancelOrder,
    PlaceOrder,
    QueryTrades,
    QueryVenueOrder,
)
from trading_runtime.records.envelope import encode_body
from trading_runtime.records.facts_trading import (
    ForeignOrderSeen,
    OrderFilled,
    TransitionImpossible,
)
from trading_runtime.records.facts_venue import (
    BalanceDrifted,
    OrderAdopted,
    OrderDiffers,
    PositionDrifted,
    QuotingHeld,
    ReconcileBegan,
)
from trading_runtime.records.lifecycle import OrderState
from trading_runtime.records.units import NANOS_PER_SECOND, ClientId, Lots, Nanos, Side, Ticks

SECOND = NANOS_PER_SECOND
QUICK = venue_settings(
    oms={
        "answer_timeout_ns": Nanos(SECOND),
        "query_interval_ns": Nanos(SECOND // 2),
        "absent_grace_ns": Nanos(2 * SECOND),
        "request_timeout_ns": Nanos(SECOND),
        "reconcile_interval_ns": Nanos(5 * SECOND),
    }
)


def quick(**truth: bool) -> TruthfulWorld:
    return TruthfulWorld(QUICK, b'{"levels": 2}', Truth(**truth))


def agree(world: TruthfulWorld) -> None:
    """Compare the engine's record with the venue's."""
    desk, truth = world.engine.desks[0], world.truth
    ours = {each.order for each in desk.table.live.values()}
    own = {kept.order for kept in truth.open_orders() if kept.order.startswith("td")}
    assert ours == own
    for kept in truth.open_orders():
        if kept.order in ours:
            order = desk.table.live[kept.order]
            assert (order.size, order.filled) == (kept.size, kept.filled)
            assert order.resting
    assert desk.ledger.position == truth.position
    assert desk.table.pending_buy == sum(
        kept.size - kept.filled for kept in truth.open_orders() if kept.side is Side.BUY
    )
    booked = [each.venue_trade for each in of(world.said, OrderFilled)]
    assert len(booked) == len(set(booked))


def act_book(world: TruthfulWorld, one: int, _: int) -> None:
    world.book(1000 + one, 1002 + one)
    world.turn()


def act_deliver(world: TruthfulWorld, one: int, _: int) -> None:
    if world.mail:
        world.deliver(one)


def act_repeat(world: TruthfulWorld, one: int, _: int) -> None:
    if world.mail:
        world.deliver(one, keep=True)


def act_lose(world: TruthfulWorld, one: int, _: int) -> None:
    if world.mail:
        world.lose(one)


def act_wait(world: TruthfulWorld, one: int, _: int) -> None:
    world.wait(one * SECOND // 8)


def act_line(world: TruthfulWorld, _: int, __: int) -> None:
    world.line(up=not world.up)


def act_quiet(world: TruthfulWorld, _: int, __: int) -> None:
    """Let all be well for a moment, so that there are quotes again."""
    if not world.up:
        world.line(up=True)
    world.deliver_all()


ACTS: dict[str, Callable[[TruthfulWorld, int, int], None]] = {
    "book": act_book,
    "deliver": act_deliver,
    "repeat": act_repeat,
    "lose": act_lose,
    "wait": act_wait,
    "line": act_line,
    "quiet": act_quiet,
    "crash": lambda world, _, __: world.crash(),
    "fill": lambda world, one, two: world.fill_at_venue(one, two + 1),
    "end": lambda world, one, _: world.end_at_venue(one),
}
KINDS = (
    ["deliver"] * 6
    + ["fill"] * 6
    + ["book"] * 3
    + ["lose"] * 3
    + ["quiet"] * 3
    + ["wait"] * 2
    + ["repeat", "end", "line", "crash"]
)
STEPS = st.lists(
    st.tuples(st.sampled_from(KINDS), st.integers(0, 12), st.integers(0, 6)), max_size=40
)


def trading(world: TruthfulWorld) -> TruthfulWorld:
    world.line(up=True)
    world.deliver_all()
    assert world.truth.open_orders()
    return world


def play(world: TruthfulWorld, steps: list[tuple[str, int, int]]) -> None:
    for kind, one, two in steps:
        ACTS[kind](world, one, two)


@examples(max_examples=60, deadline=None)
@given(STEPS, st.booleans(), st.booleans())
def test_whatever_is_lost_or_repeated_our_record_becomes_the_venues(
    steps: list[tuple[str, int, int]], margin: bool, terse: bool
) -> None:
    world = trading(quick(margin=margin, terse=terse))
    play(world, steps)
    if not world.up:
        world.line(up=True)
    world.settled(12)
    agree(world)
    assert not of(world.said, PositionDrifted)
    assert not of(world.said, BalanceDrifted)
    assert not of(world.said, OrderAdopted)


@examples(max_examples=40, deadline=None)
@given(STEPS, STEPS)
def test_a_carried_engine_on_a_venue_goes_on_with_the_same_bytes(
    before: list[tuple[str, int, int]], after: list[tuple[str, int, int]]
) -> None:
    world = trading(quick())
    play(world, before)
    world.split()
    play(world, after)
    assert world.twin is not None
    assert msgspec.msgpack.encode(world.twin.carry()) == world.packed()


def test_a_session_reconciles_before_it_quotes() -> None:
    world = TruthfulWorld()
    assert of(world.turn(), PlaceOrder) == []
    out = world.start()
    kinds = [type(each).__name__ for each in out]
    assert kinds.index("Reconciled") < kinds.index("PlaceOrder")
    assert len(world.truth.open_orders()) == 2
    assert reconciled(out)[0].duration_ns < SECOND
