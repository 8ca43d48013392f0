"""Faults that are done once, when they are ordered: cuts, notices and a stranger's trade."""

from collections.abc import Iterable
from typing import Protocol

from trading_runtime.errors import Refused
from trading_runtime.simulator.exchange.exchange import Exchange
from trading_runtime.simulator.exchange.words import (
    PPM,
    AccountNumber,
    MarketKind,
    OrderView,
    Side,
)
from trading_runtime.simulator.faults.words import (
    Act,
    Disconnect,
    EventStreamTerminated,
    HalfOpen,
    ListenKeyExpired,
    PartialFill,
    ServerShutdown,
)


class Connected(Protocol):
    """The venue with its open sockets. ``connection`` is a kind, or ``*`` for all kinds."""

    def exchange(self, market: MarketKind) -> Exchange: ...

    def now(self) -> int:
        """Give the venue's time, UTC nanoseconds, with its skew."""

    def publish(self, market: MarketKind) -> None:
        """Push what the exchange has done since the last call."""

    def abort(self, market: MarketKind, connection: str, count: int | None) -> int:
        """Reset WebSockets (RST, no close frame), at most ``count``; give how many."""

    def half_open(self, market: MarketKind, connection: str, count: int | None) -> int:
        """Neither read nor write WebSockets any more, and keep them open; give how many."""

    def shut_down(self, market: MarketKind, connection: str, after_s: float) -> int:
        """Tell WebSockets ``serverShutdown`` and close them ``after_s`` later; give how many."""

    def expire_listen_keys(self) -> int:
        """Tell each usdm user stream ``listenKeyExpired`` and forget the keys; give how many."""

    def end_subscriptions(self) -> int:
        """Tell each spot user data subscription ``eventStreamTerminated`` and end it."""


def act(fault: Act, venue: Connected) -> int:
    """Do it; give how many connections (or orders) were hit."""
    match fault:
        case Disconnect():
            return sum(
                venue.abort(market, fault.connection, fault.count) for market in markets(fault)
            )
        case HalfOpen():
            return sum(
                venue.half_open(market, fault.connection, fault.count) for market in markets(fault)
            )
        case ServerShutdown():
            after_s = fault.delay_ms / 1000
            return sum(
                venue.shut_down(market, fault.connection, after_s) for market in markets(fault)
            )
        case ListenKeyExpired():
            return venue.expire_listen_keys()
        case EventStreamTerminated():
            return venue.end_subscriptions()
        case PartialFill():
            return sum(partial_fill(fault, market, venue) for market in markets(fault))


def markets(fault: Act) -> Iterable[MarketKind]:
    return tuple(MarketKind) if fault.market is None else (fault.market,)


def partial_fill(fault: PartialFill, market: MarketKind, venue: Connected) -> int:
    """Take a part of the account's open order that stands first; 0 where it has none."""
    exchange = venue.exchange(market)
    account = AccountNumber(fault.account)
    if account not in exchange.accounts():
        raise Refused(f"no account {account}")
    standing = exchange.open_orders(account, fault.symbol)
    if not standing:
        return 0
    first = min(standing, key=before)
    rules = exchange.rules(fault.symbol)
    part = max(rules.lot, first.remaining * fault.part_ppm // PPM // rules.lot * rules.lot)
    taker = Side.SELL if first.side is Side.BUY else Side.BUY
    # A trade beyond its price takes the order first, whoever else stands there before it.
    beyond = first.price - rules.tick if taker is Side.SELL else first.price + rules.tick
    exchange.external_trade(fault.symbol, taker, beyond, part, venue.now())
    venue.publish(market)
    return 1


def before(order: OrderView) -> tuple[str, int, int]:
    """Sort bids before asks, the best price first, then by age."""
    price = -order.price if order.side is Side.BUY else order.price
    return order.side.value, price, order.order_id
