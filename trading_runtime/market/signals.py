"""What the book says about where the price is going: four numbers, each a count of millionths.

Imbalance and microprice are functions of the book as it stands, in integers. Volatility and trend
remember the moves of the mid price with fading weight. Their floats use only addition,
multiplication, division and square root, which IEEE 754 rounds correctly everywhere, in one fixed
order; so a replay on another machine gives the same bits. They are rounded before they leave this
module.
"""

from math import sqrt

import msgspec

from trading_runtime.market.book import Book
from trading_runtime.market.settings import MarketSettings
from trading_runtime.records.units import (
    MICROS_PER_UNIT,
    NANOS_PER_SECOND,
    Micro,
    Nanos,
)


class SignalsCarried(msgspec.Struct, frozen=True, array_like=True):
    """The memory of the mid's moves: see ``Signals``."""

    at: Nanos
    started_at: Nanos
    moved_at: Nanos
    double_mid: int
    """Bid plus ask, so that it is whole; 0 before both sides were there."""
    squares: float
    moves: float


COLD = SignalsCarried(Nanos(0), Nanos(0), Nanos(0), 0, 0.0, 0.0)


class Signals:
    """The signals of one book as of ``at``, the engine time of the last delta applied.

    A move of the mid by ``m`` ticks at time ``t`` weighs ``fade((at - t) / memory)`` at ``at``. The
    sums of weighted squares and weighted moves, each over ``memory * (1 - fade(age / memory))``
    where ``age`` is how long the mid has been watched, are the variance and the drift per second:
    an exponentially weighted average that is not biased low while it is young (the bias correction
    of Kingma and Ba, *Adam*, 2015, section 3, in continuous time).
    """

    __slots__ = (
        "_book",
        "_double_mid",
        "_moved_at",
        "_moves",
        "_settings",
        "_squares",
        "_started_at",
        "_volatility",
        "at",
    )

    def __init__(self, book: Book, settings: MarketSettings) -> None:
        self._book = book
        self._settings = settings
        self.at = COLD.at
        self._started_at = COLD.started_at
        self._moved_at = COLD.moved_at
        self._double_mid = COLD.double_mid
        self._squares = COLD.squares
        self._moves = COLD.moves
        self._volatility: Micro | None = None
        """As of ``at``, once it was asked for: every turn asks, not every turn has a delta."""

    def on_book(self, at: Nanos) -> None:
        """Take note of the mid; cheap unless it moved."""
        self.at = at
        self._volatility = None
        bid, ask = self._book.bids.best, self._book.asks.best
        double_mid = bid + ask
        if double_mid != self._double_mid and bid and ask:
            self._move(double_mid, at)

    def _move(self, double_mid: int, at: Nanos) -> None:
        if not self._double_mid:
            self._started_at = at
        else:
            move = (double_mid - self._double_mid) / 2
            since = at - self._moved_at
            self._squares = (
                self._squares * fade(since / self._settings.volatility_memory_ns) + move * move
            )
            self._moves = self._moves * fade(since / self._settings.trend_memory_ns) + move
        self._double_mid = double_mid
        self._moved_at = at

    @property
    def warm(self) -> bool:
        """Say whether the mid has been watched long enough for its moves to mean something."""
        age = self.at - self._started_at
        return self._double_mid != 0 and age >= self._settings.warm_after_ns

    @property
    def imbalance(self) -> Micro:
        """Give (B - A) / (B + A) in millionths, from -1 (only asks) to +1 (only bids).

        B and A are the lots on the best ``imbalance_levels`` levels of each side: the volume
        imbalance of Cartea, Jaimungal and Penalva, *Algorithmic and High-Frequency Trading*, 2015,
        section 10.4, over several levels. 0 when the book is empty.
        """
        levels = self._settings.imbalance_levels
        bid = self._book.bids.volume(levels)
        ask = self._book.asks.volume(levels)
        return Micro(_millionths(bid - ask, bid + ask))

    @property
    def microprice(self) -> int:
        """Give the mid weighted by the opposite sizes, in millionths of a tick.

        (bid x ask size + ask x bid size) / (bid size + ask size): the volume-weighted mid of
        Gatheral and Oomen, *Zero-intelligence realized variance estimation*, 2010. 0 when a side
        is empty.
        """
        bids, asks = self._book.bids, self._book.asks
        if not bids.best or not asks.best:
            return 0
        weighted = bids.best * asks.best_size + asks.best * bids.best_size
        return _millionths(weighted, bids.best_size + asks.best_size)

    @property
    def volatility(self) -> Micro:
        """Give the square root of the mid's variance, in ticks per square root of a second.

        The exponentially weighted variance of RiskMetrics (J. P. Morgan, 1996), in continuous
        time and without a mean. In millionths; 0 before the mid first moved.
        """
        if self._volatility is None:
            memory = self._settings.volatility_memory_ns
            variance = self._per_second(self._squares, memory)
            self._volatility = Micro(round(sqrt(variance) * MICROS_PER_UNIT))
        return self._volatility

    @property
    def trend(self) -> Micro:
        """Give the exponentially weighted slope of the mid, in ticks per second, in millionths."""
        slope = self._per_second(self._moves, self._settings.trend_memory_ns)
        return Micro(round(slope * MICROS_PER_UNIT))

    def _per_second(self, faded: float, memory: Nanos) -> float:
        age = self.at - self._started_at
        if age <= 0 or not self._double_mid:
            return 0.0
        now = faded * fade((self.at - self._moved_at) / memory)
        return now / (memory / NANOS_PER_SECOND * (1.0 - fade(age / memory)))

    def go_on(self, at: Nanos) -> None:
        """Go on at ``at`` with what a session before remembered, or forget it where it is too old.

        The next mid is one move from the last one seen, as after any gap: the sum of moves and of
        their squares expects no less over it. Longer than the shorter memory that says too little.
        """
        memory = min(self._settings.volatility_memory_ns, self._settings.trend_memory_ns)
        if not 0 <= at - self.at <= memory:
            self.reset()

    def reset(self) -> None:
        """Forget all: what comes is counted on another grid, or after too long."""
        self.restore(COLD)

    def carry(self) -> SignalsCarried:
        return SignalsCarried(
            self.at,
            self._started_at,
            self._moved_at,
            self._double_mid,
            self._squares,
            self._moves,
        )

    def restore(self, carried: SignalsCarried) -> None:
        self.at = carried.at
        self._volatility = None
        self._started_at = carried.started_at
        self._moved_at = carried.moved_at
        self._double_mid = carried.double_mid
        self._squares = carried.squares
        self._moves = carried.moves


def fade(age: float) -> float:
    """Give the weight of what is ``age`` memories old: (1 + age/16) ** -16, nearly exp(-age).

    Chosen over ``exp`` because its bits do not depend on the machine's mathematical library.
    """
    weight = 1.0 / (1.0 + age / 16.0)
    weight *= weight
    weight *= weight
    weight *= weight
    return weight * weight


def _millionths(numerator: int, denominator: int) -> int:
    """Give the ratio in millionths, halves rounded up; 0 where the denominator is 0."""
    if not denominator:
        return 0
    return (2 * numerator * MICROS_PER_UNIT + denominator) // (2 * denominator)
