"""An account's requests on one symbol: place, cancel, replace, amend, modify."""

from copy import copy

from trading_runtime.simulator.exchange.amounts import short_text
from trading_runtime.simulator.exchange.book import sweep
from trading_runtime.simulator.exchange.filters import (
    Draft,
    check_notional,
    check_price,
    check_quantity,
    drafted,
    parsed,
)
from trading_runtime.simulator.exchange.futures import FuturesPurse
from trading_runtime.simulator.exchange.history import Blotter
from trading_runtime.simulator.exchange.listing import Listing
from trading_runtime.simulator.exchange.matching import Matching
from trading_runtime.simulator.exchange.purse import Purse
from trading_runtime.simulator.exchange.refusals import (
    amend_refused,
    no_such_order,
    refusal,
    unknown_order,
    unsupported,
)
from trading_runtime.simulator.exchange.reports import Reports
from trading_runtime.simulator.exchange.words import (
    UNIT,
    AccountNumber,
    AmendOrder,
    CancelOrder,
    CancelRestriction,
    ExecutionType,
    MarketKind,
    ModifyOrder,
    NewOrder,
    OrderStatus,
    OrderType,
    OrderView,
    Replaced,
    ReplaceMode,
    SymbolStatus,
    TimeInForce,
    TradeView,
    VenueError,
)

CANCELED = (OrderStatus.CANCELED, ExecutionType.CANCELED, "0")
REST_EXPIRED = (OrderStatus.EXPIRED, ExecutionType.EXPIRED, "2")
MARKET_EXPIRED = (OrderStatus.EXPIRED, ExecutionType.EXPIRED, "9")
MODIFICATIONS_MAX = 10_000
"""Usdm: one order may be modified fewer than this many times."""

_RESTRICTED_TO = {
    CancelRestriction.ONLY_NEW: OrderStatus.NEW,
    CancelRestriction.ONLY_PARTIALLY_FILLED: OrderStatus.PARTIALLY_FILLED,
}


