"""The connections of one session to its venue: market data, requests, and what the account hears.

Each connection has a number of its own; its frames are taken by the session in the receive
callback. A connection is announced to the core once it can be relied on: when what it was asked
for has been acknowledged.
"""

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from trading_runtime.app.access import Access
from trading_runtime.app.opening import PAPER_CONNECTION, VENUE_MODES, Plan
from trading_runtime.app.turns import Turns
from trading_runtime.clock import Clock
from trading_runtime.config import VenueSettings
from trading_runtime.core.venues.registry import VENUES
from trading_runtime.errors import Misread
from trading_runtime.gateway.connection import NotSent, Reports
from trading_runtime.gateway.line import TICKET, Line, Target, Ticket
from trading_runtime.gateway.pacing import ConnectionBudget
from trading_runtime.gateway.rest import Answer
from trading_runtime.gateway.settings import LineSettings, SocketSettings
from trading_runtime.records.commands import ReopenAccountLine, Resubscribe
from trading_runtime.records.inputs import (
    ConnectionLost,
    ConnectionOpened,
    FrameReceived,
    Purpose,
)
from trading_runtime.records.observations import ConnectFailed
from trading_runtime.records.units import NANOS_PER_SECOND, Connection, Nanos

SUBSCRIPTION = "subscribe"
"""The name of the request for the account's events, and of its answer."""
LISTEN_KEY = "listen-key"
STATUS_OK = 200
SHUTDOWN = b"serverShutdown"
SHUTDOWN_WITHIN = 100
"""The venue's notice that it will close this connection names itself at the frame's beginning."""
PING_EVERY_S = 1.0
SILENCE_MAX_S = 4.0
"""A half-open connection costs quotes for no longer."""


class SocketAnswer(msgspec.Struct):
    id: str | int | None = None
    status: int = 0


class Lines:
    """All connections of one session; :meth:`run` keeps them up."""

    def __init__(
        self, planned: Plan, settings: VenueSettings, access: Access, turns: Turns, clock: Clock
    ) -> None:
        self.venue = VENUES[planned.instruments[0].venue]
        self.access = access
        self.turns = turns
        self._clock = clock
        self._last = PAPER_CONNECTION
        wiring = self.venue.wiring
        self._budget = ConnectionBudget(
            wiring.connects_max, wiring.connects_window_ns / NANOS_PER_SECOND
        )
        self._settings = LineSettings(
            socket=SocketSettings(ping_every_s=PING_EVERY_S, silence_max_s=SILENCE_MAX_S),
            backoff_max_s=settings.reconnect_max_ns / NANOS_PER_SECOND,
            renew_after_s=settings.renew_after_ns / NANOS_PER_SECOND,
            keep_every_s=(wiring.listen_key_keep_ns or settings.renew_after_ns) / NANOS_PER_SECOND,
        )
        self._by_number: dict[Connection, Line] = {}
        self._resubscribed = 0
        self.orders: Line | None = None
        """The one that requests go by, in the modes that trade on a venue."""
        self._account: Line | None = None
        """The one that tells what happens to the account."""
        self._all = [*self._market_lines(planned)]
        if planned.mode in VENUE_MODES:
            self.orders = self._orders_line()
            self._all.append(self.orders)
            self._account = self.orders
            if not wiring.account_on_orders:
                self._account = self._user_line()
                self._all.append(self._account)

    async def run(self) -> None:
        """Keep all connections up until cancelled; what a callback raises is raised here."""
        async with asyncio.TaskGroup() as tasks:
            for line in self._all:
                tasks.create_task(line.run())

    def send_order(self, message: bytes) -> Connection | NotSent:
        """Send by the newest connection of orders, and give it, or say why nothing left."""
        return NotSent.CLOSED if self.orders is None else self.orders.send(message)

    def ask_anew(self, command: Resubscribe | ReopenAccountLine) -> None:
        """Ask for what has gone silent; on a connection that is gone that needs nothing."""
        if isinstance(command, ReopenAccountLine):
            if self._account is not None:
                self._account.renew()
            return
        line = self._by_number.get(command.connection)
        if line is None:
            return
        self._resubscribed += 2
        for message in self.venue.requests.resubscribe(command.channel, self._resubscribed):
            line.send(message)

    def _market_lines(self, planned: Plan) -> list[Line]:
        channels = [
            channel
            for instrument in planned.instruments
            for channel in self.venue.channels(instrument.symbol)
        ]
        return [
            self._line(self._plain(each.url), Purpose.MARKET, each.channels)
            for each in self.access.endpoints.market_urls(channels)
        ]

    def _orders_line(self) -> Line:
        url = self.access.endpoints.orders
        opening = self._subscriptions if self.venue.wiring.account_on_orders else _nothing
        target = Target(url, opening, is_subscribed, None, self._failed(url))
        return self._line(target, Purpose.ORDERS, ())

    def _user_line(self) -> Line:
        url = self.access.endpoints.user_url(TICKET)
        ticket = Ticket(self._fetch_listen_key, self._keep_listen_key)
        target = Target(url, _nothing, _never, ticket, self._failed(url))
        return self._line(target, Purpose.USER, ())

    def _line(self, target: Target, purpose: Purpose, channels: tuple[str, ...]) -> Line:
        """Make a line whose connections are announced, and whose frames are taken, by number."""
        wire = Wire(self, target, purpose, channels)
        reports = Reports(wire.opened, wire.frame, wire.lost)
        wire.line = Line(target, reports, self._budget, self._settings, self.access.trusted)
        return wire.line

    def open_number(self, line: Line) -> Connection:
        """Give the next connection its number."""
        self._last = number = Connection(self._last + 1)
        self._by_number[number] = line
        return number

    def close_number(self, number: Connection) -> None:
        del self._by_number[number]

    def _plain(self, url: str) -> Target:
        """Give the target whose address says it all."""
        return Target(url, _nothing, _never, None, self._failed(url))

    def _failed(self, url: str) -> Callable[[str], None]:
        """Give what writes down an attempt to connect that came to nothing."""

        def failed(reason: str) -> None:
            stamp = self._clock.stamp()
            session = self.turns.session
            session.observe(stamp, ConnectFailed(address=url.partition("?")[0], reason=reason))

        return failed

    def _now(self) -> Nanos:
        """The venue's time, for a signature."""
        offset = self.turns.session.core.intake.offsets.get(self.venue.name, 0)
        return Nanos(self._clock.stamp().at + offset)

    def _subscriptions(self) -> Sequence[bytes]:
        request = self.venue.requests.subscribe(SUBSCRIPTION, self._now())
        return (self.access.signer.message(request),)

    async def _fetch_listen_key(self) -> str:
        answer = await self.access.ask(self.venue.requests.listen_key(LISTEN_KEY, keep=False))
        if not isinstance(answer, Answer) or answer.status != STATUS_OK:
            return ""
        try:
            key = self.venue.requests.read_listen_key(answer.body)
        except Misread:
            return ""
        self.access.redactor.know(key)
        return key

    async def _keep_listen_key(self, _key: str) -> bool:
        answer = await self.access.ask(self.venue.requests.listen_key(LISTEN_KEY, keep=True))
        return isinstance(answer, Answer) and answer.status == STATUS_OK


