"""For how long each data set stays where: the one table ``[platform.retention]``.

Days count from the end of a partition's UTC day. What they wait for besides is fixed, not set: see
``basis``.
"""

from datetime import UTC, datetime
from typing import Annotated

import msgspec

from trading_runtime.records.units import NANOS_PER_SECOND, Nanos

DAY_NS = 86_400 * NANOS_PER_SECOND
Days = Annotated[int, msgspec.Meta(ge=0)]
Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]


class Kept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row of the table."""

    local_days: Days
    """On this disk; 0: as long as in the archive."""
    hot_days: Days
    """At hand in the archive; after that in its cold class, where it has one."""
    archive_days: Days
    """In the archive, hot and cold; 0: for ever."""
    lock_days: Days = 0
    """Under a retention lock, where the store has them; what is kept for ever is locked anew."""

    def __post_init__(self) -> None:
        if self.archive_days and self.archive_days < max(self.local_days, self.lock_days):
            raise ValueError("archive_days is less than local_days or lock_days")

    @property
    def here_days(self) -> int:
        """Days on this disk; 0: for ever."""
        return self.local_days or self.archive_days


class RetentionSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table. Orders and trades stand in the marts, and in the audit record."""

    as_of: str = ""
    """A UTC time that counts as now, for demonstrations; empty: the clock."""
    dry_run: bool = False
    """Say what would be done, and do nothing."""
    journal: Kept = Kept(local_days=7, hot_days=30, archive_days=360, lock_days=360)
    logs: Kept = Kept(local_days=7, hot_days=30, archive_days=360)
    lines: Kept = Kept(local_days=0, hot_days=30, archive_days=360)
    critical: Kept = Kept(local_days=0, hot_days=30, archive_days=0, lock_days=3650)
    minutes: Kept = Kept(local_days=1, hot_days=7, archive_days=30)
    lake: Kept = Kept(local_days=0, hot_days=30, archive_days=0)
    reports: Kept = Kept(local_days=0, hot_days=30, archive_days=0)
    backups: Kept = Kept(local_days=7, hot_days=30, archive_days=90)
    marts: Kept = Kept(local_days=0, hot_days=30, archive_days=0, lock_days=3650)

    def __post_init__(self) -> None:
        if self.as_of:
            moment_of(self.as_of)

    def row(self, dataset: str) -> Kept:
        """Give the row of a data set; :exc:`KeyError` where the table has none."""
        return self.rows()[dataset]

    def rows(self) -> dict[str, Kept]:
        return {
            "journal": self.journal,
            "logs": self.logs,
            "lines": self.lines,
            "critical": self.critical,
            "minutes": self.minutes,
            "lake": self.lake,
            "reports": self.reports,
            "backups": self.backups,
            "marts": self.marts,
        }

    def now(self, clock: Nanos) -> Nanos:
        return moment_of(self.as_of) if self.as_of else clock


def moment_of(text: str) -> Nanos:
    """Read ``2025-11-19`` or ``2025-11-19T14:00:00``; raise :exc:`ValueError` where it is none."""
    at = datetime.fromisoformat(text)
    return Nanos(round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()) * 10**9)


def day_end(day: str) -> Nanos:
    """Give the end of a UTC day."""
    return Nanos(moment_of(day) + DAY_NS)


def lock_until(row: Kept, day: str, now: Nanos) -> Nanos | None:
    """Give until when what is archived of ``day`` is locked; null where it is not, or no more.

    What is kept for ever is locked from now on, and lengthened by retention.
    """
    if not row.lock_days:
        return None
    start = day_end(day) if row.archive_days else now
    until = Nanos(start + row.lock_days * DAY_NS)
    return until if until > now else None
