"""Where our paper orders stand in a real market's queues, and what of them is filled.

Our orders are not in the displayed book: what is displayed belongs to others. Per price and side
we keep how much of it stands before each of our orders (``ahead``), in lots.

Rules:
 * An order joins behind all that is displayed at its price. While the book is not known, neither
   is its place; it is taken from the first book that is.
 * A trade at its price, by a taker on the other side, uses up what is ahead and then the order. Our
   own orders share one trade, better price first and older first, never for more than its size.
 * A trade at a worse price for the taker has gone through ours: nothing is ahead any more, and the
   trade's size is filled before any of it reaches the worse price.
 * Where the displayed size falls by more than trades explain, the rest was cancelled, before and
   behind us in proportion (what is ahead is rounded up, against us).
 * Depth and trades come by different streams, so the book may show a trade before it is told. By
   the venue's own clock such a trade takes back what was held for cancels, and one that is not
   newer than the book in which an order joined has nothing to do with that order.
 * When the other side's best price reaches ours, the market is through us: filled whole.
"""

from collections.abc import Iterable
from typing import NamedTuple

from trading_runtime.market.book import Book
from trading_runtime.market.events import TradePrinted
from trading_runtime.records.carried_paper import PaperLevelCarried, PaperRestingCarried
from trading_runtime.records.units import ClientId, Lots, Nanos, Side, Ticks

NOT_KNOWN = Lots(-1)


class Resting:
    """One order at rest; ``filled`` of ``size`` is done.

    ``joined`` is the venue's time of the book in which it joined. ``cancelled`` is by how much the
    last fall of the displayed size has shortened what is ahead.
    """

    __slots__ = (
        "ahead",
        "cancelled",
        "filled",
        "joined",
        "order",
        "price",
        "side",
        "size",
        "venue_order",
    )

    def __init__(
        self, order: ClientId, venue_order: str, side: Side, price: Ticks, size: Lots
    ) -> None:
        self.order = order
        self.venue_order = venue_order
        self.side = side
        self.price = price
        self.size = size
        self.filled = Lots(0)
        self.ahead = NOT_KNOWN
        self.cancelled = Lots(0)
        self.joined = Nanos(0)

    @property
    def remaining(self) -> Lots:
        return Lots(self.size - self.filled)


class Fill(NamedTuple):
    """``size`` of a resting order was filled, which makes ``cumulative`` in all."""

    resting: Resting
    size: Lots
    cumulative: Lots


