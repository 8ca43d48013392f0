"""Units as types: a price counts ticks, a size counts lots, a time counts nanoseconds.

Money is a count of the smallest unit of an asset, ``10 ** -money_scale`` of it, where the scale
stands in the instrument (see ``records.instruments``). None of these is ever a float.
"""

from enum import Enum, IntEnum
from typing import NewType

Ticks = NewType("Ticks", int)
Lots = NewType("Lots", int)
Nanos = NewType("Nanos", int)
"""UTC nanoseconds since 1970 where it names a moment, plain nanoseconds where it names a span."""
Money = NewType("Money", int)
Seq = NewType("Seq", int)
"""A record's number in its session: 1, 2, 3, … without a hole, over inputs and outputs alike."""
Revision = NewType("Revision", int)
"""Names an :class:`~trading_runtime.records.instruments.Instrument` as it was at a time."""
ClientId = NewType("ClientId", str)
Connection = NewType("Connection", int)
Micro = NewType("Micro", int)
"""A ratio in millionths: how a float signal is written down, rounded before any decision."""

NANOS_PER_SECOND = 1_000_000_000
NANOS_PER_MILLI = 1_000_000
MICROS_PER_UNIT = 1_000_000


class Side(Enum):
    """Of an order, a quote or a fill: ours, never the taker's."""

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell: what one lot filled does to the position."""
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> "Side":
        return Side.SELL if self is Side.BUY else Side.BUY


class Module(Enum):
    """The six log streams (LOG-1); each has its own file, level and retention."""

    SYSTEM = "system"
    MARKETDATA = "marketdata"
    STRATEGY = "strategy"
    OMS = "oms"
    RISK = "risk"
    AUDIT = "audit"


class Level(IntEnum):
    """Of a log line (LOG-1)."""

    DEBUG = 10
    INFO = 20
    WARN = 30
    ERROR = 40
    CRITICAL = 50
