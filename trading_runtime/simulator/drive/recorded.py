"""A capture as moves of an exchange: the gaps of the recording, everything else the venue's own.

Rules:
 * The clock starts at the first whole book; what was recorded before it is taken at once.
 * Changes that came before their symbol's book wait for it, and those that it contains are dropped.
 * A whole book replaces the one there is: levels that it does not have go.
 * At its end the capture begins again, so that its books make a fresh start.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from trading_runtime.errors import Refused
from trading_runtime.records.units import NANOS_PER_SECOND
from trading_runtime.simulator.drive.tape import Aggregate, Book, Diff, Level, Line, Trade, merged
from trading_runtime.simulator.exchange.amounts import units
from trading_runtime.simulator.exchange.exchange import Exchange
from trading_runtime.simulator.exchange.words import Side

WAITING_MAX = 10_000
"""Changes kept for a book that does not come; more than a minute of the busiest stream."""
SURVEYED_LINES_MAX = 3000
"""Lines read for the symbols and their steps: a book of a thousand levels shows them."""
REST_NS = NANOS_PER_SECOND
"""Between the end of a capture and its next beginning."""

Levels = dict[int, int]


class Standing:
    """One symbol's levels as the capture has set them."""

    __slots__ = ("last_id", "levels", "waiting")

    def __init__(self) -> None:
        self.last_id: int | None = None
        self.levels: dict[Side, Levels] = {Side.BUY: {}, Side.SELL: {}}
        self.waiting: list[Diff] = []


class Recorded:
    """The captures of one market; time is nanoseconds since they began to play."""

    def __init__(self, exchange: Exchange, paths: Sequence[Path]) -> None:
        self._exchange = exchange
        self._paths = paths
        self._symbols = {rules.symbol for rules in exchange.symbols()}
        self._standing = {rules.symbol: Standing() for rules in exchange.symbols()}
        self._lines = merged(paths)
        self._next: Line | None = None
        self._origin_ns = 0
        self._last_ns = 0
        self._started_ns = 0
        """When the present round began to play, as time is counted here."""

    def arrive(self, now: int) -> None:
        """Play until the first whole book stands."""
        self._begin(0, now)

    def advance(self, elapsed_ns: int, now: int) -> None:
        """Play what was recorded until then."""
        while self._due_ns() <= elapsed_ns:
            if self._next is None:
                self._begin(self._due_ns(), now)
            else:
                self._last_ns = self._next.at_ns
                self._play(self._next, now)
                self._next = next(self._lines, None)

    def _due_ns(self) -> int:
        """When the next line is due; after the last one, when the capture begins again."""
        at_ns = self._last_ns + REST_NS if self._next is None else self._next.at_ns
        return at_ns - self._origin_ns + self._started_ns

    def _begin(self, started_ns: int, now: int) -> None:
        """Play up to the first whole book; there is one, as :func:`surveyed` has found."""
        self._started_ns = started_ns
        self._lines = merged(self._paths)
        for standing in self._standing.values():
            standing.last_id = None
            standing.waiting.clear()
        for line in self._lines:
            self._play(line, now)
            if isinstance(line.event, Book):
                self._origin_ns = self._last_ns = line.at_ns
                break
        self._next = next(self._lines, None)

    def _play(self, line: Line, now: int) -> None:
        event = line.event
        if event.symbol not in self._symbols:
            return
        standing = self._standing[event.symbol]
        if isinstance(event, Trade | Aggregate):
            if standing.last_id is not None:
                self._trade(event, now)
        elif isinstance(event, Book):
            self._replace(standing, event, now)
        elif standing.last_id is None:
            if len(standing.waiting) < WAITING_MAX:
                standing.waiting.append(event)
        elif event.last_id > standing.last_id:
            standing.last_id = event.last_id
            self._change(standing, event.symbol, (event.bids, event.asks), now)

    def _replace(self, standing: Standing, book: Book, now: int) -> None:
        standing.last_id = book.last_id
        sides = []
        for side, levels in ((Side.BUY, book.bids), (Side.SELL, book.asks)):
            kept = {units(price) for price, _ in levels}
            gone = sorted(price for price in standing.levels[side] if price not in kept)
            for price in gone:
                self._exchange.set_external(book.symbol, side, price, 0, now)
                del standing.levels[side][price]
            sides.append(levels)
        self._change(standing, book.symbol, (sides[0], sides[1]), now)
        waiting, standing.waiting = standing.waiting, []
        for diff in waiting:
            if diff.last_id > standing.last_id:
                standing.last_id = diff.last_id
                self._change(standing, diff.symbol, (diff.bids, diff.asks), now)

    def _change(
        self,
        standing: Standing,
        symbol: str,
        sides: tuple[Sequence[Level], Sequence[Level]],
        now: int,
    ) -> None:
        """Levels that go, go first: the others may stand where they stood."""
        moves = [
            (units(size), units(price), side)
            for side, levels in zip((Side.BUY, Side.SELL), sides, strict=True)
            for price, size in levels
        ]
        for size, price, side in [move for move in moves if not move[0]]:
            if standing.levels[side].pop(price, None) is not None:
                self._exchange.set_external(symbol, side, price, size, now)
        for size, price, side in [move for move in moves if move[0]]:
            standing.levels[side][price] = size
            self._exchange.set_external(symbol, side, price, size, now)

    def _trade(self, trade: Trade | Aggregate, now: int) -> None:
        price, size = units(trade.price), units(trade.quantity)
        if price and size:  # settlements of an insurance fund have neither
            side = Side.SELL if trade.buyer_is_maker else Side.BUY
            self._exchange.external_trade(trade.symbol, side, price, size, now)


def surveyed(paths: Sequence[Path]) -> dict[str, tuple[int, int]]:
    """Give tick and lot, powers of ten in 10^-8, on which each symbol's first lines lie.

    Raises :exc:`Refused` where there is no whole book to play from.
    """
    prices: dict[str, int] = {}
    sizes: dict[str, int] = {}
    booked = False
    for path in paths:
        for line in heads(path):
            event = line.event
            booked = booked or isinstance(event, Book)
            if isinstance(event, Diff | Book):
                for price, size in (*event.bids, *event.asks):
                    prices[event.symbol] = math.gcd(prices.get(event.symbol, 0), units(price))
                    sizes[event.symbol] = math.gcd(sizes.get(event.symbol, 0), units(size))
    if not booked:
        raise Refused(f"no whole book in {', '.join(path.name for path in paths)}")
    return {
        symbol: (step_below(prices[symbol]), step_below(sizes[symbol]))
        for symbol in prices
        if prices[symbol] and sizes[symbol]
    }


def heads(path: Path) -> Iterator[Line]:
    yield from (line for line, _ in zip(merged([path]), range(SURVEYED_LINES_MAX), strict=False))


def step_below(divisor: int) -> int:
    """Give the greatest power of ten that divides ``divisor``."""
    step = 1
    while divisor % (step * 10) == 0:
        step *= 10
    return step
