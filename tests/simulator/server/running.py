"""A venue on free loopback ports for the tests of its server, and a client that signs."""

import asyncio
import hmac
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import msgspec
from yarl import URL

from trading_runtime.simulator.exchange.amounts import units
from trading_runtime.simulator.exchange.words import MarketKind, Side
from trading_runtime.simulator.faults.board import FaultBoard
from trading_runtime.simulator.server.serve import Simulator, Started
from trading_runtime.simulator.server.settings import Key, MarketSettings, SimulatorSettings
from trading_runtime.simulator.server.symbols import (
    TRADER,
    WATCHDOG,
    default_spot,
    default_usdm,
)

DEADLINE_S = 120.0


def settings(folder: Path, **changes: Any) -> SimulatorSettings:
    """Settings of a venue on free ports, without TLS."""
    plain = SimulatorSettings(
        port=0,
        tls_port=None,
        tls_folder=folder,
        keys=(TRADER, WATCHDOG),
        spot=default_spot(),
        usdm=default_usdm(),
        listen_key_s=3600,
        message_max=1_000_000,
    )
    return msgspec.structs.replace(plain, **changes)


def market(made: MarketSettings, **changes: Any) -> MarketSettings:
    """Settings of a market with other limits or another pulse."""
    return msgspec.structs.replace(made, **changes)


class Client:
    """Talks to one venue over real sockets."""

    def __init__(
        self, session: aiohttp.ClientSession, simulator: Simulator, started: Started
    ) -> None:
        self.session = session
        self.simulator = simulator
        self.started = started
        self.heard: list[Any] = []
        """Events that came in while an answer was waited for."""
        self.base = f"http://127.0.0.1:{started.port}"
        self.ws_base = f"ws://127.0.0.1:{started.port}"

    def signed(self, params: Mapping[str, object], key: Key = TRADER) -> str:
        """Write the parameters as a signed query string or form."""
        text = urlencode({**params, "timestamp": self.simulator.clock.now_ms()})
        return f"{text}&signature={sign(text, key)}"

    async def call(
        self,
        method: str,
        path: str,
        params: Mapping[str, object] | None = None,
        key: Key = TRADER,
        *,
        form: bool = False,
    ) -> tuple[int, Any]:
        """Send a signed request; give its status and JSON."""
        text = self.signed(params or {}, key)
        headers = {"X-MBX-APIKEY": key.key}
        if form:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            request = self.session.request(method, self.base + path, data=text, headers=headers)
        else:
            url = URL(f"{self.base}{path}?{text}", encoded=True)
            request = self.session.request(method, url, headers=headers)
        async with request as answer:
            return answer.status, await answer.json(content_type=None)

    async def get(self, path: str) -> tuple[int, Any, Mapping[str, str]]:
        """Send an open request; give status, JSON and headers."""
        async with self.session.get(self.base + path) as answer:
            return answer.status, await answer.json(content_type=None), answer.headers

    async def ask(
        self,
        socket: aiohttp.ClientWebSocketResponse,
        method: str,
        params: Mapping[str, object] | None = None,
        key: Key | None = TRADER,
    ) -> Any:
        """Send a WebSocket API request, signed where ``key`` is given; give its answer."""
        sent: dict[str, object] = dict(params or {})
        if key is not None:
            sent |= {"apiKey": key.key, "timestamp": self.simulator.clock.now_ms()}
            text = "&".join(f"{name}={sent[name]}" for name in sorted(sent))
            sent["signature"] = sign(text, key)
        await socket.send_json({"id": method, "method": method, "params": sent})
        while True:
            message = await hear(socket)
            if message.get("id") == method:
                return message
            self.heard.append(message)

    def quote(self, kind: MarketKind, bid: str, ask: str, quantity: str = "5") -> None:
        """Let the crowd quote BTCUSDT."""
        exchange, now = self.simulator.exchange(kind), self.simulator.now()
        exchange.set_external("BTCUSDT", Side.BUY, units(bid), units(quantity), now)
        exchange.set_external("BTCUSDT", Side.SELL, units(ask), units(quantity), now)
        if kind is MarketKind.USDM:
            exchange.mark("BTCUSDT", (units(bid) + units(ask)) // 2, now)
        self.simulator.publish(kind)


def sign(text: str, key: Key) -> str:
    assert key.secret is not None
    return hmac.new(key.secret.encode(), text.encode(), sha256).hexdigest()


async def hear(socket: aiohttp.ClientWebSocketResponse) -> Any:
    """Give the next message of a socket as JSON."""
    message = await asyncio.wait_for(socket.receive(), DEADLINE_S)
    assert message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), message
    return msgspec.json.decode(message.data)


async def hear_event(socket: aiohttp.ClientWebSocketResponse, kind: str) -> Any:
    """Give the next event of a kind, out of its wrapping."""
    while True:
        message = await hear(socket)
        event = message.get("event", message.get("data", message))
        if isinstance(event, dict) and event.get("e") == kind:
            return event


async def until(condition: Any) -> None:
    """Wait until ``condition()`` holds, or fail."""
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end, "the condition never held"
        await asyncio.sleep(0.005)


@asynccontextmanager
async def venue(folder: Path, **changes: Any) -> AsyncIterator[Client]:
    """Run a venue."""
    board = FaultBoard(1, time.monotonic_ns)
    simulator = Simulator(settings(folder, **changes), board)
    started = await simulator.start()
    try:
        async with aiohttp.ClientSession() as session:
            yield Client(session, simulator, started)
    finally:
        await simulator.stop()
