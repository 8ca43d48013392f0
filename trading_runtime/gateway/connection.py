"""One WebSocket connection: frames out of the receive callback, whole and unread.

Rules:
 * ``opened``, then any number of ``frame``, then ``lost`` with a reason; the first and the last
   exactly once, and neither for a connection that never came up.
 * ``frame`` is called while the bytes are read, before the loop does anything else.
 * Fragments are put together; pings are answered; a peer that says nothing is pinged, then lost.
 * A send that would grow the write buffer over its bound fails at once; nothing of it is sent.
 * Compression is never offered. What a callback raises ends the connection and comes out of
   :meth:`WebSocket.wait_lost`.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from typing import NamedTuple, final
from urllib.parse import urlsplit

from picows import (
    WSCloseCode,
    WSError,
    WSFrame,
    WSInvalidStatusError,
    WSListener,
    WSMsgType,
    WSProtocolError,
    WSTransport,
    ws_connect,
)

from trading_runtime.gateway.settings import SocketSettings
from trading_runtime.records.units import Connection

TEXT = WSMsgType.TEXT
MESSAGES = (TEXT, WSMsgType.BINARY)
PORTS = {"ws": 80, "wss": 443}


class NotSent(Enum):
    """Why not a byte of a message left."""

    CLOSED = "no connection"
    FULL = "write buffer full"


class Reports(NamedTuple):
    """Whom a connection tells; all are called in the loop's thread and must not block."""

    opened: Callable[[], Connection]
    """It is up; the answer is the number that it goes by from here on."""
    frame: Callable[[Connection, bytes], None]
    lost: Callable[[Connection, str], None]


class NotOpened(NamedTuple):
    reason: str


@final
class WebSocket(WSListener):
    """A connection; made by :func:`open_socket`."""

    def __init__(self, settings: SocketSettings, reports: Reports) -> None:
        self.number = Connection(0)
        self.up = False
        self.deliver: Callable[[Connection, bytes], None] = nowhere
        """Takes each message; may be replaced once the connection is up."""
        self._settings = settings
        self._reports = reports
        self._bytes_max = settings.frame_bytes_max
        self._parts: list[bytes] = []
        self._parts_bytes = 0
        self._reason = ""
        self._told = False
        self._heard = True
        self._silent_ticks = 0
        # These three exist from the upgrade on; before it nobody has the connection.
        self._transport: WSTransport
        self.waiting: Callable[[], int]
        self._pinging: asyncio.TimerHandle
        self._aborting: asyncio.TimerHandle | None = None

    def send(self, message: bytes) -> NotSent | None:
        """Hand a text message to the kernel, or to the buffer if the kernel takes no more."""
        transport = self._transport
        if not self.up or transport.is_close_frame_sent:
            return NotSent.CLOSED
        if self.waiting() + len(message) > self._settings.write_bytes_max:
            return NotSent.FULL
        transport.send(TEXT, message)
        return None

    def close(self, reason: str) -> None:
        """Begin to close in good order; frames are still delivered until the peer has closed too.

        A peer that does not answer is dropped after the time-out. Wait with :meth:`wait_lost`.
        """
        if self.up and not self._reason:
            self._reason = reason
            self._transport.send_close(WSCloseCode.OK)
            self._abort_later()

    async def wait_lost(self) -> None:
        """Wait until it is lost and reported; raise what a callback raised."""
        with suppress(WSError):  # the peer broke the protocol; it is in the reason
            await self._transport.wait_disconnected()

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        self.waiting = transport.underlying_transport.get_write_buffer_size
        self.up = True
        self._loop = asyncio.get_running_loop()
        self._pinging = self._loop.call_later(self._settings.ping_every_s, self._watch)
        self.number = self._reports.opened()
        self.deliver = self._reports.frame
        self._told = True

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        self._heard = True
        kind = frame.msg_type
        try:
            if (
                frame.fin
                and not self._parts
                and kind in MESSAGES
                and frame.payload_size <= self._bytes_max  # picows hands it on after its complaint
            ):
                self.deliver(self.number, frame.get_payload_as_bytes())
            elif kind == WSMsgType.PING:
                self._answer_ping(transport, frame)
            elif kind == WSMsgType.CLOSE:
                self._closed_by_peer(frame)
            elif kind != WSMsgType.PONG:
                self._put_together(frame)
        except Exception:
            self._reason = self._reason or "own fault"
            self.deliver = nowhere
            raise

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.up = False
        self._pinging.cancel()
        if self._aborting is not None:
            self._aborting.cancel()
        if not self._reason and transport.is_close_frame_sent:
            sent = transport.close_handshake.sent
            self._reason = f"broken protocol: {sent.reason if sent is not None else ''}"
        if self._told:
            self._reports.lost(self.number, self._reason or "dropped by peer")

    def pause_writing(self) -> None:
        """Do nothing: every send looks at the buffer itself."""

    def resume_writing(self) -> None:
        """Do nothing, likewise."""

    def _put_together(self, frame: WSFrame) -> None:
        """Keep a fragment; hand on the message with its last one (RFC 6455, 5.4)."""
        continues = frame.msg_type == WSMsgType.CONTINUATION
        if continues is not bool(self._parts):
            raise self._broken(WSCloseCode.PROTOCOL_ERROR, "fragment out of order")
        self._parts.append(frame.get_payload_as_bytes())
        self._parts_bytes += frame.payload_size
        if self._parts_bytes > self._bytes_max:
            raise self._broken(WSCloseCode.MESSAGE_TOO_BIG, "message too big")
        if frame.fin:
            message = b"".join(self._parts)
            self._parts.clear()
            self._parts_bytes = 0
            self.deliver(self.number, message)

    def _broken(self, code: WSCloseCode, reason: str) -> WSProtocolError:
        self._reason = f"broken protocol: {reason}"
        return WSProtocolError(code, reason)

    def _answer_ping(self, transport: WSTransport, frame: WSFrame) -> None:
        payload = frame.get_payload_as_bytes()
        if self.waiting() + len(payload) <= self._settings.write_bytes_max:
            transport.send_pong(payload)

    def _closed_by_peer(self, frame: WSFrame) -> None:
        code, text = frame.get_close_code(), frame.get_close_reason()
        said = f"{int(code.value)} {text}".strip()
        self._reason = self._reason or f"closed by peer: {said}"
        self._transport.send_close(WSCloseCode.OK)
        self._transport.disconnect()
        self._abort_later()

    def _abort_later(self) -> None:
        """Closing in good order waits for a peer that may never read again; end that too."""
        if self._aborting is None:
            self._aborting = self._loop.call_later(self._settings.close_timeout_s, self._abort)

    def _abort(self) -> None:
        self._transport.disconnect(graceful=False)

    def _watch(self) -> None:
        """Ping a silent peer, and drop it when it stays silent.

        Ticks are counted, not time: after a stall of our own loop one tick has passed, no more,
        and what has arrived meanwhile is read before the next.
        """
        settings = self._settings
        self._silent_ticks = 0 if self._heard else self._silent_ticks + 1
        self._heard = False
        if self._silent_ticks * settings.ping_every_s >= settings.silence_max_s:
            self._reason = self._reason or f"silent for {settings.silence_max_s:g} s"
            self._abort()
            return
        if self._transport.is_close_frame_sent:
            self._abort_later()
        if self._silent_ticks and self.waiting() <= settings.write_bytes_max:
            self._transport.send_ping()
        self._pinging = self._loop.call_later(settings.ping_every_s, self._watch)


