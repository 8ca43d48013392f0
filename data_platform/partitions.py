"""Hours for what is recorded, days for what is reported; UTC, the open one included.

An open hour can be materialised too: it is then published as partial and not scanned.
"""

import dagster as dg

from trading_runtime.store.hours import Hour

FIRST_DAY = "2021-01-01"
"""Before the oldest recording that is known; an hour that was never recorded costs nothing."""

HOURS = dg.HourlyPartitionsDefinition(start_date=f"{FIRST_DAY}-00:00", timezone="UTC", end_offset=1)
DAYS = dg.DailyPartitionsDefinition(start_date=FIRST_DAY, timezone="UTC", end_offset=1)


def hour_of(partition_key: str) -> Hour:
    """Read ``YYYY-MM-DD-HH:MM``."""
    return Hour(partition_key[:10], int(partition_key[11:13]))


def key_of(hour: Hour) -> str:
    return f"{hour.day}-{hour.of_day:02d}:00"
