"""The columns of the lake: what a minute file and a published hour hold, and how it is encoded.

Minute files (written by scribe, all symbols mixed) and hour files (one symbol each) have the same
columns. Rows stand in the order of arrival: ``ts_recv``, then ``session`` and ``seq`` (the journal
record that brought the message), then the message's own order. ``ts_exch`` is 0 where the venue
gives no time. A price counts ticks and a size lots of ``instrument_rev``, whose tick and lot stand
in the footer.

Rules:
 * All rows of one depth message are neighbours; the last has ``LAST``.
 * A depth message without a level has one row with ``EMPTY``: px and qty are 0, and the chain of
   ids has no hole.
 * A snapshot's rows have ``SNAPSHOT``, first_id = last_id = its update id and no prev_id.
 * Where the chain of ids breaks, every row from the break up to the next snapshot that the book
   synchronised on has ``MAYBE_BAD_BOOK``.

Klines and checkpoints have no minute files: the platform derives them from published hours.
"""

from collections.abc import Mapping
from enum import Enum, IntFlag
from typing import Final

import msgspec

from trading_runtime.records.instruments import Instrument

SCHEMA_VERSION = 1
COMPRESSION: Final = "zstd"
COMPRESSION_LEVEL = 3
ROW_GROUP_MIN = 32_768
"""A row group ends at the first minute boundary after so many rows."""
ROW_GROUP_MAX = 262_144
"""And here at the latest: beyond it a reader of one second reads too much."""

# Keys of the Parquet footer's metadata; the values are UTF-8.
KEY_SCHEMA = "lake.schema"
"""``<table>/<SCHEMA_VERSION>``."""
KEY_INSTRUMENTS = "lake.instruments"
"""JSON list of :class:`~trading_runtime.records.instruments.Instrument`, by id and revision."""
KEY_COMMIT = "lake.commit"
"""JSON of the commit record; only in published files (``store.commit``)."""


class Flag(IntFlag):
    """The bits of ``flags``."""

    LAST = 1
    """The last row of its message."""
    SNAPSHOT = 2
    """Part of a whole book, not of a change."""
    BAD_TS_RECV = 4
    """The wall clock stood or ran back: ``ts_recv`` repeats the one before."""
    MAYBE_BAD_BOOK = 8
    """A break in the ids came before it, and no snapshot since."""
    SYNTH = 16
    """Made by us from other rows, not sent by the venue."""
    EMPTY = 32
    """A depth message without a level."""
    OFF_MARKET = 64
    """A trade that is no ordinary match (insurance fund, auto-deleveraging)."""
    CUT = 128
    """In a checkpoint: the side ends here, and the book may go deeper."""


SIDE_BID = 0
SIDE_ASK = 1


class Encoding(Enum):
    """How a column's values are laid out; ``DICT`` may fall back to plain, the others not."""

    DICT = "RLE_DICTIONARY"
    SPLIT = "BYTE_STREAM_SPLIT"
    DELTA = "DELTA_BINARY_PACKED"
    PLAIN = "PLAIN"


class Column(msgspec.Struct, frozen=True):
    """``type`` is one of int64, int32, int8, uint8, bool, string, decimal (38 digits, no point)."""

    name: str
    type: str
    encoding: Encoding
    nullable: bool = False


class Table(msgspec.Struct, frozen=True, kw_only=True, cache_hash=True):
    """``published`` is the stem of its hour file."""

    minutes: str
    """The table's name, and the folder of its minute files where it has any."""
    published: str
    columns: tuple[Column, ...]
    row_group_min: int = ROW_GROUP_MIN
    """A row group ends at the first minute boundary after so many rows."""
    hour_level: int = COMPRESSION_LEVEL
    """The compression of its hour file, which is written once and kept for years."""

    @property
    def schema_id(self) -> str:
        return f"{self.minutes}/{SCHEMA_VERSION}"


_WHERE_FROM = (
    Column("instrument_id", "string", Encoding.DICT),
    Column("instrument_rev", "int64", Encoding.DICT),
    Column("session", "string", Encoding.DICT),
)

DEPTH = Table(
    minutes="depth",
    published="depth",
    hour_level=7,
    columns=(
        Column("ts_recv", "int64", Encoding.DICT),
        Column("ts_exch", "int64", Encoding.DICT),
        Column("first_id", "int64", Encoding.DICT),
        Column("last_id", "int64", Encoding.DICT),
        Column("prev_id", "int64", Encoding.DICT, nullable=True),
        Column("side", "int8", Encoding.DICT),
        Column("flags", "uint8", Encoding.DICT),
        Column("px", "int64", Encoding.SPLIT),
        Column("qty", "int64", Encoding.SPLIT),
        *_WHERE_FROM,
        Column("seq", "int64", Encoding.DICT),
    ),
)

TRADES = Table(
    minutes="trades",
    published="trade",
    columns=(
        Column("ts_recv", "int64", Encoding.DELTA),
        Column("ts_exch", "int64", Encoding.DELTA),
        Column("trade_id", "int64", Encoding.DELTA),
        Column("px", "int64", Encoding.DELTA),
        Column("qty", "int64", Encoding.SPLIT),
        Column("is_buyer_maker", "bool", Encoding.PLAIN),
        Column("flags", "uint8", Encoding.DICT),
        *_WHERE_FROM,
        Column("seq", "int64", Encoding.DELTA),
    ),
)

