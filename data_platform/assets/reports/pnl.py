"""Position and profit from the fills alone, by average cost, exactly.

The runtime keeps its own ledger in integers; this one is made of other stuff on purpose, fractions,
so that the two can disagree. A fill that comes twice (instrument, trade id) counts once and is
reported. Fees in another asset than the quote are summed apart: no price of theirs is known here.
"""

from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple

from data_platform.assets.reports.lines import Filled


class Moment(NamedTuple):
    """What one fill led to."""

    ts: str
    position: Fraction
    profit: Fraction
    """Realized minus fees, up to and with this fill."""


class Account:
    """One instrument's fills of a day, booked in their order on what was carried into it."""

    def __init__(self) -> None:
        self.position = Fraction(0)
        self.opened = Fraction(0)
        """The position at the day's start."""
        self.cost = Fraction(0)
        self.realized = Fraction(0)
        self.fees: dict[str, Fraction] = {}
        self.moments: list[Moment] = []
        self.repeated = 0
        self.seen: dict[str, None] = {}
        """Trade ids in the order in which they came."""

    def book(self, fill: Filled, quote_asset: str) -> None:
        if fill.venue_trade in self.seen:
            self.repeated += 1
            return
        self.seen[fill.venue_trade] = None
        signed = Fraction(fill.qty) if fill.side == "buy" else -Fraction(fill.qty)
        price = Fraction(fill.price)
        closing = Fraction(0)
        if self.position * signed < 0:
            closing = min(abs(signed), abs(self.position)) * (1 if signed > 0 else -1)
            # What is closed leaves at the average cost of the whole position.
            removed = -closing * self.cost / self.position
            self.realized += -closing * price - removed
            self.cost -= removed
        self.cost += (signed - closing) * price
        self.position += signed
        self.fees[fill.fee_asset] = self.fees.get(fill.fee_asset, Fraction(0)) + Fraction(fill.fee)
        profit = self.realized - self.fees.get(quote_asset, Fraction(0))
        self.moments.append(Moment(fill.ts, self.position, profit))

    def unrealized(self, mark: Fraction) -> Fraction:
        return self.position * mark - self.cost


Accounts = dict[str, Account]


def book(accounts: Accounts, fills: Iterable[Filled], quote_asset: str) -> Accounts:
    """Book ``fills`` on ``accounts``; give the account of each instrument, by its id."""
    for fill in fills:
        accounts.setdefault(fill.instrument_id, Account()).book(fill, quote_asset)
    return dict(sorted(accounts.items()))


def peaks(account: Account) -> tuple[Fraction, Fraction]:
    """Give the highest and the lowest position of the day, what it was opened with included."""
    positions = [account.opened, *(it.position for it in account.moments)]
    return max(positions), min(positions)


def position_at(account: Account | None, moment: str) -> Fraction:
    """Give the position after the last fill up to ``moment``."""
    if account is None:
        return Fraction(0)
    before = [it.position for it in account.moments if it.ts <= moment]
    return before[-1] if before else account.opened
