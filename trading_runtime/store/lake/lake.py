"""How the published lake is read: by instrument and time, through the manifests, never a glob."""

import re
from pathlib import Path

import pyarrow as pa

from trading_runtime.errors import Refused
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import Table
from trading_runtime.store import manifest, parquet
from trading_runtime.store.commit import Dataset
from trading_runtime.store.hours import Hour, hours_between
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


def scan(lake: Path, table: Table, instrument_id: str, start: int, end: int) -> pa.Table:
    """Give the rows with ``start <= ts_recv < end`` (UTC nanoseconds) in the order of arrival.

    To SQL in one line: ``duckdb.from_arrow(scan(...))``.
    """
    parts = [
        parquet.read_between(lake / it.commit.dataset, start, end)
        for it in manifests(lake, table, instrument_id, start, end)
    ]
    empty = parquet.arrow_schema(table).empty_table()
    return pa.concat_tables(parts, promote_options="permissive") if parts else empty