TICKER = Table(
    minutes="ticker",
    published="ticker",
    columns=(
        Column("ts_recv", "int64", Encoding.DELTA),
        Column("ts_exch", "int64", Encoding.DELTA),
        Column("update_id", "int64", Encoding.DELTA),
        Column("bid_px", "int64", Encoding.DELTA),
        Column("bid_qty", "int64", Encoding.SPLIT),
        Column("ask_px", "int64", Encoding.DELTA),
        Column("ask_qty", "int64", Encoding.SPLIT),
        Column("flags", "uint8", Encoding.DICT),
        *_WHERE_FROM,
        Column("seq", "int64", Encoding.DELTA),
    ),
)

SOURCE_DERIVED: Final = "derived"
"""Made by us from trades."""
SOURCE_EXCHANGE: Final = "exchange"
"""As the venue sent it."""
KLINE_INTERVAL_S = 60

KLINES = Table(
    minutes="klines",
    published="kline",
    columns=(
        Column("open_time", "int64", Encoding.DELTA),
        Column("interval_s", "int32", Encoding.DICT),
        Column("open", "int64", Encoding.DELTA, nullable=True),
        Column("high", "int64", Encoding.DELTA, nullable=True),
        Column("low", "int64", Encoding.DELTA, nullable=True),
        Column("close", "int64", Encoding.DELTA, nullable=True),
        Column("volume", "int64", Encoding.SPLIT, nullable=True),
        Column("quote_volume", "decimal", Encoding.PLAIN, nullable=True),
        Column("n_trades", "int64", Encoding.DICT, nullable=True),
        Column("taker_buy_volume", "int64", Encoding.SPLIT, nullable=True),
        Column("first_trade_id", "int64", Encoding.DELTA, nullable=True),
        Column("last_trade_id", "int64", Encoding.DELTA, nullable=True),
        Column("source", "string", Encoding.DICT),
        Column("is_final", "bool", Encoding.PLAIN),
        Column("instrument_id", "string", Encoding.DICT),
        Column("instrument_rev", "int64", Encoding.DICT),
    ),
)
"""One row a minute of the hour, by ``ts_recv``; prices in ticks and sizes in lots of the revision.

``quote_volume`` is the sum of px * qty, in ticks times lots: a decimal, for it can outgrow int64
and SQL sums decimals exactly. A minute without a trade has volume 0 and no prices; one in which
nothing at all was recorded has neither, and is not final. Off-market trades are left out.
"""

CHECKPOINT_LEVELS = 1_000
"""So many levels a side; what is deeper is not carried."""

CHECKPOINTS = Table(
    minutes="checkpoints",
    published="checkpoint",
    row_group_min=1,
    columns=(
        Column("ts", "int64", Encoding.DICT),
        Column("last_id", "int64", Encoding.DICT),
        Column("side", "int8", Encoding.DICT),
        Column("level", "int32", Encoding.DELTA),
        Column("px", "int64", Encoding.DELTA),
        Column("qty", "int64", Encoding.SPLIT),
        Column("flags", "uint8", Encoding.DICT),
        Column("instrument_id", "string", Encoding.DICT),
        Column("instrument_rev", "int64", Encoding.DICT),
        Column("session", "string", Encoding.DICT),
        Column("seq", "int64", Encoding.DICT),
    ),
)
"""The book at each whole minute of the hour, its first moment included; a row group a minute.

It holds every depth row with ``ts_recv < ts``: who wants the book at a moment t takes the last
checkpoint at or before t and applies the rows from ``ts`` to t. Rows stand by side (bids first) and
level (0 is the best). ``last_id``, ``session`` and ``seq`` are of the last message in it. A moment
at which the book is not known (before a snapshot, behind a break in the ids) has no rows.
"""

LOGS = Table(
    minutes="logs",
    published="logs",
    columns=(
        Column("ts", "int64", Encoding.DELTA),
        Column("module", "string", Encoding.DICT),
        Column("level", "string", Encoding.DICT),
        Column("event", "string", Encoding.DICT),
        Column("symbol", "string", Encoding.DICT),
        Column("instrument_id", "string", Encoding.DICT),
        Column("order_id", "string", Encoding.DICT),
        Column("venue_order", "string", Encoding.DICT),
        Column("trace_id", "string", Encoding.PLAIN),
        Column("session", "string", Encoding.DICT),
        Column("seq", "int64", Encoding.DELTA),
        Column("line", "string", Encoding.PLAIN),
    ),
)
"""Archived log lines; ``line`` is the whole line as it was written, an absent field is empty.

``trace_id`` is the line's own ``traceId``, else ``<session>/<seq>/0``: the trace id of the audit
entry of the same journal record. A line that cannot be read has the event ``unreadable``, the level
ERROR, no session, seq -1 and the time of the line before it; if it is no UTF-8, ``line`` is
``base64:`` and its bytes in Base64.
"""

TABLES: Mapping[str, Table] = {table.minutes: table for table in (DEPTH, TRADES, TICKER)}
"""The tables that scribe writes."""
PUBLISHED: Mapping[str, Table] = {**TABLES, **{it.minutes: it for it in (KLINES, CHECKPOINTS)}}
"""The tables that have published hours."""


class MinuteSealed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    minute: int
    rows: int
    sha256: str
    """Of the file's bytes."""


class HourSealed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of an hour's ``_sealed.json``: which minutes there are, and nothing beside them.

    An hour without a row has an empty list. Rows that come late rewrite their minute and, after
    it, this marker.
    """

    table: str
    hour: str
    """UTC ``YYYY-MM-DDTHH``."""
    minutes: tuple[MinuteSealed, ...]


def instruments_json(instruments: list[Instrument]) -> bytes:
    """Give the value of ``KEY_INSTRUMENTS``; sorted, so that equal sets have equal bytes."""
    return msgspec.json.encode(sorted(instruments, key=lambda it: (it.instrument_id, it.revision)))


def read_instruments(text: bytes) -> list[Instrument]:
    return msgspec.json.decode(text, type=list[Instrument])
