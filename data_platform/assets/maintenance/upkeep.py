"""What of the day's work is left undone: hours not compacted, logs not compressed, archives behind.

Read from the files alone, so that it does not believe who was to do it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from data_platform.assets.reports.report import Item, attention, plain
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import TABLES, Table
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos
from trading_runtime.store import manifest
from trading_runtime.store.hours import HOUR_NS, Hour

WAIT_NS = 2 * HOUR_NS
"""An hour that was sealed longer ago than this should be compacted, or said to be bad."""
MIB = 1 << 20


class Compressed(NamedTuple):
    """Of one table: sealed hours with rows, those published, and bytes of both."""

    sealed: int
    published: int
    overdue: tuple[str, ...]
    bytes_in: int
    bytes_out: int


def compressed(data: Path, table: Table, now: Nanos) -> Compressed:
    lake = Path(layout.lake(data))
    sealed = published = bytes_in = bytes_out = 0
    overdue = []
    for marker in sorted((lake / table.minutes).glob("*/*/_sealed.json")):
        minutes = list(marker.parent.glob("[0-5][0-9].parquet"))
        if not minutes:
            continue
        hour = Hour(marker.parent.parent.name, int(marker.parent.name))
        files = published_of(lake, table, hour)
        sealed += 1
        if files:
            published += 1
            bytes_in += sum(it.stat().st_size for it in minutes)
            bytes_out += sum(it.stat().st_size for it in files)
        elif now - marker.stat().st_mtime_ns > WAIT_NS:
            overdue.append(hour.name)
    return Compressed(sealed, published, tuple(overdue), bytes_in, bytes_out)


def published_of(lake: Path, table: Table, hour: Hour) -> list[Path]:
    place = f"[!_]*/*/{hour.day.replace('-', '/')}/{hour.of_day:02d}/{table.published}.parquet"
    return [it for it in lake.glob(place) if manifest.manifest_path(it).exists()]


def depth(data: Path, now: Nanos) -> Iterator[Item]:
    """Say for each table how many of its sealed hours are compacted, and how small they became."""
    for table in TABLES.values():
        it = compressed(data, table, now)
        ratio = f", {it.bytes_out / it.bytes_in:.2f} of its bytes" if it.bytes_in else ""
        value = f"{it.published} of {it.sealed} sealed hours with minutes here{ratio}"
        item = plain(f"Compacted {table.minutes}", value)
        shown = ", ".join(it.overdue[:5])
        yield attention(item, f"{len(it.overdue)} overdue: {shown}") if it.overdue else item


def logs(data: Path, days: int, now: Nanos) -> Item:
    """Count the plain sealed logs: those older than ``days`` should have left for the archive."""
    old_ns = days * 24 * HOUR_NS
    files = [(it, it.stat()) for it in Path(layout.sealed_logs(data)).glob("*.jsonl")]
    old = [it for it, stat in files if now - stat.st_mtime_ns > old_ns]
    size = sum(stat.st_size for _, stat in files)
    value = f"{len(files)} plain files, {size / MIB:.1f} MiB"
    item = plain("Sealed logs", value)
    return attention(item, f"{len(old)} are older than {days} days") if old else item


def look(data: Path, log_days: int, now: Nanos) -> tuple[Item, ...]:
    return (*depth(data, now), logs(data, log_days, now), reports(data, now))


def reports(data: Path, now: Nanos) -> Item:
    """Say how old the newest daily report is."""
    found = [it.stat().st_mtime_ns for it in Path(layout.reports(data)).glob("*/report.json")]
    if not found:
        return plain("Newest daily report", "none")
    hours = (now - max(found)) // NANOS_PER_SECOND / 3600
    item = plain("Newest daily report", f"{hours:.0f} h old")
    return attention(item, "it is made each morning") if hours > DAY_AND_A_HALF_H else item


DAY_AND_A_HALF_H = 36
