"""The index of a symbol's year: what the manifests of its hours say, in one small Parquet file.

``lake/<venue>/<SYMBOL>/<YYYY>/index.parquet`` spares a reader of many hours as many small files.

Rules:
 * It is never trusted over a manifest: each entry carries inode and time of the manifest that it
   was read from, and :func:`entries` reads every manifest anew that has others.
 * Of the condition of an hour it is believed only that it was complete; the quarantine is asked.
 * An hour that it does not name is looked for; one whose manifest is gone is no entry.
 * It is replaced by one rename and can be deleted at any time: :func:`rebuild` makes it again.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from trading_runtime.records import layout
from trading_runtime.records.lake_schema import PUBLISHED, Table
from trading_runtime.store import durable, manifest
from trading_runtime.store.condition import Condition, condition_of
from trading_runtime.store.hours import Hour

NAME = "index.parquet"
DIRECT_HOURS_MAX = 24
"""So few manifests are read faster than the index of a year."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What readers need of one manifest. ``at`` and ``inode`` are of the manifest's own file."""

    table: str
    hour: int
    """Its first nanosecond."""
    version: int
    rows: int
    size_bytes: int
    file_sha256: str
    content_sha256: str
    first_ts: int
    last_ts: int
    is_whole: bool
    """Whether the hour was complete when this was read; what was not is judged anew."""
    at: int
    inode: int


class _Commit(msgspec.Struct, frozen=True):
    """The few fields of a manifest that an entry takes; the others are skipped, not decoded."""

    version: int
    rows: int
    content_sha256: str
    first_ts: int
    last_ts: int


class _Manifest(msgspec.Struct, frozen=True):
    commit: _Commit
    file_sha256: str
    size_bytes: int


_DECODER = msgspec.json.Decoder(_Manifest)
_TYPES: Mapping[object, pa.DataType] = {str: pa.string(), int: pa.int64(), bool: pa.bool_()}
SCHEMA = pa.schema(
    [pa.field(it.name, _TYPES[it.type], nullable=False) for it in msgspec.structs.fields(Entry)]
)


def index_path(lake: Path, instrument_id: str, year: str) -> Path:
    venue, _, symbol = instrument_id.partition(":")
    return lake / venue / symbol / year / NAME


def manifest_of(lake: Path, table: Table, instrument_id: str, hour: Hour) -> Path:
    venue, _, symbol = instrument_id.partition(":")
    published = layout.dataset(venue, symbol, hour.day, hour.of_day, table.published)
    # As manifest.manifest_path has it, of a path that is taken apart once: there are many hours.
    return lake / (published.removesuffix(".parquet") + manifest.SUFFIX)


def read_entry(lake: Path, table: Table, instrument_id: str, hour: Hour) -> Entry | None:
    """Read the manifest of an hour; ``None`` where there is none."""
    path = manifest_of(lake, table, instrument_id, hour)
    try:
        with path.open("rb") as file:
            known = os.fstat(file.fileno())  # of what is read, whatever takes its place
            told = _DECODER.decode(file.read())
    except FileNotFoundError:
        return None
    return Entry(
        table=table.minutes,
        hour=hour.start,
        version=told.commit.version,
        rows=told.commit.rows,
        size_bytes=told.size_bytes,
        file_sha256=told.file_sha256,
        content_sha256=told.commit.content_sha256,
        first_ts=told.commit.first_ts,
        last_ts=told.commit.last_ts,
        is_whole=condition_of(lake, table, instrument_id, hour).condition is Condition.COMPLETE,
        at=known.st_mtime_ns,
        inode=known.st_ino,
    )


def read_index(path: Path) -> dict[tuple[str, int], Entry]:
    """Give the entries by table and hour; none where there is no index or it cannot be read."""
    try:
        rows = pq.read_table(path, schema=SCHEMA).to_pylist()
    except (FileNotFoundError, pa.ArrowInvalid):
        return {}
    return {(it["table"], it["hour"]): Entry(**it) for it in rows}


def is_current(known: Entry | None, path: Path) -> bool:
    """Whether ``known`` was read from the manifest as it lies there now."""
    if known is None:
        return False
    try:
        now = path.stat()
    except FileNotFoundError:
        return False
    return (known.at, known.inode) == (now.st_mtime_ns, now.st_ino)


def entries(
    lake: Path, table: Table, instrument_id: str, hours: Sequence[Hour]
) -> dict[Hour, Entry]:
    """Give what is known of each of ``hours`` that is published."""
    indices: dict[str, Mapping[tuple[str, int], Entry]] = {}
    if len(hours) > DIRECT_HOURS_MAX:
        years = sorted({it.day[:4] for it in hours})
        indices = {it: read_index(index_path(lake, instrument_id, it)) for it in years}
    found = {}
    for hour in hours:
        known = indices.get(hour.day[:4], {}).get((table.minutes, hour.start))
        path = manifest_of(lake, table, instrument_id, hour)
        entry = known if is_current(known, path) else read_entry(lake, table, instrument_id, hour)
        if entry is not None:
            found[hour] = entry
    return found


def published_hours(year: Path) -> Iterator[tuple[Path, Table, Hour]]:
    """Walk a year's folder; give each manifest, its table and its hour, in order."""
    tables = {it.published: it for it in PUBLISHED.values()}
    for path in sorted(year.glob(f"[01][0-9]/[0-3][0-9]/[0-2][0-9]/*{manifest.SUFFIX}")):
        name = path.name.removesuffix(manifest.SUFFIX)
        month, day, hour = path.parts[-4:-1]
        if name in tables:
            yield path, tables[name], Hour(f"{year.name}-{month}-{day}", int(hour))


def rebuild(lake: Path, instrument_id: str, year: str) -> int:
    """Write the index of a year anew and give the number of its entries.

    Only those manifests are read that changed since the last time, or whose hour was not complete.
    """
    path = index_path(lake, instrument_id, year)
    known = read_index(path)
    found: list[Entry] = []
    for place, table, hour in published_hours(path.parent):
        before = known.get((table.minutes, hour.start))
        current = before
        if before is None or not before.is_whole or not is_current(before, place):
            current = read_entry(lake, table, instrument_id, hour)
        found += [current] if current else []
    rows = pa.Table.from_pylist([msgspec.structs.asdict(it) for it in found], schema=SCHEMA)
    path.parent.mkdir(parents=True, exist_ok=True)
    with durable.lock(path.with_suffix(".lock")):
        beside = durable.temporary(path)
        pq.write_table(rows, beside, compression="zstd")
        durable.move(beside, path)
    return len(found)


def years(lake: Path) -> list[tuple[str, str]]:
    """Give each (instrument id, year) that the lake has a folder of, in order."""
    return [
        (f"{it.parts[-3]}:{it.parts[-2]}", it.name)
        for it in sorted(lake.glob("[!_]*/*/[0-9][0-9][0-9][0-9]"))
        if it.is_dir()
    ]
