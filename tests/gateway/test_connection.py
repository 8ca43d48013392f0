"""A connection hands on whole frames at once, notices a dead peer, and says so exactly once."""

import asyncio
import socket
from pathlib import Path

import pytest
from aiohttp import web

from tests.gateway.peers import LOOPS, Peer, Told, certificate, run, serving, until
from tests.gateway.peers import closed as dropped
from trading_runtime.gateway.connection import NotOpened, NotSent, WebSocket, open_socket
from trading_runtime.gateway.settings import SocketSettings
from trading_runtime.gateway.trust import trust

pytestmark = pytest.mark.parametrize("loop", LOOPS)

SETTINGS = SocketSettings(close_timeout_s=0.2)
IMPATIENT = SocketSettings(ping_every_s=0.05, silence_max_s=0.15, close_timeout_s=0.2)
SYSTEM = trust(None)


async def opened(url: str, told: Told, settings: SocketSettings = SETTINGS) -> WebSocket:
    connection = await open_socket(url, settings, SYSTEM, told.reports)
    assert isinstance(connection, WebSocket), connection
    return connection


async def closed(connection: WebSocket) -> None:
    connection.close("closed")
    await connection.wait_lost()


def test_frames_come_whole_and_in_order_and_text_goes_out(loop: str) -> None:
    got: list[tuple[int, bytes]] = []

    async def visit(peer: Peer) -> None:
        peer.send(b'{"first":1}')  # with the upgrade, before the client knows that it is open
        peer.send(b"\x00\xff", opcode=2)
        peer.send(b"x" * 70_000)
        got.append(await peer.receive())
        await peer.close_politely()

    async def main() -> None:
        told = Told()
        async with serving(visit) as url:
            connection = await opened(url, told)
            assert connection.send(b"hello") is None
            await until(lambda: len(told.frames) == 3 and len(got) == 1)
            await closed(connection)
            assert connection.send(b"late") is NotSent.CLOSED
        assert told.texts() == [b'{"first":1}', b"\x00\xff", b"x" * 70_000]
        assert got == [(1, b"hello")]
        assert told.opened == [1]
        assert told.lost == [(1, "closed")]

    run(loop, main)


def test_fragments_are_put_together_around_control_frames(loop: str) -> None:
    pongs: list[tuple[int, bytes]] = []

    async def visit(peer: Peer) -> None:
        peer.send(b'{"a":', fin=False)
        peer.send(b"are you there", opcode=9)
        peer.send(b"[1,2", opcode=0, fin=False)
        peer.send(b"]}", opcode=0)
        peer.send(b"next")
        pongs.append(await peer.receive())
        await peer.close_politely()

    async def main() -> None:
        told = Told()
        async with serving(visit) as url:
            connection = await opened(url, told)
            await until(lambda: len(told.frames) == 2 and len(pongs) == 1)
            await closed(connection)
        assert told.texts() == [b'{"a":[1,2]}', b"next"]
        assert pongs == [(10, b"are you there")]

    run(loop, main)


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        ([(0, b"lone", True)], "broken protocol: fragment out of order"),
        ([(1, b"begun", False), (1, b"anew", True)], "broken protocol: fragment out of order"),
        ([(1, b"x" * 600, False), (0, b"x" * 600, True)], "broken protocol: message too big"),
        ([(2, b"x" * 2000, True)], "broken protocol: "),
        ([(3, b"no such opcode", True)], "broken protocol: "),
    ],
)
def test_a_peer_that_breaks_the_protocol_is_lost(
    loop: str, frames: list[tuple[int, bytes, bool]], reason: str
) -> None:
    async def visit(peer: Peer) -> None:
        for opcode, payload, fin in frames:
            peer.send(payload, opcode, fin=fin)
        await peer.close_politely()

    async def main() -> None:
        told = Told()
        async with serving(visit) as url:
            connection = await opened(url, told, SocketSettings(frame_bytes_max=1000))
            await connection.wait_lost()
        assert told.frames == []
        assert len(told.lost) == 1
        assert told.lost[0][1].startswith(reason)

    run(loop, main)


