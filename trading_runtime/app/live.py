"""A session against the running clock: frames as they fall due, timers, turns, an orderly stop.

The market is a generated one, the fills are on paper. On start the newest session, however it
ended, is closed and its state carried on; on stop all own orders are cancelled before the journal
is closed.
"""

import gc
import os
import resource
from pathlib import Path
from threading import Event as Flag

from trading_runtime.app.feed import MARKET_CONNECTION, connect_market
from trading_runtime.app.opening import (
    NOTHING_CARRIED,
    Plan,
    carried_from,
    on_known_grid,
    open_session,
)
from trading_runtime.app.session import Session
from trading_runtime.clock import Clock
from trading_runtime.errors import Halt, Refused
from trading_runtime.journal.recovery import recover_last
from trading_runtime.journal.writer import SealFailed
from trading_runtime.records.commands import Command, RequestSnapshot
from trading_runtime.records.envelope import Stamp
from trading_runtime.records.inputs import (
    Action,
    AnswerReceived,
    FrameReceived,
    OperatorCommanded,
)
from trading_runtime.records.observations import (
    ClockStepped,
    Observation,
    ResourceHigh,
    ResourcesMeasured,
    SealPostponed,
    SegmentSealed,
    ServiceStopped,
)
from trading_runtime.records.segments import Seal
from trading_runtime.records.units import NANOS_PER_MILLI, NANOS_PER_SECOND, Nanos
from trading_runtime.simulator.paced import GeneratedSource
from trading_runtime.simulator.settings import FlowSettings

POLL_NS = Nanos(2 * NANOS_PER_MILLI)
"""The longest that the loop sleeps: how late a stop or a timer may be noticed."""
MEASURE_NS = Nanos(5 * NANOS_PER_SECOND)
CPU_PERCENT_MAX = 80
"""Of one core, which is all that a session can use: above it turns begin to queue."""
MEMORY_BYTES_MAX = 1 << 30
"""Several times what a session with full books needs."""
WIND_DOWN_NS = Nanos(2 * NANOS_PER_SECOND)
"""After a stop: for the cancels and their answers."""
STATUS_OK = 200


