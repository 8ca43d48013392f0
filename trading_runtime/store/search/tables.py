"""Published hours of typed log lines as blocks: Parquet, row group by row group.

What the columns can rule out is ruled out on them; the line itself then decides, as everywhere.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from trading_runtime.errors import Fault
from trading_runtime.records.units import Nanos
from trading_runtime.store.parquet import integers
from trading_runtime.store.search.files import Hourly, Troubles
from trading_runtime.store.search.line import UNREADABLE, bytes_of
from trading_runtime.store.search.order import Opened
from trading_runtime.store.search.query import Matcher, Query

FILTERS = ("ts", "event", "level", "symbol", "order_id", "venue_order")


class TableFile(NamedTuple):
    """One published hour; ``opening`` gives its path, or its bytes where it is far away."""

    holds: Hourly
    name: str
    opening: Callable[[], Path | bytes]
    troubles: Troubles

    @property
    def low(self) -> Nanos:
        return self.holds.low

    @property
    def high(self) -> Nanos:
        return self.holds.high

    def opened(self, matcher: Matcher) -> Opened:  # noqa: ARG002 -- its row groups look at it
        try:
            place = self.opening()
            source = pa.BufferReader(place) if isinstance(place, bytes) else str(place)
            file = pq.ParquetFile(source, page_checksum_verification=True)
        except (Fault, OSError, pa.ArrowException) as damage:
            self.troubles.append(f"{self.name}: {damage}")
            return (), ()
        return [RowGroup(self, file, it) for it in range(file.metadata.num_row_groups)], ()


class RowGroup(NamedTuple):
    table: TableFile
    file: pq.ParquetFile
    number: int

    @property
    def low(self) -> Nanos:
        return self._times()[0]

    @property
    def high(self) -> Nanos:
        return self._times()[1]

    def _times(self) -> tuple[Nanos, Nanos]:
        told = self.file.metadata.row_group(self.number).column(0).statistics
        if told is None:
            return self.table.low, self.table.high
        return Nanos(int(told.min or 0)), Nanos(int(told.max or 0))

    def opened(self, matcher: Matcher) -> Opened:
        query = matcher.query
        if self.high < query.since or self.low >= query.until:
            return (), ()
        try:
            rows = self.file.read_row_group(self.number, columns=list(FILTERS))
            chosen = pc.indices_nonzero(_may_match(rows, query))
            if not len(chosen):
                return (), ()
            lines = self.file.read_row_group(self.number, columns=["line"]).column(0)
        except (OSError, pa.ArrowException) as damage:
            self.table.troubles.append(f"{self.table.name}: {damage}")
            return (), ()
        times = integers(rows.take(chosen), "ts").tolist()
        texts = [str(it) for it in lines.take(chosen).to_pylist()]
        found = (
            matcher.takes(bytes_of(text), self.table.holds.module, Nanos(at))
            for at, text in zip(times, texts, strict=True)
        )
        return (), [it for it in found if it is not None]


def _may_match(rows: pa.Table, query: Query) -> pa.BooleanArray:
    times = rows.column("ts")
    keep = pc.and_(
        pc.greater_equal(times, pa.scalar(query.since, pa.int64())),
        pc.less(times, pa.scalar(query.until, pa.int64())),
    )
    events, unreadable = rows.column("event"), pa.scalar(UNREADABLE)
    for name, values in (
        ("event", query.events),
        ("level", query.levels),
        ("symbol", query.symbols),
    ):
        if values:
            keep = pc.and_(keep, pc.is_in(rows.column(name), pa.array(sorted(values))))
    if query.order:
        order = pa.scalar(query.order)
        named = pc.or_(
            pc.equal(rows.column("order_id"), order), pc.equal(rows.column("venue_order"), order)
        )
        keep = pc.and_(keep, named)
    if query.levels:  # a line that cannot be read says no level
        keep = pc.and_(keep, pc.not_equal(events, unreadable))
    return keep
