"""Real servers for the gateway's tests: one that behaves, and one that does what it is told."""

import asyncio
import base64
import contextlib
import datetime as dt
import gc
import hashlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from ipaddress import IPv4Address
from pathlib import Path

import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from trading_runtime.gateway.connection import Reports
from trading_runtime.records.units import Connection

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
DEADLINE_S = 120.0


def run(loop: str, main: Callable[[], Coroutine[None, None, None]]) -> None:
    """Run ``main`` on a loop of that kind; it may leave no task behind and no fault unheard."""
    unheard: list[object] = []

    async def watched() -> None:
        asyncio.get_running_loop().set_exception_handler(
            lambda _, what: unheard.append(what["exception"])
        )
        async with asyncio.timeout(DEADLINE_S):
            await main()
        await until(lambda: len(asyncio.all_tasks()) == 1)

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(watched())
        gc.collect()
    # aiofastnet tells the loop of a handshake that ends early, with a class for the exception.
    assert [fault for fault in unheard if fault is not ConnectionResetError] == []


async def until(condition: Callable[[], bool]) -> None:
    """Poll until it holds; fail at the deadline."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 -- some conditions are nobody's event
            await asyncio.sleep(0.002)


class Told:
    """What an owner of connections is told; numbers count from 1."""

    def __init__(self) -> None:
        self.opened: list[Connection] = []
        self.lost: list[tuple[Connection, str]] = []
        self.frames: list[tuple[Connection, bytes]] = []
        self.failed: list[str] = []
        self.reports = Reports(self._open, self._frame, lambda *what: self.lost.append(what))

    def texts(self) -> list[bytes]:
        return [frame for _, frame in self.frames]

    def _open(self) -> Connection:
        self.opened.append(Connection(len(self.opened) + 1))
        return self.opened[-1]

    def _frame(self, number: Connection, frame: bytes) -> None:
        assert number in self.opened
        assert number not in [lost for lost, _ in self.lost]
        self.frames.append((number, frame))


Visit = Callable[["Peer"], Awaitable[None]]


class Peer:
    """The server's end of one upgraded connection, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.path = ""

    async def upgrade(self) -> None:
        head = await self.reader.readuntil(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        self.path = lines[0].split(" ")[1]
        fields = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
        assert "sec-websocket-extensions" not in fields
        key = next(line for line in lines if line.lower().startswith("sec-websocket-key")).split()
        accept = base64.b64encode(
            hashlib.sha1(key[1].encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()  # noqa: S324 -- RFC 6455
        )
        self.writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Accept: %b\r\n\r\n" % accept
        )

    def send(self, payload: bytes, opcode: int = 1, *, fin: bool = True) -> None:
        size = len(payload)
        head = bytes([opcode | (0x80 if fin else 0)])
        if size < 126:
            head += bytes([size])
        elif size < 1 << 16:
            head += b"\x7e" + size.to_bytes(2, "big")
        else:
            head += b"\x7f" + size.to_bytes(8, "big")
        self.writer.write(head + payload)

    async def receive(self) -> tuple[int, bytes]:
        """Give opcode and payload of the next frame."""
        first, second = await self.reader.readexactly(2)
        size = second & 0x7F
        if size >= 126:
            size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8), "big")
        mask = await self.reader.readexactly(4)
        masked = await self.reader.readexactly(size)
        return first & 0xF, bytes(byte ^ mask[i % 4] for i, byte in enumerate(masked))

    async def close_politely(self) -> None:
        """Answer frames until the client closes, and close too."""
        opcode = 0
        while opcode != 8:
            opcode, payload = await self.receive()
            if opcode in (8, 9):
                self.send(payload, 8 if opcode == 8 else 10)

    def stop_reading(self) -> None:
        transport = self.writer.transport
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "pause_reading")
        transport.pause_reading()

    def reset(self) -> None:
        """Close with a reset (RST) instead of an end of stream."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(1, 13, b"\x01\0\0\0\0\0\0\0")  # SOL_SOCKET, SO_LINGER: on, 0 s
        self.writer.transport.abort()


@contextlib.asynccontextmanager
async def serving(visit: Visit, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Serve upgraded connections with ``visit``; gives the URL without a path."""
    running: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        peer = Peer(reader, writer)
        try:
            await peer.upgrade()
            await visit(peer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            await closed(writer)
            running.discard(task)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"{'ws' if tls is None else 'wss'}://127.0.0.1:{port}"
    finally:
        await accepted()
        server.close()
        await settled(running)


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def accepted() -> None:
    """Let a server take in whoever has come.

    One that is being accepted while its server closes is never closed by asyncio itself.
    """
    for _ in range(10):
        await asyncio.sleep(0)
    await until(lambda: not any("_accept_connection" in repr(it) for it in asyncio.all_tasks()))


async def settled(running: set[asyncio.Task[None]]) -> None:
    """End the tasks of a closed server, with those of connections that it was just accepting."""
    for _ in range(10):
        await asyncio.sleep(0)
    for task in tuple(running):
        task.cancel()
    await until(lambda: not running)


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """Make a certificate for the loopback; give its file and a server's context."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_file, key_file)
    return certificate_file, context
