"""What usdm does to accounts by itself: leverage, countdowns, funding and liquidation."""

from collections.abc import Iterable
from copy import copy

from trading_runtime.simulator.exchange.futures import FuturesPurse
from trading_runtime.simulator.exchange.listing import Listing
from trading_runtime.simulator.exchange.matching import LIQUIDATION_ID, Matching
from trading_runtime.simulator.exchange.position import Position
from trading_runtime.simulator.exchange.purse import Purse
from trading_runtime.simulator.exchange.refusals import unsupported
from trading_runtime.simulator.exchange.reports import Reports
from trading_runtime.simulator.exchange.trading import Trading
from trading_runtime.simulator.exchange.words import (
    AccountNumber,
    ExecutionType,
    LeverageChanged,
    Liquidated,
    OrderStatus,
    OrderType,
    OrderView,
    PositionView,
    Reason,
    Side,
    StpMode,
    TimeInForce,
    VenueError,
)

LIQUIDATED = (OrderStatus.EXPIRED, ExecutionType.EXPIRED, "5")
NANOS_PER_MILLI = 1_000_000


class RiskEngine:
    def __init__(
        self, purse: Purse, matching: Matching, trading: Trading, reports: Reports
    ) -> None:
        self._purse = purse if isinstance(purse, FuturesPurse) else None
        self._matching = matching
        self._trading = trading
        self._reports = reports
        self._countdowns: dict[tuple[AccountNumber, str], tuple[int, Listing]] = {}

    def _futures(self) -> FuturesPurse:
        if self._purse is None:
            raise unsupported()
        return self._purse

    def positions(self, account: AccountNumber, listings: Iterable[Listing]) -> list[PositionView]:
        purse = self._purse
        if purse is None:
            return []
        for listing in listings:
            purse.position(listing, account)  # which makes it, flat, where there is none yet
        return purse.positions(account)

    def set_leverage(
        self, account: AccountNumber, listing: Listing, leverage: int, now: int
    ) -> None:
        """Refuse what is out of range, or what the account has not the margin for."""
        purse = self._futures()
        if not 1 <= leverage <= listing.rules.max_leverage:
            raise VenueError(-4028, f"Leverage {leverage} is not valid")
        position = purse.position(listing, account)
        before, position.leverage = position.leverage, leverage
        asset = listing.rules.quote
        if leverage < before and purse.spare_for_orders(account, asset) < 0:
            position.leverage = before
            raise VenueError(-2019, "Margin is insufficient.")
        self._reports.events.append(
            LeverageChanged(
                account=account, symbol=listing.rules.symbol, leverage=leverage, time_ns=now
            )
        )

    def countdown(self, account: AccountNumber, listing: Listing, span_ms: int, now: int) -> None:
        self._futures()
        key = account, listing.rules.symbol
        if span_ms:
            self._countdowns[key] = now + span_ms * NANOS_PER_MILLI, listing
        else:
            self._countdowns.pop(key, None)

    def countdowns_due(self, now: int) -> list[Listing]:
        """Cancel what the countdowns that ran out protect; give the symbols."""
        due = [(key, at, listing) for key, (at, listing) in self._countdowns.items() if at <= now]
        for key, _, listing in due:
            del self._countdowns[key]
            self._trading.cancel_all(listing, key[0], now)
        return [listing for _, _, listing in due]

    def schedule_funding(self, listing: Listing, now: int) -> None:
        """Set the next funding time: the next whole multiple of the interval since 1970."""
        interval = listing.rules.funding_interval_ns
        if self._purse is not None and interval:
            listing.next_funding_ns = (now // interval + 1) * interval

    def funding_due(self, listings: list[Listing], now: int) -> list[Listing]:
        due = [each for each in listings if 0 < each.next_funding_ns <= now]
        for listing in due:
            self.schedule_funding(listing, now)
        return due

    def settle_funding(self, listing: Listing, rate: int, now: int) -> None:
        purse = self._futures()
        purse.settle_funding(listing, rate)
        self._reports.events += purse.take_changes(Reason.FUNDING_FEE, now)

    def liquidate_the_short(self, listing: Listing, now: int) -> list[Listing]:
        """Liquidate every account that holds ``listing`` and is below its maintenance margin."""
        touched = [listing]
        purse, symbol, asset = self._purse, listing.rules.symbol, listing.rules.quote
        for account, margin in list(purse.accounts.items()) if purse else ():
            held = margin.positions.get(symbol)
            if held is None or not held.quantity or margin.spare(asset) >= 0:
                continue
            for position in margin.in_asset(asset):
                touched += self.liquidate(account, position.listing, now)
        return touched

    def liquidate(self, account: AccountNumber, listing: Listing, now: int) -> list[Listing]:
        """Cancel the account's open orders on ``listing`` and close its position there.

        The closing order sweeps the book; what the book does not take goes to the insurance fund
        at the reference price, and the fund pays up a wallet that ends below zero.
        """
        purse = self._futures()
        for order in list(listing.blotter(account).open.values()):
            self._matching.leave(listing, order, LIQUIDATED, now)
        position = purse.position(listing, account)
        if position.quantity:
            order = _closing_order(account, position, now)
            listing.orders += 1
            listing.blotter(account).begin(order)
            self._reports.order(order, ExecutionType.NEW, now)
            self._matching.take(listing, order, now)
            if order.open:
                self._matching.fund_takes(listing, order, listing.reference, now)
            self._reports.events.append(Liquidated(order=copy(order), time_ns=now))
            purse.cover(account, listing.rules.quote)
        return [listing]


def _closing_order(account: AccountNumber, position: Position, now: int) -> OrderView:
    number = position.listing.orders + 1
    return OrderView(
        account=account,
        symbol=position.listing.rules.symbol,
        order_id=number,
        client_id=f"{LIQUIDATION_ID}{number}",
        side=Side.SELL if position.quantity > 0 else Side.BUY,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.IOC,
        price=0,
        quantity=abs(position.quantity),
        quote_quantity=0,
        executed=0,
        quote=0,
        status=OrderStatus.NEW,
        reduce_only=True,
        stp_mode=StpMode.NONE,
        created_ns=now,
        updated_ns=now,
        working_ns=now,
        prevented_match_id=-1,
        prevented_quantity=0,
        amends=0,
        expiry="0",
        cancel_client_id="",
        fills=(),
    )
