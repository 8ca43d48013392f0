"""All that the core knows, as one struct: what opens a session and what a checkpoint holds."""

import msgspec

from trading_runtime.records.carried_market import ChannelCarried, MarketCarried
from trading_runtime.records.carried_trading import TradingCarried
from trading_runtime.records.instruments import Instrument
from trading_runtime.records.units import Connection, Nanos, Seq


class ConnectionCarried(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    connection: Connection
    venue: str
    purpose: str
    channels: tuple[str, ...]


class LimitCarried(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What was last told of a venue's rate limit: its size, and how many tenths were used."""

    kind: str
    window_s: int
    limit: int
    tenths: int


class PrivateCarried(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What the reader of one venue's private messages remembers."""

    venue: str
    limits: tuple[LimitCarried, ...]
    one_way: tuple[tuple[str, bool], ...]
    """The position mode of each instrument, as last told."""


class CoreCarried(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """The state after the input ``seq``. Every list is in the order in which the core holds it.

    ``risk`` and ``paper`` are those rooms' own structs, packed; ``paper`` is nil outside the modes
    that fill on paper.
    """

    seq: Seq
    at: Nanos
    instruments: tuple[Instrument, ...]
    connections: tuple[ConnectionCarried, ...]
    channels: tuple[ChannelCarried, ...]
    markets: tuple[MarketCarried, ...]
    trading: tuple[TradingCarried, ...]
    risk: msgspec.Raw
    paper: msgspec.Raw
    offsets: tuple[tuple[str, Nanos], ...]
    """The clock offset of each venue."""
    private: tuple[PrivateCarried, ...] = ()
