"""The minute files of an hour: which there are, whether each is whole, and what it holds.

Of a sealed hour the marker says which minutes there are, and each must have the digest that the
marker names; an open hour is taken as it lies. A file stays open from its digest to its last row,
so that what was digested is what is read, though scribe may have replaced it since.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from trading_runtime.records import layout
from trading_runtime.records.instruments import Instrument
from trading_runtime.records.lake_schema import (
    KEY_INSTRUMENTS,
    KEY_SCHEMA,
    SCHEMA_VERSION,
    HourSealed,
    MinuteSealed,
    Table,
    read_instruments,
)
from trading_runtime.store import parquet
from trading_runtime.store.hours import Hour
from trading_runtime.store.manifest import Source
from trading_runtime.store.merge import in_arrival_order
from trading_runtime.store.parquet import Misfit

SYMBOLS = "instrument_id"
TIME = "ts_recv"
ANY_TIME = (0, 2**63 - 1)
MEND = "bring it back from the archive and run the hour again"


class Unsettled(ValueError):
    """The hour cannot be taken as it lies: which file, what is wrong with it, how to mend it."""


class Minute(NamedTuple):
    """One minute file, held open."""

    path: str
    """Relative to the data folder."""
    file: BinaryIO
    footer: pq.FileMetaData
    table: Table
    sha256: str
    size: int
    span: tuple[int, int]
    """``ts_recv`` of the first and the last row."""
    counts: Mapping[str, int]
    """Rows by instrument."""
    instruments: Sequence[Instrument]

    @property
    def rows(self) -> int:
        return sum(self.counts.values())

    def source_of(self, instrument_id: str) -> Source:
        return Source(path=self.path, sha256=self.sha256, rows=self.counts[instrument_id])

    def read(self) -> pa.Table:
        """Read all rows as their table's columns; raise :exc:`Unsettled`."""
        self.file.seek(0)
        try:
            rows = opened(self.file.read(), self.footer).read(use_threads=False)
            return parquet.conform(rows, self.table)
        except (OSError, pa.ArrowInvalid) as error:
            raise Unsettled(f"{self.path} has rotted ({error}); {MEND}") from error
        except Misfit as error:
            raise Unsettled(f"{self.path} is of another schema: {error.detail}; {MEND}") from error


class Minutes(NamedTuple):
    """An hour's files; ``gone`` are those that the marker names, but that are pruned since."""

    present: Sequence[Minute]
    gone: Sequence[MinuteSealed]
    sealed: bool


def opened(content: bytes, footer: pq.FileMetaData | None = None) -> pq.ParquetFile:
    return pq.ParquetFile(
        pa.BufferReader(content),
        metadata=footer,
        pre_buffer=False,  # it is in memory already
        page_checksum_verification=True,
        read_dictionary=parquet.TEXT_AS_DICTIONARY,
    )


def span_of(footer: pq.FileMetaData) -> tuple[int, int]:
    """Give the least and the greatest ``ts_recv``; any time where the file does not tell."""
    place = footer.schema.names.index(TIME)
    found = [
        footer.row_group(group).column(place).statistics for group in range(footer.num_row_groups)
    ]
    known = [
        (int(it.min or 0), int(it.max or 0)) for it in found if it is not None and it.has_min_max
    ]
    if len(known) < len(found):
        return ANY_TIME
    return min(low for low, _ in known), max(high for _, high in known)


def count_by_symbol(file: pq.ParquetFile) -> dict[str, int]:
    names, codes = parquet.coded(file.read(columns=[SYMBOLS], use_threads=False), SYMBOLS)
    counts = np.bincount(codes, minlength=len(names)).tolist()
    return {name: count for name, count in zip(names, counts, strict=True) if count}


def check_schema(path: str, table: Table, told: Mapping[bytes, bytes]) -> None:
    """Raise :exc:`Unsettled` where the footer names another table, or a later way to write it."""
    found = told.get(KEY_SCHEMA.encode(), b"").decode()
    name, _, version = found.partition("/")
    if name != table.minutes or KEY_INSTRUMENTS.encode() not in told:
        raise Unsettled(f"{path} is no minute of {table.minutes} (schema {found!r}); {MEND}")
    if not version.isdecimal() or int(version) > SCHEMA_VERSION:
        raise Unsettled(
            f"{path} has schema {found}, and this code knows {table.schema_id}; "
            "run the hour again with the code that wrote it, or newer"
        )


