"""Reconciliation: whatever was lost, repeated or late, our record becomes the venue's."""

from collections.abc import Callable
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tests.engine.truthful import Truth, TruthfulWorld, reconciled, venue_settings
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
    steps: list[tuple[str, int, int]],
    margin: bool,  # noqa: FBT001 -- drawn by hypothesis
    terse: bool,  # noqa: FBT001 -- likewise
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


@examples(max_examples=30, deadline=None)
@given(STEPS)
def test_a_second_reconciliation_changes_nothing(steps: list[tuple[str, int, int]]) -> None:
    world = trading(quick())
    play(world, steps)
    act_quiet(world, 0, 0)
    world.settled(12)
    before = len(world.said)
    world.line(up=False)
    out = world.line(up=True) + world.settled(6)
    assert len(reconciled(out)) >= 1
    assert not of(world.said[before:], OrderDiffers | OrderFilled | OrderAdopted | PositionDrifted)
    agree(world)


def test_intents_that_a_power_cut_lost_are_adopted_and_cancelled_and_their_fills_booked() -> None:
    world = quick()
    world.start()
    packed = world.packed()
    world.book(1010, 1012)
    world.turn()
    world.deliver_all()
    world.fill_at_venue(0, 3)
    lost = {kept.order for kept in world.truth.open_orders()}
    world.crash(packed)
    world.line(up=True)
    world.settled(12)
    adopted = {each.order for each in of(world.said, OrderAdopted)}
    assert adopted == lost
    assert adopted <= {each.order for each in of(world.said, CancelOrder)}
    assert sum(each.size for each in of(world.said, OrderFilled)) == 3
    agree(world)
    assert not of(world.said, PositionDrifted)


def test_an_order_filled_whole_that_no_record_knows_is_found_by_its_trade() -> None:
    world = quick()
    world.start()
    packed = world.packed()
    world.book(1010, 1012)
    world.turn()
    world.deliver_all()
    world.fill_at_venue(0, 10)
    world.crash(packed)
    out = world.line(up=True) + world.settled(12)
    assert len(of(out, QueryVenueOrder)) == 1
    assert [each.filled for each in of(out, OrderAdopted)].count(10) == 1
    agree(world)


def test_orders_of_others_are_never_touched_and_their_fills_are_a_drift() -> None:
    world = quick()
    foreign = world.truth.rest(ClientId("web_1"), Side.BUY, Ticks(990), Lots(5))
    world.start()
    world.fill_at_venue(0, 5)
    world.settled(12)
    assert foreign.order not in {each.order for each in of(world.said, CancelOrder)}
    assert [each.order for each in of(world.said, ForeignOrderSeen)][:1] == [foreign.order]
    drifted = of(world.said, PositionDrifted)
    assert [(each.ours, each.venues) for each in drifted] == [(0, 5)]
    assert world.engine.desks[0].ledger.position == 5
    assert not of(world.said, OrderAdopted)


def test_a_fill_missing_on_a_healthy_stream_is_found_by_the_periodic_look() -> None:
    world = quick()
    world.start()
    world.fill_at_venue(0, 4)
    world.mail.clear()
    out = world.settled(6)
    assert [each.size for each in of(out, OrderFilled)] == [4]
    assert [each.difference for each in of(out, OrderDiffers)] == ["fill"]
    assert not of(out, ReconcileBegan)
    agree(world)


def test_fills_that_no_trade_tells_of_are_given_up_and_the_position_is_taken_over() -> None:
    world = quick()
    world.start()
    world.fill_at_venue(0, 4)
    world.mail.clear()
    hidden = world.truth.trades.pop()
    out = world.settled(40)
    assert hidden.size == 4
    assert "fills in no trade" in [each.difference for each in of(out, OrderDiffers)]
    assert [each.venues for each in of(out, PositionDrifted)] == [4]
    assert world.engine.desks[0].table.lacking() == []


