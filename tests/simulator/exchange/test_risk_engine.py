"""Usdm by itself: margin, marks, liquidation, funding, countdowns."""

import pytest

from tests.simulator.exchange.venue import (
    BTC,
    FIRST,
    HOUR_NS,
    SECOND,
    SYMBOL,
    USDT,
    limit,
    market,
    reports,
    shown,
    venue,
)
from trading_runtime.simulator.exchange.amounts import units
from trading_runtime.simulator.exchange.exchange import Exchange
from trading_runtime.simulator.exchange.words import (
    BalancesChanged,
    ExecutionType,
    LeverageChanged,
    Liquidated,
    MarketKind,
    OrderStatus,
    PositionView,
    Reason,
    Side,
    VenueError,
)

BUY, SELL = Side.BUY, Side.SELL


def traded(side: Side, quantity: str, price: str = "100", accounts: int = 1) -> Exchange:
    """Let account 1 take ``quantity`` from the crowd."""
    exchange = venue(MarketKind.USDM, accounts=accounts)
    take(exchange, side, quantity, price)
    exchange.take_events()
    return exchange


def take(exchange: Exchange, side: Side, quantity: str, price: str) -> None:
    against = SELL if side is BUY else BUY
    shown(exchange, against, price, quantity)
    exchange.place(FIRST, market(side, quantity), 2)


def position(exchange: Exchange) -> PositionView:
    [only] = exchange.positions(FIRST)
    return only


def wallet(exchange: Exchange) -> int:
    [only] = exchange.balances(FIRST)
    return only.wallet


def test_a_position_has_the_mean_entry_price_and_the_marks_pnl() -> None:
    exchange = traded(BUY, "1")
    take(exchange, BUY, "1", "110")
    exchange.mark(SYMBOL, 120 * USDT, 3)
    mine = position(exchange)
    assert (mine.quantity, mine.entry_price) == (2 * BTC, 105 * USDT)
    assert (mine.unrealised, mine.notional) == (30 * USDT, 240 * USDT)
    assert (mine.leverage, mine.position_margin) == (20, 12 * USDT)
    assert mine.maintenance_margin == units("1.2")
    assert mine.break_even_price == units("105.0525")


def test_reducing_keeps_the_entry_price_and_turning_sets_a_new_one() -> None:
    exchange = traded(BUY, "2")
    take(exchange, SELL, "1", "110")
    mine = position(exchange)
    assert (mine.entry_price, mine.realised) == (100 * USDT, 10 * USDT)
    take(exchange, SELL, "3", "90")
    mine = position(exchange)
    assert (mine.quantity, mine.entry_price, mine.realised) == (-2 * BTC, 90 * USDT, 0)
    fees = (200 + 110 + 270) * USDT * 500 // 10**6
    assert wallet(exchange) == 100_000 * USDT - fees


def test_an_order_needs_initial_margin_and_a_closing_one_needs_none() -> None:
    exchange = venue(MarketKind.USDM)
    exchange.set_leverage(FIRST, SYMBOL, 10, 1)
    shown(exchange, SELL, "1000", "1000")
    with pytest.raises(VenueError, match="-2019: Margin is insufficient"):
        exchange.place(FIRST, limit(BUY, "1001", "1000"), 1)
    exchange.place(FIRST, market(BUY, "500"), 1)
    exchange.place(FIRST, limit(BUY, "999", "490"), 1)
    with pytest.raises(VenueError, match="-2019"):
        exchange.place(FIRST, limit(BUY, "999", "100"), 1)
    assert exchange.place(FIRST, limit(SELL, "1100", "500"), 1).open
    [balance] = exchange.balances(FIRST)
    assert balance.locked == position(exchange).position_margin + position(exchange).order_margin
    assert balance.free == balance.wallet - balance.locked


def test_leverage_has_bounds_and_needs_margin() -> None:
    exchange = traded(BUY, "500", "1000")
    with pytest.raises(VenueError, match="-4028"):
        exchange.set_leverage(FIRST, SYMBOL, 101, 3)
    with pytest.raises(VenueError, match="-2019"):
        exchange.set_leverage(FIRST, SYMBOL, 4, 3)
    assert position(exchange).leverage == 20
    exchange.set_leverage(FIRST, SYMBOL, 50, 3)
    [told] = exchange.take_events()
    assert isinstance(told, LeverageChanged)
    assert (told.leverage, position(exchange).leverage) == (50, 50)


