"""What a venue tells about our orders, decoded; whether by answer, stream or query.

The paper venue speaks this as its wire format (JSON arrays, the name first), so its frames in the
journal decode by :data:`OrderReport` alone. Fills merge by ``venue_trade`` and ``cumulative``.
"""

from enum import Enum

import msgspec

from trading_runtime.records.units import ClientId, Lots, Money, Nanos, Side, Ticks


class Accepted(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=True):
    order: ClientId
    venue_order: str
    venue_time: Nanos


class Rejected(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=True):
    order: ClientId
    code: int
    reason: str
    retry: bool
    venue_time: Nanos


class Filled(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=True):
    """One execution of ``size``; ``cumulative`` is the order's filled size after it."""

    order: ClientId
    venue_trade: str
    price: Ticks
    size: Lots
    cumulative: Lots
    fee: Money
    fee_asset: str
    maker: bool
    venue_time: Nanos


class Cancelled(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=True):
    order: ClientId
    cumulative: Lots
    venue_time: Nanos


class CancelRejected(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=True):
    order: ClientId
    code: int
    reason: str
    venue_time: Nanos


class Amended(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=True):
    order: ClientId
    size: Lots
    venue_time: Nanos


class AmendRejected(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=True):
    order: ClientId
    code: int
    reason: str
    venue_time: Nanos


class Expired(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=True):
    """The venue ended the order: the rest of an immediate one, self-trade prevention, delisting."""

    order: ClientId
    cumulative: Lots
    reason: str
    venue_time: Nanos


class Absent(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=True):
    """A targeted query found no such order."""

    order: ClientId
    venue_time: Nanos


class Funded(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=True):
    """Funding was paid on the position of ``instrument_id``; positive when received."""

    instrument_id: str
    amount: Money
    venue_time: Nanos


class Standing(Enum):
    """Where an order stands at the venue."""

    OPEN = "open"
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REJECTED = "rejected"


class Stands(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=True):
    """All of an order as the venue holds it: the answer to a query, a line of the open orders.

    ``cumulative`` may be more than the fills that we know; it names no single one.
    """

    order: ClientId
    instrument_id: str
    venue_order: str
    side: Side
    price: Ticks
    size: Lots
    cumulative: Lots
    standing: Standing
    reduce_only: bool
    venue_time: Nanos


OrderReport = (
    Accepted
    | Rejected
    | Filled
    | Cancelled
    | CancelRejected
    | Amended
    | AmendRejected
    | Expired
    | Absent
    | Stands
)


class OpenOrders(msgspec.Struct, frozen=True, array_like=True):
    """Everything that rests for one instrument on this account, foreign orders too."""

    request: str
    instrument_id: str
    orders: tuple[Stands, ...]


class OwnTrade(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One execution of the account; the order is known by the venue's id alone."""

    venue_order: str
    venue_trade: str
    side: Side
    price: Ticks
    size: Lots
    fee: Money
    fee_asset: str
    maker: bool
    venue_time: Nanos


class OwnTrades(msgspec.Struct, frozen=True, array_like=True):
    """Oldest first; ``more``: the venue's page was full."""

    request: str
    instrument_id: str
    trades: tuple[OwnTrade, ...]
    more: bool


class Unanswered(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The venue answered ``request`` with an error that tells nothing of the order's fate.

    An execution status that is unknown (5xx and its like) where ``known`` is False; where it is
    True, the request was certainly not executed. ``clock``: because its time was not believed.
    """

    request: str
    code: int
    reason: str
    known: bool
    clock: bool = False


TableReport = OpenOrders | OwnTrades | Unanswered
