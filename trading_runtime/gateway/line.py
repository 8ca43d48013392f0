"""A line: one connection to one address that is kept up for as long as the line runs.

Rules:
 * A lost connection is opened again, after a random wait that doubles with each failure in a row.
 * Every attempt takes a slot of the venue's budget first.
 * A connection is up when the peer has acknowledged every opening message.
 * It is renewed before the venue's time is over, and when :meth:`Line.renew` is called: the new one
   is up before the old one closes, so for a while both deliver, each under its own number.
 * Messages go out by the newest connection that is up. None is kept, repeated or delayed.
"""

import asyncio
import random
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from trading_runtime.gateway.connection import (
    NotOpened,
    NotSent,
    Reports,
    WebSocket,
    open_socket,
)
from trading_runtime.gateway.pacing import ConnectionBudget, backoff_s
from trading_runtime.gateway.settings import LineSettings
from trading_runtime.records.units import Connection

TICKET = "{ticket}"


class Ticket(NamedTuple):
    """A pass that has to be fetched before each connect, and kept alive while it is used.

    Neither call raises for the network's sake: an empty text and False say that it did not work.
    """

    fetch: Callable[[], Awaitable[str]]
    keep: Callable[[str], Awaitable[bool]]


class Target(NamedTuple):
    """Where a line leads."""

    url: str
    """Has ``{ticket}`` in it where there is a ticket."""
    opening: Callable[[], Sequence[bytes]]
    """The first messages of each connection, made anew for it."""
    acknowledges: Callable[[bytes], bool]
    """Whether a frame answers an opening message with yes."""
    ticket: Ticket | None
    failed: Callable[[str], None]
    """Told of each attempt that came to nothing, with the reason."""


class Line:
    """Keeps one connection up while :meth:`run` runs."""

    def __init__(
        self,
        target: Target,
        reports: Reports,
        budget: ConnectionBudget,
        settings: LineSettings,
        trust: ssl.SSLContext,
    ) -> None:
        self._target = target
        self._reports = reports
        self._budget = budget
        self._settings = settings
        self._trust = trust
        # All that follows is owned by the task of `run`, but for what `renew` sets.
        self._current: WebSocket | None = None
        self._alive: list[WebSocket] = []
        self._ticket = ""
        self._failures = 0
        self._renewal_asked = False
        self._wake = asyncio.Event()

    @property
    def connection(self) -> Connection | None:
        """Give the number of the connection that messages go out by; None when there is none."""
        current = self._current
        return current.number if current is not None and current.up else None

    def send(self, message: bytes) -> Connection | NotSent:
        """Send one text message now or not at all; give the connection by which it left.

        When that one is lost before the answer, the fate of what was asked is unknown.
        """
        current = self._current
        if current is None:
            return NotSent.CLOSED
        return current.send(message) or current.number

    def renew(self) -> None:
        """Open a new connection, then close this one; for when the venue says that it will."""
        self._renewal_asked = True
        self._wake.set()

    async def run(self) -> None:
        """Keep the line up until cancelled, then close in good order within the close time-out.

        What a callback raises ends it, and is raised here.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                try:
                    await self._keep_up(tasks)
                finally:
                    await self._close()
        except BaseExceptionGroup as faults:
            raise faults.exceptions[0] from None

    async def _keep_up(self, tasks: asyncio.TaskGroup) -> None:
        if self._target.ticket is not None:
            tasks.create_task(self._keep_ticket(self._target.ticket))
        settings = self._settings
        loop = asyncio.get_running_loop()
        pause = False
        while True:
            fresh = await self._established(tasks, pause=pause)
            if self._current is not None and self._current.up:
                tasks.create_task(self._retire(self._current))
            self._current = fresh
            self._renewal_asked = False
            began = loop.time()
            try:
                async with asyncio.timeout(settings.renew_after_s * (1.0 - drawn() / 10)):
                    while fresh.up and not self._renewal_asked:
                        self._wake.clear()
                        await self._wake.wait()
            except TimeoutError:
                pass  # It is old enough.
            steady = loop.time() - began >= settings.steady_s
            self._failures = 0 if steady else self._failures + 1
            # A notice of the venue's leaves only so much time; its budget bounds even a mad one.
            pause = not fresh.up or not (steady or self._renewal_asked)

    async def _established(self, tasks: asyncio.TaskGroup, *, pause: bool) -> WebSocket:
        while True:
            if pause:
                await asyncio.sleep(backoff_s(self._failures, self._settings, drawn()))
            await self._budget.take()
            outcome = await self._attempt(tasks)
            if isinstance(outcome, WebSocket):
                return outcome
            self._target.failed(outcome.reason)
            self._failures += 1
            pause = True

    async def _attempt(self, tasks: asyncio.TaskGroup) -> WebSocket | NotOpened:
        url = self._target.url
        if self._target.ticket is not None:
            self._ticket = await self._target.ticket.fetch()
            if not self._ticket:
                return NotOpened("no ticket")
            url = url.replace(TICKET, self._ticket)
        answers = Answers(self._target.acknowledges, self._wake)

        def frame(number: Connection, frame: bytes) -> None:
            self._reports.frame(number, frame)
            answers.look_at(frame)

        reports = self._reports._replace(frame=frame, lost=self._lost)
        fresh = await open_socket(url, self._settings.socket, self._trust, reports)
        if isinstance(fresh, NotOpened):
            return fresh
        self._alive.append(fresh)
        tasks.create_task(self._tend(fresh))
        messages = self._target.opening()
        for message in messages:
            fresh.send(message)
        try:
            async with asyncio.timeout(self._settings.ready_timeout_s):
                while fresh.up and answers.count < len(messages):
                    self._wake.clear()
                    await self._wake.wait()
        except TimeoutError:
            fresh.close("opening messages not acknowledged")
            return NotOpened("opening messages not acknowledged")
        if fresh.deliver is frame:  # and not shut after a fault
            fresh.deliver = self._reports.frame
        return fresh if fresh.up else NotOpened("lost before it was up")

    async def _tend(self, socket: WebSocket) -> None:
        await socket.wait_lost()

    async def _retire(self, old: WebSocket) -> None:
        await asyncio.sleep(self._settings.linger_s)
        old.close("renewed")

    async def _keep_ticket(self, ticket: Ticket) -> None:
        while True:
            await asyncio.sleep(self._settings.keep_every_s)
            if self._ticket and not await ticket.keep(self._ticket):
                self.renew()

    def _lost(self, number: Connection, reason: str) -> None:
        self._alive = [socket for socket in self._alive if socket.up]
        self._wake.set()
        self._reports.lost(number, reason)

    async def _close(self) -> None:
        alive = self._alive
        for socket in alive:
            socket.close("closed")
        await asyncio.gather(*(socket.wait_lost() for socket in alive), return_exceptions=True)


class Answers:
    """Counts the yes to opening messages while the frames pass on."""

    def __init__(self, acknowledges: Callable[[bytes], bool], wake: asyncio.Event) -> None:
        self.count = 0
        self._acknowledges = acknowledges
        self._wake = wake

    def look_at(self, frame: bytes) -> None:
        if self._acknowledges(frame):
            self.count += 1
            self._wake.set()


def drawn() -> float:
    """Draw from [0, 1): chance belongs to the shell, and no decision hangs on it."""
    return random.random()  # noqa: S311 -- spreads attempts over time, keeps no secret