class Wire:
    """What a line reports, as the session's inputs."""

    def __init__(
        self, lines: Lines, target: Target, purpose: Purpose, channels: tuple[str, ...]
    ) -> None:
        self.line: Line
        self._lines = lines
        self._purpose = purpose
        self._channels = channels
        self._acknowledges = target.acknowledges
        self._asks = target.opening is not _nothing
        self._waiting: set[Connection] = set()
        """Opened, and what they were asked for is not acknowledged yet."""

    def opened(self) -> Connection:
        number = self._lines.open_number(self.line)
        if self._asks:
            self._waiting.add(number)
        else:
            self._announce(number)
        return number

    def frame(self, number: Connection, frame: bytes) -> None:
        if number in self._waiting:
            if not self._acknowledges(frame):
                return
            self._waiting.discard(number)
            self._announce(number)
        lines = self._lines
        if SHUTDOWN in frame[:SHUTDOWN_WITHIN]:
            self.line.renew()
        if self._purpose is not Purpose.MARKET:
            frame = lines.access.redactor.redact(frame)
        lines.turns.take(FrameReceived(connection=number, frame=frame))

    def lost(self, number: Connection, reason: str) -> None:
        self._lines.close_number(number)
        if number in self._waiting:
            self._waiting.discard(number)
        else:
            self._lines.turns.take(ConnectionLost(connection=number, reason=reason))

    def _announce(self, number: Connection) -> None:
        opened = ConnectionOpened(
            connection=number,
            venue=self._lines.venue.name,
            purpose=self._purpose,
            channels=self._channels,
        )
        self._lines.turns.take(opened)


def is_subscribed(frame: bytes) -> bool:
    """Say whether a frame answers the request for the account's events with yes."""
    try:
        answer = msgspec.json.decode(frame, type=SocketAnswer)
    except msgspec.DecodeError:
        return False
    return answer.id == SUBSCRIPTION and answer.status == STATUS_OK


def _nothing() -> Sequence[bytes]:
    return ()


def _never(frame: bytes) -> bool:
    del frame
    return False
