"""Mark prices: the middle of the book, smoothed, as the exchange is told it each second."""

from collections.abc import Mapping

from trading_runtime.simulator.exchange.exchange import Exchange

SMOOTHING = 8
"""Each second the mark moves this part of the way to the middle."""
FUNDING_RATE = 10_000
"""0.01 % each interval, in 10^-8: what longs pay when nothing else is known."""


class Marks:
    """``pinned`` are prices that do not follow the market (``faults.board``)."""

    def __init__(self, exchange: Exchange, pinned: Mapping[str, int]) -> None:
        self._exchange = exchange
        self._pinned = pinned
        self._marks: dict[str, int] = {}
        for rules in exchange.symbols():
            exchange.set_funding_rate(rules.symbol, FUNDING_RATE)

    def advance(self, now: int) -> None:
        """Tell the exchange the mark of each symbol that has a market."""
        for rules in self._exchange.symbols():
            symbol = rules.symbol
            mark = self._pinned.get(symbol) or self._smoothed(symbol)
            if mark:
                self._exchange.mark(symbol, mark, now)

    def _smoothed(self, symbol: str) -> int:
        touch = self._exchange.touch(symbol)
        last = self._marks.get(symbol, 0)
        if not touch.bid_price or not touch.ask_price:
            return last
        middle = (touch.bid_price + touch.ask_price) // 2
        mark = last + (middle - last) // SMOOTHING if last else middle
        self._marks[symbol] = mark
        return mark
