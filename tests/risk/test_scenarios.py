"""The five scenarios of RSK-4, each on an engine with a venue that answers."""

import msgspec

from tests.engine.world import INSTRUMENT, of
from tests.risk.venue import VenueWorld, on_venue
from trading_runtime.account.reports import Barred, BarredTold
from trading_runtime.engine.settings import HedgeSettings
from trading_runtime.oms.settings import RateSettings
from trading_runtime.records.commands import CancelOrder, Execution, PlaceOrder
from trading_runtime.records.envelope import Output
from trading_runtime.records.facts_trading import (
    HedgeDecided,
    Limit,
    PanicStep,
    PanicStopStepped,
    PanicStopTriggered,
    Response,
    RiskLimitTriggered,
    StrategyPaused,
    ThrottleReached,
)
from trading_runtime.records.facts_venue import RateLimited
from trading_runtime.records.units import (
    NANOS_PER_SECOND,
    Lots,
    Micro,
    Money,
    Nanos,
    Side,
)
from trading_runtime.risk.limits import Threshold

SECOND = NANOS_PER_SECOND


def above(trigger: int, response: Response, clear: int = 0) -> Threshold:
    return Threshold(trigger=trigger, clear=clear, response=response)


def quoting(world: VenueWorld) -> VenueWorld:
    world.book(1000, 1002, size=10_000)
    world.open_line()
    assert len(world.quotes()) >= 2
    return world


def broken(out: list[Output]) -> list[tuple[Limit, Response]]:
    return [(each.limit, each.response) for each in of(out, RiskLimitTriggered)]


def test_scenario_1_connections_that_keep_dropping_end_in_a_panic_stop() -> None:
    limits = {"connections_lost": above(3, Response.PANIC_STOP), "window_ns": Nanos(30 * SECOND)}
    world = quoting(VenueWorld(on_venue(account_limits=limits)))
    said: list[Output] = []
    for _ in range(3):
        said += world.lose_line()
        said += world.turn()
        said += world.open_line()
    assert broken(said) == []
    assert len(world.quotes()) == 2
    out = world.lose_line() + world.turn()
    assert broken(out) == [(Limit.CONNECTIONS, Response.PANIC_STOP)]
    assert len(of(out, PanicStopTriggered)) == 1
    out += world.open_line()
    assert of(out, PanicStopStepped)[-1].step is PanicStep.FLAT
    assert world.resting == {}
    assert world.engine.holding == "panic stop"


def test_a_connection_that_drops_now_and_then_stops_nothing() -> None:
    limits = {"connections_lost": above(3, Response.PANIC_STOP), "window_ns": Nanos(30 * SECOND)}
    world = quoting(VenueWorld(on_venue(account_limits=limits)))
    for _ in range(6):
        world.lose_line()
        world.turn(after_ns=61 * SECOND)
        world.book(1000, 1002, size=10_000)
        world.open_line()
    assert len(world.quotes()) == 2


