"""What a run of the models reads: archived lines and published hours, by their manifests.

Rules:
 * A day is built from its own hours, one hour before and one after: an order, a quote or a markout
   reaches over midnight.
 * Of an open hour the partial files are read; what is staged or in quarantine is never found.
 * A day without an archived line is no day: nothing is built for it.
 * Positions are carried over from the marts of the last day before. Where these are not made of
   what is archived now, the run starts earlier, and publishes what was asked for.
"""

import hashlib
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

from data_platform.assets.logs import archive
from data_platform.assets.models import published
from data_platform.assets.models.published import Built
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import TICKER, TRADES, Table
from trading_runtime.records.units import Module
from trading_runtime.store import manifest
from trading_runtime.store.commit import PARTIAL
from trading_runtime.store.hours import HOUR_NS, Hour, hours_between

MAKER = "models/1"
"""Counts up when equal inputs would make other marts."""
LOOK_BACK_DAYS = 35
"""Late lines of older days make those days new, but no longer move the position of later ones."""


class File(NamedTuple):
    path: Path
    content_sha256: str
    sealed: bool


class Day(NamedTuple):
    """What one day is built from."""

    day: str
    hours_sealed: int
    hours_partial: int
    inputs_sha256: str


class Plan(NamedTuple):
    """What one run reads and makes."""

    asked: tuple[str, ...]
    """The days to publish, those that are recorded."""
    days: tuple[Day, ...]
    """The days that are computed, in order."""
    lines: tuple[Path, ...]
    ticker: tuple[Path, ...]
    trades: tuple[Path, ...]
    audit: tuple[Path, ...]
    before: Built | None
    """The day whose end is carried over."""


def recorded_days(data: Path) -> list[str]:
    """Give the days that have archived lines, sealed or partial, the earliest first."""
    root = archive.archive_root(data)
    named = "[0-9][0-9][0-9][0-9]/[0-9][0-9]/[0-9][0-9]"
    folders = {
        it
        for module in Module
        for top in (root, root / PARTIAL)
        for it in (top / module.value).glob(named)
    }
    return sorted({"-".join(it.parts[-3:]) for it in folders})


def known(published_file: Path, partial_file: Path) -> File | None:
    """Give the published file, else the partial one, as its manifest tells."""
    for path in (published_file, partial_file):
        told = manifest.read(path)
        if told is not None:
            return File(path, told.commit.content_sha256, told.commit.sealed)
    return None


def lines_of(data: Path, hour: Hour) -> list[File]:
    datasets = [archive.dataset(data, module, hour) for module in Module]
    found = [known(it.published, it.partial) for it in datasets]
    return [it for it in found if it is not None]


def lake_files(data: Path, table: Table, hour: Hour) -> list[File]:
    """Give the hour's files of all instruments, those that have a manifest."""
    lake = Path(layout.lake(data))
    inside = f"{hour.day.replace('-', '/')}/{hour.of_day:02d}"
    name = f"{table.published}{manifest.SUFFIX}"
    folders = {
        it.parent.relative_to(top)
        for top in (lake, lake / PARTIAL)
        for it in top.glob(f"[!_]*/*/{inside}/{name}")
    }
    file = f"{table.published}.parquet"
    found = [known(lake / it / file, lake / PARTIAL / it / file) for it in sorted(folders)]
    return [it for it in found if it is not None]


def hours_around(first: str, last: str) -> list[Hour]:
    """Give the hours from one before ``first`` to one after ``last``."""
    return hours_between(Hour(first, 0).start - HOUR_NS, Hour(last, 23).end + HOUR_NS)


def audit_exports(data: Path, first: str, last: str) -> list[Path]:
    """Give the exported days of the audit index, one before and one after included."""
    since = date.fromisoformat(first) - timedelta(days=1)
    count = (date.fromisoformat(last) - since).days + 2
    paths = [published.audit_path(data, str(since + timedelta(days=it))) for it in range(count)]
    return [it for it in paths if it.exists()]


def day_of(data: Path, day: str) -> Day:
    digest = hashlib.sha256()
    sealed = partial = 0
    for hour in hours_around(day, day):
        lines = lines_of(data, hour)
        if hour.day == day and lines:
            sealed += all(it.sealed for it in lines)
            partial += not all(it.sealed for it in lines)
        for it in (*lines, *lake_files(data, TICKER, hour), *lake_files(data, TRADES, hour)):
            name = it.path.relative_to(data).as_posix()
            digest.update(f"{name} {it.content_sha256}\n".encode())
    return Day(day, sealed, partial, digest.hexdigest())


def is_current(built: Built | None, before: Built | None, day: Day) -> bool:
    """Whether the day's marts are made of what is archived now, and stand on the day before's."""
    return (
        built is not None
        and built.maker == MAKER
        and built.inputs_sha256 == day.inputs_sha256
        and built.carried_sha256 == published.carried_sha256(before)
    )


def due(data: Path) -> list[str]:
    """Give the recorded days, of the last ones, whose marts are not made of what is archived now.

    A rebuilt day may make the next one due, when it ends otherwise than before: ask again then.
    """
    days = recorded_days(data)
    built = [published.read(data, it) for it in days]
    return [
        day
        for number, day in list(enumerate(days))[-LOOK_BACK_DAYS:]
        if not is_current(built[number], last_built(built[:number]), day_of(data, day))
    ]


def last_built(built: Sequence[Built | None]) -> Built | None:
    return next((it for it in reversed(built) if it is not None), None)


def first_stale(data: Path, days: Sequence[str]) -> str | None:
    """Give the first of ``days`` (recorded, in order) that the later ones cannot stand on."""
    before = last_built([published.read(data, it) for it in days[:-LOOK_BACK_DAYS]])
    for day in days[-LOOK_BACK_DAYS:]:
        built = published.read(data, day)
        if not is_current(built, before, day_of(data, day)):
            return day
        before = built
    return None


def plan(data: Path, asked: Sequence[str]) -> Plan:
    """Say what a run for the days ``asked`` reads, computes and publishes."""
    recorded = recorded_days(data)
    first, last = min(asked), max(asked)
    earlier = [it for it in recorded if it < first]
    start = first_stale(data, earlier) or first
    days = [it for it in recorded if start <= it <= last]
    hours = hours_around(start, last) if days else []
    return Plan(
        asked=tuple(it for it in days if it in set(asked)),
        days=tuple(day_of(data, it) for it in days),
        lines=tuple(it.path for hour in hours for it in lines_of(data, hour)),
        ticker=tuple(it.path for hour in hours for it in lake_files(data, TICKER, hour)),
        trades=tuple(it.path for hour in hours for it in lake_files(data, TRADES, hour)),
        audit=tuple(audit_exports(data, start, last)) if days else (),
        before=last_built([published.read(data, it) for it in earlier if it < start]),
    )
