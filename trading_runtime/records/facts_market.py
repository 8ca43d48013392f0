"""What the core found out about the market data: books, channels, unreadable frames."""

from enum import Enum

from trading_runtime.records.event import Event
from trading_runtime.records.units import (
    Connection,
    Level,
    Lots,
    Module,
    Nanos,
    Revision,
    Seq,
    Ticks,
)


class Desync(Enum):
    """Why a book is not to be quoted on."""

    COLD = "cold"
    GAP = "gap"
    STALE_SNAPSHOT = "stale_snapshot"
    CROSSED = "crossed"
    QUARANTINED = "quarantined"
    SILENT = "silent"
    TICKER_MISMATCH = "ticker_mismatch"
    CONNECTION_LOST = "connection_lost"
    TOO_MANY_HELD = "too_many_held"
    INSTRUMENT_REVISED = "instrument_revised"


class BookSynced(Event, frozen=True, kw_only=True, tag=True):
    """The book equals the venue's from ``last_id`` on. ``dropped`` deltas were older than it."""

    module = Module.MARKETDATA
    level = Level.INFO

    revision: Revision
    snapshot_id: int
    first_id: int
    last_id: int
    dropped: int
    bid_levels: int
    ask_levels: int


class BookDesynced(Event, frozen=True, kw_only=True, tag=True):
    """The book may differ from the venue's and is not quoted on until a ``BookSynced``.

    For a gap, ``expected_id`` is the first update that is missing and ``received_id`` the first
    one after the hole; both are 0 for other reasons.
    """

    module = Module.MARKETDATA
    level = Level.WARN

    revision: Revision
    reason: Desync
    expected_id: int
    received_id: int


class SnapshotRefused(Event, frozen=True, kw_only=True, tag=True):
    """A snapshot that is older than the deltas held back for it, or unreadable: fetch another."""

    module = Module.MARKETDATA
    level = Level.WARN

    revision: Revision
    snapshot_id: int
    needed_id: int
    reason: str


class FrameQuarantined(Event, frozen=True, kw_only=True, tag=True):
    """A frame (or answer) that cannot be read; ``input`` is its record, ``frame`` its bytes."""

    module = Module.MARKETDATA
    level = Level.WARN

    input: Seq
    connection: Connection
    reason: str
    detail: str
    frame: bytes
    """The first 4 KiB; the whole stands in the journal under ``input``."""


class TickerMismatched(Event, frozen=True, kw_only=True, tag=True):
    """The venue's own best bid and ask differ from the book's at the same update id."""

    module = Module.MARKETDATA
    level = Level.WARN

    revision: Revision
    update_id: int
    bid: Ticks
    bid_size: Lots
    ask: Ticks
    ask_size: Lots
    book_bid: Ticks
    book_bid_size: Lots
    book_ask: Ticks
    book_ask_size: Lots


class ChannelSilent(Event, frozen=True, kw_only=True, tag=True):
    """A channel that was asked for, and perhaps acknowledged, has brought nothing for so long."""

    module = Module.MARKETDATA
    level = Level.WARN

    connection: Connection
    channel: str
    silent_ns: Nanos


class ChannelResumed(Event, frozen=True, kw_only=True, tag=True):
    module = Module.MARKETDATA
    level = Level.INFO

    connection: Connection
    channel: str
    silent_ns: Nanos


class TradesMissed(Event, frozen=True, kw_only=True, tag=True):
    """The venue's trade ids jumped: ``first_id`` to ``last_id`` never came."""

    module = Module.MARKETDATA
    level = Level.WARN

    revision: Revision
    first_id: int
    last_id: int


class ClockOffsetMoved(Event, frozen=True, kw_only=True, tag=True):
    """The venue's clock minus ours, from a time answer: half the round trip is taken off."""

    module = Module.MARKETDATA
    level = Level.INFO

    venue: str
    offset_ns: Nanos
    round_trip_ns: Nanos


MarketFact = (
    BookSynced
    | BookDesynced
    | SnapshotRefused
    | FrameQuarantined
    | TickerMismatched
    | ChannelSilent
    | ChannelResumed
    | TradesMissed
    | ClockOffsetMoved
)
