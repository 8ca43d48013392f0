"""Orders that take: the hedge that brings inventory back (STR-3) and the close of a PanicStop.

Both are immediate, only reduce, go no further than a slippage bound from the best opposite price,
and are one at a time. A hedge waits until no quote of ours rests, so that it cannot trade with us
and the worst case stays within the inventory limit; quotes return when it is done.
"""

from trading_runtime.engine.lane import Lane
from trading_runtime.engine.settings import HedgeSettings
from trading_runtime.market.instrument import Market
from trading_runtime.records.commands import Execution
from trading_runtime.records.envelope import Output
from trading_runtime.records.facts_trading import HedgeDecided
from trading_runtime.records.lifecycle import Aim
from trading_runtime.records.units import MICROS_PER_UNIT, Lots, Micro, Nanos, Side, Ticks
from trading_runtime.risk.gate import Approved, Intent
from trading_runtime.risk.limits import in_lots


def reducing(market: Market, position: Lots, size: Lots, slippage: Micro) -> Intent:
    """Make the order that reduces ``position`` by ``size``; both sides of the book have a level."""
    if position > 0:
        best = market.book.best_bid()
        price = max(1, best - best * slippage // MICROS_PER_UNIT)
        return Intent(Side.SELL, Ticks(price), size, Execution.IMMEDIATE, reduce_only=True)
    best = market.book.best_ask()
    price = best + best * slippage // MICROS_PER_UNIT
    return Intent(Side.BUY, Ticks(price), size, Execution.IMMEDIATE, reduce_only=True)


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
        return self.under_way or (
            abs(self._lane.ledger.position) > self._band and at >= self.next_at
        )

    def act(self, at: Nanos, out: list[Output]) -> None:
        """Hedge, if it is due, no order of ours is left and the gate lets it through."""
        lane = self._lane
        position = lane.ledger.position
        if self.under_way or abs(position) <= self._band or lane.busy_with(Aim.QUOTE):
            return
        excess = abs(position) - self._band
        size = min(excess, self._clip, lane.limits.order_size_max, lane.reducible())
        if not size:
            return
        intent = reducing(self._market, position, Lots(size), self._settings.slippage_max)
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


class Close:
    """Closes one instrument's position for a PanicStop, slice by slice."""

    __slots__ = ("_interval", "_lane", "_market", "_slippage", "next_at")

    def __init__(self, market: Market, lane: Lane, slippage: Micro, interval: Nanos) -> None:
        self._market = market
        self._lane = lane
        self._slippage = slippage
        self._interval = interval
        self.next_at = Nanos(0)

    def act(self, at: Nanos, out: list[Output]) -> None:
        """Send the next slice, if there is a position, a book, and no slice under way."""
        lane, book = self._lane, self._market.book
        position = lane.ledger.position
        size = min(lane.reducible(), lane.limits.order_size_max)
        if not size or at < self.next_at or lane.busy_with(Aim.CLOSE):
            return
        if self._market.revision != lane.revision:
            return
        if not (self._market.synced and book.best_bid() and book.best_ask()):
            return
        verdict = lane.check(reducing(self._market, position, size, self._slippage))
        if isinstance(verdict, Approved):
            self.next_at = Nanos(at + self._interval)
            lane.place(verdict, Aim.CLOSE, "panic stop: closing the position", at, out)
