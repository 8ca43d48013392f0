"""The engine as a whole: when it quotes, when it withdraws, what it does with what comes back."""

import msgspec
import pytest

from tests.engine.world import (
    INSTRUMENT,
    SETTINGS,
    START,
    World,
    of,
    settings,
)
from trading_runtime.engine.reducer import Engine
from trading_runtime.engine.terms import LATE_PAUSE
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
)
from trading_runtime.oms.settings import RateSettings
from trading_runtime.records.commands import (
    AmendOrder,
    CancelOrder,
    PlaceOrder,
    QueryOrder,
    SetTimer,
    order_request,
)
from trading_runtime.records.envelope import Output
from trading_runtime.records.facts_trading import (
    AccountMarked,
    DayRolled,
    ForeignOrderSeen,
    FundingPaid,
    IntentRefused,
    InventoryChanged,
    Limit,
    OrderUnknown,
    ParametersRefused,
    PnlMarked,
    QuotesDecided,
    StrategyPaused,
    StrategyRaised,
    StrategyResumed,
    Throttle,
    ThrottleReached,
    TransitionImpossible,
)
from trading_runtime.records.inputs import Action, ParametersActivated
from trading_runtime.records.instruments import Scales
from trading_runtime.records.lifecycle import Happening
from trading_runtime.records.units import ClientId, Lots, Money, Nanos, Revision, Side, Ticks


def quoting(world: World) -> World:
    world.book(1000, 1002)
    world.settle(world.turn())
    return world


def activate(world: World, text: str) -> list[Output]:
    out: list[Output] = []
    body = ParametersActivated(
        instrument_id=INSTRUMENT.instrument_id, parameters=text.encode(), user="bob"
    )
    world.engine.on_parameters(body, world.at, out)
    return out


def test_a_book_in_sync_is_quoted_on_both_sides() -> None:
    world = World()
    world.book(1000, 1002)
    out = world.turn()
    assert [(p.side, p.price, p.size) for p in of(out, PlaceOrder)] == [
        (Side.BUY, 1000, 10),
        (Side.SELL, 1002, 10),
    ]
    assert [d.reason for d in of(out, QuotesDecided)] == ["pegged"]


def test_nothing_is_said_when_nothing_changes() -> None:
    world = quoting(World())
    assert world.turn() == []


def test_a_moved_touch_cancels_first_and_places_when_the_venue_has_confirmed() -> None:
    world = quoting(World())
    world.book(1001, 1003)
    out = world.turn()
    assert len(of(out, CancelOrder)) == 2
    assert of(out, PlaceOrder) == []
    world.settle(out)
    assert world.quotes() == [(Side.BUY, 1001, 10), (Side.SELL, 1003, 10)]


def test_a_smaller_quote_is_an_amendment_in_place() -> None:
    world = quoting(World())
    assert activate(world, '{"size": 4}') == []
    out = world.turn()
    assert [each.size for each in of(out, AmendOrder)] == [4, 4]
    assert not of(out, CancelOrder)
    world.settle(out)
    assert world.turn() == []


def test_parameters_that_the_strategy_does_not_know_are_refused_and_change_nothing() -> None:
    world = quoting(World())
    assert len(of(activate(world, '{"sizes": 4}'), ParametersRefused)) == 1
    assert len(of(activate(world, "not json"), ParametersRefused)) == 1
    assert world.turn() == []


def test_parameters_of_an_instrument_that_is_not_traded_are_refused() -> None:
    out: list[Output] = []
    body = ParametersActivated(instrument_id="venue:OTHER", parameters=b"{}", user="bob")
    World().engine.on_parameters(body, START, out)
    assert len(of(out, ParametersRefused)) == 1


def test_a_book_out_of_sync_is_withdrawn_from_with_the_reason() -> None:
    world = quoting(World())
    world.desync()
    out = world.turn()
    assert [each.reason for each in of(out, CancelOrder)] == ["book not in sync: gap"] * 2
    assert [each.reason for each in of(out, QuotesDecided)] == ["book not in sync: gap"]
    assert of(out, StrategyPaused) == []
    assert world.turn() == []


def test_cold_signals_are_not_quoted_on() -> None:
    world = World()
    cold = MarketSettings(warm_after_ns=Nanos(10**9))
    world.market = Market(Scales(INSTRUMENT), SequenceRule.OVERLAP, cold)
    world.engine = world.fresh_engine()
    world.book(1000, 1002)
    assert of(world.turn(), PlaceOrder) == []
    world.at = Nanos(world.at + 10**9)
    world.book(1000, 1002)
    assert len(of(world.turn(), PlaceOrder)) == 2


