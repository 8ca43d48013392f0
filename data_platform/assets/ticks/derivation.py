"""Klines and book checkpoints of published hours, staged by the same protocol as the hours.

What is derived is a pure function of the published files that the commit record names by digest:
the same files give the same bytes, and a file that none of them has changed is left as it is.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import pyarrow as pa

from data_platform.assets import batch
from data_platform.assets.batch import Batch
from data_platform.assets.ticks import checkpoints, klines, minutes
from data_platform.assets.ticks.compaction import Compacted, batch_name
from data_platform.assets.ticks.minutes import Unsettled
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import (
    CHECKPOINTS,
    DEPTH,
    KEY_INSTRUMENTS,
    KLINES,
    PUBLISHED,
    TRADES,
    Table,
    instruments_json,
    read_instruments,
)
from trading_runtime.store import commit, durable, manifest, parquet
from trading_runtime.store.commit import Dataset, Told
from trading_runtime.store.condition import minutes_seen
from trading_runtime.store.hours import Hour, hour_at
from trading_runtime.store.lake import lake
from trading_runtime.store.manifest import Commit, Source

MAKERS = {KLINES.minutes: "ticks.klines/1", CHECKPOINTS.minutes: "ticks.checkpoints/1"}
"""Each counts up when equal files would make other bytes."""
KEY_MINUTES = "lake.minutes"
"""In the footer: the minutes of the hour in which the recorder wrote anything."""
BASES = {KLINES.minutes: TRADES, CHECKPOINTS.minutes: DEPTH}


class HoursTask(NamedTuple):
    """Some hours of one derived table, in order: a book goes over from one to the next."""

    data: Path
    table: str
    hours: Sequence[Hour]


class Origin(NamedTuple):
    """A file that something is derived from."""

    path: Path
    source: Source
    commit: Commit


class Origins(NamedTuple):
    """All that an instrument's hour is derived from."""

    base: Origin
    before: tuple[Origin, Origin] | None
    """Depth and checkpoints of the hour before, where a book may come over from it."""
    seen: frozenset[int]
    """The minutes in which the recorder wrote anything."""

    @property
    def sources(self) -> list[Source]:
        return [it.source for it in (self.base, *(self.before or ()))]

    @property
    def metadata(self) -> dict[str, str]:
        grids = read_instruments(parquet.metadata(self.base.path)[KEY_INSTRUMENTS])
        return {
            KEY_INSTRUMENTS: instruments_json(grids).decode(),
            KEY_MINUTES: " ".join(map(str, sorted(self.seen))),
        }


def origin(data: Path, dataset: Dataset, path: Path) -> Origin | None:
    """Name a file of ``dataset`` by digest; raise :exc:`Unsettled` where its manifest lags."""
    made = manifest.read_commit(path)
    if made is None:
        return None
    told = manifest.read(path)
    name = path.relative_to(data).as_posix()
    if told is None or told.commit != made:
        raise Unsettled(
            f"{name} has no manifest of its own; run the hour of {dataset.table.minutes} again"
        )
    return Origin(path, Source(path=name, sha256=told.file_sha256, rows=made.rows), made)


def checkpoint_origin(data: Path, dataset: Dataset) -> Origin | None:
    """Name the checkpoints of the hour before: those in staging where they are newer."""
    if not dataset.staged.exists():
        return origin(data, dataset, dataset.published)
    made = manifest.read_commit(dataset.staged)
    if made is None or not made.sealed:
        return None
    name = dataset.published.relative_to(data).as_posix()
    digest = durable.sha256(dataset.staged)
    return Origin(dataset.staged, Source(path=name, sha256=digest, rows=made.rows), made)


def origins_of(
    data: Path, table: Table, instrument_id: str, hour: Hour, *, sealed: bool
) -> Origins:
    """Find what the instrument's hour is derived from; raise :exc:`Unsettled`."""
    root = Path(layout.lake(data))
    dataset = lake.dataset(root, BASES[table.minutes], instrument_id, hour)
    base = origin(data, dataset, dataset.published if sealed else dataset.partial)
    if base is None:
        raise Unsettled(f"{dataset.path} is not there any more; run its hour again")
    before = books_before(data, instrument_id, hour) if table is CHECKPOINTS else None
    return Origins(base, before, minutes_seen(root, hour))


def books_before(data: Path, instrument_id: str, hour: Hour) -> tuple[Origin, Origin] | None:
    """Find the files of the hour before that a book may come over from."""
    root, before = Path(layout.lake(data)), hour_at(hour.start - 1)
    dataset = lake.dataset(root, DEPTH, instrument_id, before)
    depth = origin(data, dataset, dataset.published)
    books = checkpoint_origin(data, lake.dataset(root, CHECKPOINTS, instrument_id, before))
    return None if depth is None or books is None else (depth, books)


