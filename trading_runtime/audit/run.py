"""The audit service: one loop that takes entries in, witnesses, digests and archives them.

When it cannot go on, or may not begin, it says so in its diary (``AuditRefused``) and in its
metrics, and ends; entries wait where their producers keep them, and trading goes on.
"""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from trading_runtime.audit import rotation
from trading_runtime.audit.rotation import LOCK
from trading_runtime.audit.sequencer.archiving import Archiving
from trading_runtime.audit.sequencer.opening import Opened, Order, open_log
from trading_runtime.audit.sequencer.sequencer import Sequencer
from trading_runtime.clock import pause
from trading_runtime.errors import Fault, Halt
from trading_runtime.evidence import layout
from trading_runtime.journal.alone import alone
from trading_runtime.journal.diary import Diary
from trading_runtime.journal.durable import replace_file
from trading_runtime.records.envelope import Kind, Stamp
from trading_runtime.records.observations import AuditAlarmed, AuditRefused
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos
from trading_runtime.store.objects.objects import Objects

METRICS = "metrics.prom"
IDLE_S = 0.005
"""Between two looks at streams that had nothing: half of what a producer collects a batch for."""
DAY_NS = Nanos(24 * 3600 * NANOS_PER_SECOND)
"""Exit codes."""


class Feeder(Protocol):
    """What submits from the same process: the relay that follows the journals, or nothing."""

    def turn(self, now: Nanos) -> int:
        """Submit what is new, at wall clock ``now``; give how much that was."""
        ...

    def finish(self, now: Nanos) -> None:
        """Submit all that is left, and end in order."""
        ...

    def close(self) -> None: ...


class Idle:
    """No feeder: producers are other processes."""

    def turn(self, now: Nanos) -> int:  # noqa: ARG002 -- it has nothing to do at any time
        return 0

    def finish(self, now: Nanos) -> None: ...

    def close(self) -> None: ...


class Plan(Struct, frozen=True):
    """What the loop runs: a log, who feeds it, where its digests go."""

    order: Order
    feeder: Callable[[], Feeder]
    """Opens it, once the log is open."""
    archive: Callable[[], Objects]
    """Opens it; where it cannot be reached now, again later: no entry waits for it."""


def run(
    plan: Plan,
    diary: Diary,
    clock: Callable[[], Stamp],
    ready: Callable[[], None],
    stopping: Callable[[], bool],
) -> None:
    """Run until ``stopping``; ``ready`` is called when the log is open.

    Raises :exc:`Halt` where it may not begin or go on, after that is in the diary and the metrics.
    """
    audit = plan.order.audit
    refusal = f"another sequencer writes the log below {audit}"
    try:
        with alone(audit / LOCK, refusal), ExitStack() as stack:
            rotation.settle(audit)
            opened = open_log(plan.order, diary, clock)
            stack.callback(opened.close)
            feeder = plan.feeder()
            stack.callback(feeder.close)
            ready()
            _Loop(plan, opened, feeder, diary, clock).run(stopping)
    except (Fault, OSError) as error:
        diary.write(Kind.OBSERVATION, AuditRefused(reason=str(error)))
        write_metrics(audit / METRICS, {"audit_refused": 1})
        raise Halt(f"the audit service refuses: {error}") from error


class _Loop:
    def __init__(
        self,
        plan: Plan,
        opened: Opened,
        feeder: Feeder,
        diary: Diary,
        clock: Callable[[], Stamp],
    ) -> None:
        settings = plan.order.settings
        self._audit = plan.order.audit
        self._settings = settings
        self._sequencer = opened.sequencer
        self._feeder = feeder
        self._diary = diary
        self._clock = clock
        self._archiving = Archiving(
            layout.log_folder(self._audit),
            plan.archive,
            Nanos(settings.retention_days * DAY_NS),
        )
        self._next = clock().at

    def run(self, stopping: Callable[[], bool]) -> None:
        try:
            while not stopping():
                if self._turn() == 0:
                    pause(IDLE_S)
            self._feeder.finish(self._clock().wall)
            while self._sequencer.turn():
                pass
            self._sequencer.close()
            self._told(self._clock())
        finally:
            self._archiving.close()

    def _turn(self) -> int:
        now = self._clock()
        done = self._feeder.turn(now.wall) + self._sequencer.turn()
        if now.at >= self._next:
            self._next = Nanos(now.at + self._settings.checkpoint_interval_ns)
            self._sequencer.checkpoint()
            self._archive(now)
            self._told(now)
        return done

    def _archive(self, now: Stamp) -> None:
        reason = self._archiving.turn(self._sequencer.digests.number, now.wall)
        if reason:
            self._diary.write(
                Kind.OBSERVATION,
                AuditAlarmed(alarm="ArchiveBehind", producer="log", event_id="", detail=reason),
            )

    def _told(self, now: Stamp) -> None:
        found = measured(self._sequencer, now)
        found["audit_archive_behind_digests"] = self._archiving.left(self._sequencer.digests.number)
        write_metrics(self._audit / METRICS, found)


def measured(sequencer: Sequencer, now: Stamp) -> dict[str, float]:
    """Give the metrics by name; times are in seconds."""
    return {
        "audit_entries_total": sequencer.memory.tree.size,
        "audit_taken_total": sequencer.taken,
        "audit_repeated_total": sequencer.repeated,
        "audit_alarms_total": sequencer.alarms,
        "audit_refused": 0,
        "audit_streams_down": sequencer.streams_down,
        "audit_waiting_submissions": sequencer.waiting,
        "audit_unreceipted_entries": sequencer.unreceipted,
        "audit_checkpoint_size": sequencer.checkpoints.size,
        "audit_checkpoint_age_seconds": (now.at - sequencer.published_ns) / NANOS_PER_SECOND,
        "audit_witness_lag_seconds": sequencer.lag_ns(now.at) / NANOS_PER_SECOND,
        "audit_digests_total": sequencer.digests.number,
        "audit_rejected_files": sequencer.rejected,
    }


def write_metrics(path: Path, found: dict[str, float]) -> None:
    """Put the metrics in the place of ``path``, whole; they need not survive the power."""
    text = "".join(f"{name} {value:.15g}\n" for name, value in found.items())
    replace_file(path, text.encode())
