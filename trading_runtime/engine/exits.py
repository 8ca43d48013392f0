"""Orders that take: the hedge that brings inventory back (STR-3) and the close of a PanicStop.

Both are immediate, only reduce, go no further than a slippage bound from the best opposite price,
and are one at a time. A hedge waits until no quote of ours rests, so that it cannot trade with us
and the worst case stays within the inventory limit; quotes return when it is done.
"""

from typing import NamedTuple

import msgspec

from trading_runtime.engine.lane import Lane
from trading_runtime.engine.settings import HedgeSettings
from trading_runtime.market.instrument import Market
from trading_runtime.records.commands import Execution
from trading_runtime.records.envelope import Output
from trading_runtime.records.facts_trading import HedgeDecided
from trading_runtime.records.lifecycle import Aim
from trading_runtime.records.units import MICROS_PER_UNIT, ClientId, Lots, Micro, Nanos, Side, Ticks
from trading_runtime.risk.gate import Approved, Intent
from trading_runtime.risk.limits import OrderLimits, in_lots

CLOSING = "panic stop: closing the position"
FAILURES_MAX = 5
"""Each closing order in a row that traded nothing doubles the wait, so often."""


class Reach(NamedTuple):
    slippage: Micro
    price_step: int


def reducing(position: Lots, size: Lots, touch: tuple[int, int], reach: Reach) -> Intent:
    """Make the order that reduces ``position`` by ``size``, from the best (bid, ask) in ticks.

    Its price is on the venue's grid, and never beyond the slippage bound for it.
    """
    step = reach.price_step
    bid, ask = touch
    if position > 0:
        price = max(bid - bid * reach.slippage // MICROS_PER_UNIT, 1)
        price += -price % step
        return Intent(Side.SELL, Ticks(price), size, Execution.IMMEDIATE, reduce_only=True)
    price = ask + ask * reach.slippage // MICROS_PER_UNIT
    price -= price % step
    return Intent(Side.BUY, Ticks(price), size, Execution.IMMEDIATE, reduce_only=True)


class CloseCarried(msgspec.Struct, frozen=True, array_like=True):
    next_at: Nanos
    last: ClientId
    failures: int


class Hedge:
    """When to hedge one instrument, and how much."""

    __slots__ = ("_band", "_clip", "_lane", "_market", "_settings", "next_at", "under_way")

    def __init__(self, settings: HedgeSettings, market: Market, lane: Lane) -> None:
        self._settings = settings
        self._market = market
        self._lane = lane
        self.next_at = Nanos(0)
        """The end of the cooldown."""
        self.under_way = False
        """The last hedge has not been seen to end."""
        self.count()

    def count(self) -> None:
        """Count the settings on the instrument's present grid."""
        self._band = in_lots("band", self._settings.band, self._lane.scales)
        self._clip = in_lots("clip", self._settings.clip, self._lane.scales)

    def due(self, at: Nanos) -> bool:
        """Whether the quotes have to stay away for a hedge, now or under way."""
        if self.under_way:
            self.under_way = self._lane.busy_with(Aim.HEDGE)
        return self.under_way or (at >= self.next_at and self._size() > 0)

    def act(self, at: Nanos, out: list[Output]) -> None:
        """Hedge, if it is due, no order of ours is left and the gate lets it through."""
        lane = self._lane
        position = lane.ledger.position
        if self.under_way or lane.busy_with(Aim.QUOTE):
            return
        size = whole_steps(min(self._size(), lane.reducible()), lane.limits)
        if not size:
            return
        book = self._market.book
        touch = book.best_bid(), book.best_ask()
        reach = Reach(self._settings.slippage_max, lane.limits.price_step)
        intent = reducing(position, size, touch, reach)
        verdict = lane.check(intent)
        if not isinstance(verdict, Approved) or not lane.take(at):
            return
        self.next_at = Nanos(at + self._settings.cooldown_ns)
        self.under_way = True
        out.append(
            HedgeDecided(
                revision=lane.revision,
                side=intent.side,
                price=intent.price,
                size=intent.size,
                inventory=position,
                band=self._band,
            )
        )
        lane.place(verdict, Aim.HEDGE, "hedge: inventory outside its band", at, out)

    def _size(self) -> Lots:
        """Give the excess as far as one order takes it; 0 where the venue takes none so small."""
        limits = self._lane.limits
        excess = abs(self._lane.ledger.position) - self._band
        if excess <= 0:
            return Lots(0)
        size = whole_steps(min(excess, self._clip, limits.order_size_max), limits)
        return size if size * self._market.book.best_bid() >= limits.notional_min else Lots(0)


class Close:
    """Closes one instrument's position for a PanicStop, slice by slice."""

    __slots__ = ("_failures", "_interval", "_lane", "_last", "_market", "_slippage", "next_at")

    def __init__(self, market: Market, lane: Lane, slippage: Micro, interval: Nanos) -> None:
        self._market = market
        self._lane = lane
        self._slippage = slippage
        self._interval = interval
        self.next_at = Nanos(0)
        self._last = ClientId("")
        self._failures = 0

    def act(self, at: Nanos, out: list[Output]) -> None:
        """Send the next slice of our own position, if there is a book and no slice under way."""
        lane, book = self._lane, self._market.book
        size = whole_steps(min(lane.reducible(), lane.limits.order_size_max), lane.limits)
        if not size or at < self.next_at or lane.busy_with(Aim.CLOSE):
            return
        if self._market.revision != lane.revision:
            return
        if not (self._market.synced and book.best_bid() and book.best_ask()):
            return
        touch = book.best_bid(), book.best_ask()
        verdict = lane.check(self._slice(lane.ledger.position, size, touch))
        if isinstance(verdict, Approved):
            self.next_at = Nanos(at + self._interval)
            lane.place(verdict, Aim.CLOSE, CLOSING, at, out)

    def act_on(self, position: Lots, reference: Ticks, at: Nanos, out: list[Output]) -> None:
        """Send the next slice of the ``position`` that the venue tells of.

        A slice that was filled whole is followed at once; one that was not, after a while that
        grows. Without a book the price is taken from ``reference`` or from the last mid known.
        """
        lane = self._lane
        self._review(at)
        if at < self.next_at or self._market.revision != lane.revision:
            return
        size = whole_steps(min(abs(position), lane.limits.order_size_max), lane.limits)
        touch = self._touch(reference)
        if not size or not touch[0]:
            return
        verdict = lane.check_closing(self._slice(position, size, touch), position)
        if isinstance(verdict, Approved):
            self._last = lane.place(verdict, Aim.CLOSE, CLOSING, at, out)
            self.next_at = Nanos(at + self._interval)

    def dust(self, position: Lots, *, exempt: bool) -> bool:
        """Whether the venue takes no order as small as ``position``.

        ``exempt``: an order that only reduces is not held to the least notional there.
        """
        limits, mark = self._lane.limits, self._lane.ledger.mark_micro // MICROS_PER_UNIT
        if abs(position) < limits.size_step:
            return True
        return not exempt and abs(position) * mark < limits.notional_min

    def carry(self) -> CloseCarried:
        return CloseCarried(self.next_at, self._last, self._failures)

    def restore(self, carried: CloseCarried) -> None:
        self.next_at = carried.next_at
        self._last = carried.last
        self._failures = carried.failures

    def _review(self, at: Nanos) -> None:
        """See what became of the last slice, once."""
        order = self._lane.table.find(self._last)
        if order is None or not order.ended:
            return
        self._last = ClientId("")
        if order.filled >= order.size:
            self._failures = 0
            self.next_at = at
        else:
            wait = self._interval << min(self._failures, FAILURES_MAX)
            self._failures += 1
            self.next_at = Nanos(order.placed_at + wait)

    def _touch(self, reference: Ticks) -> tuple[int, int]:
        book = self._market.book
        bid, ask = book.best_bid(), book.best_ask()
        if self._market.synced and bid and ask:
            return bid, ask
        known = reference or self._lane.ledger.mark_micro // MICROS_PER_UNIT
        return known, known

    def _slice(self, position: Lots, size: Lots, touch: tuple[int, int]) -> Intent:
        reach = Reach(self._slippage, self._lane.limits.price_step)
        return reducing(position, size, touch, reach)


def whole_steps(size: int, limits: OrderLimits) -> Lots:
    """Round a size down to what the venue takes in orders."""
    return Lots(size - size % limits.size_step)
