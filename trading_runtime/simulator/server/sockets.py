"""Every WebSocket from its handshake to its end, whatever is spoken on it."""

from typing import Protocol
from urllib.parse import parse_qs

from aiohttp import WSMsgType, web

from trading_runtime.simulator.exchange.words import MarketKind
from trading_runtime.simulator.server.connections import (
    POLICY,
    Connection,
    ConnectionKind,
    Connections,
)
from trading_runtime.simulator.server.feeds import Feed, read_path
from trading_runtime.simulator.server.gate import Gate
from trading_runtime.simulator.server.names import Route
from trading_runtime.simulator.server.wsapi import ApiSession

API_PATHS = {"/ws-api/v3": MarketKind.SPOT, "/ws-fapi/v1": MarketKind.USDM}
TOO_MANY = b'{"code":-1034,"msg":"Too many concurrent connections."}'


class Talk(Protocol):
    """What is spoken on one connection."""

    def on_message(self, text: bytes) -> None:
        """Take one message."""

    def on_closed(self) -> None:
        """The connection is gone."""


class Sockets:
    """Accepts WebSockets and reads them; ``message_max`` bounds one message in bytes."""

    def __init__(
        self, gates: dict[MarketKind, Gate], connections: Connections, message_max: int
    ) -> None:
        self._gates = gates
        self._connections = connections
        self._message_max = message_max

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Accept a WebSocket and serve it to its end."""
        path, _, query = request.raw_path.partition("?")
        path = path.rstrip("/")
        market = API_PATHS.get(path)
        stream = None if market is not None else read_path(path, query)
        kind: ConnectionKind = "ws_api"
        if stream is not None:
            market = stream.market
            kind = "user" if stream.route is Route.PRIVATE else "stream"
        if market is None:
            return web.Response(status=404, text="no such stream path")
        gate = self._gates[market]
        address = request.remote or ""
        if not gate.venue.board.accepting(market, kind):
            return web.Response(status=503, text="")
        if not gate.venue.usage.connect(address, gate.now_ms()):
            return web.Response(status=429, body=TOO_MANY, content_type="application/json")
        socket = web.WebSocketResponse(
            autoping=False, compress=False, max_msg_size=self._message_max, timeout=1.0
        )
        await socket.prepare(request)
        transport = request.transport
        if transport is None:  # the client has gone again
            return socket
        connection = self._connections.open(socket, transport, (market, kind, address))
        if stream is None:
            shows = parse_qs(query).get("returnRateLimits", ["true"])[-1] != "false"
            talk: Talk = ApiSession(gate, connection, shows_limits=shows)
        else:
            talk = Feed(gate.venue, connection, stream)
        try:
            await self._read(connection, talk, gate.venue.settings.limits.messages)
        finally:
            talk.on_closed()
            self._connections.forget(connection)
        return socket

    async def _read(self, connection: Connection, talk: Talk, messages: int) -> None:
        """Read until the client goes; cut one that sends more than a stream may receive."""
        socket, limited = connection.socket, connection.kind != "ws_api"
        while True:
            message = await socket.receive()
            if limited and not connection.frozen and not connection.within_rate(messages):
                await connection.close(POLICY, "Too many requests")
                return
            match message.type:
                case WSMsgType.TEXT if not connection.frozen:
                    talk.on_message(message.data.encode())
                case WSMsgType.BINARY if not connection.frozen:
                    talk.on_message(message.data)
                case WSMsgType.PING if not connection.frozen:
                    await socket.pong(message.data)
                case WSMsgType.PONG:
                    connection.answered(bytes(message.data))
                case WSMsgType.CLOSE | WSMsgType.CLOSING | WSMsgType.CLOSED | WSMsgType.ERROR:
                    return
                case _:
                    pass
