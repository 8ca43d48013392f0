"""Usdm wallets: cross margin in the quote asset, one-way positions, funding, liquidation's bill.

Left out of the venue's rules: leverage brackets (one maintenance rate per symbol), the open loss
in an order's cost, isolated margin, hedge mode, multi-assets mode, and auto-deleveraging (what the
book does not take of a liquidation, the insurance fund does).
"""

from trading_runtime.simulator.exchange.book import sweep
from trading_runtime.simulator.exchange.listing import Listing
from trading_runtime.simulator.exchange.position import Position
from trading_runtime.simulator.exchange.purse import Fill, Settled, needed
from trading_runtime.simulator.exchange.refusals import refusal
from trading_runtime.simulator.exchange.words import (
    PPM,
    UNIT,
    AccountNumber,
    BalancesChanged,
    BalanceView,
    MarketKind,
    OrderType,
    OrderView,
    PositionView,
    Reason,
    Side,
    VenueError,
)


class Margin:
    """One account: a wallet per quote asset, a position per symbol, and what of them changed."""

    __slots__ = ("changed_assets", "changed_symbols", "positions", "wallets")

    def __init__(self) -> None:
        self.wallets: dict[str, int] = {}
        self.positions: dict[str, Position] = {}
        self.changed_assets: dict[str, int] = {}
        """Asset to what was deposited or paid as funding: not trading."""
        self.changed_symbols: dict[str, None] = {}

    def in_asset(self, asset: str) -> list[Position]:
        return [p for p in self.positions.values() if p.listing.rules.quote == asset]

    def equity(self, asset: str) -> int:
        """Wallet balance and unrealised PnL."""
        unrealised = sum(p.unrealised for p in self.in_asset(asset) if p.quantity)
        return self.wallets.get(asset, 0) + unrealised

    def spare(self, asset: str) -> int:
        """Equity less maintenance margin: an account below zero is liquidated."""
        return self.equity(asset) - sum(p.maintenance for p in self.in_asset(asset) if p.quantity)

    def pay(self, asset: str, amount: int, outside: int = 0) -> None:
        """Add ``amount``, of which ``outside`` came from deposits or funding, to the wallet."""
        self.wallets[asset] = self.wallets.get(asset, 0) + amount
        self.changed_assets[asset] = self.changed_assets.get(asset, 0) + outside


