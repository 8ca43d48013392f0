"""The trading rooms' state as it stands in a checkpoint: orders, ledger, strategy."""

import msgspec

from trading_runtime.records.lifecycle import OrderState
from trading_runtime.records.units import ClientId, Lots, Money, Nanos, Revision, Side, Ticks


class OrderCarried(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
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


class LedgerCarried(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Position and money of one instrument. ``cost`` is what the open position was bought for."""

    revision: Revision
    position: Lots
    cost: Money
    realized: Money
    fees: Money
    funding: Money
    seen_trades: tuple[str, ...]


class TradingCarried(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One instrument's trading state, oldest order first; ``strategy`` is the strategy's own."""

    instrument_id: str
    orders: tuple[OrderCarried, ...]
    ledger: LedgerCarried
    parameters: bytes
    strategy: bytes
    paused: str
    """Why the strategy is paused; empty when it runs."""
    quoting: msgspec.Raw
