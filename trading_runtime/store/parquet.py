"""The one writer of Parquet: columns and encodings of ``records.lake_schema``, nothing left open.

Equal rows and equal metadata give equal bytes, however the rows were chunked: row groups are cut
where the rows say, no clock and no name goes in, and pyarrow's own copy of the schema is left out.
Pages carry checksums; a reader here always verifies them.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

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


def arrow_schema(table: Table) -> pa.Schema:
    return pa.schema(
        [pa.field(it.name, TYPES[it.type], nullable=it.nullable) for it in table.columns]
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


def write(path: Path, rows: pa.Table, table: Table, metadata: Mapping[str, str]) -> None:
    """Write ``rows``, in their order of arrival, so that ``path`` is whole or as it was."""
    schema = arrow_schema(table)
    canonical = rows.select(schema.names).cast(schema).combine_chunks()
    encodings = {it.name: it.encoding for it in table.columns}
    as_dictionary = [name for name, it in encodings.items() if it is Encoding.DICT]
    beside = durable.temporary(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(
        beside,
        schema,
        compression=lake_schema.COMPRESSION,
        compression_level=lake_schema.COMPRESSION_LEVEL,
        use_dictionary=as_dictionary,  # type: ignore[arg-type]  # stubs know only a bool
        column_encoding={
            name: it.value for name, it in encodings.items() if it is not Encoding.DICT
        },
        write_page_checksum=True,
        store_schema=False,
        sorting_columns=[pq.SortingColumn(0)],
    ) as writer:
        for start, end in row_groups(integers(canonical, schema.names[0]), table.row_group_min):
            writer.write_table(canonical.slice(start, end - start), row_group_size=end - start)
        writer.add_key_value_metadata(
            {lake_schema.KEY_SCHEMA: table.schema_id, **dict(sorted(metadata.items()))}
        )
    durable.move(beside, path)


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


def content_sha256(rows: pa.Table, table: Table) -> str:
    """Digest columns and values, not their encoding: it survives a new writer or compression."""
    digest = hashlib.sha256(table.schema_id.encode())
    for column in table.columns:
        values = rows.column(column.name)
        digest.update(f"\n{column.name} {column.type} {len(values)}\n".encode())
        if column.type == "string":
            known, places = texts(rows, column.name)
            digest.update(msgspec.json.encode(known))
            digest.update(places.tobytes())
        elif column.type == "decimal":
            digest.update(msgspec.json.encode([str(it) for it in values.to_pylist()]))
        elif column.nullable:
            digest.update(values.is_valid().to_numpy().tobytes())
            digest.update(values.drop_null().to_numpy().tobytes())
        else:
            digest.update(values.to_numpy().tobytes())
    return digest.hexdigest()
