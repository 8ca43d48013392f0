"""A line comes back by itself, spares the venue, and renews without losing a frame."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Sequence
from typing import NoReturn

import pytest

from tests.gateway.peers import DEADLINE_S, LOOPS, Peer, Told, run, serving, until
from trading_runtime.gateway.connection import NotSent, Reports
from trading_runtime.gateway.line import Line, Target, Ticket
from trading_runtime.gateway.pacing import ConnectionBudget
from trading_runtime.gateway.settings import LineSettings, SocketSettings
from trading_runtime.gateway.trust import trust

pytestmark = pytest.mark.parametrize("loop", LOOPS)

SYSTEM = trust(None)
QUICK = LineSettings(
    socket=SocketSettings(close_timeout_s=0.2),
    linger_s=0.05,
    backoff_first_s=0.001,
    backoff_max_s=0.01,
    ready_timeout_s=5.0,
)


def plain(
    url: str, told: Told, opening: Sequence[bytes] = (), ticket: Ticket | None = None
) -> Target:
    return Target(url, lambda: opening, lambda frame: frame == b"yes", ticket, told.failed.append)


@contextlib.asynccontextmanager
async def running(
    target: Target,
    told: Told,
    settings: LineSettings = QUICK,
    budget: ConnectionBudget | None = None,
) -> AsyncIterator[Line]:
    line = Line(target, told.reports, budget or ConnectionBudget(1000, 60.0), settings, SYSTEM)
    task = asyncio.create_task(line.run())
    try:
        yield line
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def test_a_lost_connection_is_opened_again_under_a_new_number(loop: str) -> None:
    visits = 0

    async def visit(peer: Peer) -> None:
        nonlocal visits
        visits += 1
        peer.send(b"%d" % visits)
        if visits < 4:
            await peer.writer.drain()
            peer.reset()
        else:
            await peer.close_politely()

    async def main() -> None:
        told = Told()
        async with serving(visit) as url, running(plain(url, told), told) as line:
            await until(lambda: line.connection == 4)
            assert line.send(b"order") == 4
        assert told.opened == [1, 2, 3, 4]
        assert [number for number, _ in told.lost] == [1, 2, 3, 4]
        assert told.lost[3] == (4, "closed")
        assert line.send(b"order") is NotSent.CLOSED
        assert line.connection is None

    run(loop, main)


def test_opening_messages_go_first_and_are_waited_for(loop: str) -> None:
    asked: list[bytes] = []
    let_go = asyncio.Event()

    async def visit(peer: Peer) -> None:
        asked.append((await peer.receive())[1])
        peer.send(b"data before the answer")
        peer.send(b"yes")
        asked.append((await peer.receive())[1])
        await let_go.wait()
        peer.send(b"yes")
        await peer.close_politely()

    async def main() -> None:
        told = Told()
        async with (
            serving(visit) as url,
            running(plain(url, told, (b"subscribe a", b"subscribe b")), told) as line,
        ):
            await until(lambda: len(told.frames) == 2 and len(asked) == 2)
            assert line.connection is None
            assert line.send(b"order") is NotSent.CLOSED
            let_go.set()
            await until(lambda: line.connection == 1)
        assert asked == [b"subscribe a", b"subscribe b"]
        assert told.texts() == [b"data before the answer", b"yes", b"yes"]

    run(loop, main)


def test_a_subscription_that_is_not_acknowledged_is_tried_again(loop: str) -> None:
    visits = 0

    async def visit(peer: Peer) -> None:
        nonlocal visits
        visits += 1
        await peer.receive()
        peer.send(b"no" if visits < 3 else b"yes")
        await peer.close_politely()

    async def main() -> None:
        told = Told()
        settings = LineSettings(
            socket=QUICK.socket, ready_timeout_s=0.05, backoff_first_s=0.001, backoff_max_s=0.01
        )
        async with (
            serving(visit) as url,
            running(plain(url, told, (b"subscribe",)), told, settings) as line,
        ):
            await until(lambda: line.connection is not None)
            # More than the two that it takes, where the third acknowledgement came too late.
            failed = len(told.opened) - 1
        assert failed >= 2
        assert told.failed == ["opening messages not acknowledged"] * failed

    run(loop, main)


class Publisher:
    """Sends a running number to whoever is subscribed; the next only while somebody is."""

    def __init__(self) -> None:
        self.sent = 0
        self._subscribed: list[Peer] = []

    async def visit(self, peer: Peer) -> None:
        await peer.receive()
        peer.send(b"yes")
        self._subscribed.append(peer)
        try:
            await peer.close_politely()
        finally:
            self._subscribed.remove(peer)

    async def publish(self) -> None:
        while True:
            await asyncio.sleep(0.0005)
            self.sent += bool(self._subscribed)
            for peer in self._subscribed:
                peer.send(b"%d" % self.sent)


@pytest.mark.parametrize("renew_after_s", [0.1, 3600.0], ids=["by age", "when called"])
def test_renewing_loses_no_message(loop: str, renew_after_s: float) -> None:
    """What comes over all connections together must be without a gap."""

    async def main() -> None:
        told, publisher = Told(), Publisher()
        settings = LineSettings(
            socket=QUICK.socket, linger_s=0.02, renew_after_s=renew_after_s, steady_s=0.0
        )
        publishing = asyncio.create_task(publisher.publish())
        async with (
            serving(publisher.visit) as url,
            running(plain(url, told, (b"subscribe",)), told, settings) as line,
        ):
            for number in range(1, 5):
                await until(lambda number=number: len(told.opened) >= number)  # type: ignore[misc]
                seen = publisher.sent
                await until(lambda seen=seen: publisher.sent > seen + 20)  # type: ignore[misc]
                if renew_after_s > 1.0:
                    line.renew()
                    line.renew()
            await until(lambda: len(told.lost) >= 4)
            last = publisher.sent
            await until(lambda: b"%d" % last in told.texts())
        publishing.cancel()
        got = {int(text) for text in told.texts() if text != b"yes"}
        assert got >= set(range(1, last + 1))
        assert [reason for _, reason in told.lost[:4]] == ["renewed"] * 4
        assert told.failed == []
        if renew_after_s > 1.0:
            assert told.opened == [1, 2, 3, 4, 5]

    run(loop, main)


def test_the_old_connection_stays_while_the_new_one_cannot_be_opened(loop: str) -> None:
    visits = 0

    async def visit(peer: Peer) -> None:
        nonlocal visits
        visits += 1
        if 1 < visits < 5:
            peer.reset()
        else:
            await peer.close_politely()

    async def main() -> None:
        told = Told()
        # A connection without an opening message is up at once: here it has to say something.
        async with serving(visit) as url, running(plain(url, told), told) as line:
            await until(lambda: line.connection == 1)
            line.renew()
            await until(lambda: line.connection == 5)
            await until(lambda: (1, "renewed") in told.lost)
            assert line.send(b"order") == 5

    run(loop, main)


def test_attempts_that_fail_wait_longer_and_longer(loop: str) -> None:
    async def main() -> None:
        told = Told()
        with socket.create_server(("127.0.0.1", 0)) as closing:
            port = closing.getsockname()[1]
        times: list[float] = []
        clock = asyncio.get_running_loop().time
        target = Target(
            f"ws://127.0.0.1:{port}/",
            lambda: (),
            lambda _: False,
            None,
            lambda _reason: times.append(clock()),
        )
        settings = LineSettings(backoff_first_s=0.002, backoff_max_s=3600.0)
        async with running(target, told, settings):
            await until(lambda: len(times) >= 7)
        assert told.opened == []
        # Each wait is drawn from below twice the bound of the one before, not from the last one's.
        assert times[-1] - times[0] <= DEADLINE_S

    run(loop, main)


def test_a_storm_of_reconnects_keeps_to_the_budget_of_all_lines(loop: str) -> None:
    visits = 0

    async def visit(peer: Peer) -> None:
        nonlocal visits
        visits += 1
        peer.reset()

    async def main() -> None:
        told, other = Told(), Told()
        budget = ConnectionBudget(6, 0.4)
        hasty = LineSettings(backoff_first_s=0.0, backoff_max_s=0.0)
        clock = asyncio.get_running_loop().time
        async with serving(visit) as url:
            began = clock()
            async with (
                running(plain(url, told), told, hasty, budget),
                running(plain(url, other), other, hasty, budget),
            ):
                await until(lambda: visits >= 18)
            windows = (clock() - began) / 0.4
        assert visits <= 6 * (windows + 1) + 2
        assert windows >= 1.9

    run(loop, main)


def test_a_ticket_is_fetched_for_each_connection_and_kept_alive(loop: str) -> None:
    paths: list[str] = []
    fetched = 0
    kept: list[str] = []

    async def visit(peer: Peer) -> None:
        paths.append(peer.path)
        await peer.close_politely()

    async def fetch() -> str:
        nonlocal fetched
        fetched += 1
        return "" if fetched == 1 else f"key{fetched}"

    async def keep(ticket: str) -> bool:
        kept.append(ticket)
        return len(kept) < 3

    async def main() -> None:
        told = Told()
        settings = LineSettings(
            socket=QUICK.socket,
            linger_s=0.01,
            backoff_first_s=0.001,
            backoff_max_s=0.01,
            keep_every_s=0.02,
        )
        async with serving(visit) as url:
            target = plain(url + "/private/ws/{ticket}", told, (), Ticket(fetch, keep))
            async with running(target, told, settings):
                await until(lambda: len(paths) >= 2)
        assert told.failed == ["no ticket"]
        assert paths[:2] == ["/private/ws/key2", "/private/ws/key3"]
        assert kept[:3] == ["key2"] * 3

    run(loop, main)


async def renewed(line: Line, told: Told) -> None:
    """Renew it once what the first connection has to say has come."""
    await until(lambda: bool(told.frames))
    line.renew()


@pytest.mark.parametrize("where", ["opened", "frame", "lost"])
def test_what_a_callback_raises_ends_the_line(loop: str, where: str) -> None:
    async def visit(peer: Peer) -> None:
        peer.send(b"frame")
        await peer.receive()

    def fail(*_: object) -> NoReturn:
        raise ZeroDivisionError(where)

    async def main() -> None:
        told = Told()
        async with serving(visit) as url:
            opened, frame, lost = told.reports
            reports = Reports(
                fail if where == "opened" else opened,
                fail if where == "frame" else frame,
                fail if where == "lost" else lost,
            )
            line = Line(plain(url, told), reports, ConnectionBudget(9, 60.0), QUICK, SYSTEM)
            renewing = asyncio.create_task(renewed(line, told))
            with pytest.raises(ZeroDivisionError):
                await line.run()
            renewing.cancel()
            assert len(told.lost) == (where == "frame")

    run(loop, main)


@pytest.mark.parametrize("moment", range(40))
def test_a_line_can_be_stopped_at_any_moment(loop: str, moment: int) -> None:
    async def visit(peer: Peer) -> None:
        await peer.receive()
        peer.send(b"yes")
        await peer.close_politely()

    async def main() -> None:
        told = Told()
        async with serving(visit) as url:
            target = plain(url, told, (b"subscribe",))
            line = Line(target, told.reports, ConnectionBudget(9, 60.0), QUICK, SYSTEM)
            task = asyncio.create_task(line.run())
            for _ in range(moment):
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert len(told.lost) == len(told.opened)

    run(loop, main)
