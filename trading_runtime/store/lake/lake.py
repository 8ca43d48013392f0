"""How the published lake is read: by instrument and time, through the manifests, never a glob."""

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from trading_runtime.errors import Refused
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import Table
from trading_runtime.store import manifest
from trading_runtime.store.commit import Dataset
from trading_runtime.store.condition import Condition, HourCondition, condition_of
from trading_runtime.store.hours import Hour, hours_between
from trading_runtime.store.lake import index, reading
from trading_runtime.store.lake.selection import File, Selection
from trading_runtime.store.manifest import Manifest

WHOLE = frozenset({Condition.COMPLETE, Condition.EMPTY})
"""What is scanned without a word."""
ANY = frozenset(Condition)
FINDINGS = ".findings.json"
TOLD_MAX = 5
PATH_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)


def refuse_other_ids(instrument_id: str) -> None:
    """Refuse an id that is no ``<venue>:<symbol>`` of parts that can stand in a path."""
    venue, _, symbol = instrument_id.partition(":")
    if not PATH_PART.fullmatch(venue) or not PATH_PART.fullmatch(symbol):
        raise Refused(f"{instrument_id!r} names no venue and symbol")


def dataset(lake: Path, table: Table, instrument_id: str, hour: Hour) -> Dataset:
    """Name the file of one instrument's hour; refuse an id that is no ``<venue>:<symbol>``."""
    refuse_other_ids(instrument_id)
    venue, _, symbol = instrument_id.partition(":")
    return Dataset(
        lake, layout.dataset(venue, symbol, hour.day, hour.of_day, table.published), table
    )


def manifests(lake: Path, table: Table, instrument_id: str, start: int, end: int) -> list[Manifest]:
    """Give the manifests of the published hours that reach into ``[start, end)``, in order.

    An hour without one is an hour without data: compare with what was asked for.
    """
    found = (
        manifest.read(dataset(lake, table, instrument_id, hour).published)
        for hour in hours_between(start, end)
    )
    return [it for it in found if it is not None]


class NotWhole(Refused):
    """Hours of the span are not complete, and the reader did not say that this is known.

    ``hours`` names each with its condition.
    """

    def __init__(self, what: str, hours: Mapping[Hour, HourCondition]) -> None:
        told = [
            f"{hour.name} is {it.condition.value} ({it.minutes_seen} minutes recorded)"
            for hour, it in hours.items()
        ]
        more = f" and {len(told) - TOLD_MAX} more" if len(told) > TOLD_MAX else ""
        super().__init__(f"{what}: {'; '.join(told[:TOLD_MAX])}{more}")
        self.hours = hours


def conditions(
    lake: Path, table: Table, instrument_id: str, start: int, end: int
) -> dict[Hour, HourCondition]:
    """Say of each hour that reaches into ``[start, end)`` how good it is."""
    return {
        hour: condition_of(lake, table, instrument_id, hour) for hour in hours_between(start, end)
    }


def in_quarantine(lake: Path, instrument_id: str) -> frozenset[str]:
    """Give the datasets of an instrument that stand in the quarantine, by their paths."""
    top = Path(layout.quarantine(lake.parent))
    folder = top.joinpath(*instrument_id.split(":"))
    if not folder.is_dir():
        return frozenset()
    found = (it.relative_to(top).as_posix() for it in folder.rglob(f"*{FINDINGS}"))
    return frozenset(it.removesuffix(FINDINGS) + ".parquet" for it in found)


def partial_file(it: Dataset, hour: Hour) -> File | None:
    """Give the file of an hour that still grows; ``None`` where nothing of it is published."""
    told = manifest.read(it.partial)
    if told is None:
        return None
    return File(it.partial, told.file_sha256, told.commit.rows, told.size_bytes, hour.start)


def select(
    lake: Path,
    table: Table,
    instrument_id: str,
    start: int,
    end: int,
    allow: Collection[Condition] = WHOLE,
) -> Selection:
    """Find the files that hold ``[start, end)`` (UTC nanoseconds).

    Raises :exc:`NotWhole` where an hour is in a condition that ``allow`` does not name: a span with
    a hole is never taken for a whole one. Allowed, a degraded hour is read, of one that still grows
    what is there is read, of one in quarantine the version before, and a missing one is passed
    over.
    """
    refuse_other_ids(instrument_id)
    hours = hours_between(start, end)
    known = index.entries(lake, table, instrument_id, hours)
    files: list[File] = []
    refused: dict[Hour, HourCondition] = {}
    quarantined = in_quarantine(lake, instrument_id)
    for hour in hours:
        it, entry = dataset(lake, table, instrument_id, hour), known.get(hour)
        if entry is None or not entry.is_whole or it.path in quarantined:
            told = condition_of(lake, table, instrument_id, hour)
            if told.condition not in allow:
                refused[hour] = told
        if entry is not None:
            size = (entry.rows, entry.size_bytes)
            files.append(File(it.published, entry.file_sha256, *size, hour.start))
        elif Condition.PARTIAL in allow and (growing := partial_file(it, hour)):
            files.append(growing)
    if refused:
        raise NotWhole(f"{table.minutes} of {instrument_id}", refused)
    return Selection(table, [it for it in files if it.rows], start, end)


def scan(  # noqa: PLR0913 -- what, of whom, when, and how far it is believed
    lake: Path,
    table: Table,
    instrument_id: str,
    start: int,
    end: int,
    *,
    columns: Sequence[str] | None = None,
    allow: Collection[Condition] = WHOLE,
) -> pa.Table:
    """Give the rows with ``start <= time < end`` (UTC nanoseconds) in the order of arrival.

    To SQL in one line: ``duckdb.from_arrow(scan(...))``. Raises :exc:`NotWhole` as :func:`select`.
    """
    return reading.arrow(select(lake, table, instrument_id, start, end, allow), columns)
