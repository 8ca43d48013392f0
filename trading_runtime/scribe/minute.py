"""One minute of one table: a segment that grows, then a Parquet file that replaces it.

The segment ``MM.arrows.open`` is an Arrow IPC stream (lz4): cut anywhere, it gives back every batch
that is whole. At the minute's close its rows, and those not yet in it, joined with those of a
``MM.parquet`` that exists already, become ``MM.parquet`` by one rename; the segment is removed.

Rules:
 * A message is in one batch, whole.
 * Rows of a record that stands in the segment or in the file are not appended again: after a crash
   the journal is read again from the last saved place.
 * A crash between rename and removal leaves both; the file is then the same after a second close.
"""

import io
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pyarrow as pa

from trading_runtime.journal.durable import make_folder, sync_folder, write_all
from trading_runtime.records import layout
from trading_runtime.records.instruments import Instrument
from trading_runtime.records.lake_schema import (
    KEY_INSTRUMENTS,
    Table,
    instruments_json,
    read_instruments,
)
from trading_runtime.records.units import Revision, Seq
from trading_runtime.store import merge, parquet
from trading_runtime.store.hours import MINUTE_NS, hour_at

MINUTES_PER_HOUR = 60
OPEN_SUFFIX = ".arrows.open"
COMPRESSED = pa.ipc.IpcWriteOptions(compression="lz4")

Lookup = Callable[[str, Revision], Instrument]
"""The instrument of a session's revision."""


class Minute:
    """Owns the segment. Any :exc:`OSError` leaves it to be opened anew."""

    def __init__(self, data: Path, table: Table, minute: int) -> None:
        """``minute`` counts from 1970. Nothing is made before the first row."""
        hour = hour_at(minute * MINUTE_NS)
        place = layout.minute(table.minutes, hour.day, hour.of_day, minute % MINUTES_PER_HOUR)
        self._table = table
        self._schema = parquet.arrow_schema(table)
        self._path = Path(layout.lake(data)) / place
        self._segment = self._path.with_suffix(OPEN_SUFFIX)
        self._descriptor = -1
        self.present: dict[str, int] = {}
        """The last record of each session whose rows stand here already."""
        if self._path.exists():
            self._find(parquet.read(self._path, ["session", "seq"]))
        if self._segment.exists():
            self._recover()

    def append(self, batch: pa.RecordBatch, *, sync: bool) -> None:
        """Add a batch to the segment, and bring it to disk."""
        content = _encoded(batch)
        if self._descriptor < 0:
            make_folder(self._path.parent)
            self._descriptor = os.open(self._segment, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            sync_folder(self._path.parent)
        if os.fstat(self._descriptor).st_size:
            content = content[self._schema.serialize().size :]
        write_all(self._descriptor, content)
        if sync:
            os.fdatasync(self._descriptor)

    def close(self, lookup: Lookup, rest: pa.RecordBatch | None = None) -> None:
        """Turn the segment, and ``rest`` that has not come into it, into the minute's file."""
        self.leave()
        batches: list[pa.RecordBatch] = []
        if self._segment.exists():
            batches, _ = _whole_batches(self._segment.read_bytes())
        if rest is not None:
            batches.append(rest)
        if batches:
            self._write(pa.Table.from_batches(batches, self._schema), lookup)
        if self._segment.exists():
            self._segment.unlink()
            sync_folder(self._path.parent)

    def _write(self, rows: pa.Table, lookup: Lookup) -> None:
        instruments = _instruments(rows, lookup)
        if self._path.exists():
            written = parquet.read(self._path)
            known = read_instruments(parquet.metadata(self._path)[KEY_INSTRUMENTS])
            instruments += [it for it in known if it not in instruments]
            rows = merge.merge(written.cast(self._schema), rows, "ts_recv")
        else:
            rows = merge.in_arrival_order(rows, "ts_recv")
        make_folder(self._path.parent)
        metadata = {KEY_INSTRUMENTS: instruments_json(instruments).decode()}
        parquet.write(self._path, rows, self._table, metadata)

    def leave(self) -> None:
        """Let go of the segment, as it is."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _recover(self) -> None:
        """Cut the segment after its last whole batch, and go on there."""
        content = self._segment.read_bytes()
        batches, size = _whole_batches(content)
        self._descriptor = os.open(self._segment, os.O_WRONLY | os.O_APPEND)
        if size < len(content):
            os.ftruncate(self._descriptor, size)
            os.fdatasync(self._descriptor)
        self._find(pa.Table.from_batches(batches, self._schema).select(["session", "seq"]))

    def _find(self, rows: pa.Table) -> None:
        last = rows.group_by("session").aggregate([("seq", "max")])
        for session, seq in zip(
            last.column("session").to_pylist(), last.column("seq_max").to_pylist(), strict=True
        ):
            name = str(session)
            self.present[name] = max(self.present.get(name, 0), Seq(int(str(seq))))


def _instruments(rows: pa.Table, lookup: Lookup) -> list[Instrument]:
    """Give the instruments that ``rows`` name, each once."""
    named = rows.select(["session", "instrument_rev"]).group_by(["session", "instrument_rev"])
    pairs: Iterable[tuple[str, int]] = zip(
        *(column.to_pylist() for column in named.aggregate([]).columns), strict=True
    )
    found: list[Instrument] = []
    for session, revision in pairs:
        instrument = lookup(session, Revision(revision))
        if instrument not in found:
            found.append(instrument)
    return found


def _encoded(batch: pa.RecordBatch) -> bytes:
    """Give the schema and ``batch`` as they stand at the start of an IPC stream."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, batch.schema, options=COMPRESSED) as stream:
        stream.write_batch(batch)
        return sink.getvalue()


def _whole_batches(content: bytes) -> tuple[list[pa.RecordBatch], int]:
    """Give the batches that are whole, and the byte after the last of them."""
    source = pa.BufferReader(content)
    batches: list[pa.RecordBatch] = []
    end = 0
    try:
        stream = pa.ipc.open_stream(source)
        end = source.tell()
        while True:
            batches.append(stream.read_next_batch())
            end = source.tell()
    except (StopIteration, pa.ArrowInvalid, OSError):
        # Arrow names a cut in more than one way; what came before it is whole.
        return batches, end
