"""One simulated market: every request of a client and every move of the others, as method calls.

Deterministic: the same calls give the same ids, answers and events. Nothing happens between calls;
time comes in with each of them as UTC nanoseconds, and :meth:`Exchange.advance` lets it pass.
A refusal is a :exc:`VenueError` with the venue's own code, and leaves everything as it was.
Every call's events wait for :meth:`Exchange.take_events`.
"""

from copy import copy

from trading_runtime.simulator.exchange.futures import FuturesPurse
from trading_runtime.simulator.exchange.history import Blotter
from trading_runtime.simulator.exchange.listing import Listing
from trading_runtime.simulator.exchange.matching import Matching
from trading_runtime.simulator.exchange.refusals import bad_symbol, no_such_order, unknown_order
from trading_runtime.simulator.exchange.reports import Reports
from trading_runtime.simulator.exchange.risk_engine import RiskEngine
from trading_runtime.simulator.exchange.spot import SpotPurse
from trading_runtime.simulator.exchange.trading import Trading
from trading_runtime.simulator.exchange.words import (
    AccountNumber,
    AmendOrder,
    BalanceView,
    CancelOrder,
    DepthView,
    Event,
    MarketKind,
    MarkView,
    ModifyOrder,
    NewOrder,
    OrderView,
    PositionView,
    Printed,
    Reason,
    Replaced,
    ReplaceMode,
    Side,
    SymbolRevised,
    SymbolRules,
    TouchChanged,
    TradeView,
    VenueError,
    Window,
)

HISTORY_MAX = 100_000
"""Ended orders, and trades, kept per account and symbol, about 1 kB each; the oldest go first."""


