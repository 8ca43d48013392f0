"""One market's levels: price to size on each side, with the best at hand.

Levels are absolute: a delta says what a level is now, and a size of 0 deletes it. To keep the path
from a delta to the best prices short, a deleted level keeps its place with size 0 until it is the
best one or the table is swept, so most deltas change sizes only and move nothing. What is deleted
in this sense shows nowhere outside this module.
"""

from bisect import insort
from collections.abc import Iterable, Iterator
from itertools import islice

from trading_runtime.market.events import PriceLevel
from trading_runtime.records.units import Lots, Side, Ticks

SWEEP_MIN = 4_096
"""A side is swept of deleted levels when it has doubled since the last sweep, and not below this.

The live levels themselves are bounded by the venue's own price filter.
"""

SORT_MIN = 64
"""From so many new levels on, sorting all of a side anew costs less than placing each."""


class Ladder:
    """One side: sizes by price, and the prices in order with the best at the end.

    ``sign`` is +1 for bids and -1 for asks; ``keys`` holds ``sign * price``, so that on both sides
    the best is the last and changes near the touch move few entries.
    """

    __slots__ = ("best", "best_size", "keys", "sign", "sizes", "sweep_at")

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.sizes: dict[int, int] = {}
        """A deleted level may stand here with size 0."""
        self.keys: list[int] = []
        self.best = Ticks(0)
        """0 when the side is empty."""
        self.best_size = Lots(0)
        self.sweep_at = SWEEP_MIN

    def replace(self, levels: Iterable[PriceLevel]) -> None:
        self.sizes = dict(levels)
        self.sweep()
        self.settle()

    def apply(self, levels: list[PriceLevel]) -> None:
        """Overwrite these levels and find the best again."""
        sizes = self.sizes
        known = len(sizes)
        sizes.update(levels)
        grown = len(sizes) - known
        if grown:
            keys, sign = self.keys, self.sign
            # A dict keeps the order of insertion, so the new prices are its last ones.
            new = islice(reversed(sizes), grown)
            if grown < SORT_MIN:
                for price in new:
                    insort(keys, sign * price)
            else:
                keys += [sign * price for price in new]
                keys.sort()
            if len(sizes) > self.sweep_at:
                self.sweep()
        self.settle()

    def settle(self) -> None:
        """Drop deleted levels from the front until the best one is alive."""
        keys, sizes, sign = self.keys, self.sizes, self.sign
        while keys:
            best: Ticks = sign * keys[-1]  # type: ignore[assignment]
            size: Lots = sizes[best]  # type: ignore[assignment]
            if size:
                self.best, self.best_size = best, size
                return
            del sizes[best], keys[-1]
        self.best, self.best_size = Ticks(0), Lots(0)

    def sweep(self) -> None:
        """Drop all deleted levels."""
        self.sizes = {price: size for price, size in self.sizes.items() if size}
        self.keys = sorted(self.sign * price for price in self.sizes)
        self.sweep_at = max(SWEEP_MIN, 2 * len(self.sizes))

    def volume(self, levels: int) -> int:
        """Give the lots on the best ``levels`` levels."""
        sizes, sign = self.sizes, self.sign
        lots = 0
        for key in reversed(self.keys):
            size = sizes[sign * key]
            if size:
                lots += size
                levels -= 1
                if not levels:
                    break
        return lots

    def __iter__(self) -> Iterator[PriceLevel]:
        """Give the live levels, best first."""
        sizes, sign = self.sizes, self.sign
        for key in reversed(self.keys):
            price: Ticks = sign * key  # type: ignore[assignment]
            size: Lots = sizes[price]  # type: ignore[assignment]
            if size:
                yield price, size


class Book:
    """Both sides. Whether it may be trusted is not its matter (``market.sync``)."""

    __slots__ = ("asks", "bids")

    def __init__(self) -> None:
        self.bids = Ladder(+1)
        self.asks = Ladder(-1)

    def apply(self, bids: list[PriceLevel], asks: list[PriceLevel]) -> None:
        if bids:
            self.bids.apply(bids)
        if asks:
            self.asks.apply(asks)

    def replace(self, bids: Iterable[PriceLevel], asks: Iterable[PriceLevel]) -> None:
        """Forget all levels and take these."""
        self.bids.replace(bids)
        self.asks.replace(asks)

    def clear(self) -> None:
        self.replace((), ())

    def best_bid(self) -> Ticks:
        """Give the highest bid, 0 when there is none."""
        return self.bids.best

    def best_ask(self) -> Ticks:
        """Give the lowest ask, 0 when there is none."""
        return self.asks.best

    def bid_size(self) -> Lots:
        """Give the size at the best bid, 0 when there is none."""
        return self.bids.best_size

    def ask_size(self) -> Lots:
        """Give the size at the best ask, 0 when there is none."""
        return self.asks.best_size

    def crossed(self) -> bool:
        """Say whether the best prices cross or lock, which no matching venue shows."""
        bid, ask = self.bids.best, self.asks.best
        return bid >= ask and bid != 0 and ask != 0

    def size_at(self, side: Side, price: Ticks) -> Lots:
        """Give the size that rests at ``price``, 0 where nothing does."""
        return Lots(self.ladder(side).sizes.get(price, 0))

    def top(self, side: Side, count: int) -> list[PriceLevel]:
        """Give the ``count`` best levels, best first."""
        return list(islice(self.ladder(side), count))

    def levels(self, side: Side) -> Iterator[PriceLevel]:
        """Give all levels, best first."""
        return iter(self.ladder(side))

    def counts(self) -> tuple[int, int]:
        """Give the number of bid and of ask levels."""
        return sum(1 for _ in self.bids), sum(1 for _ in self.asks)

    def ladder(self, side: Side) -> Ladder:
        return self.bids if side is Side.BUY else self.asks