def test_scenario_2_a_flood_of_orders_is_throttled_said_and_paused() -> None:
    slow = RateSettings(per_second=10, burst=10)
    settings = on_venue(
        oms={"instrument_orders": slow},
        limits={"order_rate": above(50, Response.PAUSE, 10), "open_orders_max": 200},
    )
    world = VenueWorld(settings, parameters=b'{"levels": 10}')
    world.book(1000, 1002, size=10_000)
    out = world.open_line()
    for step in range(1, 8):
        world.book(1000 + 3 * step, 1002 + 3 * step, size=10_000)
        out += world.settle(world.turn(after_ns=SECOND // 10), rounds=30)
    assert of(out, ThrottleReached)
    assert broken(out) == [(Limit.ORDER_RATE, Response.PAUSE)]
    assert of(out, StrategyPaused)[0].reason == Limit.ORDER_RATE.value
    assert world.resting == {}
    placed = [each for each in world.sent if isinstance(each, PlaceOrder)]
    assert len(placed) <= 10 + 10 * 2


def test_messages_above_their_limit_are_killed_by_its_response() -> None:
    limits = {"message_rate": above(40, Response.PANIC_STOP)}
    world = quoting(VenueWorld(on_venue(account_limits=limits)))
    out: list[Output] = []
    for step in range(1, 12):
        world.book(1000 + 3 * step, 1002 + 3 * step, size=10_000)
        out += world.settle(world.turn(), rounds=30)
    assert broken(out) == [(Limit.MESSAGE_RATE, Response.PANIC_STOP)]
    assert len([each for each in world.sent if isinstance(each, PlaceOrder | CancelOrder)]) < 50
    assert world.resting == {}


def test_what_is_traded_above_its_limit_is_killed_by_its_response() -> None:
    # 1001 ticks of 0.1 times 0.1 are 10.01 of quote money for each fill.
    limits = {"notional_rate": above(40, Response.PANIC_STOP)}
    world = quoting(VenueWorld(on_venue(account_limits=limits), parameters=b'{"size": 100}'))
    out: list[Output] = []
    for side in (Side.BUY, Side.SELL, Side.BUY, Side.SELL):
        assert broken(out) == []
        out += world.settle(world.fill(world.order(side), 100) + world.turn(), rounds=30)
    out += world.settle(world.fill(world.order(Side.BUY), 100) + world.turn(), rounds=30)
    assert broken(out) == [(Limit.NOTIONAL_RATE, Response.PANIC_STOP)]
    assert (world.position, world.resting) == (0, {})


def test_scenario_3_a_429_lowers_the_rate_and_stops_trading_if_it_persists() -> None:
    world = quoting(VenueWorld())
    out: list[Output] = []
    price = 1000
    for _ in range(20):
        price += 3
        world.book(price, price + 2, size=10_000)
        turned = world.turn(after_ns=SECOND)
        for each in turned:
            if isinstance(each, PlaceOrder):
                barred = BarredTold(each.order, INSTRUMENT.venue, Barred.TOO_MANY, Nanos(SECOND))
                out += world.tell(barred)
            elif isinstance(each, CancelOrder):
                for told in world.answers(each):
                    out += world.tell(told)
        out += turned + world.timer(2 * SECOND)
    limited = of(out, RateLimited)
    assert [each.strikes for each in limited][:2] == [1, 2]
    paused = of(out, StrategyPaused)
    assert "rate limit persists" in paused[-1].reason
    assert of(world.turn(after_ns=100 * SECOND), PlaceOrder) == []


def test_scenario_4_an_inventory_surge_is_hedged_and_said() -> None:
    hedge = HedgeSettings(
        band="0.030", clip="0.100", slippage_max=Micro(2_000), cooldown_ns=Nanos(SECOND)
    )
    world = quoting(VenueWorld(on_venue(instrument={"hedge": hedge}), parameters=b'{"size": 80}'))
    out = world.settle(world.fill(world.order(Side.BUY), 80) + world.turn(), rounds=30)
    assert [(each.inventory, each.size) for each in of(out, HedgeDecided)] == [(80, 50)]
    hedges = [each for each in of(out, PlaceOrder) if each.execution is Execution.IMMEDIATE]
    assert [(each.side, each.size, each.reduce_only) for each in hedges] == [(Side.SELL, 50, True)]
    assert world.position == 30
    # The quotes were out of the way of the hedge, and are back.
    assert len(world.quotes()) == 2


def test_a_position_twice_over_its_limit_is_a_panic_stop() -> None:
    world = quoting(VenueWorld(on_venue(limits={"inventory_max": "0.020"})))
    world.engine.desks[0].ledger.position = Lots(40)
    world.position = Lots(40)
    assert broken(world.settle(world.turn())) == []
    world.engine.desks[0].ledger.position = world.position = Lots(41)
    out = world.settle(world.turn(), rounds=30)
    assert (Limit.POSITION, Response.PANIC_STOP) in broken(out)
    assert world.position == 0


def test_scenario_5_a_sharp_loss_is_a_panic_stop_that_closes() -> None:
    limits = {"daily_loss": above(50_000, Response.PANIC_STOP, 40_000)}
    settings = on_venue(
        account_limits=limits, limits={"inventory_max": "100", "order_size_max": "100"}
    )
    account = msgspec.structs.replace(settings.account, balance="1000")
    settings = msgspec.structs.replace(settings, account=account)
    world = VenueWorld(settings, parameters=b'{"size": 100000}')
    world.margins = (0, 1_000 * 10**8)
    world.wallet = Money(1_000 * 10**8)
    world.book(1000, 1002, size=10**6)
    world.open_line()
    world.settle(world.fill(world.order(Side.BUY), 10_000) + world.turn(), rounds=30)
    assert world.position == 10_000
    # 10 coins bought at 100.0 lose 50 of 1000 where they stand at 94.9.
    world.book(948, 950, size=10**6)
    out = world.settle(world.turn(), rounds=40)
    assert broken(out)[0] == (Limit.DAILY_LOSS, Response.PANIC_STOP)
    assert isinstance(of(out, PanicStopTriggered)[0], PanicStopTriggered)
    assert of(out, PanicStopStepped)[-1].step is PanicStep.FLAT
    assert (world.position, world.resting) == (0, {})


def test_the_venues_own_margin_pauses_and_then_closes() -> None:
    limits = {
        "risk_rate": above(800_000, Response.PAUSE, 600_000),
        "risk_rate_close": above(900_000, Response.PANIC_STOP, 700_000),
    }
    world = quoting(VenueWorld(on_venue(account_limits=limits)))
    world.settle(world.fill(world.order(Side.BUY), 10) + world.turn(), rounds=30)
    balance = 100_000 * 10**8
    world.margins = (balance * 81 // 100, balance)
    world.tell(world.account(""))
    out = world.settle(world.turn(), rounds=30)
    assert broken(out) == [(Limit.RISK_RATE, Response.PAUSE)]
    assert (world.resting, world.position) == ({}, 10)
    world.margins = (balance * 91 // 100, balance)
    world.tell(world.account(""))
    out = world.settle(world.turn(), rounds=30)
    assert broken(out) == [(Limit.RISK_RATE, Response.PANIC_STOP)]
    assert world.position == 0


def test_a_low_balance_places_nothing_new_until_it_is_filled_up() -> None:
    world = VenueWorld(on_venue(account_limits={"balance_min": "100001"}))
    world.book(1000, 1002)
    assert broken(world.open_line()) == [(Limit.BALANCE, Response.REFUSE)]
    assert world.quotes() == []
    world.wallet = Money(100_001 * 10**8)
    world.tell(world.account(""))
    world.settle(world.turn(), rounds=30)
    assert len(world.quotes()) == 2
