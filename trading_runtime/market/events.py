"""What a venue tells about one market, decoded: integers in ticks and lots, no venue's own words.

Positional structs without garbage-collector tracking: thousands of these are made each second.
A level is ``(price, size)``; in a delta a size of 0 deletes the level. ``venue_time`` is 0 where
the venue gives none.
"""

import msgspec

from trading_runtime.records.units import Lots, Nanos, Revision, Ticks

PriceLevel = tuple[Ticks, Lots]


class DepthChanged(msgspec.Struct, frozen=True, gc=False):
    """A delta over the updates ``first_id`` to ``last_id``; ``prev_id`` is -1 where not given."""

    revision: Revision
    venue_time: Nanos
    first_id: int
    last_id: int
    prev_id: int
    bids: list[PriceLevel]
    asks: list[PriceLevel]


class DepthSnapshot(msgspec.Struct, frozen=True, gc=False):
    """The whole book (to some depth) after the update ``last_id``; best levels first."""

    revision: Revision
    last_id: int
    bids: list[PriceLevel]
    asks: list[PriceLevel]


class TradePrinted(msgspec.Struct, frozen=True, gc=False):
    revision: Revision
    venue_time: Nanos
    trade_id: int
    price: Ticks
    size: Lots
    buyer_is_maker: bool
    is_market: bool
    """False for what is no ordinary match (insurance fund, auto-deleveraging): not in signals."""


class TickerChanged(msgspec.Struct, frozen=True, gc=False):
    """The venue's own best bid and ask after the update ``update_id``."""

    revision: Revision
    venue_time: Nanos
    update_id: int
    bid: Ticks
    bid_size: Lots
    ask: Ticks
    ask_size: Lots


MarketEvent = DepthChanged | TradePrinted | TickerChanged