def test_a_placement_without_an_answer_is_asked_for_and_never_sent_again() -> None:
    world = quick()
    world.line(up=True)
    while not world.truth.orders:
        if world.mail:
            world.deliver()
        else:
            world.turn()
    count = len(world.truth.orders)
    world.mail.clear()
    out = world.settled(4)
    assert len(of(world.said, PlaceOrder)) == len(world.truth.orders) == count
    agree(world)
    assert not of(out, TransitionImpossible)


def test_money_that_came_without_trading_is_neither_profit_nor_loss() -> None:
    world = quick()
    world.start()
    profit = world.engine.desks[0].ledger.total
    equity = world.engine._floor.account.equity  # noqa: SLF001 -- what the limits are held against
    world.truth.wallet += 500 * 10**8
    out = world.settled(8)
    assert [each.told - each.expected for each in of(out, BalanceDrifted)] == [500 * 10**8]
    account = world.engine._floor.account  # noqa: SLF001 -- likewise
    assert account.equity - equity == 500 * 10**8
    assert (account.daily_loss, account.drawdown) == (0, 0)
    assert world.engine.desks[0].ledger.total == profit


@pytest.mark.parametrize("margin", [True, False])
def test_what_the_account_had_is_taken_from_the_venue_at_first(*, margin: bool) -> None:
    world = quick(margin=margin)
    world.truth.wallet = 4_321 * 10**8
    out = world.start()
    account = world.engine._floor.account  # noqa: SLF001 -- likewise
    assert account.equity == 4_321 * 10**8
    assert not of(out, BalanceDrifted)


def test_pages_of_trades_are_asked_for_until_the_last_one() -> None:
    world = quick()
    world.start()
    for _ in range(5):
        world.fill_at_venue(0, 1)
    world.mail.clear()
    world.truth.page = 2
    out = world.settled(6)
    assert sum(each.size for each in of(out, OrderFilled)) == 5
    assert len({each.after_trade for each in of(out, QueryTrades)}) >= 3
    agree(world)


def test_what_an_order_shown_dead_here_and_alive_there_is_cancelled() -> None:
    world = quick()
    world.start()
    desk = world.engine.desks[0]
    name = world.truth.open_orders()[0].order
    order = desk.table.live[name]
    order.state = OrderState.CANCELLED
    order.note_state()
    desk.table._settle(order)  # noqa: SLF001 -- a belief that no report can make any more
    out = world.settled(8)
    assert "alive" in [each.difference for each in of(out, OrderDiffers)]
    assert name in {each.order for each in of(out, CancelOrder)}
    assert name not in {kept.order for kept in world.truth.open_orders()}


def test_an_answer_that_is_lost_is_asked_for_again_with_growing_pauses() -> None:
    world = quick()
    world.line(up=True)
    asked: list[int] = []
    for _ in range(60):
        count = len(world.mail)
        for _ in range(count):
            world.lose()
        out = world.wait(SECOND // 10)
        asked += [world.at] * len(of(out, QueryTrades))
    pauses = [later - earlier for earlier, later in pairwise(asked)]
    assert len(asked) >= 4
    assert pauses == sorted(pauses)
    assert world.engine.holding == "reconciling: orders line opened"


def test_a_line_lost_while_reconciling_begins_it_anew() -> None:
    world = quick()
    world.line(up=True)
    world.line(up=False)
    assert world.engine.holding == "orders line down"
    out = world.line(up=True)
    assert len(of(out, ReconcileBegan)) == 1
    assert reconciled(world.settled(2))
    assert of(world.said, QuotingHeld)[-1].reason == ""
    assert "orders line down" in [each.reason for each in of(world.said, QuotingHeld)]


def test_the_story_is_the_same_bytes_each_time() -> None:
    stories = []
    for _ in range(2):
        world = trading(quick())
        play(world, [(kind, index, index % 5) for index, kind in enumerate(KINDS)])
        stories.append([encode_body(each) for each in world.said])
    assert stories[0] == stories[1]
