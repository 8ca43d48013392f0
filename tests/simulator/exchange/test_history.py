"""Lists of orders and trades by window, as the venue's queries cut them."""

import pytest

from tests.simulator.exchange.venue import FIRST, SYMBOL, USDT, cancel, limit, venue
from trading_runtime.simulator.exchange.amounts import units
from trading_runtime.simulator.exchange.exchange import Exchange
from trading_runtime.simulator.exchange.words import MarketKind, Side, Window


@pytest.fixture(scope="module")
def exchange() -> Exchange:
    """Ten orders at times 1 to 10, each half filled at once and then canceled."""
    exchange = venue(MarketKind.SPOT)
    for now in range(1, 11):
        order = exchange.place(FIRST, limit(Side.BUY, "100", "1"), now)
        exchange.external_trade(SYMBOL, Side.SELL, 100 * USDT, units("0.5"), now)
        exchange.cancel(FIRST, cancel(order), now + 100)
    return exchange


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        (Window(limit=3), [8, 9, 10]),
        (Window(from_id=4, limit=3), [4, 5, 6]),
        (Window(start_ns=3, limit=2), [3, 4]),
        (Window(start_ns=3, end_ns=5), [3, 4, 5]),
        (Window(end_ns=5, limit=2), [4, 5]),
        (Window(from_id=11), []),
    ],
)
def test_a_window_chooses_orders_and_trades_alike(
    exchange: Exchange, window: Window, expected: list[int]
) -> None:
    orders = exchange.all_orders(FIRST, SYMBOL, window)
    assert [order.order_id for order in orders] == expected
    trades = exchange.trades(FIRST, SYMBOL, window)
    assert [trade.trade_id for trade in trades] == expected


def test_trades_of_one_order(exchange: Exchange) -> None:
    trades = exchange.trades(FIRST, SYMBOL, Window(order_id=4))
    assert [(trade.order_id, trade.trade_id) for trade in trades] == [(4, 4)]


def test_the_other_market_data_of_a_symbol(exchange: Exchange) -> None:
    assert [one.trade_id for one in exchange.prints(SYMBOL, 2)] == [9, 10]
    assert exchange.trades(FIRST, SYMBOL, Window(limit=0)) == []
