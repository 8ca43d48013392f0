"""The minutes of an hour, all symbols mixed, into one staged file for each symbol.

Rows stream: in memory are one run of overlapping minutes and, of each symbol, one row group. A
symbol whose sources are all published already is left as it is. Where a source of the version
before is not there any more, or has another digest, the rows of the version before that no new
record replaces stay.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import msgspec
import pyarrow as pa

from data_platform.assets import batch
from data_platform.assets.batch import Batch
from data_platform.assets.ticks import minutes
from data_platform.assets.ticks.before import Before
from data_platform.assets.ticks.minutes import Minute, Minutes, Unsettled
from trading_runtime.records import layout
from trading_runtime.records.instruments import Instrument
from trading_runtime.records.lake_schema import (
    KEY_INSTRUMENTS,
    TABLES,
    Table,
    instruments_json,
    read_instruments,
)
from trading_runtime.store import commit, manifest, parquet
from trading_runtime.store.commit import Dataset, Draft, Told
from trading_runtime.store.hours import Hour
from trading_runtime.store.lake import lake
from trading_runtime.store.manifest import Commit, Source

MAKER = "ticks.compaction/2"
"""Counts up when equal minutes would make other bytes."""


class HourTask(NamedTuple):
    """One table's hour: what :func:`compact` is given, here or on another machine."""

    data: Path
    table: str
    """A name in :data:`~trading_runtime.records.lake_schema.TABLES`."""
    hour: Hour


