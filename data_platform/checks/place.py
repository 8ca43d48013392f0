"""One instrument's hour of the lake: its files, and its book as rows that a replay begins with."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from data_platform.checks.findings import Finding
from trading_runtime.records.lake_schema import CHECKPOINTS, DEPTH, Flag, Table
from trading_runtime.store import parquet
from trading_runtime.store.hours import Hour
from trading_runtime.store.parquet import integers


class Told(NamedTuple):
    """A finding about one dataset, or about a folder."""

    dataset: str
    finding: Finding


class Place(NamedTuple):
    """One instrument's hour of the lake."""

    lake: Path
    folder: Path
    hour: Hour

    @property
    def instrument(self) -> str:
        return ":".join(self.folder.relative_to(self.lake).parts[:2])

    def file(self, table: Table) -> Path:
        return self.folder / f"{table.published}.parquet"

    def name(self, table: Table) -> str:
        return self.file(table).relative_to(self.lake).as_posix()

    def read(self, table: Table) -> pa.Table | None:
        path = self.file(table)
        return parquet.read(path) if path.exists() else None

    def at(self, hour: Hour) -> "Place":
        """Give the same instrument's place of another hour."""
        folder = self.lake.joinpath(*self.instrument.split(":"), *hour.day.split("-"))
        return Place(self.lake, folder / f"{hour.of_day:02d}", hour)


def as_snapshot(book: pa.Table, seq: int | None = None) -> pa.Table:
    """Turn the rows of one checkpoint into a snapshot of ours; ``seq`` instead of its own."""
    count = book.num_rows
    flags = np.full(count, int(Flag.SNAPSHOT | Flag.SYNTH), dtype=np.uint8)
    flags[-1] |= Flag.LAST
    own = {it: book.column(it) for it in ("side", "px", "qty", "instrument_id", "session")}
    columns = {
        **own,
        **dict.fromkeys(("first_id", "last_id"), book.column("last_id")),
        **dict.fromkeys(("ts_recv", "ts_exch"), book.column("ts")),
        "instrument_rev": book.column("instrument_rev"),
        "seq": book.column("seq") if seq is None else pa.repeat(pa.scalar(seq), count),
        "prev_id": pa.nulls(count, pa.int64()),
        "flags": pa.array(flags),
    }
    schema = parquet.arrow_schema(DEPTH)
    return pa.table({it.name: columns[it.name] for it in schema}).cast(schema)


def book_at(place: Place, moment: int) -> pa.Table | None:
    """Give the rows of a place's checkpoint at ``moment``, if there is one."""
    known = place.read(CHECKPOINTS)
    if known is None:
        return None
    rows = known.filter(integers(known, "ts") == moment)
    return rows if rows.num_rows else None
