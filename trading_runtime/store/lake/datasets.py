"""Named datasets: which bytes a backtest read, so that it can read them again.

``lake/_datasets/<name>.json`` names every file by its digest. Late rows make a new version of an
hour; a dataset goes on reading the version that it was named with.

Rules:
 * A name is given once: again for the same files it changes nothing, for others it is refused.
 * Its bytes are linked into ``_versions/<sha256>.parquet`` before the name is written, so they
   stay when an hour is published anew or pruned. Whoever prunes there spares :func:`pinned`.
 * A file is hashed when it is named and again by :meth:`Pinned.verify`; a scan checks pages.
"""

import hashlib
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import pyarrow as pa

from trading_runtime.errors import Misread, Refused
from trading_runtime.records.lake_schema import PUBLISHED, Table
from trading_runtime.records.units import Nanos
from trading_runtime.store import durable
from trading_runtime.store.commit import VERSIONS
from trading_runtime.store.condition import Condition
from trading_runtime.store.hours import hours_between
from trading_runtime.store.lake import reading
from trading_runtime.store.lake.lake import WHOLE, conditions, dataset, select
from trading_runtime.store.lake.selection import File, Selection

FOLDER = "_datasets"
PREFIX = "ds:"
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}", re.ASCII)


class PinnedFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One hour's file as it was; ``path`` is where it was published, below the lake."""

    table: str
    instrument_id: str
    hour: Nanos
    path: str
    sha256: str
    rows: int
    size_bytes: int