class Live:
    """One paper session on generated flow; :meth:`run` blocks until the stop flag is set."""

    def __init__(self, planned: Plan, flow: FlowSettings, data: Path, stop: Flag) -> None:
        try:
            recovered = recover_last(data)
        except OSError as error:
            # Nothing is lost: the session stays as the crash left it until there is room.
            raise Refused(f"cannot close the last session in {data}: {error}") from error
        recovery = carried_from(recovered) if recovered is not None else NOTHING_CARRIED
        self._clock = Clock()
        self._stop = stop
        start = self._clock.stamp()
        self._start = start
        self._source = GeneratedSource(flow, start.at)
        self._asked: list[RequestSnapshot] = []
        planned = on_known_grid(planned, recovery)
        self.session: Session = open_session(planned, data, start, recovery, self._send)
        connect_market(self.session, planned.instruments[0], start)
        self._measured_at = start.at
        self._cpu_at_measure = cpu_ns()
        self._behind_max = Nanos(0)
        self._high: set[str] = set()
        """Resources that are high and were said to be."""
        self._pause = GcPause(self._clock)

    def run(self) -> None:
        """Run until the stop flag; the session is closed when this returns, also by an error.

        Raises:
            Halt: the journal took no more; orders were withdrawn first.
        """
        session, clock = self.session, self._clock
        # What stands now stays: the collector need not walk it again in the middle of a turn.
        gc.collect()
        gc.freeze()
        try:
            while not self._stop.is_set() and not session.failed:
                stamp = clock.stamp()
                if self._take_due(stamp):
                    session.end_turn(stamp)
                    behind = Nanos(clock.stamp().at - stamp.at)
                    self._behind_max = max(self._behind_max, behind)
                self._look_after(stamp)
                self._wait()
            self._wind_down()
        finally:
            self._pause.forget()
            gc.unfreeze()
            session.close(clock.stamp())
        if session.failed:
            raise Halt(f"the journal takes no more, trading has stopped: {session.failed}")

    def _take_due(self, stamp: Stamp) -> bool:
        """Take all that is due now: timers first, which fell due before it came; then frames."""
        session = self.session
        taken = session.fire_timers(stamp) or bool(self._asked)
        asked, self._asked = self._asked, []
        for request in asked:
            session.take(stamp, self._answer(request))
        for _, frame in self._source.due(stamp.at):
            session.take(stamp, FrameReceived(connection=MARKET_CONNECTION, frame=frame))
            taken = True
        return taken

    def _answer(self, request: RequestSnapshot) -> AnswerReceived:
        body = self._source.snapshot()
        return AnswerReceived(request=request.request, status=STATUS_OK, headers=(), body=body)

    def _send(self, command: Command, stamp: Stamp) -> None:
        """The generated market answers snapshots; orders are the paper venue's, in the core."""
        del stamp
        if isinstance(command, RequestSnapshot):
            self._asked.append(command)

    def _wait(self) -> None:
        """Sleep until something is due; a stop ends the sleep."""
        now = self._clock.stamp().at
        timer = self.session.next_timer()
        next_at = min(self._source.next_at(), timer or now + POLL_NS, now + POLL_NS)
        if next_at > now and not self._asked:
            self._stop.wait((next_at - now) / NANOS_PER_SECOND)

    def _wind_down(self) -> None:
        session, clock = self.session, self._clock
        stamp = clock.stamp()
        session.take(
            stamp, OperatorCommanded(action=Action.STOP, user="runtime", reason="asked to stop")
        )
        session.end_turn(stamp)
        until = stamp.at + WIND_DOWN_NS
        idle = Flag()
        while stamp.at < until and session.core.engine.open_orders():
            idle.wait(POLL_NS / NANOS_PER_SECOND)
            stamp = clock.stamp()
            if session.fire_timers(stamp):
                session.end_turn(stamp)
        uptime = Nanos(stamp.at - self._start.at)
        reason = session.failed or "asked to stop"
        session.observe(stamp, ServiceStopped(service="runtime", reason=reason, uptime_ns=uptime))
        if session.failed:
            session.journal.hand_over()

    def _look_after(self, stamp: Stamp) -> None:
        """Write down what the shell sees of itself, now and then."""
        session = self.session
        for seal in session.journal.finished_seals():
            session.observe(stamp, told(seal))
        elapsed = stamp.at - self._measured_at
        if elapsed < MEASURE_NS:
            return
        cpu, memory = cpu_ns(), memory_bytes()
        cpu_percent = 100 * (cpu - self._cpu_at_measure) // elapsed
        self._warn(stamp, "cpu", cpu_percent, CPU_PERCENT_MAX, "percent")
        self._warn(stamp, "memory", memory, MEMORY_BYTES_MAX, "bytes")
        session.observe(
            stamp,
            ResourcesMeasured(
                cpu_percent=cpu_percent,
                memory_bytes=memory,
                tasks=1,
                gc_pause_max_ns=self._pause.take(),
                behind_max_ns=self._behind_max,
            ),
        )
        step = self._clock.take_step()
        if step:
            session.observe(stamp, ClockStepped(step_ns=step))
        self._measured_at, self._cpu_at_measure = stamp.at, cpu
        self._behind_max = Nanos(0)

    def _warn(self, stamp: Stamp, resource: str, value: int, threshold: int, unit: str) -> None:
        """Say that a resource is high, once until it is not."""
        if value <= threshold:
            self._high.discard(resource)
        elif resource not in self._high:
            self._high.add(resource)
            self.session.observe(
                stamp,
                ResourceHigh(resource=resource, value=value, threshold=threshold, unit=unit),
            )


def told(seal: Seal | SealFailed) -> Observation:
    if isinstance(seal, SealFailed):
        return SealPostponed(segment=seal.segment, reason=seal.reason)
    return SegmentSealed(segment=seal.segment, records=seal.records, size_bytes=seal.size_bytes)


class GcPause:
    """The longest pause of the garbage collector since it was last asked for."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = Nanos(0)
        self._longest = Nanos(0)
        gc.callbacks.append(self._on_collection)

    def _on_collection(self, phase: str, info: dict[str, int]) -> None:
        del info
        now = self._clock.stamp().at
        if phase == "start":
            self._began = now
        else:
            self._longest = max(self._longest, Nanos(now - self._began))

    def take(self) -> Nanos:
        longest, self._longest = self._longest, Nanos(0)
        return longest

    def forget(self) -> None:
        gc.callbacks.remove(self._on_collection)


def cpu_ns() -> int:
    """CPU time of this process so far, user and system, in nanoseconds."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return round((usage.ru_utime + usage.ru_stime) * NANOS_PER_SECOND)


def memory_bytes() -> int:
    """Resident memory of this process, from the kernel's own count of its pages."""
    resident_pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return resident_pages * os.sysconf("SC_PAGESIZE")
