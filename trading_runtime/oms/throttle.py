"""Token buckets on engine time, in integers: how many messages we may send (OMS-3).

A bucket's level counts billionths of a token, so that a rate per second refills it exactly with
each nanosecond. Cancels have buckets of their own, which orders never empty; requoting leaves the
reserved tokens to withdrawals, and PanicStop asks no bucket at all.
"""

import msgspec

from trading_runtime.oms.settings import OmsSettings, RateSettings
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos


class BucketCarried(msgspec.Struct, frozen=True, array_like=True):
    level: int
    at: Nanos


class Bucket:
    """Starts full; never holds more than its burst."""

    __slots__ = ("_at", "_capacity", "_level", "_rate")

    def __init__(self, settings: RateSettings) -> None:
        self._rate = settings.per_second
        self._capacity = settings.burst * NANOS_PER_SECOND
        self._level = self._capacity
        self._at = Nanos(0)

    def holds(self, at: Nanos, kept: int = 0) -> bool:
        """Whether there is a whole token at ``at`` above ``kept`` tokens."""
        if at > self._at:
            level = self._level + (at - self._at) * self._rate
            self._level = min(level, self._capacity)
            self._at = at
        return self._level >= (kept + 1) * NANOS_PER_SECOND

    def take(self) -> None:
        """Take one token; the level may fall below zero for what must not wait."""
        self._level -= NANOS_PER_SECOND

    def carry(self) -> BucketCarried:
        return BucketCarried(self._level, self._at)

    def restore(self, carried: BucketCarried) -> None:
        self._level = carried.level
        self._at = carried.at


class Throttles:
    """One instrument's buckets together with the ones that it shares with all others."""

    __slots__ = ("_cancels", "_orders", "_reserved", "_total_cancels", "_total_orders")

    def __init__(self, settings: OmsSettings, total_orders: Bucket, total_cancels: Bucket) -> None:
        self._orders = Bucket(settings.instrument_orders)
        self._cancels = Bucket(settings.instrument_cancels)
        self._total_orders = total_orders
        self._total_cancels = total_cancels
        self._reserved = settings.cancels_reserved

    def order(self, at: Nanos) -> bool:
        """Take a token for a new order or an amendment, if both buckets have one."""
        if self._orders.holds(at) and self._total_orders.holds(at):
            self._orders.take()
            self._total_orders.take()
            return True
        return False

    def cancel(self, at: Nanos) -> bool:
        """Take a token for a cancel of requoting, leaving the reserved ones."""
        return self._take_cancel(at, self._reserved)

    def withdrawal(self, at: Nanos) -> bool:
        """Take a token for a cancel that makes safe; it may use the reserved ones."""
        return self._take_cancel(at, 0)

    def panic(self) -> None:
        """Count a cancel that waits for nothing."""
        self._cancels.take()
        self._total_cancels.take()

    def _take_cancel(self, at: Nanos, kept: int) -> bool:
        if self._cancels.holds(at, kept) and self._total_cancels.holds(at, kept):
            self._cancels.take()
            self._total_cancels.take()
            return True
        return False

    def carry(self) -> tuple[BucketCarried, BucketCarried]:
        return self._orders.carry(), self._cancels.carry()

    def restore(self, carried: tuple[BucketCarried, BucketCarried]) -> None:
        self._orders.restore(carried[0])
        self._cancels.restore(carried[1])
