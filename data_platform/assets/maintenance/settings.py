"""What can be set about the nightly care: ``[platform.maintenance]``."""

from typing import Annotated

import msgspec

Days = Annotated[int, msgspec.Meta(ge=1)]
Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]


class MaintenanceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Free space is of the disk that holds the data folder."""

    postgres: tuple[str, ...] = ()
    """URLs of PostgreSQL databases to back up beside the audit record's; no passwords in them."""
    disk_free_percent_warn: Percent = 20
    """Below it, or with the disk full within ``disk_days_warn``, what can go early is archived."""
    disk_free_percent_critical: Percent = 10
    disk_days_warn: Days = 7
    disk_days_critical: Days = 2
    growth_days: Days = 7
    """The growth of the disk's use is taken over so many days."""
    runs_kept_days: Days = 90
    """Runs of Dagster, their events and logs; the newest of each partition stays."""
    ticks_kept_days: Days = 7
    notices_kept_days: Days = 90
    updates: bool = True
    """Ask Debian's package lists which updates are pending."""
