"""Stream names: what a client may subscribe to, and on which of the usdm routes it is served.

Spot has one route. Usdm has three since 2026-04-23; a stream asked for on the wrong one is
acknowledged and stays silent, as does a name that means nothing. The old usdm paths (``/ws``,
``/stream``) serve public data only.
"""

import re
from enum import Enum

import msgspec

from trading_runtime.simulator.exchange.words import MarketKind

FORM = re.compile(
    r"([a-z0-9]{2,20})@(?:"
    r"depth(5|10|20)?(?:@(0|100|250|500|1000)ms)?|(trade|aggTrade|bookTicker|forceOrder|kline_1m)"
    r"|(markPrice)(?:@(1)s)?)",
    re.ASCII,
)


class StreamKind(Enum):
    DEPTH = "depth"
    PARTIAL = "partial depth"
    TRADE = "trade"
    AGGREGATE = "aggTrade"
    TOUCH = "bookTicker"
    MARK = "markPrice"
    FORCE = "forceOrder"
    KLINE = "kline_1m"


class Route(Enum):
    SPOT = "spot"
    PUBLIC = "public"
    MARKET = "market"
    PRIVATE = "private"


SERVED: dict[Route, frozenset[StreamKind]] = {
    Route.SPOT: frozenset(StreamKind) - {StreamKind.MARK, StreamKind.FORCE},
    Route.PUBLIC: frozenset({StreamKind.DEPTH, StreamKind.PARTIAL, StreamKind.TOUCH}),
    Route.MARKET: frozenset(StreamKind) - {StreamKind.DEPTH, StreamKind.PARTIAL, StreamKind.TOUCH},
    Route.PRIVATE: frozenset(),
}
SPEEDS = {MarketKind.SPOT: (1000, 100), MarketKind.USDM: (250, 0, 100, 500)}
"""Milliseconds between two frames of a depth stream, the default first."""
CANDLE_MS = 1000


class StreamName(msgspec.Struct, frozen=True):
    """``every_ms`` is 0 for what is sent at once; ``levels`` is 0 but for partial depth."""

    kind: StreamKind
    symbol: str
    every_ms: int
    levels: int


def read_name(market: MarketKind, text: str) -> StreamName | None:
    """Take a stream's name apart; None where it means nothing in this market."""
    found = FORM.fullmatch(text)
    if found is None:
        return None
    symbol, levels, speed, word, mark, second = found.groups()
    symbol = symbol.upper()
    if mark:
        return StreamName(StreamKind.MARK, symbol, 1000 if second else 3000, 0)
    if word:
        kind = StreamKind(word)
        return StreamName(kind, symbol, CANDLE_MS if kind is StreamKind.KLINE else 0, 0)
    allowed = SPEEDS[market]
    every_ms = int(speed) if speed else allowed[0]
    if every_ms not in allowed:
        return None
    if levels:
        return StreamName(StreamKind.PARTIAL, symbol, every_ms or allowed[0], int(levels))
    return StreamName(StreamKind.DEPTH, symbol, every_ms, 0)
