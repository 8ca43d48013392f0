"""One market of the venue: its exchange, and everybody who is told what happens there.

Whoever makes the exchange do something calls :meth:`Venue.publish` next, before anything is
awaited: events leave in the order in which they happened.
"""

from collections import deque

from trading_runtime.records.units import NANOS_PER_MILLI
from trading_runtime.simulator.exchange.amounts import text
from trading_runtime.simulator.exchange.exchange import Exchange
from trading_runtime.simulator.exchange.words import (
    PPM,
    AccountNumber,
    BalancesChanged,
    ExecutionType,
    LevelsChanged,
    LeverageChanged,
    Liquidated,
    MarketKind,
    OrderChanged,
    PositionView,
    Printed,
    Reason,
    SymbolRevised,
    TouchChanged,
)
from trading_runtime.simulator.faults.board import FaultBoard
from trading_runtime.simulator.server import news_spot, news_usdm
from trading_runtime.simulator.server.clockwork import VenueClock
from trading_runtime.simulator.server.hub import Hub
from trading_runtime.simulator.server.limits import Usage
from trading_runtime.simulator.server.news_desk import SpotDesk, UsdmDesk
from trading_runtime.simulator.server.scales import Scales, scales_for
from trading_runtime.simulator.server.settings import MarketSettings

INCOME_MAX = 10_000
"""Rows of income kept per account: some hours of trading."""
MARGIN_CALL_PPM = 800_000
"""Maintenance margin over margin balance, from where on an account is warned."""


