"""One day of the audit record, verified by the verifier that an auditor runs.

What it believes (pin, policy, keys) comes from a folder of the platform's own where one is set, for
the log must not be its own witness; the report stays in ``reports/audit/``.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from data_platform.assets.told import Plain
from trading_runtime.evidence import layout as evidence
from trading_runtime.evidence import layout as evidence_layout
from trading_runtime.evidence.verify.asked import Evidence, Question
from trading_runtime.evidence.verify.hot import SqliteRows
from trading_runtime.evidence.verify.report import Report
from trading_runtime.evidence.verify.verify import verify
from trading_runtime.records import layout
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos
from trading_runtime.store import durable
from trading_runtime.store.cold import columns
from trading_runtime.store.objects.objects import Objects

STALE = 3
"""The exit status of a record that is whole as far as it is witnessed, but not to this hour."""


class Believed(NamedTuple):
    """What the verification starts from; empty: what lies beside the log."""

    pin: str
    """SHA-256 of the ``trust.json`` that is believed."""
    trust: str
    """The folder of ``trust.json`` and ``policy``."""


def span(day: str) -> tuple[int, int]:
    """Give first second and end of a UTC day ``YYYY-MM-DD``, in seconds since 1970."""
    start = datetime.fromisoformat(day).replace(tzinfo=UTC)
    return int(start.timestamp()), int((start + timedelta(days=1)).timestamp())


def verify_day(data: Path, archive: Objects, believed: Believed, day: str, now: Nanos) -> Report:
    """Verify the periods of ``day``, with the archive, and freshness as of ``now``."""
    audit = Path(layout.audit(data))
    beside = evidence_layout.trust_path(audit).parent
    database = audit / "index.sqlite"
    since, until = span(day)
    return verify(
        Evidence(
            log=evidence_layout.log_folder(audit),
            trust=Path(believed.trust) if believed.trust else beside,
            archive=archive,
            columns=columns.check,
            index=SqliteRows(str(database)) if database.exists() else None,
            pin=believed.pin or None,
        ),
        Question(now=now // NANOS_PER_SECOND, since=since, until=until),
    )


def report_path(data: Path, day: str) -> Path:
    return Path(layout.reports(data)) / "audit" / f"{day}.json"


def keep(data: Path, day: str, report: Report) -> Path:
    """Write the report down, in the place of an older one of the same day."""
    path = report_path(data, day)
    durable.write(path, report.json())
    return path


def is_kept(data: Path, believed: Believed) -> bool:
    """Whether there is a record to verify; who pinned one misses it when it is gone."""
    audit = Path(layout.audit(data))
    # Not the folder alone: its services' own journals lie in it too, and are restored without it.
    found = (audit / "trust").exists() or evidence.log_folder(audit).exists()
    return bool(believed.pin) or found


def first_said(report: Report) -> str:
    """Give the first divergence as one line, or that there is none."""
    first = report.first
    if first is None:
        return "nothing diverges"
    place = "" if first.index is None else f" at entry {first.index}"
    return f"{first.check.value}{place}: {first.said}"


def told(report: Report) -> Plain:
    """Give the three verdicts, and what they are over, as plain values."""
    return {
        "integrity": report.integrity,
        "completeness": report.completeness,
        "freshness": report.freshness,
        "exit_status": report.exit_status,
        "first": first_said(report),
        "entries": report.entries,
        "protection_absent": "; ".join(report.absent),
    }
