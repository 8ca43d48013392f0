"""The market room's state as it stands in a checkpoint: book, sync, signals, channels."""

import msgspec

from trading_runtime.records.units import Connection, Nanos, Revision


class BookCarried(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Levels as (ticks, lots), best first, and the id of the last update applied (0 when cold)."""

    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]
    last_id: int


class ChannelCarried(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    connection: Connection
    channel: str
    heard_at: Nanos
    silent: bool
    asked_at: Nanos
    stream: bytes
    """The stream that the channel turned out to be; empty until it was heard."""


class MarketCarried(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One instrument's market state; ``sync`` and ``signals`` are the room's own, packed."""

    revision: Revision
    book: BookCarried
    sync: msgspec.Raw
    signals: msgspec.Raw