class Compacted(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an hour; ``problems`` say what could not be taken, where, how to mend it."""

    hour: str
    sealed: bool
    staged: tuple[str, ...]
    unchanged: tuple[str, ...]
    rows: int
    source_bytes: int
    bytes: int
    seconds: float
    problems: tuple[str, ...]


class Symbol(NamedTuple):
    """One instrument's file to be."""

    dataset: Dataset
    sources: Sequence[Source]
    metadata: Mapping[str, str]


class Staged(NamedTuple):
    batch: Batch
    source_bytes: int
    problems: Sequence[str]


def published_commits(root: Path, table: Table, hour: Hour) -> dict[str, Commit]:
    """Give the commit records of the hour's published files, by path below the lake."""
    pattern = layout.dataset("*", "*", hour.day, hour.of_day, table.published)
    found = {it.relative_to(root).as_posix(): manifest.read_commit(it) for it in root.glob(pattern)}
    return {path: it for path, it in found.items() if it is not None}


def instruments_of(present: Iterable[Minute], instrument_id: str) -> list[Instrument]:
    """Give the revisions that the footers name; raise where one number means two grids."""
    known: dict[int, Instrument] = {}
    for minute in present:
        for it in minute.instruments:
            if it.instrument_id == instrument_id and known.setdefault(it.revision, it) != it:
                raise Unsettled(
                    f"{minute.path}: revision {it.revision} of {instrument_id} means two grids; "
                    f"find the session that wrote the wrong one; {minutes.MEND}"
                )
    return [known[revision] for revision in sorted(known)]


def plan_symbol(root: Path, table: Table, hour: Hour, found: Minutes, instrument_id: str) -> Symbol:
    """Say what the symbol's file is to be made of; raise :exc:`Unsettled`."""
    dataset = lake.dataset(root, table, instrument_id, hour)
    members = [it for it in found.present if instrument_id in it.counts]
    grids = instruments_of(members, instrument_id)
    if dataset.published.exists():
        text = parquet.metadata(dataset.published).get(KEY_INSTRUMENTS, b"[]")
        known = {it.revision: it for it in (*read_instruments(text), *grids)}
        grids = [known[revision] for revision in sorted(known)]
    return Symbol(
        dataset,
        [it.source_of(instrument_id) for it in members],
        {KEY_INSTRUMENTS: instruments_json(grids).decode()},
    )


class Growing:
    """One symbol's draft while rows stream past, and what stays of the version before."""

    def __init__(self, symbol: Symbol, *, sealed: bool) -> None:
        self._symbol, self._sealed = symbol, sealed
        known = manifest.read_commit(symbol.dataset.published)
        self._version = (known.version if known else 0) + 1
        digests = {it.sha256 for it in symbol.sources}
        is_replaced = known is None or {it.sha256 for it in known.sources} <= digests
        self._before = None if known is None or is_replaced else Before(symbol.dataset, known)
        self._draft = Draft(symbol.dataset)

    def add(self, rows: pa.Table) -> None:
        """Take the symbol's rows of the next run."""
        if self._before is None:
            self._draft.add(rows)
            return
        times = parquet.integers(rows, minutes.TIME)
        self._draft.add(self._before.take(int(times[0])))
        self._draft.add(self._before.join(rows, int(times[-1]) + 1))

    def finish(self) -> None:
        left: Sequence[Source] = ()
        if self._before is not None:
            self._draft.add(self._before.take(None))
            left = self._before.sources_left({it.sha256 for it in self._symbol.sources})
            self._before.close()
        self._draft.finish(
            Told(
                version=self._version,
                sources=(*left, *self._symbol.sources),
                sealed=self._sealed,
                metadata=self._symbol.metadata,
                maker=MAKER,
            )
        )

    def abandon(self) -> None:
        if self._before is not None:
            self._before.close()
        self._draft.abandon()


def write(symbols: Mapping[str, Symbol], found: Minutes) -> None:
    """Build the staged files of these symbols in one pass over the minutes."""
    members = [it for it in found.present if not symbols.keys().isdisjoint(it.counts)]
    growing: dict[str, Growing] = {}
    try:
        for name, symbol in symbols.items():
            growing[name] = Growing(symbol, sealed=found.sealed)
        for rows in minutes.read_runs(members):
            for name, part in minutes.by_symbol(rows):
                if name in growing:
                    growing[name].add(part)
        for it in growing.values():
            it.finish()
    except BaseException:
        for it in growing.values():
            it.abandon()
        raise


def is_only_unlisted(symbol: Symbol) -> bool:
    """Whether the published file holds all sources, so that only its manifest is missing."""
    known = manifest.read_commit(symbol.dataset.published)
    digests = {it.sha256 for it in known.sources} if known else set()
    return {it.sha256 for it in symbol.sources} <= digests


def stage(
    data: Path, table: Table, hour: Hour, found: Minutes, sealed_paths: Iterable[str]
) -> Staged:
    """Stage every symbol that has something new; the caller holds the lock of the batch."""
    root = Path(layout.lake(data))
    problems: list[str] = []
    fresh: dict[str, Symbol] = {}
    staged: list[str] = []
    unchanged = set(sealed_paths)
    for name in sorted({name for it in found.present for name in it.counts}):
        try:
            symbol = plan_symbol(root, table, hour, found, name)
        except Unsettled as problem:
            problems.append(str(problem))
            continue
        commit.clear(symbol.dataset)
        if commit.is_published(symbol.dataset, symbol.sources, sealed=found.sealed):
            unchanged.add(symbol.dataset.path)
            continue
        staged.append(symbol.dataset.path)
        if not (found.sealed and is_only_unlisted(symbol)):
            fresh[name] = symbol
    write(fresh, found)
    done = Batch(
        sealed=found.sealed,
        staged=tuple(staged),
        unchanged=tuple(sorted(unchanged - set(staged))),
    )
    return Staged(done, sum(it.size for it in found.present), problems)


def take_hour(data: Path, table: Table, hour: Hour) -> Staged:
    """Stage the hour; raise :exc:`Unsettled` where nothing of it can be taken."""
    root, name = Path(layout.lake(data)), batch_name(table, hour)
    with commit.locked(root, name), ExitStack() as held:
        batch.write(root, name, Batch(sealed=False, staged=(), unchanged=()))
        known = published_commits(root, table, hour)
        taken = frozenset(it.sha256 for own in known.values() for it in own.sources)
        found = minutes.open_hour(data, table, hour, taken, held)
        done = stage(data, table, hour, found, known if found.sealed else ())
        batch.write(root, name, done.batch)
        return done


def stage_hour(data: Path, table: Table, hour: Hour) -> Batch:
    """Stage the hour; raise :exc:`Unsettled` if anything of it was not taken."""
    done = take_hour(data, table, hour)
    if done.problems:
        raise Unsettled("; ".join(done.problems))
    return done.batch


def compact(task: HourTask) -> Compacted:
    """Stage one table's hour: the partition in, files in staging out.

    What is wrong with the hour's own files is told, not raised: other hours go on.
    """
    begun = perf_counter()
    table = TABLES[task.table]
    root = Path(layout.lake(task.data))
    try:
        done = take_hour(task.data, table, task.hour)
    except Unsettled as problem:
        nothing = Batch(sealed=False, staged=(), unchanged=())
        done = Staged(nothing, 0, [str(problem)])
    made = [Dataset(root, path, table).candidate for path in done.batch.staged]
    known = [it for it in map(manifest.read_commit, made) if it is not None]
    return Compacted(
        hour=task.hour.name,
        sealed=done.batch.sealed,
        staged=done.batch.staged,
        unchanged=done.batch.unchanged,
        rows=sum(it.rows for it in known),
        source_bytes=done.source_bytes,
        bytes=sum(it.stat().st_size for it in made),
        seconds=perf_counter() - begun,
        problems=tuple(done.problems),
    )


def batch_name(table: Table, hour: Hour) -> str:
    return f"{table.minutes}-{hour.name}"
