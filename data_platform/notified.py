"""What sensors tell people: a failed run, a failed check, a record that was tampered with."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from data_platform.notices.delivery import Outcome, Post, deliver
from data_platform.notices.notice import Notice, Severity
from data_platform.notices.settings import NoticeSettings
from trading_runtime.records import layout
from trading_runtime.records.units import Module, Nanos

TAMPERED = ("AuditTampered", "AuditRefused", "AuditAlarmed")
GRAVE_JOBS = ("audit_job",)
"""Of whose failure nobody should hear later."""
ATTEMPTS_MAX = 2
"""A sensor has a minute for its tick; what was not taken is in the outbox, and in its outcome."""
LOOK_BACK_S = 600
"""Lines of several processes stand nearly in order; so far back nothing is missed."""
ERROR_CHARS_MAX = 1500


class Failure(NamedTuple):
    """Of a run: which step or check, and what it said."""

    what: str
    said: str


class Failed(NamedTuple):
    job: str
    run_id: str
    partition: str
    failures: Sequence[Failure]


class AuditLine(msgspec.Struct, frozen=True):
    """What every line has; the rest stands in the line."""

    ts: str
    event: str
    session: str
    seq: int


def tell(data: Path, settings: NoticeSettings, notice: Notice, now: Nanos) -> Outcome:
    few = msgspec.structs.replace(settings, attempts_max=min(settings.attempts_max, ATTEMPTS_MAX))
    return deliver(notice, Post(data, few), now)


def of_run(it: Failed, now: Nanos) -> Notice:
    """Word the alarm of a run that failed; the same failure of other partitions has its key."""
    names = ", ".join(sorted({one.what for one in it.failures})) or "the run itself"
    said = "\n\n".join(f"{one.what}:\n{one.said[:ERROR_CHARS_MAX]}" for one in it.failures)
    grave = it.job in GRAVE_JOBS
    return Notice(
        key=f"failed-run {it.job} {names}",
        severity=Severity.CRITICAL if grave else Severity.WARNING,
        title=f"{it.job} failed{f' for {it.partition}' if it.partition else ''}: {names}",
        text=f"Run {it.run_id} of {it.job} failed.\n{said or 'No step says why.'}\n"
        "\nWhat to do: docs/platform.md, Alarms, Failed run.\n",
        at=now,
    )


def of_checks(it: Failed, now: Nanos) -> Notice:
    """Word the alarm of a run that went through and whose checks did not pass."""
    names = ", ".join(sorted({one.what for one in it.failures}))
    said = "\n".join(f"{one.what}: {one.said[:ERROR_CHARS_MAX]}" for one in it.failures)
    return Notice(
        key=f"failed-checks {names} {it.partition}",
        severity=Severity.WARNING,
        title=f"Checks failed{f' for {it.partition}' if it.partition else ''}: {names}",
        text=f"{said}\nRun {it.run_id} of {it.job}.\n"
        "\nWhat to do: docs/platform.md, Alarms, Failed check.\n",
        at=now,
    )


def audit_logs(data: Path, since: str) -> list[Path]:
    """Give the files that hold lines of the audit stream from ``since`` on, oldest first."""
    prefix = f"{Module.AUDIT.value}-"
    sealed = sorted(
        it
        for it in Path(layout.sealed_logs(data)).glob(f"{prefix}*.jsonl")
        if it.name[len(prefix) : len(prefix) + 13] >= since[:13]
    )
    live = Path(layout.live_log(data, Module.AUDIT))
    return [*sealed, live] if live.exists() else sealed


def audit_lines(paths: Iterable[Path], since: str) -> list[tuple[AuditLine, str]]:
    """Give the lines from ``since`` on that say that the audit record is not well."""
    decode, found = msgspec.json.Decoder(AuditLine).decode, {}
    for path in paths:
        for text in path.read_bytes().split(b"\n")[:-1]:
            if not any(it.encode() in text for it in TAMPERED):
                continue
            try:
                line = decode(text)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue
            if line.event in TAMPERED and line.ts >= since:
                found[line.session, line.seq] = (line, text.decode())
    return sorted(found.values(), key=lambda it: it[0].ts)


def of_audit(line: AuditLine, text: str, now: Nanos) -> Notice:
    return Notice(
        key=f"{line.event} {line.session} {line.seq}",
        severity=Severity.CRITICAL,
        title=f"{line.event} at {line.ts}",
        text=f"{text}\n\nWhat to do: docs/platform.md, Alarms, Audit record.\n",
        at=now,
    )
