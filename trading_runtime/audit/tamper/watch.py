"""The tamper watch: another principal that looks at the audit record all the time (AUD-8).

It trusts nothing but what it has seen itself. What it tells goes into its own journal, into the
counter of ``metrics.prom`` beside it, and stays in its memory: no alarm goes away because a file
was put back.
"""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import final

from trading_runtime.audit.index.opening import INDEX
from trading_runtime.audit.settings import AuditSettings
from trading_runtime.audit.tamper.entries import Entries
from trading_runtime.audit.tamper.eye import Eye
from trading_runtime.audit.tamper.finding import Finding
from trading_runtime.audit.tamper.frames import Frames
from trading_runtime.audit.tamper.kept import KeptFiles
from trading_runtime.audit.tamper.memory import Memory
from trading_runtime.audit.tamper.published import Published
from trading_runtime.audit.tamper.sqlite_eye import SqliteEye
from trading_runtime.audit.tamper.watched_index import WatchedIndex
from trading_runtime.clock import wall_ns
from trading_runtime.errors import Misread, Refused
from trading_runtime.evidence import layout as places
from trading_runtime.evidence import trust
from trading_runtime.journal.diary import Diary
from trading_runtime.journal.durable import replace_file
from trading_runtime.records import layout
from trading_runtime.records.envelope import Kind
from trading_runtime.records.observations import AuditTampered
from trading_runtime.records.units import NANOS_PER_SECOND

METRICS = "metrics.prom"


@final
class Watch:
    """Everything that is looked at, of one log; owned by one thread."""

    def __init__(self, data: Path, database: str, origin: str) -> None:
        """Go on from what is remembered below ``data``, or begin with what is there now.

        ``database`` is the setting of that name: a PostgreSQL URL, empty for SQLite.
        """
        audit = Path(layout.audit(data))
        log = places.log_folder(audit)
        self._folder = Path(layout.tamper_watch(data))
        self._memory = Memory(self._folder, origin)
        self._forked = self._memory.before
        self._origin = origin
        self._entries = Entries(origin, self._memory)
        self._frames = Frames(log, origin, self._memory, self._entries)
        self._published = Published(audit, origin, self._memory, self._entries)
        self._kept = KeptFiles(log, self._memory)
        eye = open_eye(audit, database, self._memory)
        self._index = WatchedIndex(eye, self._memory, self._entries)

    def look(self, now: int) -> list[Finding]:
        """Look once; give the alarms that are new. ``now`` is the wall clock in nanoseconds.

        What depends on the frames is read before they are followed: they are always ahead.
        """
        self._published.take()
        self._index.take(now)
        findings = list(in_sight(self._frames.look()))
        is_behind = self._frames.is_behind
        findings += in_sight(self._published.judge(now, is_behind=is_behind))
        findings += in_sight(self._index.judge(now, is_behind=is_behind))
        findings += in_sight(self._kept.look())
        if self._forked:
            findings.append(Finding("origin", "trust/trust.json", self._forked, self._origin))
            self._forked = ""
        self._entries.save()
        alarms = self._memory.add_alarms(findings, now)
        self._memory.commit()
        self._write_metrics(now)
        return alarms

    def close(self) -> None:
        self._index.close()
        self._memory.close()

    def _write_metrics(self, now: int) -> None:
        """Publish in one step; it is made again each round, so nothing is synced."""
        text = "".join(f"{line}\n" for line in self._metrics(now))
        replace_file(self._folder / METRICS, text.encode())

    def _metrics(self, now: int) -> Iterator[str]:
        alarms = self._memory.alarms()
        blind_since = self._index.blind_since
        blind = (now - blind_since) / NANOS_PER_SECOND if blind_since else 0.0
        yield "# HELP audit_tampering_total Alarms of the tamper watch, by what they are about."
        yield "# TYPE audit_tampering_total counter"
        if not alarms:
            yield 'audit_tampering_total{check="any"} 0'
        for check, count in alarms.items():
            yield f'audit_tampering_total{{check="{check}"}} {count}'
        yield "# HELP audit_watch_beat_seconds When the tamper watch has looked last."
        yield "# TYPE audit_watch_beat_seconds gauge"
        yield f"audit_watch_beat_seconds {now / NANOS_PER_SECOND:.3f}"
        yield "# HELP audit_watch_entries Entries that the tamper watch has seen."
        yield "# TYPE audit_watch_entries gauge"
        yield f"audit_watch_entries {self._entries.tree.size}"
        yield "# HELP audit_watch_blind_seconds For how long the index could not be asked."
        yield "# TYPE audit_watch_blind_seconds gauge"
        yield f"audit_watch_blind_seconds {blind:.3f}"


def in_sight(looking: Iterator[Finding]) -> Iterator[Finding]:
    """Go through what one part finds; what the watch may not read any more is a finding too."""
    try:
        yield from looking
    except OSError as error:
        yield Finding("out of sight", str(error.filename), "a file to read", str(error.strerror))


def open_eye(audit: Path, database: str, memory: Memory) -> Eye:
    if database:
        from trading_runtime.audit.tamper.postgres_eye import (  # noqa: PLC0415 -- psycopg
            PostgresEye,
        )

        return PostgresEye(database, memory)
    return SqliteEye(audit / INDEX)


def origin_of(data: Path) -> str:
    """Give the name of the log below ``data``; raise :exc:`Refused` where there is none."""
    path = places.trust_path(Path(layout.audit(data)))
    try:
        return trust.read(path.read_bytes()).origin
    except (FileNotFoundError, Misread) as fault:
        raise Refused(f"{path} names no log to watch ({fault}): tapedeck audit init") from fault


def forked_to(data: Path, origin: str) -> str:
    """Give the name of the log by now: ``origin`` too where the trust cannot be read."""
    try:
        return origin_of(data)
    except (Refused, PermissionError):
        return origin


def run(
    data: Path,
    settings: AuditSettings,
    stop: threading.Event,
    diary: Diary,
    tell: Callable[[str], None],
) -> None:
    """Watch until ``stop`` is set. The diary's root is ``layout.tamper_watch(data)``.

    Raises:
        Refused: there is no log, or what is remembered is a newer program's.
    """
    origin = origin_of(data)
    watch = Watch(data, settings.database, origin)
    try:
        while not stop.is_set():
            if (now := forked_to(data, origin)) != origin:
                watch.close()
                origin, watch = now, Watch(data, settings.database, now)
            for alarm in watch.look(wall_ns()):
                tell(f"audit tampered: {alarm.check} at {alarm.where}, entry {alarm.index}")
                diary.write(Kind.OBSERVATION, observed(alarm))
            stop.wait(settings.watch_interval_ns / NANOS_PER_SECOND)
    finally:
        watch.close()


def observed(alarm: Finding) -> AuditTampered:
    return AuditTampered(
        check=alarm.check,
        where=alarm.where,
        index=alarm.index,
        expected=alarm.expected,
        found=alarm.found,
    )
