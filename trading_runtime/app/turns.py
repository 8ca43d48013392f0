"""A session on the event loop: what comes in is taken where it comes, and a turn ends it.

A turn ends on the loop's next round, when every socket that was readable in this one has been read.
Timers of the core are woken here. Whatever goes wrong in a callback stops the session in order:
an exception must never be a line on standard error while trading goes on.
"""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from trading_runtime.app.session import Session
from trading_runtime.clock import Clock
from trading_runtime.records.envelope import Stamp
from trading_runtime.records.inputs import Input
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos


class Spent(NamedTuple):
    """What turns took, each from its first input to its end."""

    turns: int
    busy: Nanos
    longest: Nanos


NO_TIME = Spent(0, Nanos(0), Nanos(0))


class Turns:
    """Takes inputs at once and ends turns; ``failed`` is what went wrong, ``over`` is set then."""

    def __init__(self, session: Session, clock: Clock, loop: asyncio.AbstractEventLoop) -> None:
        self.session = session
        self.over = asyncio.Event()
        self.ended = asyncio.Event()
        """Set at each turn's end; who waits for one clears it first."""
        self.failed: BaseException | None = None
        self.behind_max = Nanos(0)
        """The worst time from a turn's first input to its end, since it was last set to 0."""
        self.spent = NO_TIME
        """Since it was last set to :data:`NO_TIME`."""
        self._clock = clock
        self._loop = loop
        self._scheduled = False
        self._began = Nanos(0)
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = Nanos(0)

    def take(self, body: Input) -> None:
        """Append and step one input now; its turn ends on the loop's next round."""
        self.take_at(self._clock.stamp(), body)

    def take_at(self, stamp: Stamp, body: Input) -> None:
        if self.failed is not None:
            return
        try:
            self.session.take(stamp, body)
        except Exception as error:  # noqa: BLE001 -- the supervisor of everything that is taken
            self.fail(error)
        if not self._scheduled:
            self._scheduled = True
            self._began = stamp.at
            self._loop.call_soon(self._end)

    def do(self, act: Callable[[], None]) -> None:
        """Run a callback of the loop's; what it raises stops the session."""
        try:
            act()
        except Exception as error:  # noqa: BLE001 -- likewise
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        """Note what went wrong first, and stop."""
        if self.failed is None:
            self.failed = error
        self.over.set()

    def end_now(self) -> None:
        """End the turn at once: for what has to be on its way before the caller goes on."""
        if not self._scheduled:
            self._began = self._clock.stamp().at
        self._end()

    def _end(self) -> None:
        self._scheduled = False
        if self.failed is None:
            self.do(self._end_turn)

    def _end_turn(self) -> None:
        stamp = self._clock.stamp()
        self.session.end_turn(stamp)
        self.ended.set()
        self._arm(stamp.at)
        took, spent = Nanos(self._clock.stamp().at - self._began), self.spent
        self.behind_max = max(self.behind_max, took)
        self.spent = Spent(spent.turns + 1, Nanos(spent.busy + took), max(spent.longest, took))
        if self.session.failed:
            self.over.set()

    def _arm(self, at: Nanos) -> None:
        """See to it that the loop wakes for the core's next timer."""
        due = self.session.next_timer()
        if due is None or (self._timer is not None and self._timer_at == due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = due
        self._timer = self._loop.call_later(max(due - at, 0) / NANOS_PER_SECOND, self._wake)

    def _wake(self) -> None:
        self._timer = None
        if self.failed is None:
            self.do(self._fire)

    def _fire(self) -> None:
        stamp = self._clock.stamp()
        self._began = stamp.at
        if self.session.fire_timers(stamp):
            self._end_turn()
        else:
            self._arm(stamp.at)

    def close(self) -> None:
        """Wake for nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
