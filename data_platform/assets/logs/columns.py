"""What each column of a typed log line means, for whoever reads the files."""

from collections.abc import Mapping

MEANINGS: Mapping[str, str] = {
    "ts": "engine time, UTC nanoseconds; of an unreadable line that of the line before it",
    "module": "the stream that the line says it is of",
    "level": "DEBUG, INFO, WARN, ERROR or CRITICAL; ERROR where the line is unreadable",
    "event": "the event's name (docs/events.md), or unreadable",
    "symbol": "empty where the event has none",
    "instrument_id": "venue and symbol, empty where the event has none",
    "order_id": "our id of the order, empty where the event has none",
    "venue_order": "the venue's id of the order, empty where the event has none",
    "trace_id": "the line's traceId, else <session>/<seq>/0, as the audit entry of the same record",
    "session": "which journal the record is of, empty where the line is unreadable",
    "seq": "the record's number in its journal, -1 where the line is unreadable",
    "line": "the whole JSON line as it was written; base64: and Base64 where it is no UTF-8",
}
