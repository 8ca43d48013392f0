"""The trading rooms' state as it stands in a checkpoint: orders, ledger, strategy."""

import msgspec

from trading_runtime.records.lifecycle import Aim, OrderState
from trading_runtime.records.units import ClientId, Lots, Money, Nanos, Revision, Side, Ticks


class OrderCarried(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One order, live or kept for late reports. ``filled`` is what its fills sum to.

    ``cumulative`` is what the venue says was filled: above ``filled`` while fills are missing.
    """

    order: ClientId
    revision: Revision
    side: Side
    price: Ticks
    size: Lots
    filled: Lots
    state: OrderState
    venue_order: str
    placed_at: Nanos
    changed_at: Nanos
    aim: Aim
    cumulative: Lots
    trades: tuple[str, ...]
    """The venue's ids of the fills that are booked."""
    asked_at: Nanos
    asked: int
    """How many queries were sent, and when the last one was."""


class LedgerCarried(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Position and money of one instrument. ``cost`` is what the open position was bought for.

    ``fees`` are in quote money; ``other_fees`` were paid in assets that are neither quote nor base.
    The ``day_`` amounts are what stood at the day's start.
    """

    revision: Revision
    position: Lots
    cost: Money
    realized: Money
    fees: Money
    funding: Money
    day_realized: Money
    day_fees: Money
    day_funding: Money
    mark_micro: int
    """The price last marked at, in millionths of a tick; 0 before the first."""
    other_fees: tuple[tuple[str, Money], ...]


class TradingCarried(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One instrument's trading state, oldest order first; ``strategy`` is its memory, packed.

    ``parameters`` is JSON in the strategy's own schema.
    """

    instrument_id: str
    orders: tuple[OrderCarried, ...]
    ledger: LedgerCarried
    parameters: bytes
    strategy: bytes
    paused: str
    """Why the strategy is paused; empty when it runs."""
    quoting: msgspec.Raw
