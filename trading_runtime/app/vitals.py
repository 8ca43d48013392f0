"""What the shell sees of itself, written down now and then: CPU, memory, pauses, sealed segments.

These are observations: the core never reads one.
"""

import asyncio
import gc
import os
import resource
import threading
from pathlib import Path

from trading_runtime.app.session import Session
from trading_runtime.app.turns import Spent
from trading_runtime.clock import Clock
from trading_runtime.journal.writer import SealFailed
from trading_runtime.records.envelope import Stamp
from trading_runtime.records.observations import (
    ClockStepped,
    LoadMeasured,
    Observation,
    ResourceHigh,
    ResourcesMeasured,
    SealPostponed,
    SegmentSealed,
    TaskCountChanged,
)
from trading_runtime.records.segments import Seal
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos

MEASURE_NS = Nanos(5 * NANOS_PER_SECOND)
LOAD_NS = Nanos(60 * NANOS_PER_SECOND)
"""Between two lines for the daily inspection, which are of level INFO."""
CPU_PERCENT_MAX = 80
"""Of one core, which is all that a session can use: above it turns begin to queue."""
MEMORY_BYTES_MAX = 1 << 30
"""Several times what a session with full books needs."""
TASKS_STEP = 10
"""A count of tasks or threads is news when it has moved by so many."""


class Vitals:
    """Of one session; :meth:`look` is called often and writes now and then."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock
        self._measured_at = clock.stamp().at
        self._cpu_at_measure = cpu_ns()
        self._load_at, self._cpu_at_load = self._measured_at, self._cpu_at_measure
        self._high: set[str] = set()
        """Resources that are high and were said to be."""
        self._counts = {"tasks": 0, "threads": 0}
        self._pause = GcPause(clock)

    def look(self, stamp: Stamp, behind_max: Nanos) -> bool:
        """Write down what is due; say whether ``behind_max`` was, so that it may begin anew."""
        session = self._session
        for seal in session.journal.finished_seals():
            session.observe(stamp, told(seal))
        elapsed = stamp.at - self._measured_at
        if elapsed < MEASURE_NS:
            return False
        cpu, memory = cpu_ns(), memory_bytes()
        cpu_percent = 100 * (cpu - self._cpu_at_measure) // elapsed
        self._warn(stamp, "cpu", cpu_percent, CPU_PERCENT_MAX, "percent")
        self._warn(stamp, "memory", memory, MEMORY_BYTES_MAX, "bytes")
        tasks = len(asyncio.all_tasks())
        self._count(stamp, "tasks", tasks)
        self._count(stamp, "threads", threading.active_count())
        session.observe(
            stamp,
            ResourcesMeasured(
                cpu_percent=cpu_percent,
                memory_bytes=memory,
                tasks=tasks,
                gc_pause_max_ns=self._pause.take(),
                behind_max_ns=behind_max,
            ),
        )
        step = self._clock.take_step()
        if step:
            session.observe(stamp, ClockStepped(step_ns=step))
        self._measured_at, self._cpu_at_measure = stamp.at, cpu
        return True

    def look_at_load(self, stamp: Stamp, spent: Spent) -> bool:
        """Write down a minute's load; say whether it was due, so that ``spent`` may begin anew."""
        elapsed = stamp.at - self._load_at
        if elapsed < LOAD_NS:
            return False
        cpu = cpu_ns()
        self._session.observe(
            stamp,
            LoadMeasured(
                cpu_percent=100 * (cpu - self._cpu_at_load) // elapsed,
                memory_bytes=memory_bytes(),
                turns=spent.turns,
                busy_ns=spent.busy,
                turn_max_ns=spent.longest,
            ),
        )
        self._load_at, self._cpu_at_load = stamp.at, cpu
        return True

    def close(self) -> None:
        self._pause.forget()

    def _warn(self, stamp: Stamp, resource: str, value: int, threshold: int, unit: str) -> None:
        """Say that a resource is high, once until it is not."""
        if value <= threshold:
            self._high.discard(resource)
        elif resource not in self._high:
            self._high.add(resource)
            self._session.observe(
                stamp,
                ResourceHigh(resource=resource, value=value, threshold=threshold, unit=unit),
            )

    def _count(self, stamp: Stamp, kind: str, count: int) -> None:
        """Say how many tasks or threads there are, when that has changed by much (LOG-3)."""
        before = self._counts[kind]
        if before and abs(count - before) < TASKS_STEP:
            return
        self._counts[kind] = count
        self._session.observe(stamp, TaskCountChanged(kind=kind, before=before, count=count))


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
