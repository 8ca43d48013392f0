"""The one place that reads a clock.

Engine time is the wall clock at the session's start plus what the monotonic clock has advanced
since, and never falls; it does not jump when somebody sets the wall clock. Both are in a stamp.
"""

import time

from trading_runtime.records.envelope import Stamp
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos

STEP_NS = Nanos(NANOS_PER_SECOND // 2)
"""A wall clock that moved this much against the monotonic one was set by somebody."""


def wall_ns() -> Nanos:
    """Read the wall clock, UTC nanoseconds since 1970."""
    return Nanos(time.time_ns())


def mono_ns() -> Nanos:
    """Read the monotonic clock, nanoseconds from an arbitrary start."""
    return Nanos(time.monotonic_ns())


def compact_text(moment: Nanos) -> str:
    """Write a moment as UTC text that sorts by time and may name a file: to the microsecond."""
    seconds, rest = divmod(moment, NANOS_PER_SECOND)
    return f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime(seconds))}{rest // 1000:06d}Z"


def pause(seconds: float) -> None:
    """Block this thread; for the shells of processes that poll."""
    time.sleep(seconds)  # noqa: TID251 -- the one place that may


class Clock:
    """Stamps the inputs of one session.

    ``stepped_ns`` is how far the wall clock has been set since it was last looked at by
    :meth:`take_step`.
    """

    __slots__ = ("_drift", "mono_start", "wall_start")

    def __init__(self) -> None:
        self.wall_start = wall_ns()
        self.mono_start = mono_ns()
        self._drift = Nanos(0)

    def stamp(self) -> Stamp:
        """Read both clocks: engine time first, then the wall as it stands."""
        at = self.wall_start + time.monotonic_ns() - self.mono_start
        return Stamp(Nanos(at), Nanos(time.time_ns()))

    def take_step(self) -> Nanos:
        """Say how far the wall clock was set since the last call; 0 when it was left alone."""
        stamp = self.stamp()
        step = Nanos(stamp.wall - stamp.at - self._drift)
        if abs(step) < STEP_NS:
            return Nanos(0)
        self._drift = Nanos(self._drift + step)
        return step
