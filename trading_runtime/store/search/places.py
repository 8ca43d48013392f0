"""Where the lines of a day stand, each part of an hour in one place only.

Scribe numbers the sealed files of a stream's hour from 1, and a part goes its way under its number:
sealed, compressed, in the published Parquet hour, in the archive. Of a part that stands in several
places the compressed file is read before the plain one, for its index, and what is here before
what is far away; Parquet is read where parts are here in no other form.

What is here is listed in the order in which lines move on (live, sealed, compressed, published), so
a line that moves while one looks is found in the place behind.
"""

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path, PurePath
from typing import NamedTuple, Protocol

import msgspec

from trading_runtime.records import layout
from trading_runtime.records.units import Module
from trading_runtime.store.hours import Hour, hour_at
from trading_runtime.store.search.files import GzFile, Hourly, LiveFile, PlainFile, Troubles
from trading_runtime.store.search.members import INDEX_SUFFIX
from trading_runtime.store.search.order import Block

PART = re.compile(r"([a-z]+)-(\d{4}-\d\d-\d\dT\d\d)-(\d{3,})\.jsonl(?:\.gz)?")
HOUR_OF_LINE = re.compile(rb'"ts":"(\d{4}-\d\d-\d\dT\d\d):')
HEAD_BYTES = 1 << 16
"""Of a live file, to find a line whose time can be read."""
HOURS_PER_DAY = 24
MANIFEST_SUFFIX = ".manifest.json"

Parts = dict[int, Block]


class _Source(msgspec.Struct, frozen=True):
    path: str


class _Commit(msgspec.Struct, frozen=True):
    sources: tuple[_Source, ...]


class _Manifest(msgspec.Struct, frozen=True):
    commit: _Commit


class Part(NamedTuple):
    """Which lines a file holds, by its name."""

    holds: Hourly
    number: int


class Table(NamedTuple):
    """A published hour, and which parts it has."""

    block: Block
    parts: frozenset[int]


class Here(NamedTuple):
    """What stands here of a day: plain and compressed files, and which hours are published."""

    parts: Mapping[Hourly, Parts]
    tables: frozenset[Hourly]


class Far(Protocol):
    """What is archived of one day."""

    def parts(self) -> Mapping[Hourly, Parts]:
        """Give the compressed files."""

    def tables(self) -> Mapping[Hourly, Table]:
        """Give the published hours."""


def hour_of(name: str) -> Hour:
    return Hour(name[:10], int(name[11:13]))


def part_of(name: str) -> Part | None:
    """Read the name of a sealed or compressed file; null where it is none of them."""
    found = PART.fullmatch(name)
    return Part(Hourly(found[1], hour_of(found[2])), int(found[3])) if found else None


class Near:
    """What stands below a data folder; holds the live files open until :meth:`close`."""

    def __init__(self, data: Path, troubles: Troubles) -> None:
        self._data = data
        self._troubles = troubles
        self.live = list(self._open_live())
        self._sealed = self._list_sealed()

    def close(self) -> None:
        for file in self.live:
            os.close(file.descriptor)
        self.live.clear()

    def days(self) -> set[str]:
        """Give the days of which lines of any kind are here."""
        found = {it.holds.hour.day for it in self.live} | {it.hour.day for it in self._sealed}
        for module in Module:
            for root in (layout.log_archive(self._data), layout.log_tables(self._data)):
                found.update(_days_below(str(root / module.value)))
        return found

    def sealed_names(self) -> set[str]:
        """Give the names of the sealed files that were there."""
        return {path.name for numbers in self._sealed.values() for path in numbers.values()}

    def of_day(self, day: str, modules: frozenset[str]) -> Here:
        """Give what stands here of a day."""
        parts: dict[Hourly, Parts] = defaultdict(dict)
        for holds, numbers in self._sealed.items():
            if holds.hour.day == day and holds.module in modules:
                for number, path in numbers.items():
                    gz = self._compressed(holds, number)
                    parts[holds][number] = PlainFile(holds, path, gz, self._troubles)
        for module in modules:
            folder, names = _listed(layout.log_archive(self._data), module, day)
            for name in names:
                part = part_of(name)
                # The index is the commit: without it the file is being written.
                if part is not None and name.removesuffix(".gz") + INDEX_SUFFIX in names:
                    gz = Path(folder, name)
                    parts[part.holds][part.number] = GzFile(part.holds, gz, self._troubles)
        return Here(parts, frozenset(self._tables(day, modules)))

    def table(self, holds: Hourly) -> Table:
        """Give a published hour."""
        folder = layout.log_tables(self._data) / _day_of(holds.module, holds.hour.day)
        path = Path(folder, f"{holds.hour.of_day:02d}.parquet")
        manifest = path.with_suffix(MANIFEST_SUFFIX).read_bytes()
        return table_of(holds, manifest, str(path), partial(_here, path), self._troubles)

    def _tables(self, day: str, modules: frozenset[str]) -> Iterator[Hourly]:
        for module in modules:
            _, names = _listed(layout.log_tables(self._data), module, day)
            for name in names:
                of_day = name.removesuffix(".parquet")
                if of_day != name and of_day + MANIFEST_SUFFIX in names:
                    yield Hourly(module, Hour(day, int(of_day)))

    def _compressed(self, holds: Hourly, number: int) -> Path:
        name = layout.archived_log(self._data, Module(holds.module), holds.hour.name, number)
        return Path(name)

    def _open_live(self) -> Iterator[LiveFile]:
        for module in Module:
            with suppress(FileNotFoundError):
                descriptor = os.open(layout.live_log(self._data, module), os.O_RDONLY)
                told = os.fstat(descriptor)
                if told.st_size:
                    named = HOUR_OF_LINE.search(os.pread(descriptor, HEAD_BYTES, 0))
                    # Without one line that can be read, the last write is as near as one comes.
                    hour = hour_of(named[1].decode()) if named else hour_at(told.st_mtime_ns)
                    yield LiveFile(Hourly(module.value, hour), descriptor, told.st_size)
                else:
                    os.close(descriptor)

    def _list_sealed(self) -> dict[Hourly, dict[int, Path]]:
        found: dict[Hourly, dict[int, Path]] = defaultdict(dict)
        sealed_since: set[int] = set()
        with suppress(FileNotFoundError), os.scandir(layout.sealed_logs(self._data)) as entries:
            for it in entries:
                part = part_of(it.name)
                if part is not None and it.name.endswith(".jsonl"):
                    found[part.holds][part.number] = Path(it.path)
                    sealed_since.add(it.inode())
        for file in [it for it in self.live if os.fstat(it.descriptor).st_ino in sealed_since]:
            self.live.remove(file)
            os.close(file.descriptor)
        return found