class Level:
    """Our orders at one price, oldest first.

    ``displayed`` is what the book last showed, ``traded`` what has traded here since and is not
    yet seen to be gone from it.
    """

    __slots__ = ("displayed", "orders", "traded")

    def __init__(self, displayed: Lots) -> None:
        self.displayed = displayed
        self.traded = 0
        self.orders: list[Resting] = []

    def show(self, displayed: Lots) -> None:
        """Take what the book shows now: a fall that no trade explains was cancelled."""
        before = self.displayed
        left = max(0, before - self.traded)
        for resting in self.orders:
            if resting.ahead == NOT_KNOWN:
                resting.ahead = displayed
                continue
            ahead: int = min(resting.ahead, displayed)
            if displayed < left:
                ahead = min(ahead, -(-resting.ahead * displayed // left))
            resting.cancelled = Lots(resting.ahead - ahead)
            resting.ahead = Lots(ahead)
        # A fall may show only some of the trades so far; a rise shows that we have lost count.
        self.traded = max(0, self.traded - (before - displayed)) if displayed < before else 0
        self.displayed = displayed

    def trade(self, trade: TradePrinted, left: int, fills: list[Fill], *, shown: bool) -> None:
        """Take a trade here, of which ``left`` is not spent on better prices of ours.

        ``shown`` says that the book that was last seen has it already.
        """
        if not shown:
            self.traded += trade.size
        others = 0
        for resting in self.orders:
            if resting.ahead == NOT_KNOWN:
                return
            if _older(trade, resting):
                continue
            if shown:
                back = min(resting.cancelled, trade.size)
                resting.cancelled = Lots(resting.cancelled - back)
                resting.ahead = Lots(resting.ahead + back)
            before_us = min(left, max(0, resting.ahead - others))
            others += before_us
            left -= before_us
            resting.ahead = Lots(max(0, resting.ahead - others))
            left -= _fill(resting, left, fills)

    def trade_through(self, trade: TradePrinted, left: int, fills: list[Fill]) -> int:
        """Take a trade beyond this price; give what of ``left`` goes on to it."""
        for resting in self.orders:
            if not _older(trade, resting):
                resting.ahead = resting.cancelled = Lots(0)
                left -= _fill(resting, left, fills)
        return left


def _older(trade: TradePrinted, resting: Resting) -> bool:
    return 0 < trade.venue_time <= resting.joined


def _fill(resting: Resting, most: int, fills: list[Fill]) -> int:
    size = min(most, resting.size - resting.filled)
    if size > 0:
        resting.filled = Lots(resting.filled + size)
        fills.append(Fill(resting, Lots(size), resting.filled))
    return size


class QueueSide:
    """Our levels on one side; a key is ``sign * price``, so that the best one is the highest."""

    __slots__ = ("best", "levels", "sign")

    def __init__(self, side: Side) -> None:
        self.sign = side.sign
        self.levels: dict[int, Level] = {}
        self.best = 0
        """The highest key; means nothing while there are no levels."""

    def add(self, resting: Resting, displayed: Lots) -> None:
        key = self.sign * resting.price
        if key not in self.levels:
            self.levels[key] = Level(displayed)
            self.best = max(self.levels)
        resting.ahead = displayed
        self.levels[key].orders.append(resting)

    def remove(self, resting: Resting) -> None:
        key = self.sign * resting.price
        level = self.levels[key]
        level.orders.remove(resting)
        if not level.orders:
            del self.levels[key]
            self.best = max(self.levels, default=0)

    def reached(self, key: int) -> list[int]:
        """Give the keys of our levels at ``key`` or better, best first."""
        return sorted((own for own in self.levels if own >= key), reverse=True)

    def on_trade(self, trade: TradePrinted, shown_at: Nanos) -> list[Fill]:
        """Take a trade against this side; ``shown_at`` is the venue's time of the last book."""
        fills: list[Fill] = []
        key = self.sign * trade.price
        if not self.levels or key > self.best:
            return fills
        left: int = trade.size
        shown = 0 < trade.venue_time <= shown_at
        for own in self.reached(key):
            if own > key:
                left = self.levels[own].trade_through(trade, left, fills)
            else:
                self.levels[own].trade(trade, left, fills, shown=shown)
        return fills

    def on_book(self, sizes: dict[int, int], opposite_best: int) -> list[Fill]:
        """Take this side's ``sizes`` in the book, and the other side's best price (0: none)."""
        fills: list[Fill] = []
        sign = self.sign
        if opposite_best and self.levels and sign * opposite_best <= self.best:
            for own in self.reached(sign * opposite_best):
                for resting in self.levels[own].orders:
                    _fill(resting, resting.remaining, fills)
        for own, level in self.levels.items():
            displayed = sizes.get(sign * own, 0)
            if displayed != level.displayed:
                level.show(Lots(displayed))
        return fills


class PaperQueue:
    """All our resting orders in one instrument. What is filled whole is to be removed."""

    __slots__ = ("asks", "bids", "orders")

    def __init__(self) -> None:
        self.bids = QueueSide(Side.BUY)
        self.asks = QueueSide(Side.SELL)
        self.orders: dict[ClientId, Resting] = {}

    def side(self, side: Side) -> QueueSide:
        return self.bids if side is Side.BUY else self.asks

    def add(self, resting: Resting, displayed: Lots) -> None:
        """Join behind ``displayed`` lots, ``NOT_KNOWN`` while there is no book."""
        self.orders[resting.order] = resting
        self.side(resting.side).add(resting, displayed)

    def remove(self, resting: Resting) -> None:
        del self.orders[resting.order]
        self.side(resting.side).remove(resting)

    def on_book(self, book: Book) -> list[Fill]:
        if not self.orders:
            return []
        fills = self.bids.on_book(book.bids.sizes, book.asks.best)
        return fills + self.asks.on_book(book.asks.sizes, book.bids.best)

    def carry(self) -> tuple[PaperLevelCarried, ...]:
        return tuple(
            PaperLevelCarried(
                side=side,
                price=Ticks(side.sign * key),
                displayed=level.displayed,
                traded=Lots(level.traded),
                orders=tuple(_carry(resting) for resting in level.orders),
            )
            for side in (Side.BUY, Side.SELL)
            for key, level in self.side(side).levels.items()
        )

    def restore(self, levels: Iterable[PaperLevelCarried]) -> None:
        for carried in levels:
            for one in carried.orders:
                resting = Resting(one.order, one.venue_order, carried.side, carried.price, one.size)
                self.add(resting, carried.displayed)
                resting.filled, resting.ahead = one.filled, one.ahead
                resting.cancelled, resting.joined = one.cancelled, one.joined
            level = self.side(carried.side).levels[carried.side.sign * carried.price]
            level.traded = carried.traded


def _carry(resting: Resting) -> PaperRestingCarried:
    return PaperRestingCarried(
        order=resting.order,
        venue_order=resting.venue_order,
        size=resting.size,
        filled=resting.filled,
        ahead=resting.ahead,
        cancelled=resting.cancelled,
        joined=resting.joined,
    )
