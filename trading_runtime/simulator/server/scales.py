"""How many decimals a symbol's prices and quantities are written with.

Spot writes all eight everywhere; usdm those of the tick, at least two, and of the lot.
"""

from trading_runtime.records.exact import scaled_text
from trading_runtime.simulator.exchange.amounts import SCALE
from trading_runtime.simulator.exchange.words import MarketKind, SymbolRules

USDM_PRICE_DECIMALS = 2
"""A tick of 0.1 is written ``0.10``, as are all prices on it."""


class Scales:
    """Writes the amounts of one symbol, given in 10^-8; what is finer is cut off."""

    __slots__ = ("_price_cut", "_quantity_cut", "price_decimals", "quantity_decimals")

    def __init__(self, price_decimals: int, quantity_decimals: int) -> None:
        self.price_decimals = price_decimals
        self.quantity_decimals = quantity_decimals
        self._price_cut = 10 ** (SCALE - price_decimals)
        self._quantity_cut = 10 ** (SCALE - quantity_decimals)

    def price(self, amount: int) -> str:
        return scaled_text(amount // self._price_cut, self.price_decimals)

    def quantity(self, amount: int) -> str:
        """Write a quantity, which may be negative: a short position."""
        if amount < 0:
            return f"-{scaled_text(-amount // self._quantity_cut, self.quantity_decimals)}"
        return scaled_text(amount // self._quantity_cut, self.quantity_decimals)

    def levels(self, levels: tuple[tuple[int, int], ...]) -> str:
        """Write levels as the inside of a JSON array of pairs."""
        price, quantity = self.price, self.quantity
        return ",".join([f'["{price(level)}","{quantity(size)}"]' for level, size in levels])


def scales_for(kind: MarketKind, rules: SymbolRules) -> Scales:
    """Give the scales that the market ``kind`` writes this symbol with."""
    if kind is MarketKind.SPOT:
        return Scales(SCALE, SCALE)
    return Scales(max(USDM_PRICE_DECIMALS, decimals(rules.tick)), decimals(rules.lot))


def decimals(step: int) -> int:
    """Count the decimals of a step given in 10^-8."""
    found = SCALE
    while found and step % 10 == 0:
        step //= 10
        found -= 1
    return found
