"""Who hears an account's events, in the order in which they happened.

Spot accounts are heard by subscriptions of WebSocket API connections, each with its own number in
the wrapper; usdm accounts by the listeners of their listen key.
"""

from functools import partial
from typing import Protocol

from trading_runtime.simulator.exchange.words import AccountNumber, MarketKind, VenueError
from trading_runtime.simulator.faults.board import FaultBoard
from trading_runtime.simulator.server.connections import Connection
from trading_runtime.simulator.server.listenkeys import ListenKeys
from trading_runtime.simulator.server.news_spot import stream_terminated

SUBSCRIPTIONS_MAX = 1000
"""Of one connection over its life, as published (-2042)."""


class Desk(Protocol):
    """Sends user events of either market."""

    def heard(self, account: AccountNumber) -> bool:
        """Say whether anybody listens to the account at all."""

    def tell(self, account: AccountNumber, kind: str, event: bytes) -> None:
        """Send ``event``, of the ``kind`` that its ``e`` names, to whoever listens."""


class Subscription:
    """One connection's subscription to one spot account."""

    __slots__ = ("account", "connection", "number")

    def __init__(self, account: AccountNumber, connection: Connection, number: int) -> None:
        self.account = account
        self.connection = connection
        self.number = number

    def send(self, event: bytes) -> None:
        self.connection.say(b'{"subscriptionId":%d,"event":%b}' % (self.number, event))


class SpotDesk:
    """Subscriptions by account and by connection."""

    def __init__(self, board: FaultBoard) -> None:
        self._board = board
        self._by_account: dict[AccountNumber, list[Subscription]] = {}
        self._by_connection: dict[int, list[Subscription]] = {}
        self._given: dict[int, int] = {}

    def heard(self, account: AccountNumber) -> bool:
        return account in self._by_account

    def tell(self, account: AccountNumber, kind: str, event: bytes) -> None:
        stream = f"user{account}@{kind}"
        self._board.push(stream, MarketKind.SPOT, event, partial(self._send, account))

    def _send(self, account: AccountNumber, event: bytes) -> None:
        for subscription in self._by_account.get(account, ()):
            subscription.send(event)

    def subscribe(self, account: AccountNumber, connection: Connection) -> int:
        """Subscribe a connection; give the number of the subscription, from 0."""
        mine = self._by_connection.get(connection.number, [])
        if any(subscription.account == account for subscription in mine):
            raise VenueError(-2035, "User Data Stream subscription already active.")
        number = self._given.get(connection.number, 0)
        if number >= SUBSCRIPTIONS_MAX:
            raise VenueError(-2042, "Maximum subscription ID reached for this connection.")
        self._given[connection.number] = number + 1
        made = Subscription(account, connection, number)
        self._by_connection.setdefault(connection.number, []).append(made)
        self._by_account.setdefault(account, []).append(made)
        return number

    def of(self, connection: Connection) -> list[int]:
        """Give the numbers of a connection's subscriptions."""
        return [made.number for made in self._by_connection.get(connection.number, ())]

    def end(self, connection: Connection, number: int | None, now_ms: int) -> int:
        """End one of a connection's subscriptions, or all; tell each, and say how many."""
        mine = self._by_connection.get(connection.number, [])
        ended = [made for made in mine if number is None or made.number == number]
        for made in ended:
            made.send(stream_terminated(now_ms))
            self._drop(made)
        return len(ended)

    def end_all(self, now_ms: int) -> int:
        """End every subscription of every connection; say how many."""
        everyone = [made for mine in self._by_account.values() for made in mine]
        for made in everyone:
            made.send(stream_terminated(now_ms))
            self._drop(made)
        return len(everyone)

    def forget(self, connection: Connection) -> None:
        """The connection is closed."""
        for made in list(self._by_connection.get(connection.number, ())):
            self._drop(made)
        self._given.pop(connection.number, None)

    def _drop(self, made: Subscription) -> None:
        account, number = made.account, made.connection.number
        self._by_account[account].remove(made)
        if not self._by_account[account]:
            del self._by_account[account]
        self._by_connection[number].remove(made)
        if not self._by_connection[number]:
            del self._by_connection[number]


class UsdmDesk:
    """Listen keys; an event goes to the listeners of its account's key."""

    def __init__(self, board: FaultBoard, life_ms: int) -> None:
        self._board = board
        self.keys = ListenKeys(life_ms)

    def heard(self, account: AccountNumber) -> bool:
        key = self.keys.of(account)
        return key is not None and bool(key.audience.listeners)

    def tell(self, account: AccountNumber, kind: str, event: bytes) -> None:
        key = self.keys.of(account)
        if key is None:
            return
        stream = f"user{account}@{kind}"
        self._board.push(stream, MarketKind.USDM, event, partial(key.audience.deliver_kind, kind))
