"""Faults that are done at once."""

import pytest

from trading_runtime.errors import Refused
from trading_runtime.simulator.exchange.amounts import text, units
from trading_runtime.simulator.exchange.exchange import Exchange
from trading_runtime.simulator.exchange.words import (
    AccountNumber,
    MarketKind,
    NewOrder,
    OrderType,
    Side,
    TimeInForce,
)
from trading_runtime.simulator.faults import words
from trading_runtime.simulator.faults.acts import act
from trading_runtime.simulator.server.symbols import default_spot

SPOT, USDM = MarketKind.SPOT, MarketKind.USDM


class Sockets:
    """A venue with two connections of each market, whose cuts are written down."""

    def __init__(self) -> None:
        self.done: list[tuple[object, ...]] = []
        self.spot = Exchange(SPOT)
        self.spot.add_symbol(default_spot().symbols[0], 1)
        self.account = self.spot.open_account("trader")
        self.spot.deposit(self.account, "USDT", units("1000000"), 1)

    def exchange(self, market: MarketKind) -> Exchange:
        assert market is SPOT
        return self.spot

    def now(self) -> int:
        return 2

    def publish(self, market: MarketKind) -> None:
        self.done.append(("publish", market))

    def abort(self, market: MarketKind, connection: str, count: int | None) -> int:
        self.done.append(("abort", market, connection, count))
        return 2

    def half_open(self, market: MarketKind, connection: str, count: int | None) -> int:
        self.done.append(("half_open", market, connection, count))
        return 2

    def shut_down(self, market: MarketKind, connection: str, after_s: float) -> int:
        self.done.append(("shut_down", market, connection, after_s))
        return 2

    def expire_listen_keys(self) -> int:
        self.done.append(("expire",))
        return 1

    def end_subscriptions(self) -> int:
        self.done.append(("end",))
        return 1

    def bid(self, price: str) -> int:
        new = NewOrder(
            symbol="BTCUSDT",
            side=Side.BUY,
            type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC,
            price=price,
            quantity="0.00100",
        )
        return self.spot.place(self.account, new, 2).order_id

    def executed(self, order: int) -> str:
        return text(self.spot.query(self.account, "BTCUSDT", order, None).executed)


@pytest.fixture
def sockets() -> Sockets:
    return Sockets()


def test_both_markets_are_cut_unless_one_is_named(sockets: Sockets) -> None:
    assert act(words.Disconnect(), sockets) == 4
    assert act(words.HalfOpen(market=USDM, connection="user", count=1), sockets) == 2
    assert act(words.ServerShutdown(market=SPOT, delay_ms=1500), sockets) == 2
    assert sockets.done == [
        ("abort", SPOT, "*", None),
        ("abort", USDM, "*", None),
        ("half_open", USDM, "user", 1),
        ("shut_down", SPOT, "*", 1.5),
    ]


def test_user_streams_end_by_their_own_events(sockets: Sockets) -> None:
    assert act(words.ListenKeyExpired(), sockets) == 1
    assert act(words.EventStreamTerminated(), sockets) == 1
    assert sockets.done == [("expire",), ("end",)]


def test_a_part_of_the_order_that_stands_first_is_taken(sockets: Sockets) -> None:
    sockets.spot.set_external("BTCUSDT", Side.BUY, units("61800"), units("9"), 1)
    behind, first = sockets.bid("61799.00"), sockets.bid("61800.00")
    assert act(words.PartialFill(market=SPOT, symbol="BTCUSDT", part_ppm=300_000), sockets) == 1
    assert sockets.executed(first) == "0.00030000"
    assert sockets.executed(behind) == "0.00000000"


def test_nothing_is_taken_where_nothing_stands(sockets: Sockets) -> None:
    fault = words.PartialFill(market=SPOT, symbol="BTCUSDT")
    assert act(fault, sockets) == 0
    stranger = words.PartialFill(market=SPOT, symbol="BTCUSDT", account=AccountNumber(99))
    with pytest.raises(Refused, match="no account 99"):
        act(stranger, sockets)
