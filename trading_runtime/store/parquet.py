"""The one writer of Parquet: columns and encodings of ``records.lake_schema``, nothing left open.

Equal rows and equal metadata give equal bytes, however the rows were chunked: row groups are cut
where the rows say, no clock and no name goes in, and pyarrow's own copy of the schema is left out.
Pages carry checksums; a reader here always verifies them.
"""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from trading_runtime.errors import Misread
from trading_runtime.records import lake_schema
from trading_runtime.records.lake_schema import Encoding, Table
from trading_runtime.store import durable
from trading_runtime.store.hours import MINUTE_NS

Int64s = npt.NDArray[np.int64]

TYPES: Mapping[str, pa.DataType] = {
    "int64": pa.int64(),
    "int32": pa.int32(),
    "int8": pa.int8(),
    "uint8": pa.uint8(),
    "bool": pa.bool_(),
    "string": pa.string(),
    "decimal": pa.decimal128(38, 0),
}
TEXT_AS_DICTIONARY = ["instrument_id", "session"]


CODED = pa.dictionary(pa.int32(), pa.string())


def arrow_schema(table: Table, *, coded: bool = False) -> pa.Schema:
    """Give the table's columns; ``coded``: with its texts of few values as dictionaries."""
    return pa.schema(
        [
            pa.field(
                it.name,
                CODED if coded and it.name in TEXT_AS_DICTIONARY else TYPES[it.type],
                nullable=it.nullable,
            )
            for it in table.columns
        ]
    )


def integers(rows: pa.Table, column: str) -> Int64s:
    """Give a column without nulls as int64."""
    return rows.column(column).to_numpy().astype(np.int64, copy=False)


def texts(rows: pa.Table, column: str) -> tuple[list[str], Int64s]:
    """Give the different texts of a column as they first appear, and each row's place among them.

    Works on the codes where the column is read as a dictionary: there are few texts and many rows.
    """
    coded = rows.column(column).unify_dictionaries().combine_chunks().dictionary_encode()
    codes: Int64s = coded.indices.to_numpy().astype(np.int64)
    known = coded.dictionary.to_pylist()
    firsts = np.full(len(known), len(codes))
    # Assigned from the last row to the first, so that the first one stays.
    firsts[codes[::-1]] = np.arange(len(codes))[::-1]
    order = np.argsort(firsts, kind="stable")[: np.count_nonzero(firsts < len(codes))]
    places = np.zeros(len(known), dtype=np.int64)
    places[order] = np.arange(len(order))
    return [str(known[code]) for code in order.tolist()], places.take(codes)


def row_groups(times: Int64s, rows_min: int = lake_schema.ROW_GROUP_MIN) -> list[tuple[int, int]]:
    """Cut at the first minute boundary after ``rows_min`` rows, and at ``ROW_GROUP_MAX``."""
    minutes = times // MINUTE_NS
    boundaries = np.flatnonzero(minutes[1:] != minutes[:-1]) + 1
    groups = []
    start, size = 0, len(times)
    while start < size:
        place = int(np.searchsorted(boundaries, start + rows_min))
        boundary = int(boundaries[place]) if place < len(boundaries) else size
        end = min(boundary, start + lake_schema.ROW_GROUP_MAX, size)
        groups.append((start, end))
        start = end
    return groups


class Misfit(Misread):
    """Rows that are not of their table: ``absent``, ``type`` or ``null`` is what is wrong."""


def conform(rows: pa.Table, table: Table) -> pa.Table:
    """Give the table's columns in their order, texts of few values as codes.

    A column that may be absent, and is, holds nulls: the rows are of an older minor version. One
    that the table does not name is left out: they are of a newer one. Raises :exc:`Misfit`.
    """
    columns = []
    for field in arrow_schema(table, coded=True):
        if field.name in rows.schema.names:
            column = rows.column(field.name)
        elif field.nullable:
            column = pa.chunked_array([pa.nulls(rows.num_rows, field.type)])
        else:
            raise Misfit("absent", f"there is no column {field.name} of {table.schema_id}")
        try:
            columns.append(column.cast(field.type))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise Misfit(
                "type", f"column {field.name} is {column.type}, not {field.type}"
            ) from error
        if column.null_count and not field.nullable:
            raise Misfit("null", f"column {field.name} has {column.null_count} nulls")
    return pa.Table.from_arrays(columns, schema=arrow_schema(table, coded=True))


def _recoded(rows: pa.Table) -> pa.Table:
    """Leave in each dictionary only what the rows name, as it first appears: so it is written."""
    for place, field in enumerate(rows.schema):
        if pa.types.is_dictionary(field.type):
            known, codes = texts(rows, field.name)
            column = pa.DictionaryArray.from_arrays(
                pa.array(codes.astype(np.int32), pa.int32()), pa.array(known, pa.string())
            )
            rows = rows.set_column(place, field, column)
    return rows


