"""``entries.parquet``: a row an entry, each column but ``canonical`` derived from that one.

Equal entries and an equal pyarrow give equal bytes: no clock and no name goes in. What a file says
is judged by its rows, which are derived again; its bytes are judged by the digest that names them.
"""

import io
from collections.abc import Mapping, Sequence
from hashlib import sha256

import pyarrow as pa
import pyarrow.parquet as pq

from trading_runtime.errors import Misread
from trading_runtime.evidence import entry
from trading_runtime.records import merkle

TYPES: Mapping[str, pa.DataType] = {
    "index": pa.int64(),
    "entity_id": pa.string(),
    "version": pa.int64(),
    "event_id": pa.string(),
    "event_time": pa.timestamp("us", "UTC"),
    "event_type": pa.string(),
    "service_name": pa.string(),
    "operation": pa.string(),
    "user_id": pa.string(),
    "trace_id": pa.string(),
    "client_ip": pa.string(),
    "producer_id": pa.string(),
    "producer_boot": pa.string(),
    "producer_seq": pa.int64(),
    "current_hash": pa.string(),
    "leaf_hash": pa.binary(32),
    "canonical": pa.binary(),
}
NULLABLE = frozenset({"user_id", "trace_id", "client_ip"})
SCHEMA = pa.schema([pa.field(it, TYPES[it], nullable=it in NULLABLE) for it in TYPES])
FEW_VALUES = [
    *("entity_id", "event_type", "service_name", "operation"),
    *("user_id", "client_ip", "producer_id", "producer_boot"),
]
SEARCHED = [*FEW_VALUES, "index", "version", "event_id", "event_time", "trace_id", "producer_seq"]
"""With minimum and maximum in the footer; of hashes and whole entries they would be of no use."""
ROW_GROUP = 8_192
"""An eighth of a block: one entity is looked for without reading all of it."""


def rows_of(first_index: int, entries: Sequence[bytes]) -> pa.Table:
    """Derive the columns; raise :exc:`Misread` where one of ``entries`` is no entry."""
    read = [entry.read(it) for it in entries]
    return pa.table(
        {
            "index": range(first_index, first_index + len(entries)),
            "entity_id": [it.entity_id for it in read],
            "version": [it.version for it in read],
            "event_id": [it.event_id for it in read],
            "event_time": pa.array([it.event_time for it in read], pa.string()).cast(
                TYPES["event_time"]
            ),
            "event_type": [it.event_type for it in read],
            "service_name": [it.service_name for it in read],
            "operation": [it.operation for it in read],
            "user_id": [it.user_id for it in read],
            "trace_id": [it.trace_id for it in read],
            "client_ip": [it.client_ip for it in read],
            "producer_id": [it.producer.id for it in read],
            "producer_boot": [it.producer.boot for it in read],
            "producer_seq": [it.producer.seq for it in read],
            "current_hash": [sha256(it).hexdigest() for it in entries],
            "leaf_hash": [merkle.leaf_hash(it) for it in entries],
            "canonical": list(entries),
        },
        schema=SCHEMA,
    )


def write(first_index: int, entries: Sequence[bytes]) -> bytes:
    """Give the bytes of the file whose first row is entry ``first_index`` of the log."""
    target = io.BytesIO()
    with pq.ParquetWriter(
        target,
        SCHEMA,
        compression="zstd",
        compression_level=3,
        use_dictionary=FEW_VALUES,  # type: ignore[arg-type]  # stubs know only a bool
        write_statistics=SEARCHED,
        write_page_checksum=True,
        store_schema=False,
        sorting_columns=[pq.SortingColumn(0)],
    ) as writer:
        for place in range(0, len(entries), ROW_GROUP):
            part = entries[place : place + ROW_GROUP]
            writer.write_table(rows_of(first_index + place, part), row_group_size=ROW_GROUP)
    return target.getvalue()


def read(content: bytes) -> pa.Table:
    """Read the rows of a file; raise :exc:`Misread` where it is no such file."""
    try:
        with pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True) as file:
            found = file.read()
    except (OSError, pa.ArrowException) as problem:
        raise Misread("parquet", str(problem)) from problem
    if not found.schema.equals(SCHEMA):
        raise Misread("columns", "the columns are not those of entries.parquet")
    return found


def check(content: bytes, first_index: int, entries: Sequence[bytes]) -> None:
    """Raise :exc:`Misread` unless the file has ``entries``, from ``first_index`` on, in each row.

    The detail names the first row that differs, by its index, and the column.
    """
    found = read(content)
    if found.num_rows != len(entries):
        raise Misread("rows", f"{found.num_rows} rows instead of {len(entries)}")
    for place in range(0, len(entries), ROW_GROUP):
        wanted = rows_of(first_index + place, entries[place : place + ROW_GROUP])
        compare(found.slice(place, ROW_GROUP), wanted, first_index + place)


def compare(found: pa.Table, wanted: pa.Table, first_index: int) -> None:
    for name in reversed(SCHEMA.names):  # what all is derived from comes first
        if not found.column(name).equals(wanted.column(name)):
            pairs = zip(found.column(name), wanted.column(name), strict=True)
            row = next(n for n, (one, other) in enumerate(pairs) if not one.equals(other))
            raise Misread("row", f"entry {first_index + row}: {name} is not that of the entry")
