"""A selection as Arrow, as a DuckDB relation, as a Polars frame.

Arrow reads with the checksums of pages verified. DuckDB and Polars read lazily by themselves, and
do not verify them; ``tapedeck lake`` and datasets offer a check of whole files.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from trading_runtime.errors import Refused
from trading_runtime.store import parquet
from trading_runtime.store.lake.selection import File, Selection

if TYPE_CHECKING:
    import duckdb
    import polars as pl

THREADS = 2
"""Decoding lets go of the interpreter; more threads than this only help where the disk is slow."""


def row_groups(footer: pq.FileMetaData, start: int, end: int) -> list[int]:
    """Give the row groups that may hold a row of ``[start, end)``, by the time's statistics."""
    found = []
    for group in range(footer.num_row_groups):
        known = footer.row_group(group).column(0).statistics
        if known is None or (int(known.min or 0) < end and int(known.max or 0) >= start):
            found.append(group)
    return found


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
    """Give the one revision of all files, 0 where there is none.

    Raises :exc:`Refused` where prices of two would stand in one column as equals.
    """
    found = sorted(set().union(*(revisions(it) for it in footers)))
    if len(found) > 1:
        raise Refused(
            f"tick or lot changed in this span: revisions {found}; read the span of each by itself"
        )
    return found[0] if found else 0


def between(rows: pa.Table, time: str, start: int, end: int) -> pa.Table:
    """Cut ``rows``, which are sorted by ``time``, to ``[start, end)`` without copying them."""
    times = parquet.integers(rows, time)
    first, last = np.searchsorted(times, [start, end])
    return rows if last - first == len(times) else rows.slice(int(first), int(last - first))


def open_file(selection: Selection, columns: Sequence[str] | None, file: File) -> pq.ParquetFile:
    """Open a file with its checksums verified, and its few different texts as dictionaries."""
    texts = [it.name for it in selection.table.columns if it.type == "string"]
    coded = [it for it in texts if columns is None or it in columns]
    return pq.ParquetFile(file.path, read_dictionary=coded, page_checksum_verification=True)


def read_opened(
    selection: Selection, columns: Sequence[str] | None, opened: pq.ParquetFile
) -> pa.Table:
    """Read the selected rows of one file; raise :exc:`OSError` where a page's checksum is wrong."""
    wanted = None if columns is None else list(dict.fromkeys([selection.time, *columns]))
    groups = row_groups(opened.metadata, selection.start, selection.end)
    rows = opened.read_row_groups(groups, columns=wanted, use_threads=False)
    cut = between(rows, selection.time, selection.start, selection.end)
    return cut if columns is None else cut.select(list(columns))


def read_file(selection: Selection, columns: Sequence[str] | None, file: File) -> pa.Table:
    with open_file(selection, columns, file) as opened:
        return read_opened(selection, columns, opened)


def arrow(selection: Selection, columns: Sequence[str] | None = None) -> pa.Table:
    """Read the selected rows, in the order of arrival; all columns where none are named."""
    read = partial(read_file, selection, columns)
    if len(selection.files) > 1:
        with ThreadPoolExecutor(THREADS) as threads:
            parts = list(threads.map(read, selection.files))
    else:
        parts = [read(it) for it in selection.files]
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