class Hole(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An hour that was not complete when the name was given, and was allowed."""

    table: str
    instrument_id: str
    hour: str
    condition: Condition


class Naming(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of the dataset's file: rows with ``start <= time < end`` of ``files``."""

    name: str
    start: Nanos
    end: Nanos
    files: tuple[PinnedFile, ...]
    holes: tuple[Hole, ...]

    @property
    def digest(self) -> str:
        """Names the content whatever it is called: SHA-256 of span and files' digests."""
        told = msgspec.json.encode((self.start, self.end, [it.sha256 for it in self.files]))
        return hashlib.sha256(told).hexdigest()


class Pinned(NamedTuple):
    """An open dataset."""

    lake: Path
    naming: Naming

    def select(
        self, table: Table, instrument_id: str, start: int | None = None, end: int | None = None
    ) -> Selection:
        """Find the pinned files of ``[start, end)``, by default of the whole dataset.

        Raises :exc:`Refused` for a span, a table or an instrument that it was not named with, and
        :exc:`Misread` where bytes are gone.
        """
        first = self.naming.start if start is None else start
        last = self.naming.end if end is None else end
        if first < self.naming.start or last > self.naming.end:
            raise Refused(f"{PREFIX}{self.naming.name} does not reach so far")
        of_both = [
            it
            for it in self.naming.files
            if (it.table, it.instrument_id) == (table.minutes, instrument_id)
        ]
        if not of_both:
            raise Refused(f"{PREFIX}{self.naming.name} has no {table.minutes} of {instrument_id}")
        hours = {it.start for it in hours_between(first, last)}
        files = [located(self.lake, it) for it in of_both if it.hour in hours]
        return Selection(table, files, first, last)

    def scan(
        self,
        table: Table,
        instrument_id: str,
        start: int | None = None,
        end: int | None = None,
        *,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        """Give rows as ``lake.scan`` does, from the pinned bytes; raises as :meth:`select`."""
        return reading.arrow(self.select(table, instrument_id, start, end), columns)

    def verify(self) -> list[str]:
        """Hash every file; give the digests of those that are gone or have other bytes."""
        bad = []
        for it in self.naming.files:
            try:
                path = located(self.lake, it).path
            except Misread:
                bad.append(it.sha256)
                continue
            if durable.sha256(path) != it.sha256:
                bad.append(it.sha256)
        return bad


def version_path(lake: Path, sha256: str) -> Path:
    return lake / VERSIONS / f"{sha256}.parquet"


def located(lake: Path, it: PinnedFile) -> File:
    """Find the bytes of a pinned file: where versions are kept, or still in its place."""
    kept = version_path(lake, it.sha256)
    if kept.exists():
        return File(kept, it.sha256, it.rows, it.size_bytes, it.hour)
    published = lake / it.path
    if published.exists() and durable.sha256(published) == it.sha256:
        return File(published, it.sha256, it.rows, it.size_bytes, it.hour)
    raise Misread("lost", f"{it.path} of digest {it.sha256}")


def keep(lake: Path, file: File) -> None:
    """Link a file's bytes under their digest; refuse those that are not what its manifest says."""
    if durable.sha256(file.path) != file.sha256:
        raise Refused(f"{file.path} is not what its manifest tells; publish it again first")
    kept = version_path(lake, file.sha256)
    kept.parent.mkdir(parents=True, exist_ok=True)
    if not kept.exists():
        kept.hardlink_to(file.path)
        durable.sync_folder(kept.parent)


def naming_path(lake: Path, name: str) -> Path:
    if not NAME.fullmatch(name):
        raise Refused(f"{name!r} is no name for a dataset")
    return lake / FOLDER / f"{name}.json"


def gathered(
    lake: Path, table: Table, instrument_id: str, naming: Naming, allow: Collection[Condition]
) -> tuple[list[PinnedFile], list[Hole]]:
    """Pin the files of one table and instrument."""
    chosen = select(lake, table, instrument_id, naming.start, naming.end, allow)
    hours = hours_between(naming.start, naming.end)
    starts = {
        dataset(lake, table, instrument_id, hour).published: Nanos(hour.start) for hour in hours
    }
    files = []
    for it in chosen.files:
        if it.path not in starts:
            raise Refused(f"{it.path} still grows: it cannot be pinned")
        keep(lake, it)
        files.append(
            PinnedFile(
                table=table.minutes,
                instrument_id=instrument_id,
                hour=starts[it.path],
                path=it.path.relative_to(lake).as_posix(),
                sha256=it.sha256,
                rows=it.rows,
                size_bytes=it.size_bytes,
            )
        )
    found = conditions(lake, table, instrument_id, naming.start, naming.end)
    holes = [
        Hole(
            table=table.minutes,
            instrument_id=instrument_id,
            hour=hour.name,
            condition=it.condition,
        )
        for hour, it in found.items()
        if it.condition not in WHOLE
    ]
    return files, holes


def name_dataset(
    lake: Path,
    name: str,
    wanted: Sequence[tuple[Table, str]],
    span: tuple[int, int],
    allow: Collection[Condition] = WHOLE,
) -> Pinned:
    """Give ``name`` to the rows of ``span`` (start, end) of tables and instruments, as they are.

    Raises :exc:`Refused` where the name is taken for something else, and
    :exc:`~trading_runtime.store.lake.lake.NotWhole` where an hour is not in a condition allowed.
    """
    path = naming_path(lake, name)
    start, end = span
    empty = Naming(name=name, start=Nanos(start), end=Nanos(end), files=(), holes=())
    parts = [gathered(lake, table, instrument, empty, allow) for table, instrument in wanted]
    naming = msgspec.structs.replace(
        empty,
        files=tuple(it for files, _ in parts for it in files),
        holes=tuple(it for _, holes in parts for it in holes),
    )
    with durable.lock(path.with_suffix(".lock")):
        if not path.exists():
            text = msgspec.json.format(msgspec.json.encode(naming), indent=2)
            durable.write(path, text + b"\n")
        elif open_dataset(lake, PREFIX + name).naming.digest != naming.digest:
            raise Refused(f"{PREFIX}{name} names other bytes already")
    return open_dataset(lake, PREFIX + name)


def open_dataset(lake: Path, reference: str) -> Pinned:
    """Open ``ds:<name>``; raise :exc:`Refused` where there is none."""
    path = naming_path(lake, reference.removeprefix(PREFIX))
    if not path.exists():
        raise Refused(f"there is no dataset {reference}")
    return Pinned(lake, msgspec.json.decode(path.read_bytes(), type=Naming))


def names(lake: Path) -> list[str]:
    return sorted(it.stem for it in (lake / FOLDER).glob("*.json"))


def pinned(lake: Path) -> Iterator[str]:
    """Give the digest of every file that a dataset needs: such bytes are never pruned."""
    for name in names(lake):
        for it in open_dataset(lake, PREFIX + name).naming.files:
            yield it.sha256


def tables_named(words: Sequence[str]) -> list[Table]:
    """Give the tables of these names; raise :exc:`Refused` for one that is none."""
    unknown = [it for it in words if it not in PUBLISHED]
    if unknown:
        raise Refused(f"{unknown[0]!r} is no table: {', '.join(PUBLISHED)}")
    return [PUBLISHED[it] for it in words]