def test_what_the_strategy_raises_is_a_fact_and_pauses_until_someone_resumes() -> None:
    world = quoting(World(parameters=b'{"fails_at_bid": 1005}'))
    world.book(1005, 1007)
    out = world.turn()
    raised = of(out, StrategyRaised)[0]
    assert raised.exception == "ZeroDivisionError: at <object object at 0x>"
    assert raised.where.startswith("quote, line ")
    assert len(of(out, CancelOrder)) == 2
    world.settle(out)
    assert world.turn() == []
    world.book(1000, 1002)
    assert of(world.turn(), PlaceOrder) == []
    assert len(of(world.command(Action.RESUME), StrategyResumed)) == 1
    assert len(of(world.turn(), PlaceOrder)) == 2


def test_the_strategy_is_asked_no_more_often_than_the_interval() -> None:
    world = quoting(World(settings(requote_interval_ns=Nanos(10**9))))
    world.book(1005, 1007)
    assert of(world.turn(), CancelOrder) == []
    assert len(of(world.turn(after_ns=10**9), CancelOrder)) == 2


def test_a_decision_that_the_market_has_overtaken_is_not_sent_to_be_refused() -> None:
    world = World(settings(requote_interval_ns=Nanos(10**9)))
    world.book(1000, 1002)
    out = world.turn()
    for place in of(out, PlaceOrder):
        world.report(Rejected(place.order, -1, "no", True, world.at))
    world.book(990, 992)
    late = of(world.turn(after_ns=2 * LATE_PAUSE), PlaceOrder)
    assert [each.side for each in late] == [Side.SELL]
    world.book(1000, 1002)
    assert [each.side for each in of(world.turn(), PlaceOrder)] == [Side.BUY]


def test_a_fill_is_booked_and_said_with_what_is_pending() -> None:
    world = quoting(World())
    out = world.fill(world.order(Side.BUY), 4, fee=7)
    changed = of(out, InventoryChanged)[0]
    assert (changed.position, changed.pending_buy, changed.pending_sell) == (4, 6, 10)
    out = world.turn()
    marked = of(out, PnlMarked)[0]
    assert (marked.position, marked.fees, marked.realized) == (4, 7, 0)
    assert marked.mark_micro == 1001 * 10**6
    assert marked.unrealized == 4 * 10**4
    assert marked.equity == 100_000 * 10**8 + 4 * 10**4 - 7
    assert of(world.turn(), PnlMarked) == []


def test_profit_is_written_down_every_so_often() -> None:
    world = quoting(World())
    out = world.turn(after_ns=10**9)
    assert len(of(out, PnlMarked)) == len(of(out, AccountMarked)) == 1


def test_quotes_are_cut_to_the_inventory_limit_and_the_refusal_is_said_once() -> None:
    world = quoting(World(settings(limits={"inventory_max": "0.015"})))
    world.settle(world.fill(world.order(Side.BUY), 10))
    out = world.turn()
    assert [(each.side, each.limit, each.value) for each in of(out, IntentRefused)] == [
        (Side.BUY, Limit.INVENTORY, 20)
    ]
    world.settle(out)
    assert world.quotes() == [(Side.BUY, 1000, 5), (Side.SELL, 1002, 10)]
    world.book(1001, 1003)
    assert of(world.settle(world.turn()), IntentRefused) == []


def test_an_order_over_its_size_is_refused_and_said_once() -> None:
    world = World(settings(limits={"order_size_max": "0.005"}))
    world.book(1000, 1002)
    out = world.turn()
    assert [each.limit for each in of(out, IntentRefused)] == [Limit.ORDER_SIZE] * 2
    assert of(out, PlaceOrder) == []
    assert world.turn() == []


def test_leverage_counts_what_is_about_to_be_pending_in_the_accounts_money() -> None:
    # 10 lots at 1000 ticks are 1.00, of an equity of 100000.00 counted in another scale.
    account = msgspec.structs.replace(SETTINGS.account, money_scale=10)
    for leverage, placed in ((10, 1), (9, 0)):
        world = World(settings(account_limits={"leverage_max": leverage}, account=account))
        world.book(1000, 1000 + 2)
        out = world.turn()
        assert len([each for each in of(out, PlaceOrder) if each.side is Side.BUY]) == placed
    assert [each.limit for each in of(out, IntentRefused)] == [Limit.LEVERAGE] * 2


