"""The index of a symbol's year: what the manifests of its hours say, in one small Parquet file.

``lake/<venue>/<SYMBOL>/<YYYY>/index.parquet`` spares a reader of many hours as many small files.

Rules:
 * It is never trusted over a manifest: each entry carries inode and time of the manifest that it
   was read from, and :func:`entries` reads every manifest anew that has others.
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
from trading_runtime.store.hours import Hour
from trading_runtime.store.manifest import RuleResult

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
    broken: int
    """Rules that the file breaks; none of them blocking, or it were not published."""
    at: int
    inode: int


class _Commit(msgspec.Struct, frozen=True):
    """The few fields of a manifest that an entry takes; the others are skipped, not decoded."""

    version: int
    rows: int
    content_sha256: str
    first_ts: int
    last_ts: int


class _Quality(msgspec.Struct, frozen=True):
    broken: tuple[RuleResult, ...]


class _Manifest(msgspec.Struct, frozen=True):
    commit: _Commit
    file_sha256: str
    size_bytes: int
    quality: _Quality


_DECODER = msgspec.json.Decoder(_Manifest)
SCHEMA = pa.schema(
    [
        pa.field(it.name, pa.string() if it.type is str else pa.int64(), nullable=False)
        for it in msgspec.structs.fields(Entry)
    ]
)


def index_path(lake: Path, instrument_id: str, year: str) -> Path:
    venue, _, symbol = instrument_id.partition(":")
    return lake / venue / symbol / year / NAME


def manifest_of(lake: Path, table: Table, instrument_id: str, hour: Hour) -> Path:
    venue, _, symbol = instrument_id.partition(":")
    published = layout.dataset(venue, symbol, hour.day, hour.of_day, table.published)
    return manifest.manifest_path(lake / published)


def read_entry(path: Path, table: str, hour: int) -> Entry | None:
    """Read the manifest ``path``; ``None`` where there is none."""
    try:
        with path.open("rb") as file:
            known = os.fstat(file.fileno())  # of what is read, whatever takes its place
            told = _DECODER.decode(file.read())
    except FileNotFoundError:
        return None
    return Entry(
        table=table,
        hour=hour,
        version=told.commit.version,
        rows=told.commit.rows,
        size_bytes=told.size_bytes,
        file_sha256=told.file_sha256,
        content_sha256=told.commit.content_sha256,
        first_ts=told.commit.first_ts,
        last_ts=told.commit.last_ts,
        broken=len(told.quality.broken),
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


def _current(known: Entry | None, path: Path) -> bool:
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
        start = hour.start
        known = indices.get(hour.day[:4], {}).get((table.minutes, start))
        path = manifest_of(lake, table, instrument_id, hour)
        entry = known if _current(known, path) else read_entry(path, table.minutes, start)
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

    Only the manifests are read that changed since the last time.
    """
    path = index_path(lake, instrument_id, year)
    known = read_index(path)
    found: list[Entry] = []
    for place, table, hour in published_hours(path.parent):
        start = hour.start
        before = known.get((table.minutes, start))
        current = before if _current(before, place) else read_entry(place, table.minutes, start)
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