class Venue:
    """``kind``'s exchange with its limits, streams and accounts."""

    def __init__(
        self,
        kind: MarketKind,
        settings: MarketSettings,
        board: FaultBoard,
        clock: VenueClock,
        listen_key_ms: int,
    ) -> None:
        self.kind = kind
        self.settings = settings
        self.board = board
        self.clock = clock
        self.exchange = Exchange(kind, settings.history_max, settings.ids_after)
        self.usage = Usage(kind, settings.limits)
        self.scales: dict[str, Scales] = {}
        self.hub = Hub(kind, self.exchange, board, self.scales)
        self.spot_desk = SpotDesk(board)
        self.usdm_desk = UsdmDesk(board, listen_key_ms)
        self.desk = self.spot_desk if kind is MarketKind.SPOT else self.usdm_desk
        self.last_change: OrderChanged | None = None
        self.orders_placed = 0
        self._accounts: dict[str, AccountNumber] = {}
        self._owners: dict[AccountNumber, str] = {}
        self._income: dict[AccountNumber, deque[dict[str, object]]] = {}
        self._called: dict[AccountNumber, None] = {}
        now = clock.now_ns()
        for rules in settings.symbols:
            self.exchange.add_symbol(rules, now)
            self.scales[rules.symbol] = scales_for(kind, rules)

    def account(self, owner: str) -> AccountNumber:
        """Give the account of ``owner``; open it, with the first deposits, when there is none."""
        known = self._accounts.get(owner)
        if known is not None:
            return known
        made = self._accounts[owner] = self.exchange.open_account(owner)
        self._owners[made] = owner
        self._income[made] = deque(maxlen=INCOME_MAX)
        for asset, amount in self.settings.deposits:
            self.exchange.deposit(made, asset, amount, self.clock.now_ns())
        self.publish()
        return made

    def income(self, account: AccountNumber) -> list[dict[str, object]]:
        """Give the account's income, the oldest first (usdm)."""
        return list(self._income[account])

    def publish(self) -> None:
        """Tell everybody what the exchange has done since the last call."""
        events = self.exchange.take_events()
        if not events:
            return
        now_ms = self.clock.now_ms()
        for event in events:
            if isinstance(event, OrderChanged):
                self._on_order(event, now_ms)
            elif isinstance(event, BalancesChanged):
                self._on_balances(event, now_ms)
            else:
                self._on_market(event, now_ms)
        self.hub.settle(now_ms)

    def _on_market(
        self,
        event: LevelsChanged
        | TouchChanged
        | Printed
        | LeverageChanged
        | Liquidated
        | SymbolRevised,
        now_ms: int,
    ) -> None:
        match event:
            case LevelsChanged():
                self.hub.on_levels(event, now_ms)
            case TouchChanged():
                self.hub.on_touch(event, now_ms)
            case Printed():
                self.hub.on_print(event, now_ms)
            case LeverageChanged():
                news = news_usdm.leverage_update(event, now_ms)
                self.desk.tell(event.account, "ACCOUNT_CONFIG_UPDATE", news)
            case Liquidated():
                self.hub.on_liquidated(event, now_ms)
            case SymbolRevised():
                self.scales[event.rules.symbol] = scales_for(self.kind, event.rules)

    def _on_order(self, event: OrderChanged, now_ms: int) -> None:
        self.last_change = event
        order, trade = event.order, event.trade
        account = order.account
        if event.execution is ExecutionType.NEW:
            self.orders_placed += 1
        if self.kind is MarketKind.SPOT:
            if trade is not None and order.executed == trade.quantity:
                self.usage.give_back(self._owners[account])
            if self.desk.heard(account):
                self.desk.tell(
                    account, "executionReport", news_spot.execution_report(event, now_ms)
                )
            return
        scales = self.scales[order.symbol]
        if trade is not None:
            self._earn(account, "COMMISSION", order.symbol, -trade.fee, event)
            if trade.realised:
                self._earn(account, "REALIZED_PNL", order.symbol, trade.realised, event)
        if not self.desk.heard(account):
            return
        if trade is not None:
            self.desk.tell(
                account, "TRADE_LITE", news_usdm.trade_lite(event, trade, scales, now_ms)
            )
        self.desk.tell(account, "ORDER_TRADE_UPDATE", news_usdm.order_update(event, scales, now_ms))

    def _on_balances(self, event: BalancesChanged, now_ms: int) -> None:
        account = event.account
        if self.kind is MarketKind.SPOT:
            if self.desk.heard(account):
                for kind, news in news_spot.account_news(event, now_ms):
                    self.desk.tell(account, kind, news)
            return
        if event.reason is not Reason.ORDER:
            kind = "FUNDING_FEE" if event.reason is Reason.FUNDING_FEE else "TRANSFER"
            symbol = event.positions[0].symbol if event.positions else ""
            for view in event.balances:
                self._earn(account, kind, symbol, view.change, event)
        if self.desk.heard(account):
            news = news_usdm.account_update(event, self.scales, now_ms)
            self.desk.tell(account, "ACCOUNT_UPDATE", news)

    def _earn(
        self,
        account: AccountNumber,
        kind: str,
        symbol: str,
        amount: int,
        event: OrderChanged | BalancesChanged,
    ) -> None:
        trade = event.trade if isinstance(event, OrderChanged) else None
        rows = self._income[account]
        rows.append(
            {
                "symbol": symbol,
                "incomeType": kind,
                "income": text(amount),
                "asset": "USDT",
                "info": kind,
                "time": event.time_ns // NANOS_PER_MILLI,
                "tranId": event.time_ns // NANOS_PER_MILLI * 1000 + len(rows) % 1000,
                "tradeId": str(trade.trade_id) if trade else "",
            }
        )

    def call_margins(self) -> None:
        """Warn the accounts that come near liquidation, once each time that they do (usdm)."""
        for account in self._owners:
            positions = [view for view in self.exchange.positions(account) if view.quantity]
            if not positions:
                self._called.pop(account, None)
                continue
            wallet = sum(view.wallet for view in self.exchange.balances(account))
            if not near_liquidation(wallet, positions):
                self._called.pop(account, None)
            elif account not in self._called:
                self._called[account] = None
                news = news_usdm.margin_call(wallet, positions, self.scales, self.clock.now_ms())
                self.desk.tell(account, "MARGIN_CALL", news)


def near_liquidation(wallet: int, positions: list[PositionView]) -> bool:
    """Say whether maintenance margin takes up most of the margin balance."""
    balance = wallet + sum(view.unrealised for view in positions)
    needed = sum(view.maintenance_margin for view in positions)
    return needed * PPM >= balance * MARGIN_CALL_PPM
