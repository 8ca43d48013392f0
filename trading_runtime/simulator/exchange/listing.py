"""One symbol as the venue keeps it: its rules, its book, its counters and its accounts' orders."""

from collections import deque

from trading_runtime.simulator.exchange.book import Book
from trading_runtime.simulator.exchange.history import Blotter
from trading_runtime.simulator.exchange.words import (
    AccountNumber,
    MarketKind,
    Printed,
    SymbolRules,
    TouchChanged,
)

PRINTS_MAX = 1000
"""As many as the venue's recent trades answer gives."""
USDM_ID_GAP = 3
"""Usdm's update ids skip, so that only ``pu`` chains; how many is ours to choose."""


class Listing:
    """Ids of orders and trades count per symbol, so the same id exists in every symbol."""

    def __init__(self, kind: MarketKind, rules: SymbolRules, kept_max: int, ids_after: int) -> None:
        self.kind = kind
        self.rules = rules
        self.book = Book(0 if kind is MarketKind.SPOT else USDM_ID_GAP)
        self.last_price = 0
        self.mark = 0
        self.funding_rate = 0
        self.next_funding_ns = 0
        self.prints: deque[Printed] = deque(maxlen=PRINTS_MAX)
        self.touch = TouchChanged(
            symbol=rules.symbol,
            update_id=1,
            bid_price=0,
            bid_quantity=0,
            ask_price=0,
            ask_quantity=0,
            time_ns=0,
        )
        self.blotters: dict[AccountNumber, Blotter] = {}
        self.orders = ids_after
        self.trades = ids_after
        self.prevented = 0
        """The last numbers given, to orders, trades and prevented matches."""
        self._kept_max = kept_max

    def blotter(self, account: AccountNumber) -> Blotter:
        blotter = self.blotters.get(account)
        if blotter is None:
            blotter = self.blotters[account] = Blotter(self._kept_max)
        return blotter

    @property
    def reference(self) -> int:
        """The price that bands and margins go by: the mark, else the last trade; 0 for none."""
        return self.mark or self.last_price
