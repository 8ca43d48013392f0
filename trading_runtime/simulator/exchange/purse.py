"""What matching asks of the money side, which is another on spot than on usdm."""

from typing import Protocol

import msgspec

from trading_runtime.simulator.exchange.listing import Listing
from trading_runtime.simulator.exchange.words import (
    AccountNumber,
    BalancesChanged,
    BalanceView,
    OrderView,
    Reason,
)


class Fill(msgspec.Struct, frozen=True, gc=False):
    """One order's part in one trade, before money has moved."""

    price: int
    quantity: int
    quote: int
    maker: bool


class Settled(msgspec.Struct, frozen=True, gc=False):
    """What a fill did to the money: the fee taken, and on usdm the PnL realised before it."""

    fee: int
    fee_asset: str
    realised: int


class Purse(Protocol):
    """All accounts' money in one market."""

    def deposit(self, account: AccountNumber, asset: str, amount: int) -> None:
        """Add ``amount``; negative takes away, and is refused beyond what is free."""

    def reserve(self, listing: Listing, order: OrderView) -> None:
        """Set aside what the open rest of ``order`` needs; raise if the account lacks it."""

    def release(self, listing: Listing, order: OrderView, quantity: int) -> None:
        """Free what ``quantity`` of the order's rest needed, before the rest becomes smaller."""

    def settle(self, listing: Listing, order: OrderView, fill: Fill, now: int) -> Settled:
        """Move the money of ``fill``, which ``order.executed`` does not count yet."""

    def balances(self, account: AccountNumber) -> list[BalanceView]: ...

    def take_changes(self, reason: Reason, now: int) -> list[BalancesChanged]:
        """Give every account's changes since the last call."""


def needed(order: OrderView, remaining: int) -> int:
    """Give the quote amount that ``remaining`` of a limit order stands for; 0 for a market order.

    Rounded down like every trade's amount, so the parts of an order never need more than the whole.
    """
    return order.price * remaining // 10**8
