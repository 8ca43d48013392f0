"""One symbol's book: at each price a queue in order of time, of our orders and of the crowd's.

The crowd is everybody who is no account of ours. It is known only by the total that it shows at a
price, so its place in the queue is kept by rule: what it adds joins at the back; what it takes away
without a trade leaves from the back, newest first, so that no cancel of others moves us forward;
what it trades leaves from the front.
"""

from bisect import bisect_left, insort

from trading_runtime.simulator.exchange.words import UNIT, OrderView, Side, StpMode

Levels = tuple[tuple[int, int], ...]


class Crowd:
    """A stretch of the crowd's quantity between two of our orders in a queue."""

    __slots__ = ("quantity",)

    def __init__(self, quantity: int) -> None:
        self.quantity = quantity


class Level:
    """One price. ``queue`` is keyed by order id, the crowd's stretches by negative numbers."""

    __slots__ = ("crowd", "price", "queue", "stretches", "total")

    def __init__(self, price: int) -> None:
        self.price = price
        self.total = 0
        self.crowd = 0
        self.queue: dict[int, OrderView | Crowd] = {}
        self.stretches = 0

    def first(self) -> OrderView | Crowd:
        return next(iter(self.queue.values()))

    def own(self) -> list[OrderView]:
        """Give the accounts' orders, oldest first."""
        return [entry for entry in self.queue.values() if isinstance(entry, OrderView)]

    def join_crowd(self, quantity: int) -> None:
        last = next(reversed(self.queue.values())) if self.queue else None
        if isinstance(last, Crowd):
            last.quantity += quantity
        else:
            self.stretches += 1
            self.queue[-self.stretches] = Crowd(quantity)
        self.crowd += quantity
        self.total += quantity

    def leave_crowd(self, quantity: int, *, from_front: bool) -> None:
        """Take up to ``quantity`` of the crowd away, oldest or newest stretches first."""
        left = quantity = min(quantity, self.crowd)
        keys = list(self.queue) if from_front else list(reversed(self.queue))
        for key in keys:
            if not left:
                break
            entry = self.queue[key]
            if isinstance(entry, Crowd):
                taken = min(left, entry.quantity)
                entry.quantity -= taken
                left -= taken
                if not entry.quantity:
                    del self.queue[key]
        self.crowd -= quantity
        self.total -= quantity


