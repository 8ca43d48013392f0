"""The venue simulator as one server: both markets, REST and WebSocket, plain and TLS.

``await Simulator(settings, board).start()`` listens; ``await stop()`` tells every connection
``serverShutdown`` and closes. A pacer task lets the exchanges' time pass every 10 ms, writes the
streams that have an interval, and keeps the connections alive. When it fails the venue is dead:
:meth:`Simulator.wait` raises what it failed with.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
from aiohttp import web

from trading_runtime.clock import wall_ns
from trading_runtime.simulator.exchange.exchange import Exchange
from trading_runtime.simulator.exchange.words import MarketKind
from trading_runtime.simulator.faults.board import FaultBoard
from trading_runtime.simulator.server import (
    actions_spot,
    actions_usdm,
    news_spot,
    news_usdm,
    reports_usdm,
)
from trading_runtime.simulator.server.certificate import server_context, write_certificate
from trading_runtime.simulator.server.clockwork import VenueClock
from trading_runtime.simulator.server.connections import Connection, Connections
from trading_runtime.simulator.server.gate import Gate
from trading_runtime.simulator.server.rest import Rest, routes
from trading_runtime.simulator.server.settings import SimulatorSettings
from trading_runtime.simulator.server.signing import Keyring
from trading_runtime.simulator.server.sockets import Sockets
from trading_runtime.simulator.server.venue import Venue

TICK_S = 0.01
"""As often as usdm looks at its countdowns."""
SECOND_MS = 1000
GOING_AWAY = 1001
HOST = "127.0.0.1"

Answerer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """Where the venue listens, and whom it knows. ``certificate`` is PEM, None without TLS."""

    port: int
    tls_port: int | None
    certificate: Path | None
    api_key: str
    api_secret: str
    watchdog_key: str
    watchdog_secret: str
    control: str


class Simulator:
    """The venue. ``mount`` adds paths of another's before :meth:`start`."""

    def __init__(self, settings: SimulatorSettings, board: FaultBoard) -> None:
        self.settings = settings
        self.board = board
        self.clock = VenueClock(board)
        self.connections = Connections()
        self.keys = Keyring()
        self.venues = {
            kind: Venue(
                kind,
                settings.market(kind),
                board,
                self.clock,
                int(settings.listen_key_s * SECOND_MS),
            )
            for kind in MarketKind
        }
        gates = {kind: Gate(venue, self.keys) for kind, venue in self.venues.items()}
        self._rest = Rest(
            routes(gates[MarketKind.SPOT], actions_spot.REST)
            | routes(gates[MarketKind.USDM], actions_usdm.REST | reports_usdm.REST)
        )
        self._sockets = Sockets(gates, self.connections, settings.message_max)
        self._mounted: dict[str, Answerer] = {}
        self._runner: web.ServerRunner | None = None
        self._pacer: asyncio.Task[None] | None = None
        self._last_second = 0
        self._farewells: set[asyncio.Task[None]] = set()
        for key in settings.keys:
            if key.secret is not None:
                self.keys.add_secret(key.key, key.secret, key.owner)
            elif key.public_pem is not None:
                self.keys.add_public(key.key, key.public_pem, key.owner)
            for venue in self.venues.values():
                venue.account(key.owner)

    def mount(self, prefix: str, answer: Answerer) -> None:
        """Let ``answer`` serve every path that starts with ``prefix``."""
        self._mounted[prefix] = answer

    async def start(self) -> Started:
        """Listen; raises :exc:`OSError` where a port is taken."""
        server = web.Server(self._answer, handler_cancellation=True, access_log=None)
        self._runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=0.2)
        await self._runner.setup()
        settings = self.settings
        await web.TCPSite(self._runner, HOST, settings.port).start()
        certificate = None
        if settings.tls_port is not None:
            certificate, key = write_certificate(settings.tls_folder, wall_ns())
            context = server_context(certificate, key)
            await web.TCPSite(self._runner, HOST, settings.tls_port, ssl_context=context).start()
        ports = [address[1] for address in self._runner.addresses]
        self.connections.now_ms = self.clock.now_ms()
        self._pacer = asyncio.get_running_loop().create_task(self._pace())
        trader, watchdog = settings.keys[0], settings.keys[1]
        return Started(
            port=ports[0],
            tls_port=ports[1] if settings.tls_port is not None else None,
            certificate=certificate,
            api_key=trader.key,
            api_secret=trader.secret or "",
            watchdog_key=watchdog.key,
            watchdog_secret=watchdog.secret or "",
            control=f"http://{HOST}:{ports[0]}/control",
        )

    async def wait(self) -> None:
        """Wait until the venue stops; raise what it failed with."""
        if self._pacer is not None:
            await asyncio.wait({self._pacer})
            if not self._pacer.cancelled():
                self._pacer.result()

    async def stop(self) -> None:
        """Say goodbye to every connection and close all ports."""
        if self._pacer is not None:
            self._pacer.cancel()
            await asyncio.wait({self._pacer})
        for task in tuple(self._farewells):
            task.cancel()
        for kind in MarketKind:
            self._warn(self.connections.among(kind))
        for connection in self.connections.among():
            await connection.close(GOING_AWAY, "server shutdown")
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        for prefix, answer in self._mounted.items():
            if request.path.startswith(prefix):
                return await answer(request)
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._sockets.answer(request)
        return await self._rest.answer(request)

    async def _pace(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            now = self.clock.now_ns()
            self.connections.now_ms = self.clock.now_ms()
            for venue in self.venues.values():
                venue.exchange.advance(now)
                venue.publish()
                venue.hub.tick(self.connections.now_ms)
            second = self.connections.now_ms // SECOND_MS
            if second != self._last_second:
                self._last_second = second
                await self._attend()

    async def _attend(self) -> None:
        """Once a second: pings, connections that are over, listen keys, margins."""
        for kind, venue in self.venues.items():
            for connection, why in self.connections.attend(kind, venue.settings.pulse):
                await connection.close(GOING_AWAY, why)
        usdm = self.venues[MarketKind.USDM]
        now_ms = self.connections.now_ms
        for key in usdm.usdm_desk.keys.expired(now_ms):
            key.audience.deliver_kind("listenKeyExpired", news_usdm.key_expired(key.text, now_ms))
        usdm.call_margins()

    def exchange(self, market: MarketKind) -> Exchange:
        """Give the exchange of a market; call :meth:`publish` after making it do something."""
        return self.venues[market].exchange

    def now(self) -> int:
        """Give the venue's time, UTC nanoseconds, with its skew."""
        return self.clock.now_ns()

    def publish(self, market: MarketKind) -> None:
        """Push what the exchange has done since the last call."""
        self.venues[market].publish()

    def _hit(self, market: MarketKind, connection: str, count: int | None) -> list[Connection]:
        among = self.connections.among(market)
        return [one for one in among if connection in ("*", one.kind)][:count]

    def abort(self, market: MarketKind, connection: str, count: int | None) -> int:
        """Reset WebSockets of a kind (``*``: all), at most ``count``; give how many."""
        hit = self._hit(market, connection, count)
        for one in hit:
            one.abort()
        return len(hit)

    def half_open(self, market: MarketKind, connection: str, count: int | None) -> int:
        """Neither read nor write WebSockets any more, and keep them open; give how many."""
        hit = self._hit(market, connection, count)
        for one in hit:
            one.freeze()
        return len(hit)

    def shut_down(self, market: MarketKind, connection: str, after_s: float) -> int:
        """Tell WebSockets ``serverShutdown`` and close them ``after_s`` later; give how many."""
        hit = self._hit(market, connection, None)
        self._warn(hit)
        task = asyncio.get_running_loop().create_task(_close_after(hit, after_s))
        self._farewells.add(task)
        task.add_done_callback(self._farewells.discard)
        return len(hit)

    def _warn(self, connections: list[Connection]) -> None:
        news = news_spot.server_shutdown(self.clock.now_ms())
        for one in connections:
            if one.kind == "ws_api":
                one.say(b'{"event":' + news + b"}")
            elif one.combined:
                one.say(b'{"stream":"!serverShutdown","data":' + news + b"}")
            else:
                one.say(news)

    def expire_listen_keys(self) -> int:
        """Tell each usdm user stream ``listenKeyExpired`` and forget the keys; give how many."""
        now_ms, desk = self.clock.now_ms(), self.venues[MarketKind.USDM].usdm_desk
        ended = desk.keys.expired(now_ms + desk.keys.life_ms + 1)
        for key in ended:
            key.audience.deliver_kind("listenKeyExpired", news_usdm.key_expired(key.text, now_ms))
        return len(ended)

    def end_subscriptions(self) -> int:
        """Tell each spot user data subscription ``eventStreamTerminated`` and end it."""
        return self.venues[MarketKind.SPOT].spot_desk.end_all(self.clock.now_ms())


async def _close_after(connections: list[Connection], after_s: float) -> None:
    await asyncio.sleep(after_s)
    for one in connections:
        await one.close(GOING_AWAY, "server shutdown")
