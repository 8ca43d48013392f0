"""Which hours scribe has sealed since a mark: what the sensor fires for.

An hour counts as sealed when the marker of every table is there. Late rows rewrite a marker; the
hour then has a new digest and counts again.
"""

import hashlib
from pathlib import Path
from typing import NamedTuple

from trading_runtime.records import layout
from trading_runtime.records.lake_schema import DEPTH, TABLES
from trading_runtime.store.hours import Hour


class SealedHour(NamedTuple):
    marked_ns: int
    """When the last of its markers was written, by the file system's clock."""
    hour: Hour
    digest: str


def sealed_hour(lake: Path, hour: Hour) -> SealedHour | None:
    """Give the hour if all its markers are there."""
    markers = [lake / layout.hour_marker(table, hour.day, hour.of_day) for table in TABLES]
    if not all(it.exists() for it in markers):
        return None
    digest = hashlib.sha256(b"".join(it.read_bytes() for it in markers)).hexdigest()
    return SealedHour(max(it.stat().st_mtime_ns for it in markers), hour, digest)


def sealed_since(data: Path, mark_ns: int, limit: int) -> list[SealedHour]:
    """Give the hours marked after ``mark_ns``, at most ``limit``, the one marked first first."""
    lake = Path(layout.lake(data))
    found = []
    for marker in (lake / DEPTH.minutes).glob("*/*/_sealed.json"):
        hour = Hour(marker.parent.parent.name, int(marker.parent.name))
        it = sealed_hour(lake, hour)
        if it is not None and it.marked_ns > mark_ns:
            found.append(it)
    return sorted(found)[:limit]