class BookSide:
    """All levels of one side; ``sign`` is +1 for bids and -1 for asks."""

    __slots__ = ("changed", "keys", "levels", "sign")

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.levels: dict[int, Level] = {}
        self.keys: list[int] = []
        """Prices times ``sign``, ascending: the best is last, and change is near the end."""
        self.changed: dict[int, None] = {}

    def best(self) -> Level | None:
        return self.levels[self.keys[-1] * self.sign] if self.keys else None

    def reaches(self, level: Level, limit: int) -> bool:
        """Whether an order with that ``limit``, 0 for none, may trade at ``level``."""
        return not limit or (level.price - limit) * self.sign >= 0

    def crossed_by(self, limit: int) -> bool:
        return bool(self.keys) and self.keys[-1] >= limit * self.sign

    def _level(self, price: int) -> Level:
        level = self.levels.get(price)
        if level is None:
            level = self.levels[price] = Level(price)
            insort(self.keys, price * self.sign)
        self.changed[price] = None
        return level

    def _drop_if_empty(self, level: Level) -> None:
        if not level.queue:
            del self.levels[level.price]
            del self.keys[bisect_left(self.keys, level.price * self.sign)]

    def add(self, order: OrderView) -> None:
        level = self._level(order.price)
        level.queue[order.order_id] = order
        level.total += order.quantity - order.executed

    def remove(self, order: OrderView) -> None:
        """Take out ``order`` with all that is left of it."""
        level = self.levels[order.price]
        self.changed[order.price] = None
        del level.queue[order.order_id]
        level.total -= order.quantity - order.executed
        self._drop_if_empty(level)

    def shrink(self, order: OrderView, by: int) -> None:
        """Show ``by`` less of ``order``, which keeps its place and has something left."""
        self.levels[order.price].total -= by
        self.changed[order.price] = None

    def filled(self, order: OrderView, quantity: int) -> None:
        """Take a fill of ``quantity`` off the book; ``order.executed`` already counts it."""
        level = self.levels[order.price]
        self.changed[order.price] = None
        level.total -= quantity
        if order.executed == order.quantity:
            del level.queue[order.order_id]
            self._drop_if_empty(level)

    def take_crowd(self, level: Level, quantity: int) -> None:
        """Trade up to ``quantity`` of the crowd at the front of ``level`` away."""
        self.changed[level.price] = None
        level.leave_crowd(quantity, from_front=True)
        self._drop_if_empty(level)

    def set_crowd(self, price: int, quantity: int) -> None:
        """Let the crowd show exactly ``quantity`` at ``price``."""
        present = self.levels[price].crowd if price in self.levels else 0
        if quantity == present:
            return
        level = self._level(price)
        if quantity > present:
            level.join_crowd(quantity - present)
        else:
            level.leave_crowd(present - quantity, from_front=False)
            self._drop_if_empty(level)

    def prices_before(self, price: int) -> list[int]:
        """Give the prices better than ``price``, the best first."""
        bound, sign = price * self.sign, self.sign
        better = []
        for key in reversed(self.keys):
            if key <= bound:
                break
            better.append(key * sign)
        return better

    def top(self, limit: int) -> Levels:
        sign, levels = self.sign, self.levels
        return tuple(
            [(key * sign, levels[key * sign].total) for key in self.keys[: -limit - 1 : -1]]
        )

    def take_changes(self) -> Levels:
        if not self.changed:
            return ()
        levels = self.levels
        changes = tuple(
            [(price, levels[price].total if price in levels else 0) for price in self.changed]
        )
        self.changed.clear()
        return changes


class Book:
    """Both sides, and the ids that chain the changes of the book."""

    __slots__ = ("asks", "bids", "id_gap", "last_id")

    def __init__(self, id_gap: int) -> None:
        """``id_gap`` ids are skipped between two changes, as usdm does; spot skips none."""
        self.bids = BookSide(1)
        self.asks = BookSide(-1)
        self.last_id = 1
        self.id_gap = id_gap

    def side(self, side: Side) -> BookSide:
        return self.bids if side is Side.BUY else self.asks

    def against(self, side: Side) -> BookSide:
        """Give the side that an order of ``side`` would trade with."""
        return self.asks if side is Side.BUY else self.bids


def sweep(book: Book, order: OrderView, lot: int) -> tuple[int, int]:
    """What ``order`` would trade at once: (quantity, quote); nothing is changed.

    Follows the order's limit, its quantity or quote quantity, and its self-trade prevention.
    """
    side = book.against(order.side)
    quantity = quote = 0
    for key in reversed(side.keys):
        level = side.levels[key * side.sign]
        if not side.reaches(level, order.price):
            break
        if order.quote_quantity:
            wanted = (order.quote_quantity - quote) * UNIT // level.price // lot * lot
        else:
            wanted = order.quantity - quantity
        free, stopped = _open_to(level, order)
        taken = min(wanted, free)
        quantity += taken
        quote += level.price * taken // UNIT
        if stopped or taken == wanted:
            break
    return quantity, quote


def _open_to(level: Level, order: OrderView) -> tuple[int, bool]:
    """How much of ``level`` the order may trade, and whether it would be expired there."""
    if order.stp_mode is StpMode.NONE:
        return level.total, False
    free = 0
    for entry in level.queue.values():
        if isinstance(entry, Crowd):
            free += entry.quantity
        elif entry.account != order.account:
            free += entry.quantity - entry.executed
        elif order.stp_mode is not StpMode.EXPIRE_MAKER:
            return free, True
    return free, False
