"""Which hours scribe has sealed since a mark: what the sensor fires for.

An hour counts as sealed when the marker of every table is there. Late rows rewrite a marker; the
hour then has a new digest and counts again. What cannot be read is left out and told: one bad hour
holds up no other.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from trading_runtime.records import layout
from trading_runtime.records.lake_schema import DEPTH, TABLES
from trading_runtime.store.hours import Hour, hour_at


class SealedHour(NamedTuple):
    marked_ns: int
    """When the last of its markers came to its place, by the file system's clock."""
    hour: Hour
    digest: str


class Sealed(NamedTuple):
    hours: list[SealedHour]
    unreadable: list[str]
    """What looks like an hour and is none, or could not be read."""


def hour_of(marker: Path) -> Hour:
    """Read day and hour from a marker's place; raise :exc:`ValueError` where it is none."""
    hour = Hour(marker.parent.parent.name, int(marker.parent.name))
    if hour_at(hour.start) != hour:
        raise ValueError(f"{hour.name} is no hour")
    return hour


def marked(lake: Path, hour: Hour) -> tuple[int, list[Path]] | None:
    """Give when the last of the hour's markers came, and all of them, if all are there.

    The time is that of the change of the file's entry: a copy or a restore keeps the other ones.
    """
    markers = [lake / layout.hour_marker(table, hour.day, hour.of_day) for table in TABLES]
    if not all(it.exists() for it in markers):
        return None
    return max(it.stat().st_ctime_ns for it in markers), markers


def since(
    lake: Path, mark_ns: int, unreadable: list[str]
) -> Iterator[tuple[int, Hour, list[Path]]]:
    for marker in (lake / DEPTH.minutes).glob("*/*/_sealed.json"):
        try:
            hour = hour_of(marker)
            found = marked(lake, hour)
        except (OSError, ValueError) as error:
            unreadable.append(f"{marker.relative_to(lake)}: {error}")
            continue
        if found is not None and found[0] > mark_ns:
            yield found[0], hour, found[1]


def sealed_since(data: Path, mark_ns: int, limit: int) -> Sealed:
    """Give the hours marked after ``mark_ns``, the one marked first first.

    At most ``limit`` of them, and those that were marked in the very moment of the last.
    """
    unreadable: list[str] = []
    due = sorted(since(Path(layout.lake(data)), mark_ns, unreadable))
    hours: list[SealedHour] = []
    for at, hour, markers in due:
        if len(hours) >= limit and at != hours[-1].marked_ns:
            break
        try:
            content = b"".join(it.read_bytes() for it in markers)
        except OSError as error:
            unreadable.append(f"{hour.name}: {error}")
            continue
        hours.append(SealedHour(at, hour, hashlib.sha256(content).hexdigest()))
    return Sealed(hours, sorted(unreadable))
