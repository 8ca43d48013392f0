"""Where frames come from: market connections, their streams, and what reads and takes each one."""

from collections.abc import Callable
from typing import Generic, TypeVar

from trading_runtime.core.venues.channel import Channel, StreamKind
from trading_runtime.core.venues.registry import VENUES, Venue
from trading_runtime.core.venues.texts import Texts
from trading_runtime.errors import Halt, Misread
from trading_runtime.market.events import (
    DepthChanged,
    MarketEvent,
    TickerChanged,
    TradePrinted,
)
from trading_runtime.market.instrument import Market
from trading_runtime.market.settings import MarketSettings
from trading_runtime.market.staleness import Staleness, Watch
from trading_runtime.records.envelope import Output
from trading_runtime.records.instruments import Instrument, Scales
from trading_runtime.records.units import Connection, Nanos, Revision

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


class Roster:
    """The markets that there are: by revision, and by venue and symbol."""

    __slots__ = ("_by_symbol", "_settings", "markets", "texts")

    def __init__(self, settings: MarketSettings) -> None:
        self._settings = settings
        self.markets: dict[Revision, Market] = {}
        self.texts: dict[Revision, Texts] = {}
        self._by_symbol: dict[tuple[str, str], Market] = {}

    def of(self, venue: str, symbol: str) -> Market | None:
        return self._by_symbol.get((venue, symbol))

    def add(self, scales: Scales) -> None:
        """Begin a market, cold; raise :exc:`Halt` where its venue has no codec."""
        instrument = scales.instrument
        if instrument.venue not in VENUES:
            raise Halt(f"no codec for {instrument.instrument_id}")
        market = Market(scales, VENUES[instrument.venue].rule, self._settings)
        self._by_symbol[instrument.venue, instrument.symbol] = market
        self._enter(market)

    def revise(self, instrument: Instrument, at: Nanos, out: list[Output]) -> None:
        """Begin a market, or count an old one on another grid."""
        market = self.of(instrument.venue, instrument.symbol)
        if market is None:
            self.add(Scales(instrument))
        elif market.instrument != instrument:
            del self.markets[market.revision], self.texts[market.revision]
            market.revise(Scales(instrument), at, out)
            self._enter(market)

    def _enter(self, market: Market) -> None:
        self.markets[market.revision] = market
        self.texts[market.revision] = Texts(market.scales)


class Line:
    """One market connection, and its streams by name as far as they have been heard."""

    __slots__ = (
        "_roster",
        "_staleness",
        "connection",
        "sources",
        "stream_of",
        "unread",
        "venue",
    )

    def __init__(
        self, connection: Connection, venue: Venue, roster: Roster, staleness: Staleness
    ) -> None:
        self.connection = connection
        self.venue = venue
        self.stream_of = venue.codec.stream_of
        self.sources: dict[bytes, AnySource] = {}
        self.unread: dict[bytes, Unread] = {}
        self._roster = roster
        self._staleness = staleness

    def forget(self) -> None:
        """Make all streams be looked up again: an instrument has changed."""
        self.sources.clear()
        self.unread.clear()

    def watches(self) -> list[Watch]:
        """Give this connection's channels."""
        return self._staleness.find(self.connection)

    def books(self) -> list[Market]:
        """Give the markets whose books this connection feeds."""
        books = [self.book_of(watch) for watch in self.watches()]
        return [market for market in books if market is not None]

    def book_of(self, watch: Watch) -> Market | None:
        """Give the market whose book ``watch`` feeds, if it feeds one."""
        channel = self.venue.codec.channel(watch.name.encode())
        if channel.kind is not StreamKind.DEPTH:
            return None
        return self._roster.of(self.venue.name, channel.symbol)

    def open(self, name: bytes, at: Nanos, out: list[Output]) -> AnySource | Unread:
        """Find out what an unfamiliar stream is.

        Raises:
            Misread: its name cannot be one, or it is of a symbol that is not ours.
        """
        if len(name) > NAME_MAX:
            raise Misread("malformed", f"a stream's name of {len(name)} bytes")
        codec = self.venue.codec
        channel = codec.channel(name)
        if channel.kind is StreamKind.OTHER:
            return Unread(channel.called, self._watch_by_name(channel.name))
        market = self._roster.of(self.venue.name, channel.symbol)
        if market is None:
            raise Misread("unknown_symbol", channel.symbol)
        watch = self._watch(name, channel, at, out)
        if watch.stream != name:
            return Unread(channel.called, self._watch_by_name(channel.name))
        texts = self._roster.texts[market.revision]
        match channel.kind:
            case StreamKind.DEPTH:
                return DepthSource(market, watch, codec.depth(name, texts), market.on_depth)
            case StreamKind.TICKER:
                return Source(market, watch, codec.ticker(name, texts), market.on_ticker)
            case StreamKind.TRADE:
                return Source(market, watch, codec.trade(name, texts), market.on_trade)

    def _watch(self, name: bytes, channel: Channel, at: Nanos, out: list[Output]) -> Watch:
        """Give the channel that a stream belongs to; one that nobody asked for is watched too.

        Where another stream has already brought this (the same depth at another speed, trades as
        they are and aggregated), that one's channel is given: a market listens to one of a kind.
        """
        alike = [
            watch
            for watch in self.watches()
            if self.venue.codec.channel(watch.name.encode())[1:] == channel[1:]
        ]
        for watch in alike:
            if watch.stream:
                return watch
        named = [watch for watch in alike if watch.name == channel.name]
        if named or alike:
            watch = (named or alike)[0]
        else:
            watch = self._staleness.watch(self.connection, channel.name, at, busy=channel.busy)
            self._staleness.arm(at, out)
        watch.stream = name
        return watch

    def _watch_by_name(self, name: str) -> Watch | None:
        return next((watch for watch in self.watches() if watch.name == name), None)
