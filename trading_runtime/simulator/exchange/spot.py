"""Spot balances: free and locked amounts, with the fee taken out of what a trade gives."""

from trading_runtime.simulator.exchange.book import sweep
from trading_runtime.simulator.exchange.listing import Listing
from trading_runtime.simulator.exchange.purse import Fill, Settled, needed
from trading_runtime.simulator.exchange.refusals import refusal
from trading_runtime.simulator.exchange.words import (
    PPM,
    AccountNumber,
    BalancesChanged,
    BalanceView,
    MarketKind,
    OrderType,
    OrderView,
    Reason,
    Side,
)


class Holding:
    __slots__ = ("change", "free", "locked")

    def __init__(self) -> None:
        self.free = 0
        self.locked = 0
        self.change = 0


class SpotPurse:
    """A limit buy locks price times quantity of the quote asset, a sell its quantity of the base.

    ``fees`` and ``world`` are what the venue and the crowd got, so that per asset
    deposits = all holdings + fees + world.
    """

    def __init__(self) -> None:
        self.holdings: dict[AccountNumber, dict[str, Holding]] = {}
        self.fees: dict[str, int] = {}
        self.world: dict[str, int] = {}
        self._changed: dict[AccountNumber, dict[str, Holding]] = {}

    def holding(self, account: AccountNumber, asset: str) -> Holding:
        """Give the holding, which the caller is about to change."""
        mine = self.holdings.get(account)
        if mine is None:
            mine = self.holdings[account] = {}
        holding = mine.get(asset)
        if holding is None:
            holding = mine[asset] = Holding()
        changed = self._changed.get(account)
        if changed is None:
            changed = self._changed[account] = {}
        changed[asset] = holding
        return holding

    def deposit(self, account: AccountNumber, asset: str, amount: int) -> None:
        mine = self.holdings.get(account, {}).get(asset)
        if (mine.free if mine else 0) + amount < 0:
            raise refusal(MarketKind.SPOT, "balance")
        holding = self.holding(account, asset)
        holding.free += amount
        holding.change += amount

    def reserve(self, listing: Listing, order: OrderView) -> None:
        rules, buying = listing.rules, order.side is Side.BUY
        rest = order.quantity - order.executed
        locks = needed(order, rest) if buying else rest
        wanted = locks
        if order.type is OrderType.MARKET:
            locks = 0
            # The whole quote amount of a market buy must be there, even if less will be spent.
            wanted = order.quote_quantity if buying else order.quantity
            if buying and not wanted:
                wanted = sweep(listing.book, order, rules.lot)[1]
        mine = self.holdings.get(order.account, {}).get(rules.quote if buying else rules.base)
        if mine is None or mine.free < wanted:
            raise refusal(MarketKind.SPOT, "balance")
        if locks:
            holding = self.holding(order.account, rules.quote if buying else rules.base)
            holding.free -= locks
            holding.locked += locks

    def release(self, listing: Listing, order: OrderView, quantity: int) -> None:
        if order.type is OrderType.MARKET:
            return
        if order.side is Side.BUY:
            rest = order.quantity - order.executed
            freed = needed(order, rest) - needed(order, rest - quantity)
            holding = self.holding(order.account, listing.rules.quote)
        else:
            freed = quantity
            holding = self.holding(order.account, listing.rules.base)
        holding.locked -= freed
        holding.free += freed

    def settle(self, listing: Listing, order: OrderView, fill: Fill, now: int) -> Settled:
        del now
        rules = listing.rules
        self.release(listing, order, fill.quantity)
        if order.side is Side.BUY:
            paid, given, gained, got = rules.quote, fill.quote, rules.base, fill.quantity
        else:
            paid, given, gained, got = rules.base, fill.quantity, rules.quote, fill.quote
        fee = got * (rules.maker_fee_ppm if fill.maker else rules.taker_fee_ppm) // PPM
        self.holding(order.account, paid).free -= given
        self.holding(order.account, gained).free += got - fee
        self.fees[gained] = self.fees.get(gained, 0) + fee
        # What one party gives the other gets; between two accounts this cancels out.
        self.world[paid] = self.world.get(paid, 0) + given
        self.world[gained] = self.world.get(gained, 0) - got
        return Settled(fee, gained, 0)

    def balances(self, account: AccountNumber) -> list[BalanceView]:
        return [_view(asset, mine) for asset, mine in self.holdings.get(account, {}).items()]

    def take_changes(self, reason: Reason, now: int) -> list[BalancesChanged]:
        if not self._changed:
            return []
        changes = [
            BalancesChanged(
                account=account,
                reason=reason,
                balances=tuple([_view(asset, mine) for asset, mine in changed.items()]),
                positions=(),
                time_ns=now,
            )
            for account, changed in self._changed.items()
        ]
        for changed in self._changed.values():
            for holding in changed.values():
                holding.change = 0
        self._changed.clear()
        return changes


def _view(asset: str, mine: Holding) -> BalanceView:
    return BalanceView(
        asset=asset,
        wallet=mine.free + mine.locked,
        free=mine.free,
        locked=mine.locked,
        change=mine.change,
    )
