"""The one writer of Parquet: columns and encodings of ``records.lake_schema``, nothing left open.

Equal rows and equal metadata give equal bytes, however the rows were chunked: row groups are cut
where the rows say, no clock and no name goes in, and pyarrow's own copy of the schema is left out.
Pages carry checksums; a reader here always verifies them.
"""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from trading_runtime.errors import Misread
from trading_runtime.records import lake_schema
from trading_runtime.records.lake_schema import COMPRESSION_LEVEL, Column, Encoding, Table
from trading_runtime.store import durable
from trading_runtime.store.hours import MINUTE_NS

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]

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


NULL = -(2**63)
"""Stands for null in a digest: no column has such a value."""
CODED = pa.dictionary(pa.int32(), pa.string())


@cache
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
    known, codes = coded(rows, column)
    if len(known) == 1:
        return known, codes.astype(np.int64)
    firsts = np.full(len(known), len(codes))
    # Assigned from the last row to the first, so that the first one stays.
    firsts[codes[::-1]] = np.arange(len(codes))[::-1]
    order = np.argsort(firsts, kind="stable")[: np.count_nonzero(firsts < len(codes))]
    places = np.zeros(len(known), dtype=np.int64)
    places[order] = np.arange(len(order))
    return [known[code] for code in order.tolist()], places.take(codes)


def coded(rows: pa.Table, column: str) -> tuple[list[str], Int32s]:
    """Give the texts of a column's dictionary, used or not, and each row's place among them."""
    cells = rows.column(column).unify_dictionaries()
    # One chunk is taken as it lies: to combine it would copy it.
    one = cells.chunks[0] if cells.num_chunks == 1 else cells.combine_chunks()
    whole = one.dictionary_encode()
    codes: Int32s = whole.indices.to_numpy().astype(np.int32, copy=False)
    return [str(it) for it in whole.dictionary.to_pylist()], codes


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
    wanted = arrow_schema(table, coded=True)
    if rows.schema.equals(wanted):
        return rows
    columns = []
    for field in wanted:
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
    return pa.Table.from_arrays(columns, schema=wanted)


def _recoded(rows: pa.Table) -> pa.Table:
    """Leave in each dictionary only what the rows name, as it first appears: so it is written."""
    for place, field in enumerate(rows.schema):
        if pa.types.is_dictionary(field.type):
            named, _ = coded(rows, field.name)
            if len(named) == 1:
                continue
            known, codes = texts(rows, field.name)
            if known == named:
                continue
            column = pa.DictionaryArray.from_arrays(
                pa.array(codes.astype(np.int32), pa.int32()), pa.array(known, pa.string())
            )
            rows = rows.set_column(place, field, column)
    return rows


def _digest() -> "hashlib.blake2b":
    """Begin the digest of a column: twice as fast as SHA-256 on a processor that has none."""
    return hashlib.blake2b(digest_size=32)


class _Runs:
    """Digests a column whose values repeat: each new value, and the row at which it begins."""

    def __init__(self) -> None:
        self.values, self.starts = _digest(), _digest()
        self._rows = 0
        self._last: int | None = None

    def add(self, values: Int64s, begins: Int64s, rows: int) -> None:
        """Take the next ``rows``: the value of each run, and the row at which it begins."""
        if len(values) and self._last == int(values[0]):
            values, begins = values[1:], begins[1:]
        if len(values):
            self._last = int(values[-1])
        self.values.update(values.astype(np.int64, copy=False).data)
        self.starts.update((begins + self._rows).data)
        self._rows += rows