def open_minute(data: Path, path: Path, table: Table, held: ExitStack) -> Minute:
    """Open a minute file and look at all but its rows; raise :exc:`Unsettled`."""
    name = path.relative_to(data).as_posix()
    try:
        file = held.enter_context(path.open("rb"))
    except FileNotFoundError as error:
        raise Unsettled(f"{name} is missing, and its hour's marker names it; {MEND}") from error
    content = file.read()
    if not content:
        raise Unsettled(f"{name} is empty (0 bytes); {MEND}")
    try:
        parsed = opened(content)
    except (OSError, pa.ArrowInvalid) as error:
        raise Unsettled(
            f"{name} is no whole Parquet file, for it was cut or written half ({error}); {MEND}"
        ) from error
    footer = parsed.metadata
    told = footer.metadata or {}
    check_schema(name, table, told)
    missing = [
        it.name for it in table.columns if not it.nullable and it.name not in footer.schema.names
    ]
    if missing:
        raise Unsettled(f"{name} has no column {', '.join(missing)} of {table.schema_id}; {MEND}")
    if footer.num_rows == 0:
        raise Unsettled(f"{name} has no row, and scribe writes no such file; {MEND}")
    try:
        counts = count_by_symbol(parsed)
    except (OSError, pa.ArrowInvalid) as error:
        raise Unsettled(f"{name} has rotted ({error}); {MEND}") from error
    return Minute(
        path=name,
        file=file,
        footer=footer,
        table=table,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        span=span_of(footer),
        counts=counts,
        instruments=read_instruments(told[KEY_INSTRUMENTS.encode()]),
    )


def marker_path(data: Path, table: Table, hour: Hour) -> Path:
    return Path(layout.lake(data) / layout.hour_marker(table.minutes, hour.day, hour.of_day))


def read_marker(data: Path, table: Table, hour: Hour) -> HourSealed | None:
    """Give what is sealed of the hour, ``None`` where it is open or was never recorded."""
    path = marker_path(data, table, hour)
    if not path.exists():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=HourSealed)
    except msgspec.DecodeError as error:
        name = path.relative_to(data).as_posix()
        raise Unsettled(f"{name} is no marker of an hour ({error}); {MEND}") from error


def check_copies(minutes: Iterable[Minute]) -> None:
    """Raise :exc:`Unsettled` where one minute's bytes are another's."""
    known: dict[str, str] = {}
    for it in minutes:
        if known.setdefault(it.sha256, it.path) != it.path:
            raise Unsettled(f"{it.path} has the bytes of {known[it.sha256]}; {MEND}")


def open_hour(
    data: Path, table: Table, hour: Hour, taken: frozenset[str], held: ExitStack
) -> Minutes:
    """Open the hour's minutes; raise :exc:`Unsettled` with the first that cannot be taken.

    ``taken`` are the digests of minutes whose rows are published: such a file may be gone.
    """
    marker = read_marker(data, table, hour)
    folder = marker_path(data, table, hour).parent
    if marker is None:
        paths = sorted(folder.glob("[0-5][0-9].parquet"))
        present = [open_minute(data, path, table, held) for path in paths]
        check_copies(present)
        return Minutes(present, (), sealed=False)
    present, gone = [], []
    for told in marker.minutes:
        path = folder / f"{told.minute:02d}.parquet"
        if told.sha256 in taken and not path.exists():
            gone.append(told)
            continue
        minute = open_minute(data, path, table, held)
        if (minute.sha256, minute.rows) != (told.sha256, told.rows):
            raise Unsettled(
                f"{minute.path} is not what was sealed: {minute.rows} rows for {told.rows}, "
                f"sha256 {minute.sha256[:12]} for {told.sha256[:12]}; {MEND}"
            )
        present.append(minute)
    check_copies(present)
    return Minutes(present, gone, sealed=True)


def runs(minutes: Sequence[Minute]) -> list[list[Minute]]:
    """Put together the minutes whose times overlap; each run ends before the next begins."""
    found: list[list[Minute]] = []
    end = -1
    for it in sorted(minutes, key=lambda minute: (minute.span, minute.path)):
        if found and it.span[0] <= end:
            found[-1].append(it)
        else:
            found.append([it])
        end = max(end, it.span[1])
    return found


def read_runs(minutes: Sequence[Minute]) -> Iterator[pa.Table]:
    """Read all rows in their order of arrival, a run at a time: no more is in memory."""
    for run in runs(minutes):
        yield in_arrival_order(pa.concat_tables([it.read() for it in run]), TIME)


def by_symbol(rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Split rows by their instrument, each keeping its order."""
    names, codes = parquet.coded(rows, SYMBOLS)
    if len(names) == 1:
        yield names[0], rows
        return
    narrow = codes.astype(np.uint16)  # which numpy sorts by radix
    order = np.argsort(narrow, kind="stable")
    place = rows.schema.get_field_index(SYMBOLS)
    field = rows.schema.field(place)
    others = rows.remove_column(place).combine_chunks()
    others = pc.take(others, pa.array(order.astype(np.uint32), pa.uint32()), boundscheck=False)
    ends = np.cumsum(np.bincount(narrow, minlength=len(names))).tolist()
    firsts = pa.array(np.zeros(len(codes), np.int32), pa.int32())
    for name, start, end in zip(names, [0, *ends[:-1]], ends, strict=True):
        if start == end:
            continue  # the dictionary has the name, and no row
        same = pa.DictionaryArray.from_arrays(firsts[start:end], pa.array([name]), safe=False)
        yield name, others.slice(start, end - start).add_column(place, field, same)
