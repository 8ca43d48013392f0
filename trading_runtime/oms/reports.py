"""What a venue tells about our orders, decoded; whether by answer, stream or query.

The paper venue speaks this as its wire format (JSON arrays, the name first), so its frames in the
journal decode by :data:`OrderReport` alone. Fills merge by ``venue_trade`` and ``cumulative``.
"""

import msgspec

from trading_runtime.records.units import ClientId, Lots, Money, Nanos, Ticks


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
)