class _Column:
    """Digests one column, whatever pieces it comes in; null is a value of its own."""

    def __init__(self, column: Column) -> None:
        self._column = column
        self._known: dict[str, int] = {}
        self._runs = _Runs()
        self._values, self._shape = self._runs.values, self._runs.starts
        self._is_coded = column.name in TEXT_AS_DICTIONARY
        self._repeats = column.encoding is Encoding.DICT and column.type != "string"

    def add(self, rows: pa.Table) -> None:
        cells = rows.column(self._column.name)
        if self._is_coded:
            self._add_coded(rows)
        elif self._column.type in {"string", "decimal"}:
            self._add_texts(rows)
        elif self._repeats:
            if self._column.nullable:
                cells = cells.fill_null(pa.scalar(NULL))
            values = cells.to_numpy()
            begins = _begins(values)
            self._runs.add(values[begins], begins, len(values))
        else:
            if self._column.nullable:
                self._shape.update(cells.is_valid().to_numpy().tobytes())
                cells = cells.drop_null()
            self._values.update(cells.to_numpy().data)

    def _add_coded(self, rows: pa.Table) -> None:
        names, codes = coded(rows, self._column.name)
        begins = _begins(codes if len(names) > 1 else codes[:1])
        own = {}
        for code in dict.fromkeys(codes[begins].tolist()):
            own[code] = self._known.setdefault(names[code], len(self._known))
        table = np.array([own.get(code, 0) for code in range(len(names))], dtype=np.int64)
        values = table.take(codes[begins])
        apart = _begins(values)  # a dictionary may have one text under two codes
        self._runs.add(values[apart], begins[apart], len(codes))

    def _add_texts(self, rows: pa.Table) -> None:
        cells = rows.column(self._column.name)
        found = [None if it is None else str(it).encode() for it in cells.to_pylist()]
        sizes = [-1 if it is None else len(it) for it in found]
        self._shape.update(np.array(sizes, dtype=np.int64).tobytes())
        self._values.update(b"".join(it for it in found if it is not None))

    def digest(self) -> bytes:
        column = self._column
        known = msgspec.json.encode(list(self._known))
        name = f"\n{column.name} {column.type} ".encode()
        return name + self._values.digest() + self._shape.digest() + known


def _begins(values: Int64s | Int32s) -> Int64s:
    """Give the rows whose value is not that of the row above."""
    first = np.zeros(min(1, len(values)), np.int64)
    return np.concatenate([first, np.flatnonzero(values[1:] != values[:-1]) + 1])


class Content:
    """Digests columns and values, not their encoding: it survives a new writer or compression.

    It is the SHA-256 of the columns' BLAKE2b digests. Rows may come in pieces: however they are
    cut, the digest is the same.
    """

    def __init__(self, table: Table) -> None:
        self._name = table.schema_id
        self._rows = 0
        self._columns = [_Column(it) for it in table.columns]

    def add(self, rows: pa.Table) -> None:
        self._rows += rows.num_rows
        for column in self._columns:
            column.add(rows)

    def hexdigest(self) -> str:
        digest = hashlib.sha256(f"{self._name} {self._rows}".encode())
        for column in self._columns:
            digest.update(column.digest())
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

    def __init__(self, path: Path, table: Table, level: int = COMPRESSION_LEVEL) -> None:
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
            compression_level=level,
            use_dictionary=as_dictionary,  # type: ignore[arg-type]  # stubs know only a bool
            column_encoding={
                name: it.value for name, it in encodings.items() if it is not Encoding.DICT
            },
            write_page_checksum=True,
            store_schema=False,
            sorting_columns=[pq.SortingColumn(0)],
        )

    def add(self, rows: pa.Table) -> list[pa.Table]:
        """Take rows as :func:`conform` gives them; give the row groups that are written now."""
        self._waiting.append(rows)
        self._rows_waiting += rows.num_rows
        if self._rows_waiting < self._table.row_group_min:
            return []
        return self._flush(everything=False)

    def add_last(self) -> list[pa.Table]:
        """Write what waits for more rows; give its row groups. No row may come after it."""
        return self._flush(everything=True)

    def _flush(self, *, everything: bool) -> list[pa.Table]:
        """Write the row groups that no later row can change."""
        rows = pa.concat_tables(self._waiting) if self._waiting else self._schema.empty_table()
        self._waiting = [rows]
        if not everything and self._is_one_group(rows):
            return []
        groups = row_groups(integers(rows, self._schema.names[0]), self._table.row_group_min)
        whole = groups if everything else groups[:-1]
        written = []
        for start, end in whole:
            group = _recoded(rows.slice(start, end - start).combine_chunks())
            self._writer.write_table(group, row_group_size=end - start)
            written.append(group)
        if whole:
            rows = rows.slice(whole[-1][1])
        self._waiting, self._rows_waiting = [rows], rows.num_rows
        return written

    def _is_one_group(self, rows: pa.Table) -> bool:
        """Whether no minute begins after the rows that a group has at the least."""
        times = rows.column(0)
        full, last = (int(times[at].as_py()) for at in (self._table.row_group_min - 1, -1))
        return full // MINUTE_NS == last // MINUTE_NS and rows.num_rows <= lake_schema.ROW_GROUP_MAX

    def close(self, metadata: Mapping[str, str]) -> None:
        """Bring the file to disk, with these keys in its footer, and put it into its place."""
        self.add_last()
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


def metadata(path: Path) -> dict[str, bytes]:
    """Give the footer's own keys."""
    found = pq.read_metadata(path).metadata or {}
    return {key.decode(): value for key, value in found.items()}
