"""The WebSockets that are open: written to in batches, pinged, and cut when their time is up.

A connection is written to straight on its transport, with frames made once for all: what is sent
during one turn of the event loop leaves in one write. A client that reads too slowly is cut rather
than waited for. ``freeze`` and ``abort`` are for faults: a half-open connection and a reset one.
"""

import asyncio
import struct
from socket import SO_LINGER, SOL_SOCKET
from typing import Literal

from aiohttp import web

from trading_runtime.simulator.exchange.words import MarketKind
from trading_runtime.simulator.server.frames import ping_frame, text_frame
from trading_runtime.simulator.server.settings import Pulse

UNSENT_MAX = 64 * 1024 * 1024
"""Bytes that may wait for one client: some seconds of every stream there is."""
AT_ONCE = struct.pack("ii", 1, 0)
"""Linger for no time: closing then resets."""
SECOND_MS = 1000
POLICY = 1008

ConnectionKind = Literal["stream", "user", "ws_api"]


class Connection:
    """One WebSocket, owned by the task that reads it; anybody may send."""

    __slots__ = (
        "_connections",
        "_frozen",
        "_messages",
        "_outbox",
        "_second",
        "_transport",
        "address",
        "combined",
        "kind",
        "market",
        "number",
        "opened_ms",
        "pinged",
        "pinged_ms",
        "socket",
    )

    def __init__(
        self,
        connections: "Connections",
        socket: web.WebSocketResponse,
        transport: asyncio.Transport,
        place: tuple[MarketKind, ConnectionKind, str],
        number: int,
    ) -> None:
        self._connections = connections
        self._transport = transport
        self._outbox: list[bytes] = []
        self._frozen = False
        self._second = 0
        self._messages = 0
        self.socket = socket
        self.market, self.kind, self.address = place
        self.number = number
        self.opened_ms = connections.now_ms
        self.pinged: bytes | None = None
        self.pinged_ms = connections.now_ms
        self.combined = False
        """Whether events are wrapped with the name of their stream."""

    @property
    def frozen(self) -> bool:
        return self._frozen

    def send(self, frame: bytes) -> None:
        """Queue a frame for this turn's write."""
        if self._frozen:
            return
        if not self._outbox:
            self._connections.schedule(self)
        self._outbox.append(frame)

    def say(self, payload: bytes) -> None:
        """Queue one text message."""
        self.send(text_frame(payload))

    def flush(self) -> None:
        """Write what is queued; cut a client that has left too much unread."""
        if not self._outbox or self._frozen:
            return
        transport = self._transport
        if not transport.is_closing():
            self._connections.frames_sent += len(self._outbox)
            transport.write(b"".join(self._outbox))
            if transport.get_write_buffer_size() > UNSENT_MAX:
                transport.abort()
        self._outbox.clear()

    def within_rate(self, messages: int) -> bool:
        """Count one inbound message; say whether this second still has room for it."""
        second = self._connections.now_ms // SECOND_MS
        if second != self._second:
            self._second, self._messages = second, 0
        self._messages += 1
        return self._messages <= messages

    def ping(self, payload: bytes) -> None:
        """Ask the client to prove that it is there."""
        self.pinged = payload
        self.pinged_ms = self._connections.now_ms
        self.send(ping_frame(payload))

    def answered(self, payload: bytes) -> None:
        """Take a pong; one that answers no ping proves nothing."""
        if payload == self.pinged:
            self.pinged = None

    def abort(self) -> None:
        """Reset the connection (RST), without a close frame; what was not sent yet is lost."""
        if not self._transport.is_closing():
            self._transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, AT_ONCE)
        self._transport.abort()

    def freeze(self) -> None:
        """Neither read nor write any more, and keep the socket: as if the peer's host had died."""
        self._frozen = True
        self._outbox.clear()
        if not self._transport.is_closing():
            self._transport.pause_reading()

    async def close(self, code: int, reason: str) -> None:
        """Say goodbye with a close frame; do not wait for the client's."""
        self.flush()
        if self._frozen:
            self.abort()
        elif not self.socket.closed:
            await self.socket.close(code=code, message=reason.encode(), drain=False)


class Connections:
    """All open WebSockets of the server; ``now_ms`` is its clock, set by the pacer."""

    def __init__(self) -> None:
        self._open: dict[int, Connection] = {}
        self._unflushed: list[Connection] = []
        self._number = 0
        self.now_ms = 0
        self.frames_sent = 0

    def open(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport,
        place: tuple[MarketKind, ConnectionKind, str],
    ) -> Connection:
        """Take a new WebSocket of a market, kind and client address."""
        self._number += 1
        made = Connection(self, socket, transport, place, self._number)
        self._open[made.number] = made
        return made

    def forget(self, connection: Connection) -> None:
        """The WebSocket is closed."""
        self._open.pop(connection.number, None)

    def among(
        self, market: MarketKind | None = None, kind: ConnectionKind | None = None
    ) -> list[Connection]:
        """Give the open connections of a market and kind, oldest first; None means any."""
        return [
            connection
            for connection in self._open.values()
            if (market is None or connection.market is market)
            and (kind is None or connection.kind == kind)
        ]

    def schedule(self, connection: Connection) -> None:
        """Write ``connection`` at the end of this turn of the loop."""
        if not self._unflushed:
            asyncio.get_running_loop().call_soon(self._flush)
        self._unflushed.append(connection)

    def _flush(self) -> None:
        due, self._unflushed = self._unflushed, []
        for connection in due:
            connection.flush()

    def attend(self, market: MarketKind, pulse: Pulse) -> list[tuple[Connection, str]]:
        """Ping who is due; give those to be closed and why: no pong in time, or too old."""
        now, finished = self.now_ms, []
        for connection in self.among(market):
            silent_ms = now - connection.pinged_ms
            if now - connection.opened_ms > pulse.life_s * SECOND_MS:
                finished.append((connection, "connection is too old"))
            elif connection.pinged is not None and silent_ms > pulse.pong_s * SECOND_MS:
                finished.append((connection, "Pong timeout"))
            elif connection.pinged is None and silent_ms > pulse.ping_s * SECOND_MS:
                connection.ping(str(now).encode())
        return finished