@pytest.mark.parametrize("side", list(Side))
def test_an_account_is_liquidated_just_beyond_its_liquidation_price(side: Side) -> None:
    exchange = traded(side, "500", "1000")
    sign = 1 if side is BUY else -1
    exchange.place(FIRST, limit(side, "500" if side is BUY else "2000", "1"), 2)
    price = position(exchange).liquidation_price
    exchange.mark(SYMBOL, price + sign * units("0.1"), 3)
    exchange.take_events()
    assert position(exchange).quantity == sign * 500 * BTC
    exchange.mark(SYMBOL, price - sign * units("0.1"), 4)
    events = exchange.take_events()
    [liquidated] = [e for e in events if isinstance(e, Liquidated)]
    assert liquidated.order.client_id.startswith("autoclose-")
    assert liquidated.order.status is OrderStatus.FILLED
    assert position(exchange).quantity == 0
    assert exchange.open_orders(FIRST, None) == []
    assert exchange.query(FIRST, SYMBOL, 2, None).expiry == "5"
    assert wallet(exchange) >= 0


def test_a_liquidation_sweeps_the_book_and_the_fund_pays_the_hole() -> None:
    exchange = traded(BUY, "500", "1000", accounts=2)
    exchange.place(SECOND, limit(BUY, "700", "100"), 2)
    exchange.take_events()
    exchange.mark(SYMBOL, 700 * USDT, 3)
    told = reports(exchange)
    closing = [r for r in told if r.order.account == FIRST]
    assert [r.execution for r in closing] == [
        ExecutionType.NEW,
        ExecutionType.CALCULATED,
        ExecutionType.CALCULATED,
    ]
    assert exchange.positions(SECOND)[0].quantity == 100 * BTC
    assert (position(exchange).quantity, wallet(exchange)) == (0, 0)


def test_liquidation_can_be_asked_for() -> None:
    exchange = traded(BUY, "1")
    exchange.liquidate(FIRST, SYMBOL, 3)
    assert position(exchange).quantity == 0


def test_longs_pay_shorts_when_funding_is_positive() -> None:
    exchange = traded(BUY, "2", accounts=2)
    exchange.mark(SYMBOL, 100 * USDT, 3)
    shown(exchange, BUY, "100", "1")
    exchange.place(SECOND, market(SELL, "1"), 3)
    before = wallet(exchange), exchange.balances(SECOND)[0].wallet
    exchange.take_events()
    exchange.settle_funding(SYMBOL, units("0.001"), 4)
    told = [e for e in exchange.take_events() if isinstance(e, BalancesChanged)]
    assert [(e.account, e.reason, e.balances[0].change) for e in told] == [
        (FIRST, Reason.FUNDING_FEE, -units("0.2")),
        (SECOND, Reason.FUNDING_FEE, units("0.1")),
    ]
    after = wallet(exchange), exchange.balances(SECOND)[0].wallet
    assert after == (before[0] - units("0.2"), before[1] + units("0.1"))


def test_funding_comes_due_by_itself_once_an_interval() -> None:
    exchange = traded(BUY, "1")
    exchange.mark(SYMBOL, 100 * USDT, 3)
    exchange.set_funding_rate(SYMBOL, units("0.0001"))
    before = wallet(exchange)
    for hour in range(1, 18):
        exchange.advance(hour * HOUR_NS)
    assert wallet(exchange) == before - 2 * units("0.01")
    assert exchange.mark_view(SYMBOL).next_funding_ns == 24 * HOUR_NS


def test_a_countdown_cancels_the_symbols_orders_when_it_runs_out() -> None:
    exchange = venue(MarketKind.USDM)
    exchange.place(FIRST, limit(BUY, "100", "1"), 1)
    exchange.countdown_cancel_all(FIRST, SYMBOL, 1000, 0)
    exchange.countdown_cancel_all(FIRST, SYMBOL, 1000, 500 * 10**6)
    exchange.advance(1499 * 10**6)
    assert len(exchange.open_orders(FIRST, SYMBOL)) == 1
    exchange.advance(1500 * 10**6)
    assert exchange.open_orders(FIRST, SYMBOL) == []
    assert exchange.depth(SYMBOL, 5).bids == ()
    exchange.place(FIRST, limit(BUY, "100", "1"), 1)
    exchange.countdown_cancel_all(FIRST, SYMBOL, 1000, 0)
    exchange.countdown_cancel_all(FIRST, SYMBOL, 0, 0)
    exchange.advance(HOUR_NS)
    assert len(exchange.open_orders(FIRST, SYMBOL)) == 1


def test_spot_has_none_of_this() -> None:
    exchange = venue(MarketKind.SPOT)
    for call in (
        lambda: exchange.countdown_cancel_all(FIRST, SYMBOL, 1000, 0),
        lambda: exchange.set_leverage(FIRST, SYMBOL, 5, 0),
        lambda: exchange.settle_funding(SYMBOL, 1, 0),
        lambda: exchange.liquidate(FIRST, SYMBOL, 0),
    ):
        with pytest.raises(VenueError, match="-1020"):
            call()
    assert exchange.positions(FIRST) == []
