"""Where frames come from: market connections, their streams, and what reads and takes each one."""

from collections.abc import Callable
from typing import Generic, TypeVar

from trading_runtime.core.venues.registry import Venue
from trading_runtime.market.events import (
    DepthChanged,
    MarketEvent,
    TickerChanged,
    TradePrinted,
)
from trading_runtime.market.instrument import Market
from trading_runtime.market.staleness import Watch
from trading_runtime.records.envelope import Output
from trading_runtime.records.units import Connection, Nanos

SOURCES_MAX = 4_096
"""Streams remembered per connection: above the 1,024 that a venue allows on one."""
NAME_MAX = 64
"""Bytes of the longest name that a stream may have."""

Event = TypeVar("Event", DepthChanged, TickerChanged, TradePrinted)


class Source(Generic[Event]):
    """A stream that is read: its frames become events of one market."""

    __slots__ = ("_read", "_take", "market", "watch")

    def __init__(
        self,
        market: Market,
        watch: Watch,
        read: Callable[[bytes], Event],
        take: Callable[[Event, Nanos, list[Output]], bool],
    ) -> None:
        self.market = market
        self.watch = watch
        self._read: Callable[[bytes], Event] = read
        self._take: Callable[[Event, Nanos, list[Output]], bool] = take

    def hear(self, frame: bytes, at: Nanos, out: list[Output]) -> MarketEvent | None:
        """Read a frame; give its event if the market takes it, else nothing.

        Raises:
            Misread: it cannot be read, or cannot be right.
        """
        event = self._read(frame)
        return event if self._take(event, at, out) else None


class Unread:
    """A stream that is not read: something else than a book, a ticker or trades, or a second one.

    ``watch`` is None where nobody asked for it.
    """

    __slots__ = ("name", "watch")

    def __init__(self, name: str, watch: Watch | None) -> None:
        self.name = name
        self.watch = watch


class DepthSource(Source[DepthChanged]):
    """A stream that a book is made of."""

    __slots__ = ()


AnySource = Source[DepthChanged] | Source[TickerChanged] | Source[TradePrinted]


class Line:
    """One market connection, and its streams by name as far as they have been heard."""

    __slots__ = ("connection", "sources", "stream_of", "unread", "venue")

    def __init__(self, connection: Connection, venue: Venue) -> None:
        self.connection = connection
        self.venue = venue
        self.stream_of = venue.codec.stream_of
        self.sources: dict[bytes, AnySource] = {}
        self.unread: dict[bytes, Unread] = {}

    def forget(self) -> None:
        """Make all streams be looked up again: an instrument has changed."""
        self.sources.clear()
        self.unread.clear()