class Exchange:
    def __init__(
        self, kind: MarketKind, history_max: int = HISTORY_MAX, ids_after: int = 0
    ) -> None:
        """Ids of orders and trades are above ``ids_after``."""
        self.kind = kind
        self.ids_after = ids_after
        self._history_max = history_max
        self._listings: dict[str, Listing] = {}
        self._names: dict[AccountNumber, str] = {}
        self._reports = Reports()
        self.purse = SpotPurse() if kind is MarketKind.SPOT else FuturesPurse()
        matching = Matching(kind, self.purse, self._reports)
        self._trading = Trading(self.purse, matching, self._reports)
        self._matching = matching
        self._risk = RiskEngine(self.purse, matching, self._trading, self._reports)

    def add_symbol(self, rules: SymbolRules, now: int) -> None:
        listing = Listing(self.kind, rules, self._history_max, self.ids_after)
        self._listings[rules.symbol] = listing
        self._risk.schedule_funding(listing, now)

    def revise_symbol(self, rules: SymbolRules, now: int) -> None:
        """Change filters or status; open orders stay as they are."""
        self.listing(rules.symbol).rules = rules
        self._reports.events.append(SymbolRevised(rules=rules, time_ns=now))

    def symbols(self) -> tuple[SymbolRules, ...]:
        return tuple(listing.rules for listing in self._listings.values())

    def rules(self, symbol: str) -> SymbolRules:
        return self.listing(symbol).rules

    def open_account(self, name: str) -> AccountNumber:
        number = AccountNumber(len(self._names) + 1)
        self._names[number] = name
        return number

    def accounts(self) -> tuple[AccountNumber, ...]:
        return tuple(self._names)

    def deposit(self, account: AccountNumber, asset: str, amount: int, now: int) -> None:
        """Add ``amount``; a negative one is a withdrawal, of no more than what is free."""
        self.purse.deposit(account, asset, amount)
        self._balances(Reason.DEPOSIT if amount >= 0 else Reason.WITHDRAW, now)

    def place(self, account: AccountNumber, new: NewOrder, now: int) -> OrderView:
        listing = self.listing(new.symbol)
        view = self._trading.place(listing, account, new, now)
        self._finish(listing, now)
        return view

    def check(self, account: AccountNumber, new: NewOrder) -> None:
        """Judge as for a test order: all filters, no balance, nothing placed."""
        self._trading.check(self.listing(new.symbol), account, new)

    def cancel(self, account: AccountNumber, cancel: CancelOrder, now: int) -> OrderView:
        listing = self.listing(cancel.symbol)
        view = self._trading.cancel(listing, account, cancel, now)
        self._finish(listing, now)
        return view

    def cancel_all(self, account: AccountNumber, symbol: str, now: int) -> list[OrderView]:
        """Cancel the symbol's open orders; spot refuses when there are none."""
        listing = self.listing(symbol)
        self._trading.check_cancels(listing)
        views = self._trading.cancel_all(listing, account, now)
        if not views and self.kind is MarketKind.SPOT:
            raise unknown_order()
        self._finish(listing, now)
        return views

    def cancel_replace(
        self,
        account: AccountNumber,
        parts: tuple[CancelOrder, NewOrder],
        mode: ReplaceMode,
        now: int,
    ) -> Replaced:
        listing = self.listing(parts[1].symbol)
        replaced = self._trading.replace(listing, account, parts, mode, now)
        self._finish(listing, now)
        return replaced

    def amend_keep_priority(self, account: AccountNumber, amend: AmendOrder, now: int) -> OrderView:
        listing = self.listing(amend.symbol)
        view = self._trading.amend(listing, account, amend, now)
        self._finish(listing, now)
        return view

    def modify(self, account: AccountNumber, modify: ModifyOrder, now: int) -> OrderView:
        listing = self.listing(modify.symbol)
        view = self._trading.modify(listing, account, modify, now)
        self._finish(listing, now)
        return view

    def countdown_cancel_all(
        self, account: AccountNumber, symbol: str, span_ms: int, now: int
    ) -> None:
        """Cancel the symbol's open orders ``span_ms`` from now unless called again; 0 stops it."""
        self._risk.countdown(account, self.listing(symbol), span_ms, now)

    def set_leverage(self, account: AccountNumber, symbol: str, leverage: int, now: int) -> None:
        self._risk.set_leverage(account, self.listing(symbol), leverage, now)

    def query(
        self, account: AccountNumber, symbol: str, order_id: int | None, client_id: str | None
    ) -> OrderView:
        if order_id is None and client_id is None:
            raise VenueError(
                -1102,
                "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!",
            )
        order = self._blotter(account, symbol).find(order_id, client_id)
        if order is None:
            raise no_such_order()
        return copy(order)

    def open_orders(self, account: AccountNumber, symbol: str | None) -> list[OrderView]:
        symbols = list(self._listings) if symbol is None else [symbol]
        return [copy(order) for s in symbols for order in self._blotter(account, s).open.values()]

    def all_orders(self, account: AccountNumber, symbol: str, window: Window) -> list[OrderView]:
        return self._blotter(account, symbol).list_orders(window)

    def trades(self, account: AccountNumber, symbol: str, window: Window) -> list[TradeView]:
        return self._blotter(account, symbol).list_trades(window)

    def balances(self, account: AccountNumber) -> list[BalanceView]:
        return self.purse.balances(account)

    def positions(self, account: AccountNumber) -> list[PositionView]:
        """Give the position in every symbol, flat ones too; none on spot."""
        return self._risk.positions(account, self._listings.values())

    def set_external(self, symbol: str, side: Side, price: int, quantity: int, now: int) -> None:
        """Let the crowd show ``quantity`` at ``price``, and take our orders that it crosses."""
        listing = self.listing(symbol)
        if quantity and listing.book.against(side).crossed_by(price):
            quantity = self._matching.crowd_takes(listing, side, price, quantity, now)
        listing.book.side(side).set_crowd(price, quantity)
        self._finish(listing, now)

    def external_trade(
        self, symbol: str, taker_side: Side, price: int, quantity: int, now: int
    ) -> None:
        """Others trade: our better orders are filled, then the queue at ``price`` in turn."""
        listing = self.listing(symbol)
        self._matching.crowd_trades(listing, taker_side, price, quantity, now)
        self._finish(listing, now)

    def depth(self, symbol: str, limit: int) -> DepthView:
        book = self.listing(symbol).book
        return DepthView(
            symbol=symbol,
            last_id=book.last_id,
            bids=book.bids.top(limit),
            asks=book.asks.top(limit),
        )

    def touch(self, symbol: str) -> TouchChanged:
        return self.listing(symbol).touch

    def prints(self, symbol: str, limit: int) -> list[Printed]:
        """Give the latest public trades, the oldest first."""
        return list(self.listing(symbol).prints)[-limit:]

    def mark_view(self, symbol: str) -> MarkView:
        listing = self.listing(symbol)
        return MarkView(
            symbol=symbol,
            mark=listing.mark,
            funding_rate=listing.funding_rate,
            next_funding_ns=listing.next_funding_ns,
        )

    def mark(self, symbol: str, price: int, now: int) -> None:
        """Set the mark price and liquidate whom it leaves below the maintenance margin."""
        listing = self.listing(symbol)
        listing.mark = price
        self._finish_all(self._risk.liquidate_the_short(listing, now), now)

    def set_funding_rate(self, symbol: str, rate: int) -> None:
        """Set what :meth:`advance` will settle at the next funding time, in 10^-8."""
        self.listing(symbol).funding_rate = rate

    def settle_funding(self, symbol: str, rate: int, now: int) -> None:
        listing = self.listing(symbol)
        self._risk.settle_funding(listing, rate, now)
        self._finish_all(self._risk.liquidate_the_short(listing, now), now)

    def liquidate(self, account: AccountNumber, symbol: str, now: int) -> None:
        """Liquidate the account's position on ``symbol``, short of margin or not."""
        self._finish_all(self._risk.liquidate(account, self.listing(symbol), now), now)

    def advance(self, now: int) -> None:
        """Do what is due by ``now``: countdowns and funding."""
        self._finish_all(self._risk.countdowns_due(now), now)
        for listing in self._risk.funding_due(list(self._listings.values()), now):
            self.settle_funding(listing.rules.symbol, listing.funding_rate, now)

    def take_events(self) -> list[Event]:
        return self._reports.take()

    def listing(self, symbol: str) -> Listing:
        listing = self._listings.get(symbol)
        if listing is None:
            raise bad_symbol()
        return listing

    def _blotter(self, account: AccountNumber, symbol: str) -> Blotter:
        return self.listing(symbol).blotter(account)

    def _balances(self, reason: Reason, now: int) -> None:
        self._reports.events += self.purse.take_changes(reason, now)

    def _finish(self, listing: Listing, now: int) -> None:
        self._balances(Reason.ORDER, now)
        self._reports.levels(listing, now)

    def _finish_all(self, listings: list[Listing], now: int) -> None:
        self._balances(Reason.ORDER, now)
        for listing in listings:
            self._reports.levels(listing, now)
