"""All that the report of one day is made from, gathered once."""

from pathlib import Path
from typing import NamedTuple

from data_platform.assets.reports import archive, ledger, record
from data_platform.assets.reports.ledger import Booked
from data_platform.assets.reports.lines import Streams
from data_platform.assets.reports.record import Kept
from data_platform.assets.reports.report import Coverage, Item, missing, plain
from data_platform.assets.reports.settings import ReportSettings
from data_platform.days import Span, span_of
from trading_runtime.records.units import Module, Nanos
from trading_runtime.store.hours import Hour
from trading_runtime.store.parquet import Int64s

NOTHING = "no line of the day is archived"


class Asked(NamedTuple):
    """Which day, in which zone, and what is held against its values.

    ``now`` matters where the day is not over; ``None`` is long after it.
    """

    day: str
    zone: str
    limits: ReportSettings
    now: Nanos | None = None

    @property
    def span(self) -> Span:
        return span_of(self.day, self.zone)


class Day(NamedTuple):
    asked: Asked
    coverage: Coverage
    streams: Streams
    lags_ns: dict[Hour, Int64s]
    booked: Booked
    kept: Kept

    @property
    def is_recorded(self) -> bool:
        """Whether any line was archived: then an event that has none did not happen."""
        return any(it.counts for it in self.streams.values())

    def counted(self, name: str, module: Module, *events: str) -> Item:
        """Give the line that counts events of a level that every stream writes."""
        if not self.is_recorded:
            return missing(name, NOTHING)
        return plain(name, self.streams[module].count(*events))


def gather(data: Path, asked: Asked) -> Day:
    span = asked.span
    return Day(
        asked=asked,
        coverage=archive.coverage(data, span),
        streams=archive.streams(data, span),
        lags_ns=archive.depth_lags_ns(data, span),
        booked=ledger.booked(data, asked.day, asked.zone),
        kept=record.gather(data, asked.day, span, asked.now),
    )
