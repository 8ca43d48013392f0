"""A selection as Arrow, as a DuckDB relation, as a Polars frame.

Arrow reads with the checksums of pages verified. DuckDB and Polars read lazily by themselves, and
do not verify them; ``tapedeck lake`` and datasets offer a check of whole files.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from trading_runtime.errors import Misread, Refused
from trading_runtime.store import parquet
from trading_runtime.store.hours import HOUR_NS
from trading_runtime.store.lake.selection import File, Selection

if TYPE_CHECKING:
    import duckdb
    import polars as pl

THREADS = 2
"""Decoding lets go of the interpreter; more threads than this only help where the disk is slow."""
AT_ONCE = 8
"""Items that a thread takes: handing over one by itself costs a sixth of reading an hour."""
ANY_TIME = (-(2**63), 2**63 - 1)
LOCAL = fs.LocalFileSystem()
"""Named when a file is opened, or pyarrow looks for one at each path."""

Item = TypeVar("Item")
Found = TypeVar("Found")


def in_threads(work: Callable[[Item], Found], items: Sequence[Item]) -> Iterator[Found]:
    """Do ``work`` on each item, some at once, and give what it found in their order."""
    if len(items) < THREADS:
        yield from map(work, items)
        return
    size = min(AT_ONCE, -(-len(items) // THREADS))
    runs = [items[start : start + size] for start in range(0, len(items), size)]
    with ThreadPoolExecutor(THREADS) as threads:
        for found in threads.map(lambda run: [work(it) for it in run], runs):
            yield from found


def spans(footer: pq.FileMetaData) -> list[tuple[int, int]]:
    """Give the first and the last time in each row group; any time where nothing tells."""
    known = [footer.row_group(it).column(0).statistics for it in range(footer.num_row_groups)]
    return [ANY_TIME if it is None else (int(it.min or 0), int(it.max or 0)) for it in known]


def row_groups(footer: pq.FileMetaData, start: int, end: int) -> list[int]:
    """Give the row groups that may hold a row of ``[start, end)``, by the time's statistics."""
    return [
        group for group, (first, last) in enumerate(spans(footer)) if first < end and last >= start
    ]


def revisions(footer: pq.FileMetaData) -> set[int]:
    """Give the revisions of the instrument that the rows of a file are of, by its statistics.

    Of a file with more than two the ones between the least and the greatest are left out.
    """
    place = footer.schema.names.index("instrument_rev")
    found: set[int] = set()
    for group in range(footer.num_row_groups):
        known = footer.row_group(group).column(place).statistics
        if known is not None:
            found |= {int(known.min or 0), int(known.max or 0)}
    return found


def one_grid(footers: Iterable[pq.FileMetaData]) -> int:
    """Give the one revision of all files, 0 where there is none; raise as :func:`one_revision`."""
    return one_revision(set().union(*(revisions(it) for it in footers)))


def one_revision(known: Collection[int]) -> int:
    """Give the one that is known, 0 where none is.

    Raises :exc:`Refused` where prices of two would stand in one column as equals.
    """
    found = sorted(known)
    if len(found) > 1:
        raise Refused(
            f"tick or lot changed in this span: revisions {found}; read the span of each by itself"
        )
    return found[0] if found else 0


def check_order(file: File, times: parquet.Int64s) -> None:
    """Raise :exc:`Misread` unless ``times`` are in order and in the file's hour.

    Who does not look at every row's time by itself asks this first.
    """
    from trading_runtime.store.lake import kernels  # noqa: PLC0415 -- slow to load

    if not kernels.in_order(times):
        raise Misread("disorder", f"rows of {file.path} are not in the order of arrival")
    if len(times) and (times[0] < file.hour or times[-1] >= file.hour + HOUR_NS):
        raise Misread("disorder", f"rows of {file.path} are not of its hour")


def between(rows: pa.Table, time: str, start: int, end: int) -> pa.Table:
    """Cut ``rows``, which are sorted by ``time``, to ``[start, end)`` without copying them."""
    times = parquet.integers(rows, time)
    first, last = np.searchsorted(times, [start, end])
    return rows.slice(int(first), int(last - first))


def open_file(selection: Selection, columns: Sequence[str] | None, file: File) -> pq.ParquetFile:
    """Open a file with its checksums verified, and its few different texts as dictionaries."""
    texts = [it.name for it in selection.table.columns if it.type == "string"]
    coded = [it for it in texts if columns is None or it in columns]
    return pq.ParquetFile(
        str(file.path),
        filesystem=LOCAL,
        pre_buffer=False,  # another thread, for what is read in one piece as it is
        read_dictionary=coded,
        page_checksum_verification=True,
    )


def read_opened(
    selection: Selection, columns: Sequence[str] | None, opened: pq.ParquetFile
) -> pa.Table:
    """Read the selected rows of one file; raise :exc:`OSError` where a page's checksum is wrong."""
    wanted = None if columns is None else list(dict.fromkeys([selection.time, *columns]))
    start, end = selection.start, selection.end
    if all(start <= first and last < end for first, last in spans(opened.metadata)):
        cut = opened.read(columns=wanted, use_threads=False)
    else:
        groups = row_groups(opened.metadata, start, end)
        rows = opened.read_row_groups(groups, columns=wanted, use_threads=False)
        cut = between(rows, selection.time, start, end)
    return cut if columns is None or cut.column_names == columns else cut.select(list(columns))


def read_file(selection: Selection, columns: Sequence[str] | None, file: File) -> pa.Table:
    with open_file(selection, columns, file) as opened:
        return read_opened(selection, columns, opened)


def arrow(selection: Selection, columns: Sequence[str] | None = None) -> pa.Table:
    """Read the selected rows, in the order of arrival; all columns where none are named."""
    parts = list(in_threads(partial(read_file, selection, columns), selection.files))
    if parts:
        return pa.concat_tables(parts, promote_options="permissive")
    schema = parquet.arrow_schema(selection.table)
    names = schema.names if columns is None else list(columns)
    return schema.empty_table().select(names)


def relation(
    selection: Selection, connection: "duckdb.DuckDBPyConnection"
) -> "duckdb.DuckDBPyRelation":
    """Give the selected rows as a relation of ``connection``: lazy, and in parallel.

    Its order is DuckDB's own: name the order that you need, and take the first and last price of a
    group by ``arg_min(px, trade_id)``, never by ``first(px)``.
    """
    if not selection.files:
        return connection.from_arrow(parquet.arrow_schema(selection.table).empty_table())
    span = f"{selection.time} >= {selection.start} and {selection.time} < {selection.end}"
    return connection.read_parquet(selection.paths, union_by_name=True).filter(span)


def frame(selection: Selection) -> "pl.LazyFrame":
    """Give the selected rows as a lazy frame, in the order of arrival."""
    import polars as pl  # noqa: PLC0415 -- slow to load

    if not selection.files:
        empty = parquet.arrow_schema(selection.table).empty_table()
        return pl.DataFrame(empty).lazy()
    time = pl.col(selection.time)
    read = pl.scan_parquet(selection.paths, missing_columns="insert", glob=False)
    return read.filter((time >= selection.start) & (time < selection.end))
