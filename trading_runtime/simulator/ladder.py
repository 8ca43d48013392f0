"""One side of an order book by price and time: whole orders, each in its queue.

It is the generator's own and shares nothing with the runtime's book, so that the two can be held
against each other. Prices are in ticks, sizes in lots.
"""

from bisect import bisect_left, insort

from trading_runtime.simulator.orders import Order


class Ladder:
    """The resting orders of one side; ``sign`` is +1 for bids and -1 for asks."""

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.changed: dict[int, None] = {}
        """Prices whose size changed since the last :meth:`take_changes`, in order of change."""
        self._queues: dict[int, dict[int, Order]] = {}
        self._sizes: dict[int, int] = {}
        self._keys: list[int] = []
        """Prices times ``sign``, ascending: the best is last, and change is near the end."""

    def best(self) -> int:
        """Give the best price; 0 when the side is empty."""
        return self._keys[-1] * self.sign if self._keys else 0

    def size_at(self, price: int) -> int:
        return self._sizes.get(price, 0)

    def first(self) -> Order | None:
        """Give the order that trades next: the oldest at the best price."""
        if not self._keys:
            return None
        return next(iter(self._queues[self.best()].values()))

    def add(self, order: Order) -> None:
        price = order.price
        if price not in self._queues:
            self._queues[price] = {}
            self._sizes[price] = 0
            insort(self._keys, price * self.sign)
        self._queues[price][order.number] = order
        self._sizes[price] += order.lots
        self.changed[price] = None

    def reduce(self, order: Order, lots: int) -> None:
        """Take ``lots`` off ``order``, by a trade or a cancel; it goes when nothing is left."""
        price = order.price
        order.lots -= lots
        self._sizes[price] -= lots
        self.changed[price] = None
        if order.lots:
            return
        queue = self._queues[price]
        del queue[order.number]
        if not queue:
            del self._queues[price]
            del self._sizes[price]
            del self._keys[bisect_left(self._keys, price * self.sign)]

    def top(self, count: int) -> list[tuple[int, int]]:
        """Give the ``count`` best levels as (price, size), best first."""
        prices = [key * self.sign for key in self._keys[: -count - 1 : -1]]
        return [(price, self._sizes[price]) for price in prices]

    def take_changes(self) -> list[tuple[int, int]]:
        """Give the levels that changed as (price, size now), and forget them; size 0 is gone."""
        changes = [(price, self.size_at(price)) for price in self.changed]
        self.changed.clear()
        return changes