class FuturesPurse:
    """``fees``, ``funding`` (from longs and shorts, net) and ``insurance`` (bankruptcies paid).

    Per asset: all wallets = deposits + realised PnL - fees - funding + insurance.
    """

    def __init__(self) -> None:
        self.accounts: dict[AccountNumber, Margin] = {}
        self.fees: dict[str, int] = {}
        self.funding: dict[str, int] = {}
        self.insurance: dict[str, int] = {}
        self._changed: dict[AccountNumber, Margin] = {}

    def account(self, account: AccountNumber) -> Margin:
        margin = self.accounts.get(account)
        if margin is None:
            margin = self.accounts[account] = Margin()
        return margin

    def _changing(self, account: AccountNumber) -> Margin:
        margin = self._changed[account] = self.account(account)
        return margin

    def position(self, listing: Listing, account: AccountNumber) -> Position:
        positions = self.account(account).positions
        position = positions.get(listing.rules.symbol)
        if position is None:
            position = positions[listing.rules.symbol] = Position(listing)
        return position

    def deposit(self, account: AccountNumber, asset: str, amount: int) -> None:
        if amount < 0 and self._free(self.account(account), asset) + amount < 0:
            raise VenueError(-2018, "Balance is insufficient.")
        self._changing(account).pay(asset, amount, amount)

    def reserve(self, listing: Listing, order: OrderView) -> None:
        """Refuse what would need more initial margin than there is; less need always passes."""
        if order.reduce_only:
            return
        if order.type is OrderType.MARKET:
            self._check(listing, order, sweep(listing.book, order, listing.rules.lot)[1])
        else:
            notional = needed(order, order.quantity - order.executed)
            self._check(listing, order, notional)
            self._weigh(listing, order, notional)

    def move(self, listing: Listing, order: OrderView, trial: OrderView) -> None:
        """Set aside for an open order what ``trial``, the same with new terms, needs instead."""
        if not order.reduce_only:
            more = needed(trial, trial.quantity - trial.executed)
            more -= needed(order, order.quantity - order.executed)
            self._check(listing, order, more)
            self._weigh(listing, order, more)

    def _check(self, listing: Listing, order: OrderView, more: int) -> None:
        """Refuse ``more`` notional of open orders on the order's side if margin is short of it."""
        position = self.position(listing, order.account)
        buying = order.side is Side.BUY
        after = position.initial_margin(more if buying else 0, 0 if buying else more)
        needs = after - position.initial_margin()
        if needs > 0:
            margin = self.account(order.account)
            if self._spare(margin, listing.rules.quote) < needs:
                raise refusal(MarketKind.USDM, "balance")

    def _weigh(self, listing: Listing, order: OrderView, more: int) -> None:
        position = self.position(listing, order.account)
        if order.side is Side.BUY:
            position.bids += more
        else:
            position.asks += more

    def _spare(self, margin: Margin, asset: str) -> int:
        spare = margin.wallets.get(asset, 0)
        for position in margin.positions.values():
            if position.listing.rules.quote == asset:
                spare -= position.initial_margin()
                if position.quantity:
                    spare += position.unrealised
        return spare

    def spare_for_orders(self, account: AccountNumber, asset: str) -> int:
        """Give the equity less all initial margin; below zero no new risk is accepted."""
        return self._spare(self.account(account), asset)

    def _free(self, margin: Margin, asset: str) -> int:
        return max(0, self._spare(margin, asset))

    def release(self, listing: Listing, order: OrderView, quantity: int) -> None:
        if order.reduce_only:
            return
        rest = order.quantity - order.executed
        self._weigh(listing, order, needed(order, rest - quantity) - needed(order, rest))

    def settle(self, listing: Listing, order: OrderView, fill: Fill, now: int) -> Settled:
        rules = listing.rules
        self.release(listing, order, fill.quantity)
        margin = self._changing(order.account)
        position = self.position(listing, order.account)
        realised = position.trade(order.side, fill.quantity, fill.quote)
        fee = fill.quote * (rules.maker_fee_ppm if fill.maker else rules.taker_fee_ppm) // PPM
        position.fees += fee if position.quantity else 0
        position.updated_ns = now
        margin.pay(rules.quote, realised - fee)
        margin.changed_symbols[rules.symbol] = None
        self.fees[rules.quote] = self.fees.get(rules.quote, 0) + fee
        return Settled(fee, rules.quote, realised)

    def settle_funding(self, listing: Listing, rate: int) -> None:
        """Let every long pay ``rate`` (10^-8) of its notional, and every short receive it."""
        asset = listing.rules.quote
        for account, margin in self.accounts.items():
            position = margin.positions.get(listing.rules.symbol)
            if position is not None and position.quantity:
                paid = position.held * rate // UNIT
                self._changing(account).pay(asset, -paid, -paid)
                margin.changed_symbols[listing.rules.symbol] = None
                self.funding[asset] = self.funding.get(asset, 0) + paid

    def cover(self, account: AccountNumber, asset: str) -> None:
        """Pay a wallet that liquidation left below zero up from the insurance fund."""
        margin = self.account(account)
        short = -margin.wallets.get(asset, 0)
        if short > 0 and not any(p.quantity for p in margin.in_asset(asset)):
            self._changing(account).pay(asset, short, short)
            self.insurance[asset] = self.insurance.get(asset, 0) + short

    def balances(self, account: AccountNumber) -> list[BalanceView]:
        margin = self.account(account)
        return [self._balance(margin, asset, 0) for asset in margin.wallets]

    def _balance(self, margin: Margin, asset: str, change: int) -> BalanceView:
        return BalanceView(
            asset=asset,
            wallet=margin.wallets[asset],
            free=self._free(margin, asset),
            locked=sum(p.initial_margin() for p in margin.in_asset(asset)),
            change=change,
        )

    def positions(self, account: AccountNumber) -> list[PositionView]:
        margin = self.account(account)
        return [self._position_view(margin, position) for position in margin.positions.values()]

    def _position_view(self, margin: Margin, position: Position) -> PositionView:
        mine = position.unrealised - position.maintenance
        return position.view(margin.spare(position.listing.rules.quote) - mine)

    def take_changes(self, reason: Reason, now: int) -> list[BalancesChanged]:
        changes = []
        for account, margin in self._changed.items():
            assets, symbols = margin.changed_assets, margin.changed_symbols
            changes.append(
                BalancesChanged(
                    account=account,
                    reason=reason,
                    balances=tuple([self._balance(margin, a, by) for a, by in assets.items()]),
                    positions=tuple(
                        [self._position_view(margin, margin.positions[s]) for s in symbols]
                    ),
                    time_ns=now,
                )
            )
            assets.clear()
            symbols.clear()
        self._changed.clear()
        return changes
