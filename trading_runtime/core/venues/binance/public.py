"""Market frames to events: the venue's words and texts in, integers out, or ``Misread``.

A frame says by its first bytes which stream it belongs to; the reader of that stream and instrument
decodes it in one pass. A whole frame is converted before any of it is handed on.

Reasons of ``Misread``: ``truncated``, ``malformed``, ``unknown_symbol``, ``not_decimal``,
``off_tick``, ``off_lot``, ``too_large``, ``zero_price``, ``zero_size``, ``crossed``, ``id_order``,
``unsorted``, ``venue_error``.
"""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import TypeVar

import msgspec

from trading_runtime.core.venues.binance.wire import (
    AggTrade,
    BookTicker,
    Combined,
    DepthBody,
    DepthUpdate,
    Probe,
    TimeBody,
    Trade,
)
from trading_runtime.core.venues.channel import Channel, StreamKind
from trading_runtime.core.venues.texts import Texts
from trading_runtime.errors import Misread
from trading_runtime.market.events import (
    DepthChanged,
    DepthSnapshot,
    PriceLevel,
    TickerChanged,
    TradePrinted,
)
from trading_runtime.records.units import NANOS_PER_MILLI, Lots, Nanos, Ticks

# Readers are the hot path. Where a comment to the type checker gives a value its unit, calling the
# ``NewType`` would cost a tenth of the whole frame.

COMBINED_PREFIX = b'{"stream":"'
NAME_START = len(COMBINED_PREFIX)
RAW_MARK = b"/"
"""Goes before the name of a stream whose frames do not name it."""

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""All that decoding arbitrary bytes raises."""

AGGREGATED = b"@aggTrade"
KINDS: Mapping[str, StreamKind] = {
    "depth": StreamKind.DEPTH,
    "bookTicker": StreamKind.TICKER,
    "trade": StreamKind.TRADE,
    "aggTrade": StreamKind.TRADE,
}
"""By the second part of a stream's name, ``<symbol>@<this>``."""
EVENT_STREAMS: Mapping[str, str] = {"depthUpdate": "depth"}
"""An event's name where it differs from its stream's."""

_probe = msgspec.json.Decoder(Probe).decode
_depth = msgspec.json.Decoder(Combined[DepthUpdate]).decode
_ticker = msgspec.json.Decoder(Combined[BookTicker]).decode
_trade = msgspec.json.Decoder(Combined[Trade]).decode
_agg_trade = msgspec.json.Decoder(Combined[AggTrade]).decode
_depth_body = msgspec.json.Decoder(DepthBody).decode
_time_body = msgspec.json.Decoder(TimeBody).decode


Event = TypeVar("Event", DepthChanged, TickerChanged, TradePrinted)


class MarketCodec:
    """Of one market of the venue; ``linked`` says that each delta names the one before."""

    def __init__(self, *, linked: bool) -> None:
        self._linked = linked

    def stream_of(self, frame: bytes) -> bytes:
        """Give the name of the frame's stream, or of what else it is.

        A frame that names no stream is one of a raw connection and gives the name marked by
        ``RAW_MARK``, or is an acknowledgement or an announcement and gives what it is called.

        Raises:
            Misread: it cannot be read, or says that a request of ours was an error.
        """
        if frame.startswith(COMBINED_PREFIX):
            end = frame.find(b'"', NAME_START)
            if end > 0:
                return frame[NAME_START:end]
        return _probed(frame)

    def channel(self, name: bytes) -> Channel:
        """Take a stream's name apart; raise ``Misread`` where it cannot be one."""
        try:
            text = name.removeprefix(RAW_MARK).decode("ascii")
        except UnicodeDecodeError as error:
            raise Misread("malformed", "a stream's name is not plain text") from error
        symbol, _, rest = text.partition("@")
        return Channel(text, symbol.upper(), KINDS.get(rest.partition("@")[0], StreamKind.OTHER))

    def depth(self, name: bytes, texts: Texts) -> Callable[[bytes], DepthChanged]:
        """Give the reader of a depth stream; it raises ``Misread``."""
        return _framed(name, _depth_reader(texts, linked=self._linked))

    def ticker(self, name: bytes, texts: Texts) -> Callable[[bytes], TickerChanged]:
        """Give the reader of a ticker stream; it raises ``Misread``."""
        return _framed(name, _ticker_reader(texts))

    def trade(self, name: bytes, texts: Texts) -> Callable[[bytes], TradePrinted]:
        """Give the reader of a trade stream; it raises ``Misread``."""
        return _framed(name, _trade_reader(texts, aggregated=name.endswith(AGGREGATED)))

    def snapshot(self, body: bytes, texts: Texts) -> DepthSnapshot:
        """Read the answer to a depth request; raise ``Misread``."""
        try:
            wire = _depth_body(body)
            bids, asks = texts.levels.read(wire.bids, wire.asks)
        except UNREADABLE as error:
            raise _unreadable(error) from error
        _check_sorted([-price for price, _ in bids], bids)
        _check_sorted([price for price, _ in asks], asks)
        return DepthSnapshot(texts.revision, wire.lastUpdateId, bids, asks)

    def server_time(self, body: bytes) -> Nanos:
        """Read the answer to a time request; raise ``Misread``."""
        try:
            return Nanos(_time_body(body).serverTime * NANOS_PER_MILLI)
        except UNREADABLE as error:
            raise _unreadable(error) from error