async def open_socket(
    url: str, settings: SocketSettings, trust: ssl.SSLContext, reports: Reports
) -> WebSocket | NotOpened:
    """Connect to ``url`` (``ws://`` or ``wss://``), upgrade, and give the connection.

    ``opened`` has been called when it returns a connection, and perhaps already ``lost``.
    """
    try:
        async with asyncio.timeout(settings.open_timeout_s):
            return await _upgraded(url, settings, trust, reports)
    except TimeoutError:
        return NotOpened(f"not open within {settings.open_timeout_s:g} s")
    except WSInvalidStatusError as refusal:
        status = refusal.response.status if refusal.response is not None else 0
        return NotOpened(f"refused with HTTP status {int(status)}")
    except (OSError, WSError) as fault:
        return NotOpened(f"{type(fault).__name__}: {fault}")


async def _upgraded(
    url: str, settings: SocketSettings, trust: ssl.SSLContext, reports: Reports
) -> WebSocket | NotOpened:
    """Upgrade on a socket of our own, so that giving up leaves nothing behind that waits."""
    made: list[WebSocket] = []

    def listener() -> WebSocket:
        made.append(WebSocket(settings, reports))
        return made[0]

    parts = urlsplit(url)
    sock = await _connected(parts.hostname or "", parts.port or PORTS[parts.scheme])
    upgrading = asyncio.ensure_future(
        ws_connect(
            listener,
            url,
            ssl_context=trust,
            websocket_handshake_timeout=None,  # the caller's holds for all of it
            logger_name="gateway",
            enable_auto_pong=False,  # a ping is a sign of life, and an answer is bounded too
            max_frame_size=settings.frame_bytes_max,
            max_redirects=0,
            socket_factory=lambda _: sock,
        )
    )
    try:
        await asyncio.wait((upgrading,))
    except asyncio.CancelledError:
        with suppress(OSError):  # it may be gone already
            sock.shutdown(socket.SHUT_RDWR)
        await asyncio.wait((upgrading,))
        upgrading.exception()
        for opened in made:
            await opened.wait_lost()
        raise
    upgrading.result()
    return made[0] if made else NotOpened("dropped by peer before the upgrade")


async def _connected(host: str, port: int) -> socket.socket:
    """Connect to the first address of ``host`` that answers; raise the last one's ``OSError``."""
    loop = asyncio.get_running_loop()
    refusal = OSError(f"no address of {host}")
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for family, kind, protocol, _, address in found:
        sock = socket.socket(family, kind, protocol)
        sock.setblocking(False)
        try:
            await loop.sock_connect(sock, address)
        except OSError as fault:
            sock.close()
            refusal = fault
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise refusal


def nowhere(_number: Connection, _frame: bytes) -> None:
    """Take what comes before it was told to anybody, or after a fault of our own."""
