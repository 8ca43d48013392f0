"""The audit index as Parquet, a file for each day: DuckDB reads no database of others here.

Texts of JSON are left as they are, so that every decimal in them is exact. A day without an entry,
or a machine without an audit record, has no file.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq

from data_platform.assets.models import published
from trading_runtime.records import layout
from trading_runtime.store import durable

COLUMNS = (
    "id",
    "ts",
    "user",
    "role",
    "action",
    "target",
    "before",
    "after",
    "ip",
    "event_id",
    "service_name",
    "event_type",
    "trace_id",
    "request_data",
    "version",
    "current_hash",
)
INTEGERS = {"id", "version"}
SCHEMA = pa.schema([(it, pa.int64() if it in INTEGERS else pa.string()) for it in COLUMNS])
ROWS_PER_BATCH = 50_000
Row = tuple[int | str | None, ...]

SELECT = (
    "SELECT {columns} FROM {schema}audit_log WHERE ts >= '{first}' AND ts < '{end}' ORDER BY id"
)


class Exported(NamedTuple):
    """``path`` is ``None`` where the day has no entry."""

    path: Path | None
    rows: int


def statement(day: str, schema: str) -> str:
    """Give the query for one UTC day; times of entries are text that sorts as time does."""
    end = str(date.fromisoformat(day) + timedelta(days=1))
    columns = ", ".join(f'"{it}"' for it in COLUMNS)
    return SELECT.format(columns=columns, schema=schema, first=day, end=end)


def sqlite_rows(database: Path, day: str) -> Iterator[Sequence[Row]]:
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as index:
        cursor = index.execute(statement(day, ""))
        while rows := cursor.fetchmany(ROWS_PER_BATCH):
            yield rows


def postgres_rows(url: str, day: str) -> Iterator[Sequence[Row]]:
    with psycopg.connect(url) as index, index.cursor("audit_log_exported") as cursor:
        cursor.execute(statement(day, "audit.").encode())
        while rows := cursor.fetchmany(ROWS_PER_BATCH):
            yield rows


def entries(data: Path, url: str, day: str) -> Iterator[Sequence[Row]]:
    """Give the day's entries in order: of PostgreSQL where ``url`` names one, else of SQLite."""
    database = Path(layout.audit(data)) / "index.sqlite"
    if url:
        yield from postgres_rows(url, day)
    elif database.exists():
        yield from sqlite_rows(database, day)


def export(data: Path, url: str, day: str) -> Exported:
    """Write the day's entries; where there is none, an older file of the day is left alone."""
    place = published.audit_path(data, day)
    beside = durable.temporary(place)
    count, writer = 0, None
    for rows in entries(data, url, day):
        if writer is None:
            place.parent.mkdir(parents=True, exist_ok=True)
            writer = pq.ParquetWriter(beside, SCHEMA, compression="zstd")
        columns = zip(*rows, strict=True)
        arrays = [
            pa.array([str(it) if it is not None else None for it in values], field.type)
            if field.type == pa.string()
            else pa.array(values, field.type)
            for field, values in zip(SCHEMA, columns, strict=True)
        ]
        writer.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA))
        count += len(rows)
    if writer is None:
        return Exported(None, 0)
    writer.close()
    durable.move(beside, place)
    return Exported(place, count)
