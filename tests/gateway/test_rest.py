"""A call is made once, ends in a value, and says whether it can have reached the venue."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from tests.gateway.peers import LOOPS, certificate, closed, run, settled
from trading_runtime.gateway.rest import Answer, NoAnswer, Rest
from trading_runtime.gateway.settings import HttpSettings
from trading_runtime.gateway.signing import HttpCall
from trading_runtime.gateway.trust import trust

pytestmark = pytest.mark.parametrize("loop", LOOPS)

SYSTEM = trust(None)
PATIENT = HttpSettings(total_timeout_s=120.0, connect_timeout_s=60.0)
HASTY = HttpSettings(total_timeout_s=0.3, connect_timeout_s=0.2)
GET = HttpCall("GET", "/time", (), b"")
Act = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def client(
    url: str, settings: HttpSettings = PATIENT, file: Path | None = None
) -> AsyncIterator[Rest]:
    rest = Rest(url, settings, trust(file))
    try:
        yield rest
    finally:
        await rest.close()


@contextlib.asynccontextmanager
async def raw(act: Act) -> AsyncIterator[str]:
    """Serve connections byte by byte."""
    tasks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(OSError, asyncio.CancelledError, asyncio.IncompleteReadError):
            await act(reader, writer)
        await closed(writer)
        tasks.discard(task)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await settled(tasks)


def test_an_answer_comes_whole_whatever_its_status(loop: str) -> None:
    seen: list[tuple[str, str, str, bytes]] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(
            (request.method, request.raw_path, request.headers["X-KEY"], await request.read())
        )
        return web.Response(status=418, body=b'{"code":-1003}', headers={"Retry-After": "120"})

    async def main() -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with client(f"http://127.0.0.1:{runner.addresses[0][1]}") as rest:
            target = "/api/order?symbol=%EF%BC%91&text=a%20b%2Bc&signature=%2F%3D"
            got = await rest.ask(HttpCall("DELETE", target, (("X-KEY", "k"),), b""))
            assert isinstance(got, Answer)
            assert (got.status, got.body) == (418, b'{"code":-1003}')
            assert ("Retry-After", "120") in got.headers
            await rest.ask(HttpCall("POST", "/api/order", (("X-KEY", "k"),), b"a=%20"))
        await runner.cleanup()
        assert seen == [("DELETE", target, "k", b""), ("POST", "/api/order", "k", b"a=%20")]

    run(loop, main)


def test_connections_are_kept(loop: str) -> None:
    connections = 0

    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    async def main() -> None:
        async with raw(act) as url, client(url) as rest:
            for _ in range(5):
                assert await rest.ask(GET) == Answer(200, (("Content-Length", "2"),), b"{}")
        assert connections == 1

    run(loop, main)


def test_a_refused_connection_sent_nothing(loop: str) -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as closing:
            port = closing.getsockname()[1]
        async with client(f"http://127.0.0.1:{port}") as rest:
            got = await rest.ask(GET)
        assert isinstance(got, NoAnswer)
        assert not got.sent
        async with client("http://no-such-host.invalid") as rest:
            got = await rest.ask(GET)
        assert isinstance(got, NoAnswer)
        assert not got.sent

    run(loop, main)


def test_a_connection_that_never_opens_sent_nothing(loop: str) -> None:
    async def main() -> None:
        with socket.socket() as full, contextlib.ExitStack() as filling:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            for _ in range(3):  # the backlog is full: the next one waits without an answer
                waiting = filling.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(full.getsockname())
            async with client(f"http://127.0.0.1:{full.getsockname()[1]}", HASTY) as rest:
                got = await rest.ask(GET)
        assert got == NoAnswer("ConnectionTimeoutError", sent=False)

    run(loop, main)


def test_a_venue_that_is_not_trusted_was_sent_nothing(loop: str, tmp_path: Path) -> None:
    async def main() -> None:
        file, context = certificate(tmp_path)

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(asyncio.IncompleteReadError):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
            await closed(writer)

        server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with client(url) as rest:
            got = await rest.ask(GET)
            assert isinstance(got, NoAnswer)
            assert not got.sent
        async with client(url, PATIENT, file) as rest:
            got = await rest.ask(GET)
            assert isinstance(got, Answer)
            assert got.body == b"{}"
        server.close()

    run(loop, main)


async def say_nothing(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    await asyncio.Event().wait()


async def close_instead(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")


async def answer_half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{")


async def answer_nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"\x00\xff\r\n\r\n")


async def answer_without_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 20000000\r\n\r\n")
    while True:
        writer.write(b"x" * 10_000)
        await writer.drain()


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (say_nothing, "TimeoutError"),
        (close_instead, "ServerDisconnectedError"),
        (answer_half, "ClientPayloadError"),
        (answer_nonsense, "BadHttpMessage"),
        (answer_without_end, "answer too big"),
    ],
)
def test_a_lost_answer_may_have_been_a_sent_request(loop: str, act: Act, reason: str) -> None:
    total_s = 1.0 if act is say_nothing else 120.0
    settings = HttpSettings(total_timeout_s=total_s, answer_bytes_max=1_000_000)

    async def main() -> None:
        async with raw(act) as url, client(url, settings) as rest:
            got = await rest.ask(HttpCall("POST", "/order", (), b"a=b"))
        assert isinstance(got, NoAnswer)
        assert got.sent
        assert got.reason in (reason, "ClientResponseError")

    run(loop, main)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_no_call_is_made_twice_when_a_kept_connection_is_gone(loop: str, method: str) -> None:
    requests: list[bytes] = []

    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            requests.append((await reader.readuntil(b"\r\n\r\n")).split(b" ")[0])
            if len(requests) > 1:
                return
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    async def main() -> None:
        async with raw(act) as url, client(url) as rest:
            assert isinstance(await rest.ask(GET), Answer)
            got = await rest.ask(HttpCall(method, "/order", (), b""))
            assert got == NoAnswer("ServerDisconnectedError", sent=True)
        assert requests == [b"GET", method.encode()]

    run(loop, main)


def test_a_redirect_is_an_answer_and_cookies_are_not_kept(loop: str) -> None:
    heads: list[bytes] = []

    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(
                b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nSet-Cookie: a=b\r\n"
                b"Content-Length: 0\r\n\r\n"
            )

    async def main() -> None:
        async with raw(act) as url, client(url) as rest:
            for _ in range(2):
                got = await rest.ask(GET)
                assert isinstance(got, Answer)
                assert got.status == 302
        assert len(heads) == 2
        assert b"cookie" not in heads[1].lower()

    run(loop, main)
