"""One fault in force: which of the things that pass it hits, and when it ends."""

import random
import re
from typing import Generic, TypeVar

from trading_runtime.simulator.exchange.words import MarketKind
from trading_runtime.simulator.faults.words import Lasting

F = TypeVar("F", bound=Lasting)


class Rule(Generic[F]):
    """``pattern`` is of routes, streams or kinds of connection (see ``words``)."""

    __slots__ = ("_left", "_pattern", "_to_skip", "_until_ns", "fault")

    def __init__(self, fault: F, pattern: str, until_ns: int | None) -> None:
        self.fault = fault
        self._pattern = compiled(pattern)
        self._until_ns = until_ns
        self._left = fault.count
        self._to_skip = fault.skip

    def standing(self, now_ns: int) -> bool:
        """Say whether it may still hit something."""
        return self._left != 0 and (self._until_ns is None or now_ns < self._until_ns)

    def concerns_market(self, market: MarketKind) -> bool:
        return self.fault.market is None or self.fault.market is market

    def hits(self, name: str, market: MarketKind, rng: random.Random) -> bool:
        """Say whether it hits this one, and count that."""
        if self._left == 0 or not self.concerns_market(market):
            return False
        if not self._pattern.fullmatch(name):
            return False
        if self._to_skip:
            self._to_skip -= 1
            return False
        if self.fault.share < 1.0 and rng.random() >= self.fault.share:
            return False
        if self._left is not None:
            self._left -= 1
        return True


def live(rules: list[Rule[F]], now_ns: int) -> list[Rule[F]]:
    """Give those that stand, in the order in which they were given."""
    return [rule for rule in rules if rule.standing(now_ns)]


def compiled(pattern: str) -> re.Pattern[str]:
    """Read words of alternatives (``A|B C|D*``), in which ``*`` is any text, as an expression."""
    words = [re.escape(word).replace(r"\*", ".*").replace(r"\|", "|") for word in pattern.split()]
    return re.compile(" ".join(f"(?:{word})" for word in words))