class Content:
    """Digests columns and values, not their encoding: it survives a new writer or compression.

    Rows may come in pieces: however they are cut, the digest is the same.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._rows = 0
        self._digests = [(hashlib.sha256(), hashlib.sha256()) for _ in table.columns]
        self._known: list[dict[str, int]] = [{} for _ in table.columns]

    def add(self, rows: pa.Table) -> None:
        self._rows += rows.num_rows
        for column, (values, shape), known in zip(
            self._table.columns, self._digests, self._known, strict=True
        ):
            cells = rows.column(column.name)
            if column.name in TEXT_AS_DICTIONARY:
                names, places = texts(rows, column.name)
                codes = [known.setdefault(name, len(known)) for name in names]
                values.update(np.array(codes, dtype=np.int32).take(places).tobytes())
                continue
            if column.nullable:
                shape.update(cells.is_valid().to_numpy().tobytes())
                cells = cells.drop_null()
            if column.type in {"string", "decimal"}:
                coded = [str(it).encode() for it in cells.to_pylist()]
                shape.update(np.array([len(it) for it in coded], dtype=np.int64).tobytes())
                values.update(b"".join(coded))
            else:
                values.update(cells.to_numpy().data)

    def hexdigest(self) -> str:
        digest = hashlib.sha256(f"{self._table.schema_id} {self._rows}".encode())
        for column, (values, shape), known in zip(
            self._table.columns, self._digests, self._known, strict=True
        ):
            digest.update(f"\n{column.name} {column.type} ".encode())
            digest.update(values.digest() + shape.digest() + msgspec.json.encode(list(known)))
        return digest.hexdigest()


def content_sha256(rows: pa.Table, table: Table) -> str:
    content = Content(table)
    content.add(rows)
    return content.hexdigest()


class Writer:
    """A file that rows come into in their order of arrival, piece by piece.

    It holds the rows of one row group and of one piece. However the rows are cut into pieces, the
    bytes are the same. ``path`` is as it was until :meth:`close`.
    """

    def __init__(self, path: Path, table: Table) -> None:
        self._path, self._table = path, table
        self._beside = durable.temporary(path)
        self._schema = arrow_schema(table, coded=True)
        self._waiting: list[pa.Table] = []
        self._rows_waiting = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        encodings = {it.name: it.encoding for it in table.columns}
        as_dictionary = [name for name, it in encodings.items() if it is Encoding.DICT]
        self._writer = pq.ParquetWriter(
            self._beside,
            self._schema,
            compression=lake_schema.COMPRESSION,
            compression_level=lake_schema.COMPRESSION_LEVEL,
            use_dictionary=as_dictionary,  # type: ignore[arg-type]  # stubs know only a bool
            column_encoding={
                name: it.value for name, it in encodings.items() if it is not Encoding.DICT
            },
            write_page_checksum=True,
            store_schema=False,
            sorting_columns=[pq.SortingColumn(0)],
        )

    def add(self, rows: pa.Table) -> None:
        """Take rows as :func:`conform` gives them."""
        self._waiting.append(rows)
        self._rows_waiting += rows.num_rows
        if self._rows_waiting >= self._table.row_group_min:
            self._flush(everything=False)

    def _flush(self, *, everything: bool) -> None:
        """Write the row groups that no later row can change."""
        rows = pa.concat_tables(self._waiting) if self._waiting else self._schema.empty_table()
        times = integers(rows, self._schema.names[0])
        groups = row_groups(times, self._table.row_group_min)
        whole = groups if everything else groups[:-1]
        for start, end in whole:
            group = _recoded(rows.slice(start, end - start)).combine_chunks()
            self._writer.write_table(group, row_group_size=end - start)
        if whole:
            rows = rows.slice(whole[-1][1])
        self._waiting, self._rows_waiting = [rows], rows.num_rows

    def close(self, metadata: Mapping[str, str]) -> None:
        """Bring the file to disk, with these keys in its footer, and put it into its place."""
        self._flush(everything=True)
        self._writer.add_key_value_metadata(
            {lake_schema.KEY_SCHEMA: self._table.schema_id, **dict(sorted(metadata.items()))}
        )
        self._writer.close()
        durable.move(self._beside, self._path)

    def abandon(self) -> None:
        """Leave nothing behind."""
        # A full disk can refuse the footer too; the file is thrown away in either case.
        with suppress(OSError):
            self._writer.close()
        self._beside.unlink(missing_ok=True)


def write(path: Path, rows: pa.Table, table: Table, metadata: Mapping[str, str]) -> None:
    """Write ``rows``, in their order of arrival, so that ``path`` is whole or as it was."""
    writer = Writer(path, table)
    try:
        writer.add(conform(rows, table))
        writer.close(metadata)
    except BaseException:
        writer.abandon()
        raise


def opened(path: Path) -> pq.ParquetFile:
    """Open a file with its checksums verified and its few different texts as dictionaries."""
    footer = pq.read_metadata(path)
    coded = [name for name in TEXT_AS_DICTIONARY if name in footer.schema.names]
    return pq.ParquetFile(
        path, metadata=footer, page_checksum_verification=True, read_dictionary=coded
    )


def read(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a whole file; raise :exc:`OSError` where a page's checksum does not agree."""
    with opened(path) as file:
        return file.read(columns=None if columns is None else list(columns))


def read_between(path: Path, start: int, end: int) -> pa.Table:
    """Read the rows with ``start <= ts_recv < end``, opening only the row groups that have some."""
    with opened(path) as file:
        groups = []
        for group in range(file.metadata.num_row_groups):
            times = file.metadata.row_group(group).column(0).statistics
            if times is None or (int(times.min or 0) < end and int(times.max or 0) >= start):
                groups.append(group)
        rows = file.read_row_groups(groups)
    received = integers(rows, "ts_recv")
    return rows.filter((received >= start) & (received < end))


def metadata(path: Path) -> dict[str, bytes]:
    """Give the footer's own keys."""
    found = pq.read_metadata(path).metadata or {}
    return {key.decode(): value for key, value in found.items()}
