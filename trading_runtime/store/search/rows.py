"""Log lines as typed columns: of the archive's Parquet, and of an export."""

from collections.abc import Sequence

import pyarrow as pa

from trading_runtime.records.lake_schema import LOGS
from trading_runtime.store.parquet import arrow_schema
from trading_runtime.store.search.line import TS_MIN, UNREADABLE, Entry, LogLine, text_of

SCHEMA = arrow_schema(LOGS)


def rows_of(entries: Sequence[Entry]) -> pa.Table:
    """Give a row a line, in their order (``records.lake_schema.LOGS``)."""
    read = [it.read or _unreadable(it.module) for it in entries]
    return pa.table(
        {
            "ts": pa.array([it.at for it in entries], pa.int64()),
            "module": [it.module for it in read],
            "level": [it.level for it in read],
            "event": [it.event for it in read],
            "symbol": [it.symbol for it in read],
            "instrument_id": [it.instrument_id for it in read],
            "order_id": [it.order_id for it in read],
            "venue_order": [it.venue_order for it in read],
            "trace_id": ["" if it.read is None else it.read.trace_id for it in entries],
            "session": [it.session for it in entries],
            "seq": pa.array([it.seq for it in entries], pa.int64()),
            "line": [text_of(it.line) for it in entries],
        },
        schema=SCHEMA,
    )


def _unreadable(module: str) -> LogLine:
    return LogLine(ts=TS_MIN, module=module, level="ERROR", event=UNREADABLE, session="", seq=0)
