"""One hour of ticks damaged on the disk, so that it can be seen what becomes of it.

The damage is in single cells, and the hour is marked anew: its digests agree, as they would if the
one who wrote it had been wrong. Only what checks the rows themselves can find it.
"""

from pathlib import Path
from typing import NamedTuple

import msgspec
import pyarrow as pa

from trading_runtime.errors import Refused
from trading_runtime.journal.durable import write_file
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import KEY_INSTRUMENTS, TRADES, HourSealed, Table
from trading_runtime.store import durable, parquet
from trading_runtime.store.hours import Hour

COLUMN = "px"
PRICE = -1
"""No market has it, so that the row itself is wrong and not only beside its neighbours."""


class Damage(NamedTuple):
    """Which cell was changed, and what stood there."""

    path: str
    """Below the lake."""
    row: int
    column: str
    before: int


def damage(data: Path, hour: Hour, table: Table = TRADES) -> Damage:
    """Change one price of the middle minute of an hour; raise :exc:`Refused` where it has none."""
    lake = Path(layout.lake(data))
    marker = lake / layout.hour_marker(table.minutes, hour.day, hour.of_day)
    sealed = msgspec.json.decode(marker.read_bytes(), type=HourSealed)
    if not sealed.minutes:
        raise Refused(f"{marker} names no minute that could be damaged")
    place = len(sealed.minutes) // 2
    chosen = sealed.minutes[place]
    path = lake / layout.minute(table.minutes, hour.day, hour.of_day, chosen.minute)
    rows = parquet.read(path)
    metadata = {KEY_INSTRUMENTS: parquet.metadata(path)[KEY_INSTRUMENTS].decode()}
    prices = rows.column(COLUMN).to_pylist()
    row = len(prices) // 2
    before, prices[row] = int(str(prices[row])), PRICE
    index = rows.schema.get_field_index(COLUMN)
    changed = rows.set_column(
        index, rows.schema.field(index), pa.array(prices, rows.schema.field(index).type)
    )
    parquet.write(path, changed, table, metadata)
    again = msgspec.structs.replace(chosen, sha256=durable.sha256(path))
    minutes = (*sealed.minutes[:place], again, *sealed.minutes[place + 1 :])
    write_file(marker, msgspec.json.encode(msgspec.structs.replace(sealed, minutes=minutes)))
    return Damage(path.relative_to(lake).as_posix(), row, COLUMN, before)
