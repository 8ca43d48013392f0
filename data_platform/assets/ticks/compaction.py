"""The minutes of an hour, all symbols mixed, into one staged file for each symbol.

Of a sealed hour the marker says which minutes there are, and each must have the digest that the
marker names; an open hour is taken as it lies, and its files are partial.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import pyarrow as pa

from data_platform.assets import batch
from data_platform.assets.batch import Batch
from trading_runtime.records import layout
from trading_runtime.records.instruments import Instrument
from trading_runtime.records.lake_schema import (
    KEY_INSTRUMENTS,
    HourSealed,
    Table,
    instruments_json,
    read_instruments,
)
from trading_runtime.store import commit, durable, parquet
from trading_runtime.store.commit import Rows
from trading_runtime.store.hours import Hour
from trading_runtime.store.lake import lake
from trading_runtime.store.manifest import Source

MAKER = "ticks.compaction/1"
"""Counts up when equal minutes would make other bytes."""
SYMBOLS = "instrument_id"


class Unsettled(ValueError):
    """The minutes are not those that the marker names: they are being written, or they rotted."""


class Minute(NamedTuple):
    source: Source
    rows: pa.Table
    instruments: Sequence[Instrument]


def read_minute(data: Path, path: Path) -> Minute:
    rows = parquet.read(path)
    known = read_instruments(parquet.metadata(path)[KEY_INSTRUMENTS])
    source = Source(
        path=path.relative_to(data).as_posix(), sha256=durable.sha256(path), rows=rows.num_rows
    )
    return Minute(source, rows, known)


def read_minutes(data: Path, table: Table, hour: Hour) -> tuple[list[Minute], bool]:
    """Give the hour's minutes and whether it is sealed; raise :exc:`Unsettled`."""
    marker = Path(layout.lake(data) / layout.hour_marker(table.minutes, hour.day, hour.of_day))
    if not marker.exists():
        paths = sorted(marker.parent.glob("[0-5][0-9].parquet"))
        return [read_minute(data, path) for path in paths], False
    told = msgspec.json.decode(marker.read_bytes(), type=HourSealed)
    minutes = []
    for it in told.minutes:
        path = marker.parent / f"{it.minute:02d}.parquet"
        if not path.exists():
            raise Unsettled(f"{path.name} of {table.minutes} {hour.name} is missing")
        minute = read_minute(data, path)
        if (minute.source.sha256, minute.source.rows) != (it.sha256, it.rows):
            raise Unsettled(f"{path.name} of {table.minutes} {hour.name} is not what was sealed")
        minutes.append(minute)
    return minutes, True


def instruments_of(minutes: Sequence[Minute], instrument_id: str) -> list[Instrument]:
    """Give the revisions that the footers name; raise where one number means two grids."""
    known: dict[int, Instrument] = {}
    for it in (it for minute in minutes for it in minute.instruments):
        if it.instrument_id == instrument_id and known.setdefault(it.revision, it) != it:
            raise Unsettled(f"revision {it.revision} of {instrument_id} means two grids")
    return [known[revision] for revision in sorted(known)]


def by_symbol(minutes: Sequence[Minute]) -> dict[str, list[Minute]]:
    """Split each minute by its symbols; a minute without a symbol's row is no source of it."""
    split: dict[str, list[Minute]] = {}
    for minute in minutes:
        names, codes = parquet.texts(minute.rows, SYMBOLS)
        for code, name in enumerate(names):
            rows = minute.rows if len(names) == 1 else minute.rows.filter(codes == code)
            source = msgspec.structs.replace(minute.source, rows=rows.num_rows)
            split.setdefault(name, []).append(Minute(source, rows, minute.instruments))
    return {name: split[name] for name in sorted(split)}


def gather(minutes: Sequence[Minute], instrument_id: str, *, sealed: bool) -> Rows:
    grids = instruments_json(instruments_of(minutes, instrument_id)).decode()
    return Rows(
        rows=pa.concat_tables([it.rows for it in minutes], promote_options="permissive"),
        sources=[it.source for it in minutes],
        sealed=sealed,
        metadata={KEY_INSTRUMENTS: grids},
        maker=MAKER,
    )


def stage_hour(data: Path, table: Table, hour: Hour) -> Batch:
    """Stage every symbol of the hour that has something new."""
    root = Path(layout.lake(data))
    name = batch_name(table, hour)
    with commit.locked(root, name):
        minutes, sealed = read_minutes(data, table, hour)
        return batch.stage(
            root,
            name,
            [
                (
                    lake.dataset(root, table, instrument_id, hour),
                    gather(members, instrument_id, sealed=sealed),
                )
                for instrument_id, members in by_symbol(minutes).items()
            ],
            sealed=sealed,
        )


def batch_name(table: Table, hour: Hour) -> str:
    return f"{table.minutes}-{hour.name}"