def _probed(frame: bytes) -> bytes:
    try:
        probe = _probe(frame)
        if probe.stream:
            return probe.stream.encode()
    except UNREADABLE as error:
        raise _unreadable(error) from error
    if bytes(probe.error) or bytes(probe.code):
        raise Misread("venue_error", "a request was answered with an error")
    name = EVENT_STREAMS.get(probe.e, probe.e)
    if not name and probe.B:
        name = "bookTicker"  # the spot market's says no more than its fields
    if probe.s:
        return RAW_MARK + f"{probe.s.lower()}@{name}".encode()
    return name.encode() or b"answer"


def _framed(name: bytes, read: Callable[[bytes], Event]) -> Callable[[bytes], Event]:
    """Make the reader of a combined stream read raw frames, where the stream is of those."""
    if not name.startswith(RAW_MARK):
        return read
    # The probe has read the whole frame already, so the brackets cannot be misled.
    return lambda frame: read(b'{"data":' + frame + b"}")


def _depth_reader(texts: Texts, *, linked: bool) -> Callable[[bytes], DepthChanged]:
    revision, symbol, levels = texts.revision, texts.symbol, texts.levels.read

    def read(frame: bytes) -> DepthChanged:
        try:
            wire = _depth(frame).data
            bids, asks = levels(wire.b, wire.a)
        except UNREADABLE as error:
            raise _unreadable(error) from error
        if wire.s != symbol:
            raise _foreign(wire.s)
        if wire.u < wire.U:
            raise Misread("id_order", f"updates {wire.U} to {wire.u}")
        if linked and wire.pu < 0:
            raise Misread("malformed", "a delta that does not name the one before")
        return DepthChanged(
            revision,
            wire.E * NANOS_PER_MILLI,  # type: ignore[arg-type]
            wire.U,
            wire.u,
            wire.pu,
            bids,
            asks,
        )

    return read


def _ticker_reader(texts: Texts) -> Callable[[bytes], TickerChanged]:
    revision, symbol, tick, lot = texts.revision, texts.symbol, texts.ticks, texts.lots

    def read(frame: bytes) -> TickerChanged:
        try:
            wire = _ticker(frame).data
        except UNREADABLE as error:
            raise _unreadable(error) from error
        if wire.s != symbol:
            raise _foreign(wire.s)
        bid, ask = tick[wire.b], tick[wire.a]
        bid_size, ask_size = lot[wire.B], lot[wire.A]
        if bid >= ask:
            raise Misread("crossed", f"bid {wire.b}, ask {wire.a}")
        if not bid_size or not ask_size:
            raise Misread("zero_size", f"sizes {wire.B} and {wire.A}")
        return TickerChanged(
            revision,
            wire.E * NANOS_PER_MILLI,  # type: ignore[arg-type]
            wire.u,
            bid,
            bid_size,
            ask,
            ask_size,
        )

    return read


def _trade_reader(texts: Texts, *, aggregated: bool) -> Callable[[bytes], TradePrinted]:
    decode = _agg_trade if aggregated else _trade
    revision, symbol, tick, lot = texts.revision, texts.symbol, texts.ticks, texts.lots

    def read(frame: bytes) -> TradePrinted:
        try:
            wire = decode(frame).data
        except UNREADABLE as error:
            raise _unreadable(error) from error
        if wire.s != symbol:
            raise _foreign(wire.s)
        is_market = wire.X == "MARKET"
        if not is_market and not wire.p.strip("0."):
            # A filler of the futures market: it takes an id and has no price.
            price, size = Ticks(0), Lots(0)
        else:
            price, size = tick[wire.p], lot[wire.q]
            if not size:
                raise Misread("zero_size", f"trade {wire.t}")
        return TradePrinted(
            revision,
            wire.E * NANOS_PER_MILLI,  # type: ignore[arg-type]
            wire.t,
            price,
            size,
            wire.m,
            is_market,
        )

    return read


def _check_sorted(keys: list[int], levels: list[PriceLevel]) -> None:
    """Raise ``Misread`` unless the levels stand best first, each once, each with a size."""
    if any(worse <= better for better, worse in pairwise(keys)):
        raise Misread("unsorted", "a snapshot whose levels are not in order")
    if not all(size for _, size in levels):
        raise Misread("zero_size", "a snapshot with an empty level")


def _unreadable(error: Exception) -> Misread:
    detail = str(error)[:200]
    return Misread("truncated" if "truncated" in detail else "malformed", detail)


def _foreign(symbol: str) -> Misread:
    return Misread("unknown_symbol", symbol[:40])