def _days_below(root: str) -> Iterator[str]:
    """Give the days that have a folder; with strings, for there may be thousands."""
    for year in _folders(root):
        for month in _folders(f"{root}/{year}"):
            for day in _folders(f"{root}/{year}/{month}"):
                yield f"{year}-{month}-{day}"


def _folders(root: str) -> list[str]:
    return [it for it in _names(root) if it.isdecimal()]


def _names(folder: str) -> frozenset[str]:
    try:
        with os.scandir(folder) as entries:
            return frozenset(it.name for it in entries)
    except FileNotFoundError:
        return frozenset()


def _here(path: Path) -> Path:
    return path


def _day_of(module: str, day: str) -> str:
    return f"{module}/{day.replace('-', '/')}"


def _listed(root: PurePath, module: str, day: str) -> tuple[PurePath, frozenset[str]]:
    """Give the folder of a stream's day, and the names in it."""
    folder = root / _day_of(module, day)
    return folder, _names(str(folder))


def table_of(
    holds: Hourly,
    manifest: bytes,
    name: str,
    opening: Callable[[], Path | bytes],
    troubles: Troubles,
) -> Table:
    """Name a published hour by its ``manifest``; ``opening`` gives it when it is read."""
    from trading_runtime.store.search.tables import TableFile  # noqa: PLC0415 -- pyarrow

    sources = msgspec.json.decode(manifest, type=_Manifest).commit.sources
    found = (part_of(it.path.rpartition("/")[2]) for it in sources)
    numbers = frozenset(it.number for it in found if it is not None)
    return Table(TableFile(holds, name, opening, troubles), numbers)


def is_without_hole(parts: Parts) -> bool:
    """Whether all parts of an hour are there: they count from 1, and the last ones go last."""
    return bool(parts) and max(parts) == len(parts)


def with_table(parts: Parts, table: Table | None) -> list[Block]:
    """Give the blocks of an hour that has parts in no other place than its published form."""
    if table is None or table.parts <= parts.keys():
        return list(parts.values())
    rest = [block for number, block in parts.items() if number not in table.parts]
    return [table.block, *rest]


def blocks_of_hour(near: Near, far: Far | None, holds: Hourly, day: Here) -> list[Block]:
    """Give everything of a stream's hour, each line in one block; ``day`` is its day here."""
    live: list[Block] = [it for it in near.live if it.holds == holds]
    here = day.parts.get(holds, {})
    # What scribe still writes to is here from its beginning.
    if is_without_hole(here) or (live and not here):
        return [*live, *here.values()]
    table = near.table(holds) if holds in day.tables else None
    if far is None or (table is not None and table.parts >= set(range(1, max(here, default=0)))):
        return [*live, *with_table(here, table)]
    parts = {**far.parts().get(holds, {}), **here}
    if not is_without_hole(parts) and table is None:
        table = far.tables().get(holds)
    return [*live, *with_table(parts, table)]
