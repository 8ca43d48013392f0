"""The gate that every order passes (RSK-1). What it lets through is a type that it alone makes.

``Approved`` is the only thing that the engine turns into a ``PlaceOrder``; no other module makes
one, which a test holds. All arithmetic is on integers; one past a limit is refused, the limit
itself is not.
"""

from typing import NamedTuple, final

import msgspec

from trading_runtime.account.equity import ratio
from trading_runtime.records.commands import Execution
from trading_runtime.records.facts_trading import Limit
from trading_runtime.records.units import MICROS_PER_UNIT, Lots, Side, Ticks
from trading_runtime.risk.limits import OrderLimits

# A member looked up on its class is a call in Python 3.11; these are looked up for each order.
BUY = Side.BUY


class Intent(msgspec.Struct, frozen=True, gc=False):
    """An order that somebody wants to place."""

    side: Side
    price: Ticks
    size: Lots
    execution: Execution
    reduce_only: bool


class Exposure(msgspec.Struct, gc=False):
    """What stands against the limits now. Money is the account's, whole and exact."""

    position: Lots
    pending_buy: Lots
    pending_sell: Lots
    double_mid: int
    """Best bid plus best ask, in ticks; 0 where there is no book."""
    open_orders: int
    equity: int
    notional_elsewhere: int
    """Of the positions in all other instruments."""
    money_per_tick_lot: int
    highest_buy: int = 0
    """Of our own orders that may rest, in ticks; 0 where there is none."""
    lowest_sell: int = 0


@final
class Approved(msgspec.Struct, frozen=True, gc=False):
    intent: Intent


@final
class Refused(msgspec.Struct, frozen=True, gc=False):
    """The first limit that the intent breaks, with both numbers in ``unit``."""

    intent: Intent
    limit: Limit
    value: int
    threshold: int
    unit: str


class Cut(NamedTuple):
    """Quotes as far as the inventory limit lets them be filled, and what was cut off."""

    quotes: tuple[tuple[Side, Ticks, Lots], ...]
    refused: tuple[Refused, ...]


def check(intent: Intent, exposure: Exposure, limits: OrderLimits) -> Approved | Refused:
    """Approve ``intent``, or name the first limit that it breaks.

    An order that only reduces the position is held to no limit but its own promise, so that a
    broken limit never stands in the way of getting out. The venue's grid and our own orders on the
    other side hold for both.
    """
    refused = _check_form(intent, exposure, limits)
    if refused is not None:
        return refused
    if intent.reduce_only:
        return _check_reducing(intent, exposure)
    size = intent.size
    if size > limits.order_size_max:
        return Refused(intent, Limit.ORDER_SIZE, size, limits.order_size_max, "lots")
    if exposure.open_orders >= limits.open_orders_max:
        value = exposure.open_orders + 1
        return Refused(intent, Limit.OPEN_ORDERS, value, limits.open_orders_max, "orders")
    # |price - mid| / mid, both times 2: no rounding.
    distance = abs(2 * intent.price - exposure.double_mid)
    if distance * MICROS_PER_UNIT > limits.price_band * exposure.double_mid:
        value = ratio(distance, exposure.double_mid)
        return Refused(intent, Limit.PRICE_BAND, value, limits.price_band, "micro")
    return _check_growing(intent, exposure, limits)


def _check_form(intent: Intent, exposure: Exposure, limits: OrderLimits) -> Refused | None:
    """Hold an order to the venue's grid, and keep it from trading with one of ours."""
    price = intent.price
    off = price % limits.price_step
    if off:
        return Refused(intent, Limit.ORDER_GRID, off, 0, "ticks")
    off = intent.size % limits.size_step
    if off:
        return Refused(intent, Limit.ORDER_GRID, off, 0, "lots")
    notional = price * intent.size
    if notional < limits.notional_min and not intent.reduce_only:
        return Refused(intent, Limit.NOTIONAL_MIN, notional, limits.notional_min, "tick lots")
    if intent.side is BUY:
        own = exposure.lowest_sell
        meets = own and price >= own
    else:
        own = exposure.highest_buy
        meets = own and price <= own
    return Refused(intent, Limit.SELF_TRADE, price, own, "ticks") if meets else None


def _check_growing(intent: Intent, exposure: Exposure, limits: OrderLimits) -> Approved | Refused:
    """Hold what the position may become, with all that is pending, to inventory and leverage."""
    if intent.side is BUY:
        reached = exposure.position + exposure.pending_buy + intent.size
    else:
        reached = exposure.pending_sell + intent.size - exposure.position
    if reached > limits.inventory_max:
        return Refused(intent, Limit.INVENTORY, reached, limits.inventory_max, "lots")
    # Not above zero: all of it would only make a position on the other side smaller.
    if reached > 0:
        notional = exposure.notional_elsewhere + (
            reached * intent.price * exposure.money_per_tick_lot
        )
        if notional * MICROS_PER_UNIT > limits.leverage_max * exposure.equity:
            value = ratio(notional, exposure.equity)
            return Refused(intent, Limit.LEVERAGE, value, limits.leverage_max, "micro")
    return Approved(intent)


def cut(quotes: tuple[tuple[Side, Ticks, Lots], ...], position: Lots, limits: OrderLimits) -> Cut:
    """Cut quotes, best first, to what may be filled before the inventory limit is reached."""
    room_buy: int = limits.inventory_max - position
    room_sell: int = limits.inventory_max + position
    kept: list[tuple[Side, Ticks, Lots]] = []
    refused: list[Refused] = []
    for quote in quotes:
        side, price, size = quote
        buy = side is BUY
        room = room_buy if buy else room_sell
        if size <= room:
            kept.append(quote)
        else:
            intent = Intent(side, price, size, Execution.POST_ONLY, False)
            reached = limits.inventory_max - room + size
            refused.append(Refused(intent, Limit.INVENTORY, reached, limits.inventory_max, "lots"))
            room -= room % limits.size_step
            if room > 0:
                kept.append((side, price, Lots(room)))
        if buy:
            room_buy -= size
        else:
            room_sell -= size
    return Cut(tuple(kept), tuple(refused))


def _check_reducing(intent: Intent, exposure: Exposure) -> Approved | Refused:
    """Hold a reducing order to what there is to reduce, less what already reduces it."""
    if intent.side is BUY:
        reducible = -exposure.position - exposure.pending_buy
    else:
        reducible = exposure.position - exposure.pending_sell
    if intent.size > reducible:
        return Refused(intent, Limit.REDUCE_ONLY, intent.size, max(reducible, 0), "lots")
    return Approved(intent)