def make_klines(origins: Origins, hour: Hour) -> pa.Table:
    rows = parquet.read(origins.base.path, [*klines.COLUMNS, "instrument_id"])
    grids = read_instruments(parquet.metadata(origins.base.path)[KEY_INSTRUMENTS])
    return klines.klines(rows, grids, hour, origins.seen)


def make_checkpoints(origins: Origins, hour: Hour) -> pa.Table:
    rows = parquet.read(origins.base.path, checkpoints.COLUMNS)
    carried = None
    if origins.before is not None:
        depth, books = origins.before
        carried = checkpoints.carried_over(depth.path, books.path, hour)
        if carried is not None and not checkpoints.is_followed(rows, carried):
            carried = None
    return checkpoints.checkpoints(rows, hour, origins.seen, carried)


MAKE: Mapping[str, Callable[[Origins, Hour], pa.Table]] = {
    KLINES.minutes: make_klines,
    CHECKPOINTS.minutes: make_checkpoints,
}


def is_made(path: Path, origins: Origins, maker: str) -> bool:
    """Whether the file at ``path`` is derived from exactly these files by this code."""
    known = manifest.read_commit(path)
    return (
        known is not None
        and known.maker == maker
        and {it.sha256 for it in known.sources} == {it.sha256 for it in origins.sources}
        and origins.metadata[KEY_MINUTES].encode() == parquet.metadata(path).get(KEY_MINUTES)
    )


def stage_symbol(dataset: Dataset, origins: Origins, hour: Hour, *, sealed: bool) -> bool:
    """Stage one instrument's hour; give false where there is nothing new."""
    maker = MAKERS[dataset.table.minutes]
    commit.clear(dataset)
    place = dataset.published if sealed else dataset.partial
    if is_made(place, origins, maker):
        if manifest.is_current(place):
            return False
        if sealed:
            return True  # only the manifest is missing: the published file is judged again
    rows = MAKE[dataset.table.minutes](origins, hour)
    if rows.num_rows == 0:
        return False
    before = manifest.read_commit(dataset.published)
    told = Told(
        version=(before.version if before else 0) + 1,
        sources=origins.sources,
        sealed=sealed,
        metadata=origins.metadata,
        maker=maker,
    )
    commit.write(dataset, [rows], told)
    return True


def instruments_with(root: Path, base: Table, hour: Hour, *, sealed: bool) -> list[str]:
    """Give the instruments that have a file of ``base`` in the hour."""
    top = root if sealed else root / commit.PARTIAL
    pattern = layout.dataset("*", "*", hour.day, hour.of_day, base.published)
    found = (it.relative_to(top).parts for it in top.glob(pattern))
    return sorted(f"{venue}:{symbol}" for venue, symbol, *_ in found)


def stage_hour(data: Path, table: Table, hour: Hour) -> tuple[Batch, list[str]]:
    """Stage every instrument of the hour that has something new; give what could not be."""
    root, name = Path(layout.lake(data)), batch_name(table, hour)
    base = BASES[table.minutes]
    sealed = minutes.marker_path(data, base, hour).exists()
    staged: list[str] = []
    unchanged: list[str] = []
    problems: list[str] = []
    with commit.locked(root, name):
        batch.write(root, name, Batch(sealed=False, staged=(), unchanged=()))
        for instrument_id in instruments_with(root, base, hour, sealed=sealed):
            dataset = lake.dataset(root, table, instrument_id, hour)
            try:
                origins = origins_of(data, table, instrument_id, hour, sealed=sealed)
                is_new = stage_symbol(dataset, origins, hour, sealed=sealed)
            except Unsettled as problem:
                problems.append(str(problem))
                continue
            (staged if is_new else unchanged).append(dataset.path)
        done = Batch(sealed=sealed, staged=tuple(staged), unchanged=tuple(unchanged))
        batch.write(root, name, done)
    return done, problems


def derive_hour(data: Path, table: Table, hour: Hour) -> Compacted:
    begun = perf_counter()
    done, problems = stage_hour(data, table, hour)
    made = [Dataset(Path(layout.lake(data)), path, table).candidate for path in done.staged]
    known = [it for it in map(manifest.read_commit, made) if it is not None]
    return Compacted(
        hour=hour.name,
        sealed=done.sealed,
        staged=done.staged,
        unchanged=done.unchanged,
        rows=sum(it.rows for it in known),
        source_bytes=0,
        bytes=sum(it.stat().st_size for it in made),
        seconds=perf_counter() - begun,
        problems=tuple(problems),
    )


def derive(task: HoursTask) -> list[Compacted]:
    """Stage some hours of a derived table, one after the other."""
    return [derive_hour(task.data, PUBLISHED[task.table], hour) for hour in task.hours]