def test_the_throttle_holds_back_says_so_once_and_goes_on_later() -> None:
    slow = RateSettings(per_second=1, burst=3)
    world = World(settings(oms={"instrument_orders": slow}), parameters=b'{"levels": 2}')
    world.book(1000, 1002)
    out = world.settle(world.turn())
    assert len(of(out, PlaceOrder)) == 3
    assert [(each.throttle, each.waiting) for each in of(out, ThrottleReached)] == [
        (Throttle.ORDERS, 1)
    ]
    assert of(world.turn(), PlaceOrder) == []
    assert len(of(world.turn(after_ns=10**9), PlaceOrder)) == 1


def test_the_open_order_cap_holds_over_all() -> None:
    world = World(settings(oms={"open_orders_max": 3}), parameters=b'{"levels": 2}')
    world.book(1000, 1002)
    out = world.turn()
    assert len(of(out, PlaceOrder)) == 3
    assert [each.throttle for each in of(out, ThrottleReached)] == [Throttle.OPEN_ORDERS]


def test_an_answer_that_never_comes_leads_to_a_query_and_blocks_the_quote() -> None:
    world = World()
    world.book(1000, 1002)
    placed = of(world.turn(), PlaceOrder)
    out = world.timer(after_ns=SETTINGS.oms.answer_timeout_ns)
    assert [each.order for each in of(out, OrderUnknown)] == [each.order for each in placed]
    assert [each.order for each in of(out, QueryOrder)] == [each.order for each in placed]
    assert len(of(out, SetTimer)) == 1
    assert of(world.turn(), PlaceOrder) == []
    world.at = Nanos(world.at + SETTINGS.oms.absent_grace_ns)
    for place in placed:
        world.report(Absent(place.order, world.at))
    assert len(of(world.turn(), PlaceOrder)) == 2


def test_one_timer_is_set_for_many_orders() -> None:
    world = World(parameters=b'{"levels": 5}')
    world.book(1000, 1002)
    out = world.turn()
    assert [(each.timer, each.at) for each in of(out, SetTimer)] == [
        ("engine", world.at + SETTINGS.oms.answer_timeout_ns)
    ]


def test_a_request_that_failed_makes_its_order_unknown_and_asks_at_once() -> None:
    world = World()
    world.book(1000, 1002)
    place = of(world.turn(), PlaceOrder)[0]
    out: list[Output] = []
    world.engine.on_request_failed(order_request(place), "timeout", world.at, out)
    assert [each.reason for each in of(out, OrderUnknown)] == ["timeout"]
    assert len(of(out, QueryOrder)) == 1
    world.engine.on_request_failed("snapshot-1", "timeout", world.at, out)


def test_an_order_that_is_not_ours_is_told_and_never_touched() -> None:
    out = World().report(Accepted(ClientId("other1"), "v", START))
    assert out == [ForeignOrderSeen(order=ClientId("other1"), happening=Happening.ACCEPTED)]


def test_an_order_held_dead_that_lives_is_cancelled() -> None:
    world = World()
    world.book(1000, 1002)
    place = of(world.turn(), PlaceOrder)[0]
    world.report(Rejected(place.order, -1, "no", False, world.at))
    out = world.report(Accepted(place.order, "v", world.at))
    assert len(of(out, TransitionImpossible)) == 1
    assert [each.order for each in of(out, CancelOrder)] == [place.order]


def test_a_fill_after_the_cancel_reaches_the_ledger() -> None:
    world = quoting(World())
    order = world.order(Side.BUY)
    world.book(1010, 1012)
    world.turn()
    world.report(Cancelled(order, Lots(0), world.at))
    late = Filled(order, "late", Ticks(1000), Lots(10), Lots(10), Money(0), "USDT", True, world.at)
    out = world.report(late)
    assert of(out, InventoryChanged)[0].position == 10


def test_funding_is_booked() -> None:
    world = quoting(World())
    out: list[Output] = []
    world.engine.on_funding(Funded(INSTRUMENT.instrument_id, Money(-5), world.at), out)
    assert out == [FundingPaid(revision=Revision(1), amount=Money(-5))]
    assert of(world.turn(), PnlMarked)[0].funding == -5


