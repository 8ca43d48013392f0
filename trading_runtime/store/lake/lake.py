"""How the published lake is read: by instrument and time, through the manifests, never a glob."""

import re
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from trading_runtime.errors import Refused
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import Table
from trading_runtime.store import manifest
from trading_runtime.store.commit import Dataset
from trading_runtime.store.hours import Hour, hours_between
from trading_runtime.store.lake import index, reading
from trading_runtime.store.lake.selection import File, Selection
from trading_runtime.store.manifest import Manifest

PATH_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)


def dataset(lake: Path, table: Table, instrument_id: str, hour: Hour) -> Dataset:
    """Name the file of one instrument's hour; refuse an id that is no ``<venue>:<symbol>``."""
    venue, _, symbol = instrument_id.partition(":")
    if not PATH_PART.fullmatch(venue) or not PATH_PART.fullmatch(symbol):
        raise Refused(f"{instrument_id!r} names no venue and symbol")
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


def select(lake: Path, table: Table, instrument_id: str, start: int, end: int) -> Selection:
    """Find the published files that hold ``[start, end)`` (UTC nanoseconds)."""
    known = index.entries(lake, table, instrument_id, hours_between(start, end))
    files = [
        File(
            dataset(lake, table, instrument_id, hour).published,
            it.file_sha256,
            it.rows,
            it.size_bytes,
        )
        for hour, it in known.items()
        if it.rows
    ]
    return Selection(table, files, start, end)


def scan(
    lake: Path,
    table: Table,
    instrument_id: str,
    start: int,
    end: int,
    *,
    columns: Sequence[str] | None = None,
) -> pa.Table:
    """Give the rows with ``start <= time < end`` (UTC nanoseconds) in the order of arrival.

    To SQL in one line: ``duckdb.from_arrow(scan(...))``.
    """
    return reading.arrow(select(lake, table, instrument_id, start, end), columns)