def test_a_peer_that_goes_silent_is_pinged_and_then_lost(loop: str) -> None:
    heard: list[int] = []

    async def visit(peer: Peer) -> None:
        while True:  # half open: it reads, and never says a word
            opcode, _ = await peer.receive()
            heard.append(opcode)

    async def main() -> None:
        told = Told()
        async with serving(visit) as url:
            connection = await opened(url, told, IMPATIENT)
            await connection.wait_lost()
        assert told.lost == [(1, "silent for 0.15 s")]
        assert 9 in heard

    run(loop, main)


def test_pongs_keep_an_idle_connection(loop: str) -> None:
    pings = 0

    async def visit(peer: Peer) -> None:
        nonlocal pings
        while True:
            opcode, payload = await peer.receive()
            pings += opcode == 9
            peer.send(payload, 8 if opcode == 8 else 10)

    async def main() -> None:
        told = Told()
        async with serving(visit) as url:
            connection = await opened(url, told, IMPATIENT)
            await until(lambda: pings > 6)
            assert told.lost == []
            await closed(connection)

    run(loop, main)


def test_a_reset_is_a_loss(loop: str) -> None:
    async def visit(peer: Peer) -> None:
        peer.send(b"one")
        await peer.receive()
        peer.reset()

    async def main() -> None:
        told = Told()
        async with serving(visit) as url:
            connection = await opened(url, told)
            await until(lambda: told.texts() == [b"one"])
            connection.send(b"go")
            await connection.wait_lost()
        assert told.lost == [(1, "dropped by peer")]

    run(loop, main)


def test_a_closing_peer_is_answered_and_its_reason_told(loop: str) -> None:
    answers: list[int] = []

    async def visit(peer: Peer) -> None:
        peer.send(b"last")
        peer.send((1001).to_bytes(2, "big") + b"going away", opcode=8)
        answers.append((await peer.receive())[0])

    async def main() -> None:
        told = Told()
        async with serving(visit) as url:
            connection = await opened(url, told)
            await connection.wait_lost()
            await until(lambda: answers == [8])
        assert told.texts() == [b"last"]
        assert told.lost == [(1, "closed by peer: 1001 going away")]

    run(loop, main)


@pytest.mark.parametrize("secure", [False, True])
def test_a_peer_that_stops_reading_makes_sends_fail_at_once(
    loop: str,
    secure: bool,  # noqa: FBT001 -- a case, not a switch
    tmp_path: Path,
) -> None:
    stuck: list[Peer] = []

    async def visit(peer: Peer) -> None:
        stuck.append(peer)
        peer.stop_reading()
        await asyncio.Event().wait()

    async def main() -> None:
        told = Told()
        file, context = certificate(tmp_path)
        settings = SocketSettings(write_bytes_max=64_000, close_timeout_s=0.1)
        async with serving(visit, context if secure else None) as url:
            connection = await open_socket(url, settings, trust(file), told.reports)
            assert isinstance(connection, WebSocket)
            await until(lambda: bool(stuck))
            outcomes = [connection.send(b"x" * 1000) for _ in range(20_000)]
            assert outcomes[0] is None
            assert outcomes[-1] is NotSent.FULL
            assert connection.waiting() <= 64_000
            assert told.lost == []
            await closed(connection)
        assert told.lost == [(1, "closed")]

    run(loop, main)


def test_a_peer_that_never_answers_the_closing_is_dropped(loop: str) -> None:
    async def visit(peer: Peer) -> None:
        del peer
        await asyncio.Event().wait()

    async def main() -> None:
        told = Told()
        async with serving(visit) as url:
            connection = await opened(url, told)
            await closed(connection)
            connection.close("again")
        assert told.lost == [(1, "closed")]

    run(loop, main)


