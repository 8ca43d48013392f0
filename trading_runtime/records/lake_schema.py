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


SIDE_BID = 0
SIDE_ASK = 1


class Encoding(Enum):
    """How a column's values are laid out; ``DICT`` may fall back to plain, the others not."""

    DICT = "RLE_DICTIONARY"
    SPLIT = "BYTE_STREAM_SPLIT"
    DELTA = "DELTA_BINARY_PACKED"
    PLAIN = "PLAIN"


class Column(msgspec.Struct, frozen=True):
    """``type`` is one of int64, int8, uint8, bool, string."""

    name: str
    type: str
    encoding: Encoding
    nullable: bool = False


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """``minutes`` is the folder of its minute files, ``published`` the stem of its hour file."""

    minutes: str
    published: str
    columns: tuple[Column, ...]

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

LOGS = Table(
    minutes="logs",
    published="logs",
    columns=(
        Column("ts", "int64", Encoding.DELTA),
        Column("module", "string", Encoding.DICT),
        Column("level", "string", Encoding.DICT),
        Column("event", "string", Encoding.DICT),
        Column("symbol", "string", Encoding.DICT),
        Column("order_id", "string", Encoding.DICT),
        Column("session", "string", Encoding.DICT),
        Column("seq", "int64", Encoding.DELTA),
        Column("line", "string", Encoding.PLAIN),
    ),
)
"""Archived log lines; ``line`` is the whole line as it was written, an absent field is empty."""

TABLES: Mapping[str, Table] = {table.minutes: table for table in (DEPTH, TRADES, TICKER)}


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
