"""An hour of ticks that is over: its marker says which minutes there are (MD-3).

The marker is what the platform works by: it names each minute's file with its digest. An hour
without a row has one too. Rows that come late rewrite their minute and, after it, the marker.
"""

from pathlib import Path

import msgspec
import pyarrow.parquet as pq

from trading_runtime.journal.durable import make_folder, write_file
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import TABLES, HourSealed, MinuteSealed, Table
from trading_runtime.scribe.minute import MINUTES_PER_HOUR, OPEN_SUFFIX, Lookup, Minute
from trading_runtime.store import durable
from trading_runtime.store.hours import HOUR_NS, Hour, hour_at

WATERMARK = "_watermark.json"
EMPTY_HOURS_MAX = 7 * 24
"""A longer silence within a session is no outage to be shown hour by hour."""


class Watermark(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far the ticks have come: minutes before ``minute`` are closed, hours before it sealed."""

    session: str
    minute: str
    """UTC ``YYYY-MM-DDTHH:MM``, the one that is open."""


def seal_hours(data: Path, first: int, end: int, lookup: Lookup) -> None:
    """Seal the hours from ``first`` to before ``end``, counted from 1970, also empty ones."""
    for number in range(first, min(end, first + EMPTY_HOURS_MAX)):
        hour = hour_at(number * HOUR_NS)
        for table in TABLES.values():
            _seal(data, table, hour, lookup)


def _seal(data: Path, table: Table, hour: Hour, lookup: Lookup) -> None:
    marker = Path(layout.lake(data)) / layout.hour_marker(table.minutes, hour.day, hour.of_day)
    make_folder(marker.parent)
    # Only an older crash can have left one: the open minute was closed before its hour is sealed.
    for left in sorted(marker.parent.glob(f"[0-5][0-9]{OPEN_SUFFIX}")):
        minute = hour.start // HOUR_NS * MINUTES_PER_HOUR + int(left.name[:2])
        Minute(data, table, minute).close(lookup)
    minutes = tuple(
        MinuteSealed(
            minute=int(path.stem), rows=pq.read_metadata(path).num_rows, sha256=durable.sha256(path)
        )
        for path in sorted(marker.parent.glob("[0-5][0-9].parquet"))
    )
    content = msgspec.json.encode(HourSealed(table=table.minutes, hour=hour.name, minutes=minutes))
    if not marker.exists() or marker.read_bytes() != content:
        write_file(marker, content)


def save_watermark(data: Path, session: str, minute: int) -> None:
    hour, of_hour = divmod(minute, MINUTES_PER_HOUR)
    text = f"{hour_at(hour * HOUR_NS).name}:{of_hour:02d}"
    content = msgspec.json.encode(Watermark(session=session, minute=text))
    write_file(Path(layout.lake(data)) / WATERMARK, content)
