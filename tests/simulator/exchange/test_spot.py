"""Spot money: what is locked, what a trade gives and takes, what is told of it."""

import pytest

from tests.simulator.exchange.venue import (
    BTC,
    FIRST,
    SYMBOL,
    USDT,
    cancel,
    limit,
    market,
    shown,
    venue,
)
from trading_runtime.simulator.exchange.amounts import units
from trading_runtime.simulator.exchange.exchange import Exchange
from trading_runtime.simulator.exchange.words import (
    BalancesChanged,
    MarketKind,
    NewOrder,
    Reason,
    Side,
    VenueError,
)

BUY, SELL = Side.BUY, Side.SELL


def held(exchange: Exchange) -> dict[str, tuple[int, int]]:
    return {b.asset: (b.free, b.locked) for b in exchange.balances(FIRST)}


def test_a_buy_locks_quote_and_a_sell_locks_base_until_canceled() -> None:
    exchange = venue(MarketKind.SPOT)
    buy = exchange.place(FIRST, limit(BUY, "100", "2"), 1)
    sell = exchange.place(FIRST, limit(SELL, "110", "3"), 1)
    assert held(exchange) == {
        "USDT": (99_800 * USDT, 200 * USDT),
        "BTC": (97 * BTC, 3 * BTC),
    }
    exchange.cancel(FIRST, cancel(buy), 2)
    exchange.cancel(FIRST, cancel(sell), 2)
    assert held(exchange) == {"USDT": (100_000 * USDT, 0), "BTC": (100 * BTC, 0)}


def test_a_better_price_gives_the_difference_back_and_the_fee_is_in_what_is_received() -> None:
    exchange = venue(MarketKind.SPOT)
    shown(exchange, SELL, "100", "1")
    exchange.place(FIRST, limit(BUY, "105", "2"), 1)
    assert held(exchange) == {
        "USDT": (100_000 * USDT - 205 * USDT, 105 * USDT),
        "BTC": (101 * BTC - units("0.0005"), 0),
    }
    exchange.external_trade(SYMBOL, SELL, 105 * USDT, BTC, 2)
    assert held(exchange)["BTC"] == (102 * BTC - units("0.0007"), 0)


@pytest.mark.parametrize(
    "new",
    [
        limit(BUY, "1000", "100.001"),
        limit(SELL, "100", "100.001"),
        market(SELL, "100.001"),
        market(BUY, "150"),
    ],
)
def test_what_the_account_cannot_pay_is_refused(new: NewOrder) -> None:
    exchange = venue(MarketKind.SPOT)
    shown(exchange, SELL, "1000", "500")
    shown(exchange, BUY, "900", "500")
    exchange.take_events()
    with pytest.raises(
        VenueError, match="-2010: Account has insufficient balance for requested action"
    ):
        exchange.place(FIRST, new, 1)
    assert held(exchange) == {"USDT": (100_000 * USDT, 0), "BTC": (100 * BTC, 0)}
    assert exchange.take_events() == []


def test_locks_are_told_once_per_call() -> None:
    exchange = venue(MarketKind.SPOT)
    exchange.place(FIRST, limit(BUY, "100", "2"), 5)
    [told] = [e for e in exchange.take_events() if isinstance(e, BalancesChanged)]
    assert (told.reason, told.account, told.time_ns) == (Reason.ORDER, FIRST, 5)
    assert [(b.asset, b.free, b.locked, b.change) for b in told.balances] == [
        ("USDT", 99_800 * USDT, 200 * USDT, 0)
    ]


def test_deposits_and_withdrawals_are_told_and_bounded_by_what_is_free() -> None:
    exchange = venue(MarketKind.SPOT)
    exchange.place(FIRST, limit(BUY, "1000", "99"), 1)
    exchange.take_events()
    with pytest.raises(VenueError, match="-2010"):
        exchange.deposit(FIRST, "USDT", -1001 * USDT, 2)
    exchange.deposit(FIRST, "USDT", -1000 * USDT, 2)
    [told] = exchange.take_events()
    assert isinstance(told, BalancesChanged)
    assert (told.reason, told.balances[0].change) == (Reason.WITHDRAW, -1000 * USDT)
    assert told.balances[0].wallet == 99_000 * USDT
