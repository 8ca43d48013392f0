"""Market events gathered into columns: a row for each level, trade and ticker (MD-3).

Levels are kept as they come and are taken apart all at once at a flush: the cost of a row is that
of one list entry. What a whole message shares is kept once for it.
"""

from itertools import chain
from typing import NamedTuple, Protocol

import numpy as np
import pyarrow as pa

from trading_runtime.market.events import (
    DepthChanged,
    DepthSnapshot,
    PriceLevel,
    TickerChanged,
    TradePrinted,
)
from trading_runtime.records.lake_schema import (
    DEPTH,
    SIDE_ASK,
    SIDE_BID,
    TICKER,
    TRADES,
    Flag,
    Table,
)
from trading_runtime.records.units import Lots, Nanos, Revision, Seq, Ticks
from trading_runtime.store.parquet import Int64s, arrow_schema

Columns = dict[str, object]
"""Arrow arrays and numpy arrays, by the column's name."""

NO_LEVEL: PriceLevel = (Ticks(0), Lots(0))


class Origin(NamedTuple):
    """What the rows of one instrument in one session have in common."""

    instrument_id: str
    revision: Revision
    session: str


class Arrival(NamedTuple):
    """Which record brought a message, and when (engine time: it never falls in a session)."""

    at: Nanos
    seq: Seq
    origin: int
    """Counts in :class:`Origins`."""


class Origins:
    """The origins of the buffered rows, numbered as they come."""

    def __init__(self) -> None:
        self._numbers: dict[Origin, int] = {}

    def number(self, origin: Origin) -> int:
        return self._numbers.setdefault(origin, len(self._numbers))

    def columns(self, numbers: Int64s) -> Columns:
        """Give the three columns that rows of these origins have."""
        origins = list(self._numbers)
        return {
            "instrument_id": pa.array([it.instrument_id for it in origins]).take(numbers),
            "instrument_rev": pa.array([int(it.revision) for it in origins]).take(numbers),
            "session": pa.array([it.session for it in origins]).take(numbers),
        }


class Rows(Protocol):
    """The buffered rows of one table."""

    table: Table

    def count(self) -> int: ...

    def take(self, origins: Origins) -> pa.RecordBatch:
        """Give all rows, in the order in which they came, and forget them."""
        ...


class DepthRows:
    """One row for each level; a message without one has a row of its own."""

    table = DEPTH
    FIELDS = 10

    def __init__(self) -> None:
        self._messages: list[tuple[int, ...]] = []
        self._levels: list[PriceLevel] = []

    def count(self) -> int:
        return len(self._levels)

    def change(self, arrival: Arrival, event: DepthChanged, flags: int) -> None:
        ids = (event.venue_time, event.first_id, event.last_id, event.prev_id)
        self._add(arrival, ids, (event.bids, event.asks), flags)

    def snapshot(self, arrival: Arrival, event: DepthSnapshot) -> None:
        ids = (0, event.last_id, event.last_id, -1)
        self._add(arrival, ids, (event.bids, event.asks), Flag.SNAPSHOT)

    def _add(
        self,
        arrival: Arrival,
        ids: tuple[int, int, int, int],
        sides: tuple[list[PriceLevel], list[PriceLevel]],
        flags: int,
    ) -> None:
        bids, asks = sides
        bid_rows, ask_rows = len(bids), len(asks)
        if bid_rows or ask_rows:
            self._levels += bids
            self._levels += asks
        else:
            self._levels.append(NO_LEVEL)
            bid_rows = 1
            flags |= Flag.EMPTY
        self._messages.append((*arrival, *ids, int(flags), bid_rows, ask_rows))

    def take(self, origins: Origins) -> pa.RecordBatch:
        messages = _matrix(self._messages, self.FIELDS)
        levels = _matrix(self._levels, 2)
        sizes = messages[:, 8:10]
        counts = sizes.sum(axis=1)
        each = np.repeat(messages, counts, axis=0)
        sides = np.repeat(np.tile([SIDE_BID, SIDE_ASK], len(messages)), sizes.ravel())
        flags = each[:, 7].copy()
        flags[np.cumsum(counts) - 1] |= Flag.LAST
        columns: Columns = {
            "ts_recv": each[:, 0],
            "ts_exch": each[:, 3],
            "first_id": each[:, 4],
            "last_id": each[:, 5],
            "prev_id": pa.array(each[:, 6], mask=each[:, 6] < 0),
            "side": sides.astype(np.int8),
            "flags": flags.astype(np.uint8),
            "px": levels[:, 0],
            "qty": levels[:, 1],
            **origins.columns(each[:, 2]),
            "seq": each[:, 1],
        }
        self._messages, self._levels = [], []
        return _batch(self.table, columns)


class TradeRows:
    table = TRADES
    FIELDS = 9

    def __init__(self) -> None:
        self._rows: list[tuple[int, ...]] = []

    def count(self) -> int:
        return len(self._rows)

    def add(self, arrival: Arrival, event: TradePrinted) -> None:
        flags = Flag.LAST if event.is_market else Flag.LAST | Flag.OFF_MARKET
        print_ = (event.venue_time, event.trade_id, event.price, event.size, event.buyer_is_maker)
        self._rows.append((*arrival, *print_, int(flags)))

    def take(self, origins: Origins) -> pa.RecordBatch:
        rows = _matrix(self._rows, self.FIELDS)
        columns: Columns = {
            "ts_recv": rows[:, 0],
            "ts_exch": rows[:, 3],
            "trade_id": rows[:, 4],
            "px": rows[:, 5],
            "qty": rows[:, 6],
            "is_buyer_maker": rows[:, 7].astype(np.bool_),
            "flags": rows[:, 8].astype(np.uint8),
            **origins.columns(rows[:, 2]),
            "seq": rows[:, 1],
        }
        self._rows = []
        return _batch(self.table, columns)


class TickerRows:
    table = TICKER
    FIELDS = 9

    def __init__(self) -> None:
        self._rows: list[tuple[int, ...]] = []

    def count(self) -> int:
        return len(self._rows)

    def add(self, arrival: Arrival, event: TickerChanged) -> None:
        best = (event.bid, event.bid_size, event.ask, event.ask_size)
        self._rows.append((*arrival, event.venue_time, event.update_id, *best))

    def take(self, origins: Origins) -> pa.RecordBatch:
        rows = _matrix(self._rows, self.FIELDS)
        columns: Columns = {
            "ts_recv": rows[:, 0],
            "ts_exch": rows[:, 3],
            "update_id": rows[:, 4],
            "bid_px": rows[:, 5],
            "bid_qty": rows[:, 6],
            "ask_px": rows[:, 7],
            "ask_qty": rows[:, 8],
            "flags": np.full(len(rows), Flag.LAST, np.uint8),
            **origins.columns(rows[:, 2]),
            "seq": rows[:, 1],
        }
        self._rows = []
        return _batch(self.table, columns)


def _matrix(rows: list[tuple[int, ...]] | list[PriceLevel], width: int) -> Int64s:
    flat = np.fromiter(chain.from_iterable(rows), np.int64, len(rows) * width)
    return flat.reshape(-1, width)


def _batch(table: Table, columns: Columns) -> pa.RecordBatch:
    schema = arrow_schema(table)
    arrays = [pa.array(columns[field.name], field.type) for field in schema]  # type: ignore[call-overload]  # numpy's and Arrow's arrays alike
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
