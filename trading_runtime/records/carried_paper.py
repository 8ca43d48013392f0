"""The paper venue's state as it stands in a checkpoint, packed into ``CoreCarried.paper``."""

import msgspec

from trading_runtime.records.commands import AmendOrder, CancelOrder, PlaceOrder, QueryOrder
from trading_runtime.records.units import ClientId, Lots, Nanos, Revision, Side, Ticks

PaperCommand = PlaceOrder | AmendOrder | CancelOrder | QueryOrder


class PaperRestingCarried(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One resting order; ``ahead`` is what others have before it in the queue, -1 if not known.

    ``cancelled`` is what the last change of the book took from that, ``joined`` the venue's time of
    the book in which the order joined.
    """

    order: ClientId
    venue_order: str
    size: Lots
    filled: Lots
    ahead: Lots
    cancelled: Lots
    joined: Nanos


class PaperLevelCarried(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Our orders at one price, oldest first, and what the book last showed there (-1: nothing)."""

    side: Side
    price: Ticks
    displayed: Lots
    traded: Lots
    orders: tuple[PaperRestingCarried, ...]


class PaperMarketCarried(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One instrument: its levels in the order in which they were made, and our position there.

    ``shown_at`` is the venue's time of the last book that was seen.
    """

    revision: Revision
    shown_at: Nanos
    position: Lots
    levels: tuple[PaperLevelCarried, ...]


class PaperArrivalCarried(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A command on its way to the venue."""

    at: Nanos
    command: PaperCommand


class PaperReportCarried(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A frame on its way back, or the last one of an order that has ended."""

    at: Nanos
    frame: bytes


class PaperCarried(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """All of it. ``counter`` numbers venue orders and trades; ``timer_at`` was asked for last."""

    counter: int
    timer_at: Nanos
    arrivals: tuple[PaperArrivalCarried, ...]
    reports: tuple[PaperReportCarried, ...]
    markets: tuple[PaperMarketCarried, ...]
    ended: tuple[tuple[ClientId, bytes], ...]
    """The last report of each order that ended lately, oldest first, for queries."""
