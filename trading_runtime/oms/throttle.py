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


TOKEN = NANOS_PER_SECOND


class Bucket:
    """Starts full; never holds more than its burst.

    ``level`` may fall below zero for what must not wait, and is true as of ``at``.
    """

    __slots__ = ("_capacity", "_full_rate", "_rate", "at", "level")

    def __init__(self, settings: RateSettings) -> None:
        self._full_rate = self._rate = settings.per_second
        self._capacity = settings.burst * TOKEN
        self.level = self._capacity
        self.at = Nanos(0)

    def refill(self, at: Nanos) -> None:
        """Bring the level up to date; ``at`` is later than the last time."""
        self.level = min(self.level + (at - self.at) * self._rate, self._capacity)
        self.at = at

    def slow(self, halvings: int) -> None:
        """Refill at the set rate halved so often, and never below one a second."""
        self._rate = max(self._full_rate >> halvings, 1)

    def carry(self) -> BucketCarried:
        return BucketCarried(self.level, self.at)

    def restore(self, carried: BucketCarried) -> None:
        self.level = carried.level
        self.at = carried.at


class Throttles:
    """One instrument's buckets together with the ones that it shares with all others."""

    __slots__ = ("_cancels", "_least", "_orders", "_total_cancels", "_total_orders")

    def __init__(self, settings: OmsSettings, total_orders: Bucket, total_cancels: Bucket) -> None:
        self._orders = Bucket(settings.instrument_orders)
        self._cancels = Bucket(settings.instrument_cancels)
        self._total_orders = total_orders
        self._total_cancels = total_cancels
        self._least = (settings.cancels_reserved + 1) * TOKEN

    def order(self, at: Nanos) -> bool:
        """Take a token for a new order or an amendment, if both buckets have one."""
        return _take(self._orders, self._total_orders, TOKEN, at)

    def cancel(self, at: Nanos) -> bool:
        """Take a token for a cancel of requoting, leaving the reserved ones."""
        return _take(self._cancels, self._total_cancels, self._least, at)

    def withdrawal(self, at: Nanos) -> bool:
        """Take a token for a cancel that makes safe; it may use the reserved ones."""
        return _take(self._cancels, self._total_cancels, TOKEN, at)

    def panic(self) -> None:
        """Count a cancel that waits for nothing."""
        self._cancels.level -= TOKEN
        self._total_cancels.level -= TOKEN

    def carry(self) -> tuple[BucketCarried, BucketCarried]:
        return self._orders.carry(), self._cancels.carry()

    def restore(self, carried: tuple[BucketCarried, BucketCarried]) -> None:
        self._orders.restore(carried[0])
        self._cancels.restore(carried[1])


def _take(one: Bucket, total: Bucket, least: int, at: Nanos) -> bool:
    """Take a token from both buckets if both hold ``least`` at ``at``."""
    if at > one.at:
        one.refill(at)
    if at > total.at:
        total.refill(at)
    if one.level < least or total.level < least:
        return False
    one.level -= TOKEN
    total.level -= TOKEN
    return True