class Trading:
    def __init__(self, purse: Purse, matching: Matching, reports: Reports) -> None:
        self._purse = purse
        self._matching = matching
        self._reports = reports

    def check(self, listing: Listing, account: AccountNumber, new: NewOrder) -> Draft:
        """Raise what ``new`` breaks that needs neither balance nor book."""
        draft = drafted(listing, new)
        blotter = listing.blotter(account)
        maximum = listing.rules.max_orders
        if maximum and len(blotter.open) >= maximum and new.type is not OrderType.MARKET:
            raise refusal(listing.kind, "max_orders")
        if new.client_id is not None:
            _check_unused(listing, blotter, new.client_id)
        return draft

    def place(self, listing: Listing, account: AccountNumber, new: NewOrder, now: int) -> OrderView:
        order = _order(listing, account, new, self.check(listing, account, new), now)
        self._fit(listing, order)
        self._purse.reserve(listing, order)
        listing.orders += 1
        listing.blotters[account].begin(order)
        self._reports.order(order, ExecutionType.NEW, now)
        return self._run(listing, order, now)

    def _fit(self, listing: Listing, order: OrderView) -> None:
        """Cut a reduce-only order down, measure a quote quantity, refuse what may not take."""
        if order.reduce_only:
            self._clip(listing, order)
        if order.quote_quantity:
            order.quantity = sweep(listing.book, order, listing.rules.lot)[0]
            if not order.quantity:
                raise refusal(listing.kind, "no_liquidity")
        crosses = order.price and listing.book.against(order.side).crossed_by(order.price)
        if crosses and _post_only(order):
            raise refusal(listing.kind, "would_take")
        fok = order.time_in_force is TimeInForce.FOK and listing.kind is MarketKind.USDM
        if fok and not self._fok_fills(listing, order):
            raise refusal(listing.kind, "fok")

    def _clip(self, listing: Listing, order: OrderView) -> None:
        """Reduce-only: no more than the position, and if it will rest, less what already rests."""
        allowed = self._matching.reducible(listing, order.account, order.side)
        if order.type is OrderType.LIMIT and order.time_in_force in (
            TimeInForce.GTC,
            TimeInForce.GTX,
        ):
            allowed -= sum(
                other.quantity - other.executed
                for other in listing.blotter(order.account).reducing.values()
                if other.side is order.side and other.order_id != order.order_id
            )
        if allowed <= 0:
            raise refusal(listing.kind, "reduce_only")
        order.quantity = min(order.quantity, order.executed + allowed)

    def _fok_fills(self, listing: Listing, order: OrderView) -> bool:
        return sweep(listing.book, order, listing.rules.lot)[0] == order.quantity - order.executed

    def _run(self, listing: Listing, order: OrderView, now: int) -> OrderView:
        """Trade an admitted order, then let its rest stand on the book or expire."""
        fills: list[TradeView] = []
        if order.time_in_force is not TimeInForce.FOK or self._fok_fills(listing, order):
            fills = self._matching.take(listing, order, now)
        if order.open:
            if order.type is OrderType.MARKET:
                self._matching.leave(listing, order, MARKET_EXPIRED, now)
            elif order.time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
                self._matching.leave(listing, order, REST_EXPIRED, now)
            else:
                self._rest(listing, order, now)
        view = copy(order)
        view.fills = tuple(fills)
        return view

    def _rest(self, listing: Listing, order: OrderView, now: int) -> None:
        self._matching.rest(listing, order)
        if order.reduce_only:
            self._matching.cut_reduce_only(listing, order.account, now)

    def check_cancels(self, listing: Listing) -> None:
        if listing.rules.status in (SymbolStatus.HALT, SymbolStatus.BREAK):
            raise refusal(listing.kind, "cancel_closed")

    def cancel(
        self, listing: Listing, account: AccountNumber, cancel: CancelOrder, now: int
    ) -> OrderView:
        self.check_cancels(listing)
        order = _found(listing.blotter(account), cancel.order_id, cancel.client_id)
        if order is None or not order.open:
            raise unknown_order()
        if cancel.restriction and order.status is not _RESTRICTED_TO[cancel.restriction]:
            raise VenueError(-2011, "Order was not canceled due to cancel restrictions.")
        return self.cancel_open(listing, order, cancel.new_client_id, now)

    def cancel_open(
        self, listing: Listing, order: OrderView, new_client_id: str | None, now: int
    ) -> OrderView:
        if listing.kind is MarketKind.SPOT:
            order.cancel_client_id = new_client_id or f"venue-cancel-{order.order_id}"
        return self._matching.leave(listing, order, CANCELED, now)

    def cancel_all(self, listing: Listing, account: AccountNumber, now: int) -> list[OrderView]:
        orders = list(listing.blotter(account).open.values())
        return [self.cancel_open(listing, order, None, now) for order in orders]

    def replace(
        self,
        listing: Listing,
        account: AccountNumber,
        parts: tuple[CancelOrder, NewOrder],
        mode: ReplaceMode,
        now: int,
    ) -> Replaced:
        """Spot cancelReplace: the new order's filters are judged before anything is canceled."""
        cancel, new = parts
        drafted(listing, new)
        canceled: OrderView | VenueError
        placed: OrderView | VenueError | None = None
        try:
            canceled = self.cancel(listing, account, cancel, now)
        except VenueError as refused:
            canceled = refused
        if isinstance(canceled, OrderView) or mode is ReplaceMode.ALLOW_FAILURE:
            try:
                placed = self.place(listing, account, new, now)
            except VenueError as refused:
                placed = refused
        return Replaced(canceled=canceled, placed=placed)

    def amend(
        self, listing: Listing, account: AccountNumber, amend: AmendOrder, now: int
    ) -> OrderView:
        """Spot amend keep priority: less quantity, same place in the queue, a new client id."""
        if listing.kind is MarketKind.USDM:
            raise unsupported()
        blotter = listing.blotter(account)
        order = _found(blotter, amend.order_id, amend.client_id)
        if order is None or not order.open:
            raise amend_refused("Unknown order sent.")
        quantity = _amended_quantity(listing, order, amend)
        previous = order.client_id
        client_id = amend.new_client_id or f"venue-amend-{order.order_id}-{order.amends + 1}"
        if client_id != previous:
            _check_unused(listing, blotter, client_id)
            blotter.rename(order, client_id)
        less = order.quantity - quantity
        self._purse.release(listing, order, less)
        listing.book.side(order.side).shrink(order, less)
        order.quantity = quantity
        order.amends += 1
        order.updated_ns = now
        return self._reports.order(order, ExecutionType.REPLACED, now, previous_client_id=previous)

    def modify(
        self, listing: Listing, account: AccountNumber, modify: ModifyOrder, now: int
    ) -> OrderView:
        """Usdm modify: leaves the queue and enters again at the new price and quantity.

        Venue's special cases: a partly filled order with no more than its executed quantity, and a
        GTX order that would take, are canceled instead.
        """
        purse = self._purse
        if not isinstance(purse, FuturesPurse):
            raise unsupported()
        order = _found(listing.blotter(account), modify.order_id, modify.client_id)
        if order is None or not order.open:
            raise no_such_order()
        price, quantity = self._modification(listing, order, modify)
        gtx_takes = _post_only(order) and listing.book.against(order.side).crossed_by(price)
        if gtx_takes or quantity <= order.executed:
            return self.cancel_open(listing, order, None, now)
        self._move(listing, order, (price, quantity), purse)
        order.amends += 1
        order.updated_ns = now
        self._reports.order(order, ExecutionType.AMENDMENT, now)
        return self._run(listing, order, now)

    def _modification(
        self, listing: Listing, order: OrderView, modify: ModifyOrder
    ) -> tuple[int, int]:
        """Give the new price and quantity; raise what forbids them and leave the order as it is."""
        if listing.rules.status is not SymbolStatus.TRADING:
            raise VenueError(
                -5024, "Symbol is not in trading status. Order amendment is not permitted."
            )
        if modify.side is not order.side:
            raise VenueError(-1130, "Data sent for parameter 'side' is not valid.")
        price = parsed(listing, "price", modify.price)
        quantity = parsed(listing, "quantity", modify.quantity)
        if price == order.price and quantity == order.quantity:
            raise VenueError(-5027, "No need to modify the order.")
        if order.amends + 1 >= MODIFICATIONS_MAX:
            raise VenueError(-5026, "Exceed maximum modify order limit.")
        check_price(listing, order.side, price)
        check_quantity(listing, quantity)
        if price * quantity // UNIT < listing.rules.min_notional and not order.reduce_only:
            least = short_text(listing.rules.min_notional)
            raise VenueError(-5029, f"Order's notional must be no smaller than {least}")
        return price, quantity

    def _move(
        self, listing: Listing, order: OrderView, wanted: tuple[int, int], purse: FuturesPurse
    ) -> None:
        """Take ``order`` off the book with the ``wanted`` price and quantity, or raise."""
        trial = copy(order)
        trial.price, trial.quantity = wanted
        if order.reduce_only:
            self._clip(listing, trial)
        purse.move(listing, order, trial)
        listing.book.side(order.side).remove(order)
        listing.blotters[order.account].reducing.pop(order.order_id, None)
        order.price, order.quantity = trial.price, trial.quantity


