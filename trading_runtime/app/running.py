"""A session under way: its lines, its beat, and its orderly end."""

import asyncio
import gc
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from trading_runtime.app.access import Access
from trading_runtime.app.dispatch import Dispatch
from trading_runtime.app.doorway import Doorway, Status
from trading_runtime.app.lines import Lines
from trading_runtime.app.opening import Plan
from trading_runtime.app.session import Session
from trading_runtime.app.status import status_of
from trading_runtime.app.turns import NO_TIME, Turns
from trading_runtime.app.vitals import Vitals
from trading_runtime.clock import Clock, mono_ns
from trading_runtime.config import VenueSettings
from trading_runtime.core.venues.registry import VENUES
from trading_runtime.errors import Halt
from trading_runtime.lease import Lease
from trading_runtime.records.inputs import (
    Action,
    LeaseLost,
    OperatorCommanded,
    ParametersActivated,
    Stalled,
)
from trading_runtime.records.observations import ServiceStopped
from trading_runtime.records.units import NANOS_PER_MILLI, NANOS_PER_SECOND, Nanos
from trading_runtime.watch.latch import open_latch, read_latch

BEAT_NS = Nanos(100 * NANOS_PER_MILLI)
"""So often the lease is renewed and the loop's own lateness looked at."""
WIND_DOWN_S = 5.0
"""After a stop: for the cancels and their answers."""


Commanded = OperatorCommanded | ParametersActivated


class Ground(NamedTuple):
    """What a session stands on, which was there before it."""

    planned: Plan
    settings: VenueSettings
    access: Access
    lease: Lease
    data: Path


class Running:
    """One session on the running loop; :meth:`run` sees it to its end."""

    def __init__(self, session: Session, clock: Clock, ground: Ground) -> None:
        planned, settings, access, lease, data = ground
        self.session = session
        self.turns = Turns(session, clock, asyncio.get_running_loop())
        self._clock = clock
        self._lease = lease
        self._settings = settings
        self._start = clock.stamp()
        self._vitals = Vitals(session, clock)
        self._dispatch = Dispatch(
            VENUES[planned.instruments[0].venue],
            settings,
            access,
            self.turns,
            clock,
            lease.may_send,
        )
        self._lines = Lines(planned, settings, access, self.turns, clock)
        self._dispatch.lines = self._lines
        self._beat_due = self._start.at
        self._mode = planned.mode
        self._data = data
        self._stop = asyncio.Event()
        self._doorway = Doorway(data, self._command, self._status, self._forgive)
        session.send = self._dispatch.send
        lease.beat(mono_ns())

    async def run(self, stop: asyncio.Event) -> bool:
        """Trade until ``stop``; say whether nothing of ours is left at the venue.

        Raises:
            Halt: the journal took no more, or the lease ran out.
        """
        turns, session = self.turns, self.session
        # What stands now stays: the collector need not walk it again in the middle of a turn.
        gc.collect()
        gc.freeze()
        # On a busy machine it took seconds to get here: no standstill, nothing was sent yet.
        self._lease.beat(mono_ns())
        lines = asyncio.create_task(self._lines.run())
        lines.add_done_callback(self._on_lines_ended)
        beating = asyncio.create_task(self._beat())
        try:
            turns.end_now()
            await self._doorway.open()
            await first_of(stop, self._stop, turns.over)
            quiet = await self._wind_down(session.failed or self._dispatch.fenced)
        finally:
            await self._doorway.close()
            for task in (beating, lines):
                task.cancel()
            await asyncio.gather(beating, lines, return_exceptions=True)
            await self._dispatch.close()
            turns.close()
            self._vitals.close()
            gc.unfreeze()
            session.close(self._clock.stamp())
        if turns.failed is not None:
            raise turns.failed
        if session.failed:
            raise Halt(f"the journal takes no more, trading has stopped: {session.failed}")
        if self._dispatch.fenced:
            raise Halt(f"this session may send nothing any more: {self._dispatch.fenced}")
        return quiet

    def _on_lines_ended(self, lines: "asyncio.Task[None]") -> None:
        """Stop the session where a line has ended by itself, which none ever does in order."""
        if not lines.cancelled():
            self.turns.fail(lines.exception() or Halt("the connections ended"))

    def _command(self, body: Commanded) -> str:
        """Do what a person says, once it is in the journal; say why not."""
        if self.turns.failed is not None or self.turns.over.is_set():
            return "the session is ending"
        self.turns.take(body)
        if gives_risk(body):
            self.turns.do(lambda: self.session.secure(self._clock.stamp()))
        self.turns.end_now()
        if isinstance(body, OperatorCommanded) and body.action is Action.STOP:
            self._stop.set()
        return self.session.failed

    def _status(self) -> Status:
        lease = self._dispatch.look_at_fence()
        latch = read_latch(self._data)
        return status_of(self.session, self._mode, latch.reason if latch else "", lease)

    def _forgive(self) -> None:
        open_latch(self._data)

    async def _beat(self) -> None:
        """Live: renew the lease, say when the loop stood still, write down the vitals."""
        turns, clock = self.turns, self._clock
        self._beat_due = Nanos(clock.stamp().at + BEAT_NS)
        while True:
            await asyncio.sleep(BEAT_NS / NANOS_PER_SECOND)
            stamp = clock.stamp()
            late = Nanos(stamp.at - self._beat_due)
            self._beat_due = Nanos(stamp.at + BEAT_NS)
            self._lease.beat(mono_ns())
            if late > self._settings.stall_ns:
                turns.take(Stalled(lag_ns=late))
            fenced = self._dispatch.look_at_fence()
            if fenced:
                turns.take(LeaseLost(reason=fenced))
                turns.over.set()
                return
            if self._vitals.look(stamp, turns.behind_max):
                turns.behind_max = Nanos(0)
            if self._vitals.look_at_load(stamp, turns.spent):
                turns.spent = NO_TIME

    async def _wind_down(self, why: str) -> bool:
        """Cancel everything, and wait for the answers; say whether all is gone."""
        turns, clock, engine = self.turns, self._clock, self.session.core.engine
        reason = why or "asked to stop"
        turns.take(OperatorCommanded(action=Action.STOP, user="runtime", reason=reason))
        turns.end_now()
        with suppress(TimeoutError):
            async with asyncio.timeout(WIND_DOWN_S):
                while engine.open_orders() and not (turns.failed or self._dispatch.fenced):
                    turns.ended.clear()
                    await turns.ended.wait()
        stamp = clock.stamp()
        stopped = ServiceStopped(
            service="runtime", reason=reason, uptime_ns=Nanos(stamp.at - self._start.at)
        )
        self.session.observe(stamp, stopped)
        if self.session.failed:
            self.session.journal.hand_over()
        return not engine.open_orders()


def gives_risk(body: Commanded) -> bool:
    """Say whether ``body`` lets more be done, so that its record comes first (AUD-1).

    What takes risk away waits for no disk.
    """
    return isinstance(body, ParametersActivated) or body.action in {
        Action.CLEAR_PANIC,
        Action.RESUME,
    }


async def first_of(*events: asyncio.Event) -> None:
    """Return when one of ``events`` is set."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
