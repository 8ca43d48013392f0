"""The crowd and our orders in one queue, and reduce-only orders beside a changing position."""

import pytest

from tests.simulator.exchange.venue import (
    BTC,
    FIRST,
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
    ExecutionType,
    MarketKind,
    OrderStatus,
    Printed,
    Side,
    TimeInForce,
    VenueError,
)

BUY, SELL = Side.BUY, Side.SELL
SPOT, USDM = MarketKind.SPOT, MarketKind.USDM


def executed(exchange: Exchange, number: int = 1) -> int:
    return exchange.query(FIRST, SYMBOL, number, None).executed


def prints(exchange: Exchange) -> list[tuple[int, int, bool]]:
    return [
        (event.price, event.quantity, event.buyer_is_maker)
        for event in exchange.take_events()
        if isinstance(event, Printed)
    ]


def queued() -> Exchange:
    """Let 2 of the crowd, 1 of ours and 3 of the crowd wait at 100."""
    exchange = venue(SPOT)
    shown(exchange, BUY, "100", "2")
    exchange.place(FIRST, limit(BUY, "100", "1"), 1)
    shown(exchange, BUY, "100", "5")
    assert exchange.depth(SYMBOL, 1).bids == ((100 * USDT, 6 * BTC),)
    exchange.take_events()
    return exchange


@pytest.mark.parametrize(("traded", "ours"), [("2", "0"), ("2.5", "0.5"), ("4", "1")])
def test_our_order_waits_for_the_crowd_before_it(traded: str, ours: str) -> None:
    exchange = queued()
    exchange.external_trade(SYMBOL, SELL, 100 * USDT, units(traded), 2)
    assert executed(exchange) == units(ours)
    printed = prints(exchange)
    assert sum(quantity for _, quantity, _ in printed) == units(traded)
    assert all(maker for _, _, maker in printed)


def test_what_the_crowd_withdraws_leaves_from_behind() -> None:
    exchange = queued()
    shown(exchange, BUY, "100", "2")
    exchange.external_trade(SYMBOL, SELL, 100 * USDT, 2 * BTC, 2)
    assert executed(exchange) == 0
    exchange.external_trade(SYMBOL, SELL, 100 * USDT, BTC, 2)
    assert executed(exchange) == BTC
    assert exchange.depth(SYMBOL, 1).bids == ()


def test_a_trade_through_our_price_fills_us_at_our_price() -> None:
    exchange = queued()
    exchange.external_trade(SYMBOL, SELL, 99 * USDT, 3 * BTC, 2)
    assert executed(exchange) == BTC
    assert prints(exchange) == [(100 * USDT, BTC, True), (99 * USDT, 2 * BTC, True)]


def test_crowd_that_crosses_us_fills_us_and_stands_with_the_rest() -> None:
    exchange = venue(SPOT)
    exchange.place(FIRST, limit(BUY, "100", "1"), 1)
    shown(exchange, BUY, "99", "1")
    shown(exchange, SELL, "99", "4")
    assert executed(exchange) == BTC
    depth = exchange.depth(SYMBOL, 5)
    assert (depth.bids, depth.asks) == ((), ((99 * USDT, 3 * BTC),))
    assert prints(exchange) == [(100 * USDT, BTC, True)]


def test_two_accounts_trade_with_each_other_at_the_older_ones_price() -> None:
    exchange = venue(SPOT, accounts=2)
    exchange.place(SECOND, limit(SELL, "100", "2"), 1)
    order = exchange.place(FIRST, limit(BUY, "101", "1"), 2)
    [mine], [theirs] = (
        order.fills,
        [report.trade for report in reports(exchange) if report.trade and report.trade.maker],
    )
    assert (mine.trade_id, mine.price, mine.quantity) == (
        theirs.trade_id,
        theirs.price,
        theirs.quantity,
    )
    assert (mine.price, mine.fee_asset, theirs.fee_asset) == (100 * USDT, "BTC", "USDT")
    assert (mine.fee, theirs.fee) == (units("0.0005"), units("0.02"))


def long_of(quantity: str) -> Exchange:
    exchange = venue(USDM)
    shown(exchange, SELL, "100", quantity)
    exchange.place(FIRST, market(BUY, quantity), 1)
    exchange.take_events()
    return exchange


def test_reduce_only_needs_a_position_to_reduce() -> None:
    for exchange, side in ((venue(USDM), BUY), (long_of("1"), BUY)):
        with pytest.raises(VenueError, match="-2022: ReduceOnly Order is rejected"):
            exchange.place(FIRST, limit(side, "90", "1", reduce_only=True), 2)


def test_a_reduce_only_order_is_cut_to_what_the_position_leaves() -> None:
    exchange = long_of("3")
    first = exchange.place(FIRST, limit(SELL, "110", "2", reduce_only=True), 2)
    second = exchange.place(FIRST, limit(SELL, "111", "2", reduce_only=True), 2)
    assert (first.quantity, second.quantity) == (2 * BTC, BTC)
    with pytest.raises(VenueError, match="-2022"):
        exchange.place(FIRST, limit(SELL, "112", "1", reduce_only=True), 2)


def test_reduce_only_orders_shrink_and_expire_with_the_position() -> None:
    exchange = long_of("3")
    exchange.place(FIRST, limit(SELL, "110", "2", reduce_only=True), 2)
    exchange.place(FIRST, limit(SELL, "111", "1", reduce_only=True), 2)
    exchange.take_events()
    shown(exchange, BUY, "99", "5")
    exchange.place(FIRST, market(SELL, "2"), 3)
    told = [(r.execution, r.order.quantity) for r in reports(exchange) if r.order.reduce_only]
    assert told == [(ExecutionType.AMENDMENT, BTC), (ExecutionType.EXPIRED, BTC)]
    assert exchange.query(FIRST, SYMBOL, 3, None).expiry == "4"
    assert exchange.depth(SYMBOL, 5).asks == ((110 * USDT, BTC),)


def test_a_reduce_only_market_order_closes_and_knocks_the_resting_ones_out() -> None:
    exchange = long_of("2")
    exchange.place(FIRST, limit(SELL, "110", "2", reduce_only=True), 2)
    shown(exchange, BUY, "99", "5")
    order = exchange.place(FIRST, market(SELL, "5", reduce_only=True), 3)
    assert (order.status, order.quantity) == (OrderStatus.FILLED, 2 * BTC)
    assert exchange.positions(FIRST)[0].quantity == 0
    assert exchange.open_orders(FIRST, SYMBOL) == []


def test_a_reduce_only_ioc_order_never_turns_the_position() -> None:
    exchange = long_of("2")
    shown(exchange, BUY, "99", "5")
    order = exchange.place(FIRST, limit(SELL, "99", "3", tif=TimeInForce.IOC, reduce_only=True), 3)
    assert (order.quantity, order.status) == (2 * BTC, OrderStatus.FILLED)
