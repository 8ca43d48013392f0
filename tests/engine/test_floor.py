"""Two instruments on one floor: one account, one latch, common throttles."""

import msgspec

from tests.engine.world import INSTRUMENT, START, Peg, World, of, settings
from trading_runtime.engine.settings import EngineSettings
from trading_runtime.market.events import DepthChanged, DepthSnapshot
from trading_runtime.market.instrument import Market
from trading_runtime.market.settings import MarketSettings
from trading_runtime.market.sync import SequenceRule
from trading_runtime.oms.settings import RateSettings
from trading_runtime.records.commands import CancelOrder, PlaceOrder
from trading_runtime.records.facts_trading import (
    InventoryChanged,
    PanicStep,
    PanicStopStepped,
    PnlMarked,
    StrategyPaused,
)
from trading_runtime.records.inputs import Action
from trading_runtime.records.instruments import Scales
from trading_runtime.records.units import Lots, Nanos, Revision, Side, Ticks

OTHER = msgspec.structs.replace(
    INSTRUMENT, revision=Revision(2), symbol="ETHUSDT", base_asset="ETH", lot_size="0.01"
)


def both(usual: EngineSettings) -> EngineSettings:
    own = usual.instruments[INSTRUMENT.instrument_id]
    instruments = {INSTRUMENT.instrument_id: own, OTHER.instrument_id: own}
    return msgspec.structs.replace(usual, instruments=instruments)


def two(usual: EngineSettings | None = None) -> World:
    """Give a world whose engine trades a second market, at 500 to 502."""
    world = World(both(usual or settings()))
    market = Market(Scales(OTHER), SequenceRule.OVERLAP, MarketSettings(warm_after_ns=Nanos(0)))
    bids, asks = [(Ticks(500), Lots(50))], [(Ticks(502), Lots(50))]
    market.on_snapshot(DepthSnapshot(OTHER.revision, 10, bids, asks), START, [])
    delta = DepthChanged(OTHER.revision, Nanos(0), 11, 11, -1, [], [])
    assert market.on_depth(delta, START, [])
    world.engine.add(market, Peg(), b"{}")
    world.book(1000, 1002)
    return world


def test_both_are_quoted_in_the_order_in_which_they_were_added_with_ids_of_one_input() -> None:
    placed = of(two().turn(), PlaceOrder)
    assert [each.revision for each in placed] == [1, 1, 2, 2]
    assert [each.order[-2:] for each in placed] == ["00", "01", "02", "03"]


def test_a_report_finds_its_own_desk() -> None:
    world = two()
    world.settle(world.turn())
    order = next(name for name, each in world.resting.items() if each[0].revision == 2)
    assert of(world.fill(order, 3), InventoryChanged)[0].revision == 2
    assert [desk.ledger.position for desk in world.engine.desks] == [0, 3]


def test_the_second_waits_when_the_first_has_taken_the_common_tokens() -> None:
    slow = RateSettings(per_second=1, burst=3)
    placed = of(two(settings(oms={"orders": slow})).turn(), PlaceOrder)
    assert [each.revision for each in placed] == [1, 1, 2]


def test_positions_elsewhere_count_towards_leverage() -> None:
    # 10 of the other at its mid are 5.01, and 10 of this one about 1.01, of 100000.00.
    for leverage, quoted in ((61, 2), (60, 0)):
        world = two(settings(account_limits={"leverage_max": leverage}))
        world.settle(world.turn())
        order = next(
            name
            for name, (place, _, _) in world.resting.items()
            if place.revision == 2 and place.side is Side.BUY
        )
        world.fill(order, 10)
        world.book(1010, 1012)
        placed = of(world.settle(world.turn()), PlaceOrder)
        assert len([each for each in placed if each.revision == 1]) == quoted


def test_profit_of_both_is_one_equity() -> None:
    world = two()
    world.settle(world.turn())
    for name in list(world.resting):
        if world.resting[name][0].side is Side.BUY:
            world.fill(name, 10)
    marked = of(world.turn(), PnlMarked)
    assert [each.unrealized for each in marked] == [10 * 10**4, 10 * 10**5]
    assert {each.equity for each in marked} == {100_000 * 10**8 + 110 * 10**4}


def test_panic_takes_both_down() -> None:
    world = two()
    world.settle(world.turn())
    out = world.command(Action.PANIC_STOP)
    assert {each.revision for each in of(out, CancelOrder)} == {1, 2}
    assert len(of(out, StrategyPaused)) == 2
    out = world.settle(out)
    assert of(out, PanicStopStepped)[-1].step is PanicStep.FLAT
