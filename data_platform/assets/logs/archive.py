"""The log lines of an hour, one Parquet file for each module.

A row is a line. What cannot be read as a log line keeps its text and its place, under the event
``unreadable``, so that no line is ever left out: the checks then name it. Of an open hour the live
files are read too, up to their last whole line, and the result is partial.

Lines stream: in memory is one run of neighbouring pieces of which the times overlap, as a rule a
mebibyte. Each part comes out of its compressed form, whose checksums are verified on the way.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from data_platform.assets import batch
from data_platform.assets.batch import Batch
from data_platform.assets.logs.compression import LogHour, Part, compress_part, parts_of
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import LOGS, TABLES
from trading_runtime.records.units import Module, Nanos
from trading_runtime.store import commit, manifest
from trading_runtime.store.commit import Dataset, Rows, Told
from trading_runtime.store.hours import Hour
from trading_runtime.store.manifest import Commit, Source
from trading_runtime.store.search import members
from trading_runtime.store.search.line import Entry, entry, lines_of
from trading_runtime.store.search.rows import SCHEMA, rows_of

MAKER = "logs.archive/2"
"""Counts up when equal lines would make other bytes."""


class Piece(NamedTuple):
    """Some whole lines of a part; no line is older than ``low`` or younger than ``high``."""

    low: Nanos
    high: Nanos
    before: Nanos
    """The time of an unreadable first line."""
    read: Callable[[], bytes]


class Found(NamedTuple):
    """One file of a stream's hour."""

    source: Source
    pieces: Sequence[Piece]


def archive_root(data: Path) -> Path:
    return Path(layout.log_tables(data))


def dataset(data: Path, module: Module, hour: Hour) -> Dataset:
    day = hour.day.replace("-", "/")
    return Dataset(archive_root(data), f"{module.value}/{day}/{hour.of_day:02d}.parquet", LOGS)


def is_sealed(data: Path, hour: Hour) -> bool:
    """Scribe seals the logs of an hour before it marks the hour's ticks as sealed."""
    lake = layout.lake(data)
    return all(
        Path(lake / layout.hour_marker(table, hour.day, hour.of_day)).exists() for table in TABLES
    )


def sealed_file(data: Path, part: Part, hour: Hour) -> Found | None:
    """Give a sealed part in its compressed form, which is made if it is not there yet."""
    index = compress_part(part, hour)
    if index is None:
        return None
    pieces = [
        Piece(it.low, it.high, it.before, partial(members.inflate_member, part.gz, it))
        for it in index.members
    ]
    path = part.plain.relative_to(data).as_posix()
    return Found(Source(path=path, sha256=index.plain_sha256, rows=index.lines), pieces)


def live_file(data: Path, module: Module, hour: Hour) -> Found | None:
    """Give what the live file holds of the hour; a line that is being written is left for later."""
    path = Path(layout.live_log(data, module))
    if not path.exists():
        return None
    mark = f'"{hour.name}:'.encode()
    lines = path.read_bytes().split(b"\n")[:-1]
    own = [line + b"\n" for line in lines if mark in line[:64]]
    if not own:
        return None
    content = b"".join(own)
    source = Source(
        path=path.relative_to(data).as_posix(),
        sha256=hashlib.sha256(content).hexdigest(),
        rows=len(own),
    )
    # One piece: the hour's bounds are all that is known of its times.
    return Found(source, [Piece(hour.start, Nanos(hour.end - 1), hour.start, lambda: content)])


def files_of(data: Path, module: Module, hour: Hour, *, sealed: bool) -> list[Found]:
    found = [sealed_file(data, it, hour) for it in parts_of(data, module, hour)]
    if not sealed:
        found.append(live_file(data, module, hour))
    return [it for it in found if it is not None]


def runs(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    """Group neighbours so that every line of a group is older than every line of the next."""
    highest = list(accumulate((it.high for it in pieces), max))
    lowest = list(accumulate((it.low for it in reversed(pieces)), min))[::-1]
    run: list[Piece] = []
    for number, piece in enumerate(pieces):
        run.append(piece)
        if number + 1 == len(pieces) or highest[number] < lowest[number + 1]:
            yield run
            run = []


def entries_of(run: Sequence[Piece], module: Module) -> list[Entry]:
    """Read the lines of a run in order of time, session and record.

    An unreadable line stays behind the one before it.
    """
    found: list[tuple[tuple[Nanos, str, int], Entry]] = []
    session, seq = "", -1
    for piece in run:
        before = piece.before
        for line in lines_of(piece.read()):
            it = entry(line, module.value, before)
            before = it.at
            if it.read is not None:
                session, seq = it.session, it.seq
            found.append(((it.at, session, seq), it))
    found.sort(key=lambda keyed: keyed[0])
    return [it for _, it in found]


def tables_of(found: Sequence[Found], module: Module) -> Iterator[pa.Table]:
    """Give the rows of these files piece by piece, in the order of arrival."""
    for run in runs([piece for it in found for piece in it.pieces]):
        yield rows_of(entries_of(run, module))


def stage_module(dataset: Dataset, found: Sequence[Found], module: Module, *, sealed: bool) -> bool:
    """Stage one module's hour; give false where there is nothing new."""
    known = manifest.read_commit(dataset.published)
    digests = {it.source.sha256 for it in found}
    if known is not None and not digests >= {it.sha256 for it in known.sources}:
        # Parts of the version before are pruned: its rows stay, and what is new is added.
        return _stage_beside(dataset, known, found, module, sealed=sealed)
    commit.clear(dataset)
    sources = [it.source for it in found]
    if commit.is_published(dataset, sources, sealed=sealed):
        return False
    if known is None or not digests <= {it.sha256 for it in known.sources}:
        told = Told(
            version=(known.version if known else 0) + 1,
            sources=sources,
            sealed=sealed,
            metadata={},
            maker=MAKER,
        )
        commit.write(dataset, tables_of(found, module), told)
    return True


def _stage_beside(
    dataset: Dataset, known: Commit, found: Sequence[Found], module: Module, *, sealed: bool
) -> bool:
    before = {it.sha256 for it in known.sources}
    new = [it for it in found if it.source.sha256 not in before]
    rows = pa.concat_tables([SCHEMA.empty_table(), *tables_of(new, module)])
    return commit.stage(
        dataset,
        Rows(
            rows=rows,
            sources=[it.source for it in new],
            sealed=sealed,
            metadata={},
            maker=MAKER,
        ),
    )


def stage_hour(data: Path, hour: Hour) -> Batch:
    """Stage every module that has lines in the hour.

    One hour of a day at a time: the hours of a day share their folders.
    """
    root, name = archive_root(data), batch_name(hour)
    with commit.locked(root, f"logs-{hour.day}"), commit.locked(root, name):
        sealed = is_sealed(data, hour)
        staged: list[str] = []
        unchanged: list[str] = []
        for module in Module:
            found = files_of(data, module, hour, sealed=sealed)
            if found:
                it = dataset(data, module, hour)
                is_new = stage_module(it, found, module, sealed=sealed)
                (staged if is_new else unchanged).append(it.path)
        done = Batch(sealed=sealed, staged=tuple(staged), unchanged=tuple(unchanged))
        batch.write(root, name, done)
        return done


def stage(task: LogHour) -> Batch:
    """Stage an hour: what the engine runs, here or on another machine."""
    return stage_hour(task.data, task.hour)


def batch_name(hour: Hour) -> str:
    return f"logs-{hour.name}"