def _found(blotter: Blotter, order_id: int | None, client_id: str | None) -> OrderView | None:
    if order_id is None and client_id is None:
        raise VenueError(
            -1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!"
        )
    return blotter.find(order_id, client_id)


def _check_unused(listing: Listing, blotter: Blotter, client_id: str) -> None:
    """A client id must be unique among the account's open orders."""
    other = blotter.by_client.get(client_id)
    if other is not None and other.open:
        raise refusal(listing.kind, "duplicate")


def _amended_quantity(listing: Listing, order: OrderView, amend: AmendOrder) -> int:
    """Give the quantity asked for, or raise what forbids it."""
    if listing.rules.status is not SymbolStatus.TRADING:
        raise amend_refused("Market is closed.")
    quantity = parsed(listing, "newQty", amend.quantity)
    check_quantity(listing, quantity)
    if quantity == order.quantity:
        raise amend_refused("The requested action would change no state; rejecting")
    if quantity > order.quantity:
        raise amend_refused("Order amend (quantity increase) is not supported.")
    if quantity <= order.executed:
        raise amend_refused("Price * QTY is zero or less.")
    if listing.rules.max_amends and order.amends >= listing.rules.max_amends:
        raise VenueError(-1013, "Filter failure: MAX_NUM_ORDER_AMENDS")
    check_notional(listing, order.price * quantity // UNIT, reduce_only=False)
    return quantity


def _post_only(order: OrderView) -> bool:
    return order.type is OrderType.LIMIT_MAKER or order.time_in_force is TimeInForce.GTX


def _order(
    listing: Listing, account: AccountNumber, new: NewOrder, draft: Draft, now: int
) -> OrderView:
    number = listing.orders + 1
    return OrderView(
        account=account,
        symbol=new.symbol,
        order_id=number,
        client_id=f"venue-{number}" if new.client_id is None else new.client_id,
        side=new.side,
        type=new.type,
        time_in_force=new.time_in_force or TimeInForce.GTC,
        price=draft.price,
        quantity=draft.quantity,
        quote_quantity=draft.quote_quantity,
        executed=0,
        quote=0,
        status=OrderStatus.NEW,
        reduce_only=new.reduce_only,
        stp_mode=new.stp_mode or listing.rules.default_stp,
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