def test_a_day_ends_at_its_boundary() -> None:
    world = World()
    assert [each.day for each in of(world.turn(), DayRolled)] == ["2023-11-14"]
    assert of(world.turn(), DayRolled) == []
    assert [each.day for each in of(world.turn(after_ns=86_400 * 10**9), DayRolled)] == [
        "2023-11-15"
    ]


def test_a_pause_cancels_and_a_resume_quotes_again() -> None:
    world = quoting(World())
    out = world.command(Action.PAUSE, reason="lunch")
    assert [each.reason for each in of(out, StrategyPaused)] == ["pause: lunch"]
    assert len(of(out, CancelOrder)) == 2
    world.settle(out)
    assert world.turn() == []
    world.command(Action.RESUME)
    assert len(of(world.turn(), PlaceOrder)) == 2


def test_stopped_it_cancels_all_and_a_resume_does_not_undo_it() -> None:
    world = quoting(World())
    out = world.command(Action.STOP)
    assert len(of(out, CancelOrder)) == 2
    world.settle(out)
    assert [each.reason for each in of(world.command(Action.RESUME), StrategyPaused)] == ["stopped"]
    assert world.turn() == []


def test_a_failed_journal_leaves_only_cancels() -> None:
    world = quoting(World())
    out: list[Output] = []
    world.engine.on_journal_failed(world.at, out)
    assert len(of(out, CancelOrder)) == 2
    world.settle(out)
    world.book(1010, 1012)
    assert world.turn(after_ns=10**10) == []


def test_a_new_session_takes_pending_orders_for_unknown_and_uses_other_ids() -> None:
    world = quoting(World())
    world.book(1001, 1003)
    world.turn()
    world.command(Action.STOP)
    world.restart()
    out: list[Output] = []
    world.engine.open_session("nonce002", world.at, out)
    assert len(of(out, OrderUnknown)) == len(of(out, QueryOrder)) == 2
    for order in list(world.resting):
        del world.resting[order]
        world.report(Cancelled(order, Lots(0), world.at))
    placed = of(world.turn(), PlaceOrder)
    assert [each.order[:10] for each in placed] == ["tdnonce002"] * 2


def test_state_restored_before_its_instrument_is_added_waits_for_it() -> None:
    world = quoting(World())
    world.fill(world.order(Side.BUY), 4)
    trading, risk = world.engine.carry()
    engine = Engine(world.settings)
    engine.restore(trading, risk)
    assert engine.carry()[0] == trading
    engine.add(world.market, world.strategy(), world.parameters)
    assert msgspec.msgpack.encode(engine.carry()) == msgspec.msgpack.encode((trading, risk))


def test_carried_parameters_outlive_those_of_the_settings() -> None:
    world = quoting(World())
    activate(world, '{"size": 4}')
    world.restart()
    assert [each.size for each in of(world.turn(), AmendOrder)] == [4, 4]


def test_what_was_carried_of_another_strategy_is_refused() -> None:
    world = quoting(World(parameters=b'{"levels": 2}'))
    trading, risk = world.engine.carry()
    other = msgspec.structs.replace(trading[0], parameters=b'{"rungs": 2}')
    with pytest.raises(Refused, match="carried parameters"):
        world.fresh_engine().restore((other,), risk)


def test_an_instrument_without_limits_is_refused() -> None:
    with pytest.raises(Refused, match="no limits are set"):
        World(settings_without_limits())


def settings_without_limits() -> object:
    return msgspec.structs.replace(SETTINGS, instruments={})


def test_on_another_grid_it_goes_on_when_the_old_orders_are_gone() -> None:
    world = quoting(World())
    world.fill(world.order(Side.BUY), 4)
    revised = msgspec.structs.replace(
        INSTRUMENT, revision=Revision(2), tick_size="0.01", lot_size="0.0001"
    )
    world.market.revise(Scales(revised), world.at, [])
    out = world.turn()
    assert [each.reason for each in of(out, CancelOrder)] == ["instrument revised"] * 2
    world.settle(out)
    world.book(10_000, 10_002)
    out = world.settle(world.turn())
    assert {each.revision for each in of(out, PlaceOrder)} == {2}
    assert of(out, QuotesDecided)[-1].inventory == 40


def test_a_new_revision_of_the_same_grid_changes_nothing_that_rests() -> None:
    world = quoting(World())
    same = msgspec.structs.replace(INSTRUMENT, revision=Revision(2))
    world.market.revise(Scales(same), world.at, [])
    out = world.turn()
    assert {each.revision for each in of(out, CancelOrder)} == {2}
