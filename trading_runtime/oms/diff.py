"""From what rests to what is wanted, in the fewest and cheapest actions (OMS-2).

Rules:
 * A quote is one intent: at most one live order stands for it, on its side, within the price
   tolerance. The tolerance is held below half of the distance between two quotes, so that an order
   can stand for one quote only; each quote can then be settled by itself, and the sum is minimal.
 * What is close enough in price and size stays. What is too large is reduced in place, which keeps
   its priority. All else is cancelled, and placed anew.
 * An order that is pending or unknown is left alone, and the quote that it stands for waits.
 * A side never gets more live orders than it has quotes: for each order that is on its way out, the
   worst of the missing quotes waits until the venue has confirmed the end.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from trading_runtime.oms.order import Order
from trading_runtime.records.units import Lots, Side, Ticks

# A member looked up on its class is a call in Python 3.11; these are looked up for each order.
BUY = Side.BUY


OFF_PRICE = "no quote at this price"
OFF_SIZE = "size below the quote"
DOUBLED = "second order for one quote"
TOO_LARGE = "size above the quote"


Wanted = tuple[Side, Ticks, Lots]
"""A quote as the strategy states it."""


class Tolerance(NamedTuple):
    price: Ticks
    size: Lots


class CancelAction(NamedTuple):
    order: Order
    reason: str


class AmendAction(NamedTuple):
    """Reduce ``order`` to ``size`` in all, what is filled included."""

    order: Order
    size: Lots


class Actions(NamedTuple):
    """To be done in this order. ``places`` are best first on each side, buys before sells."""

    cancels: list[CancelAction]
    amends: list[AmendAction]
    places: list[Wanted]


def diff(desired: Sequence[Wanted], orders: Iterable[Order], tolerance: Tolerance) -> Actions:
    """Say what leads from ``orders`` (those that quote) to ``desired`` (best first on each side).

    No two quotes of one side have the same price.
    """
    actions = Actions([], [], [])
    buys: list[Wanted] = []
    sells: list[Wanted] = []
    for quote in desired:
        (buys if quote[0] is BUY else sells).append(quote)
    resting_buys: list[Order] = []
    resting_sells: list[Order] = []
    for order in orders:
        if not order.ended:
            (resting_buys if order.side is BUY else resting_sells).append(order)
    if buys or resting_buys:
        _diff_side(buys, resting_buys, tolerance, actions)
    if sells or resting_sells:
        _diff_side(sells, resting_sells, tolerance, actions)
    return actions


def _diff_side(
    quotes: list[Wanted],
    orders: list[Order],
    tolerance: Tolerance,
    actions: Actions,
) -> None:
    if not orders:
        actions.places.extend(quotes)
        return
    by_price, strays = _match(quotes, orders, tolerance.price, actions)
    missing: list[Wanted] = []
    for quote in quotes:
        candidates = by_price.get(quote[1])
        if candidates is None:
            missing.append(quote)
            continue
        stands, leaving = _settle(quote[2], candidates, tolerance.size, actions)
        strays += leaving
        if not stands:
            missing.append(quote)
    if missing:
        room = len(missing) - strays
        if room > 0:
            actions.places.extend(missing[:room])


def _match(
    quotes: list[Wanted],
    orders: list[Order],
    price_tolerance: Ticks,
    out: Actions,
) -> tuple[dict[Ticks, list[Order]], int]:
    """Sort the orders by the quote that they may stand for; cancel the others that can be.

    Gives also how many orders stand for no quote and are not gone yet.
    """
    prices = [quote[1] for quote in quotes]
    reach = _reach(prices, price_tolerance) if price_tolerance else 0
    wanted = set(prices)
    by_price: dict[Ticks, list[Order]] = {}
    strays = 0
    for order in orders:
        price = order.price
        if price not in wanted and reach:
            price = next((each for each in prices if -reach <= each - price <= reach), price)
        if price in wanted:
            by_price.setdefault(price, []).append(order)
            continue
        strays += 1
        if order.resting:
            out.cancels.append(CancelAction(order, OFF_PRICE))
    return by_price, strays


def _reach(prices: list[Ticks], price_tolerance: Ticks) -> int:
    """Hold the tolerance below half of the least distance between two quotes."""
    reach: int = price_tolerance
    for inner, outer in pairwise(prices):
        reach = min(reach, (abs(inner - outer) - 1) // 2)
    return reach


def _settle(
    size: Lots, candidates: list[Order], size_tolerance: Lots, actions: Actions
) -> tuple[bool, int]:
    """Choose the order that stands for a quote of ``size``; cancel the others that can be.

    Gives whether one stands, and how many others are not gone yet.
    """
    stands, reducible = None, None
    for order in candidates:
        if order.resting:
            remaining = order.size - order.filled
            if -size_tolerance <= remaining - size <= size_tolerance:
                stands = order
                break
            if remaining > size and reducible is None:
                reducible = order
    if stands is None:
        stands = next(
            (order for order in candidates if not order.resting and not order.cancelling), None
        )
    if stands is None and reducible is not None:
        stands = reducible
        actions.amends.append(AmendAction(stands, Lots(stands.filled + size)))
    leaving = 0
    for order in candidates:
        if order is not stands:
            leaving += 1
            if order.resting:
                reason = DOUBLED if stands is not None else OFF_SIZE
                actions.cancels.append(CancelAction(order, reason))
    return stands is not None, leaving