def test_what_a_callback_raises_ends_the_connection_and_comes_out(loop: str) -> None:
    async def visit(peer: Peer) -> None:
        for _ in range(5):
            peer.send(b"frame")
        await peer.close_politely()

    async def main() -> None:
        told = Told()
        calls = 0

        def frame(_number: int, _frame: bytes) -> None:
            nonlocal calls
            calls += 1
            raise ZeroDivisionError

        async with serving(visit) as url:
            reports = told.reports._replace(frame=frame)
            connection = await open_socket(url, SETTINGS, SYSTEM, reports)
            assert isinstance(connection, WebSocket)
            with pytest.raises(ZeroDivisionError):
                await connection.wait_lost()
        assert calls == 1
        assert told.lost == [(1, "own fault")]

    run(loop, main)


def test_tls_by_a_given_authority_and_only_by_it(loop: str, tmp_path: Path) -> None:
    async def visit(peer: Peer) -> None:
        peer.send(b"secret")
        await peer.close_politely()

    async def main() -> None:
        told = Told()
        file, context = certificate(tmp_path)
        async with serving(visit, context) as url:
            refused = await open_socket(url, SETTINGS, SYSTEM, told.reports)
            assert isinstance(refused, NotOpened)
            assert "SSLCertVerificationError" in refused.reason
            connection = await open_socket(url, SETTINGS, trust(file), told.reports)
            assert isinstance(connection, WebSocket)
            await until(lambda: told.texts() == [b"secret"])
            await closed(connection)
        assert told.lost == [(1, "closed")]

    run(loop, main)


def test_what_does_not_come_up_is_a_value_with_the_reason(loop: str) -> None:
    async def refuse(_request: web.Request) -> web.Response:
        return web.Response(status=429)

    async def main() -> None:
        told = Told()
        with socket.create_server(("127.0.0.1", 0)) as closing:
            port = closing.getsockname()[1]
        refused = await open_socket(f"ws://127.0.0.1:{port}/", SETTINGS, SYSTEM, told.reports)
        assert isinstance(refused, NotOpened)
        assert "ConnectionRefusedError" in refused.reason

        app = web.Application()
        app.router.add_get("/ws", refuse)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        refused = await open_socket(f"ws://127.0.0.1:{port}/ws", SETTINGS, SYSTEM, told.reports)
        assert refused == NotOpened("refused with HTTP status 429")
        await runner.cleanup()
        assert told.opened == []
        assert told.lost == []

    run(loop, main)


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_a_peer_that_accepts_and_says_nothing_is_given_up(loop: str, scheme: str) -> None:
    async def main() -> None:
        told = Told()
        ended = asyncio.Event()

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()
            ended.set()

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        url = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        hasty = SocketSettings(open_timeout_s=0.5)
        assert await open_socket(url, hasty, SYSTEM, told.reports) == NotOpened(
            "not open within 0.5 s"
        )
        await ended.wait()
        server.close()
        assert told.opened == []

    run(loop, main)


def test_a_peer_that_leaves_before_the_upgrade_was_never_open(loop: str) -> None:
    async def main() -> None:
        told = Told()

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            await dropped(writer)

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        assert await open_socket(url, SETTINGS, SYSTEM, told.reports) == NotOpened(
            "dropped by peer before the upgrade"
        )
        server.close()
        assert told.opened == []

    run(loop, main)


def test_a_peer_that_breaks_the_protocol_and_stops_reading_is_lost_too(loop: str) -> None:
    async def visit(peer: Peer) -> None:
        await peer.receive()
        peer.stop_reading()
        peer.send(b"no such opcode", opcode=3)
        await asyncio.Event().wait()

    async def main() -> None:
        told = Told()
        settings = SocketSettings(ping_every_s=0.1, silence_max_s=60.0, close_timeout_s=0.1)
        async with serving(visit) as url:
            connection = await opened(url, told, settings)
            while connection.send(b"x" * 10_000) is None:
                pass
            await connection.wait_lost()
        assert len(told.lost) == 1

    run(loop, main)
