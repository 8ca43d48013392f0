"""Price-time matching: how an order, or the crowd, trades against a book and what follows from it.

Rules:
 * The best price trades first, and within a price the oldest in its queue; at the maker's price.
 * A taker that would meet its own account is handled by its own self-trade prevention mode.
 * After every fill on usdm, the account's open reduce-only orders on the symbol are cut back to
   what its position can still take, the newest first (venue: knocked out, ``er`` 4).
"""

from trading_runtime.simulator.exchange.book import BookSide, Crowd, Level
from trading_runtime.simulator.exchange.futures import FuturesPurse
from trading_runtime.simulator.exchange.listing import Listing
from trading_runtime.simulator.exchange.purse import Fill, Purse
from trading_runtime.simulator.exchange.reports import Reports
from trading_runtime.simulator.exchange.words import (
    UNIT,
    AccountNumber,
    ExecutionType,
    MarketKind,
    OrderStatus,
    OrderView,
    Side,
    StpMode,
    TradeView,
)

LIQUIDATION_ID = "autoclose-"
KNOCKED_OUT = (OrderStatus.EXPIRED, ExecutionType.EXPIRED, "4")


class Matching:
    def __init__(self, kind: MarketKind, purse: Purse, reports: Reports) -> None:
        self._prevention = (
            ExecutionType.TRADE_PREVENTION if kind is MarketKind.SPOT else ExecutionType.EXPIRED
        )
        self._purse = purse
        self._futures = purse if isinstance(purse, FuturesPurse) else None
        self._reports = reports

    def take(self, listing: Listing, order: OrderView, now: int) -> list[TradeView]:
        """Trade ``order``, which is open but not on the book, as far as it goes."""
        side = listing.book.against(order.side)
        fills: list[TradeView] = []
        while order.open:
            level = side.best()
            if level is None or not side.reaches(level, order.price):
                break
            wanted = self._wanted(listing, order)
            if not wanted:
                break
            entry = level.first()
            if isinstance(entry, Crowd):
                quantity = min(wanted, entry.quantity)
                side.take_crowd(level, quantity)
                trade_id = self._printed(listing, order.side, level.price, quantity, now)
            elif entry.account == order.account and order.stp_mode is not StpMode.NONE:
                self._prevent(listing, order, entry, now)
                continue
            else:
                quantity = min(wanted, entry.quantity - entry.executed)
                trade_id = self._printed(listing, order.side, level.price, quantity, now)
                self._fill_maker(listing, side, entry, (trade_id, quantity), now)
            fills.append(self._fill(listing, order, (trade_id, level.price, quantity), now))
            self.cut_reduce_only(listing, order.account, now)
        return fills

    def rest(self, listing: Listing, order: OrderView) -> None:
        """Put an open order at the back of the queue at its price."""
        listing.book.side(order.side).add(order)
        if order.reduce_only:
            listing.blotters[order.account].reducing[order.order_id] = order

    def leave(
        self,
        listing: Listing,
        order: OrderView,
        end: tuple[OrderStatus, ExecutionType, str],
        now: int,
    ) -> OrderView:
        """End an open order with a status, an execution and an expiry code; give it as it ended."""
        self._purse.release(listing, order, order.quantity - order.executed)
        level = listing.book.side(order.side).levels.get(order.price)
        if level is not None and order.order_id in level.queue:
            listing.book.side(order.side).remove(order)
        order.status, execution, order.expiry = end
        order.updated_ns = now
        listing.blotters[order.account].end(order)
        return self._reports.order(order, execution, now)

    def cut_reduce_only(self, listing: Listing, account: AccountNumber, now: int) -> None:
        """Let the open reduce-only orders, oldest first, share what the position can take."""
        reducing = listing.blotters[account].reducing
        if not reducing:
            return
        left = {side: self.reducible(listing, account, side) for side in Side}
        for order in list(reducing.values()):
            rest = order.quantity - order.executed
            kept = min(rest, left[order.side])
            left[order.side] -= kept
            if not kept:
                self.leave(listing, order, KNOCKED_OUT, now)
            elif kept < rest:
                listing.book.side(order.side).shrink(order, rest - kept)
                order.quantity -= rest - kept
                order.updated_ns = now
                self._reports.order(order, ExecutionType.AMENDMENT, now)

    def _prevent(self, listing: Listing, taker: OrderView, maker: OrderView, now: int) -> None:
        """Expire what the taker's mode says instead of trading with oneself."""
        listing.prevented += 1
        expired = []
        if taker.stp_mode is not StpMode.EXPIRE_TAKER:
            expired.append(maker)
        if taker.stp_mode is not StpMode.EXPIRE_MAKER:
            expired.append(taker)
        for order in expired:
            order.prevented_match_id = listing.prevented
            order.prevented_quantity = order.quantity - order.executed
            self.leave(listing, order, (OrderStatus.EXPIRED_IN_MATCH, self._prevention, "1"), now)

    def fund_takes(self, listing: Listing, order: OrderView, price: int, now: int) -> None:
        """Let the insurance fund take all of ``order`` at ``price``, off the book and unprinted."""
        listing.trades += 1
        rest = order.quantity - order.executed
        self._fill(listing, order, (listing.trades, price, rest), now)

    def _execution(self, order: OrderView) -> ExecutionType:
        liquidation = order.client_id.startswith(LIQUIDATION_ID)
        return ExecutionType.CALCULATED if liquidation else ExecutionType.TRADE

    def _wanted(self, listing: Listing, order: OrderView) -> int:
        wanted = order.quantity - order.executed
        if order.reduce_only and self._futures is not None:
            return min(wanted, self.reducible(listing, order.account, order.side))
        return wanted

    def reducible(self, listing: Listing, account: AccountNumber, side: Side) -> int:
        """How much an order of ``side`` can take off the account's position."""
        if self._futures is None:
            return 0
        quantity = self._futures.position(listing, account).quantity
        return max(0, -quantity if side is Side.BUY else quantity)

    def crowd_takes(
        self, listing: Listing, taker: Side, price: int, quantity: int, now: int
    ) -> int:
        """Let the crowd take our orders up to the limit ``price``; give what is left.

        Crowd that is crossed without being traded is stale and goes: whoever drives the crowd says
        what it shows next.
        """
        side = listing.book.against(taker)
        level = side.best()
        while level is not None and side.reaches(level, price) and quantity:
            entry = level.first()
            if isinstance(entry, Crowd):
                side.take_crowd(level, entry.quantity)
            else:
                traded = min(quantity, entry.quantity - entry.executed)
                self._crowd_hits(listing, taker, entry, traded, now)
                quantity -= traded
            level = side.best()
        return quantity

    def crowd_trades(
        self, listing: Listing, taker: Side, price: int, quantity: int, now: int
    ) -> None:
        """Others' trade at ``price``: it fills our orders at better prices, then the queue there.

        Our better orders would have been taken first, at their own price. What of the quantity
        nobody on the book gives is printed all the same: it was hidden.
        """
        side = listing.book.against(taker)
        for better in side.prices_before(price):
            for order in side.levels[better].own() if better in side.levels else ():
                quantity -= self._hit_up_to(listing, taker, order, quantity, now)
        if price in side.levels:
            quantity = self._queue_trades(listing, taker, side.levels[price], quantity, now)
        if quantity:
            self._printed(listing, taker, price, quantity, now)

    def _queue_trades(
        self, listing: Listing, taker: Side, level: Level, quantity: int, now: int
    ) -> int:
        """Work one queue from its front; give what is left of ``quantity``."""
        side = listing.book.against(taker)
        while quantity and level.queue:
            entry = level.first()
            if isinstance(entry, Crowd):
                traded = min(quantity, entry.quantity)
                side.take_crowd(level, traded)
                self._printed(listing, taker, level.price, traded, now)
                quantity -= traded
            else:
                quantity -= self._hit_up_to(listing, taker, entry, quantity, now)
        return quantity

    def _hit_up_to(
        self, listing: Listing, taker: Side, order: OrderView, quantity: int, now: int
    ) -> int:
        # An earlier fill of the same call may have knocked this order out.
        traded = min(quantity, order.quantity - order.executed) if order.open else 0
        if traded:
            self._crowd_hits(listing, taker, order, traded, now)
        return traded

    def _crowd_hits(
        self, listing: Listing, taker: Side, order: OrderView, quantity: int, now: int
    ) -> None:
        trade_id = self._printed(listing, taker, order.price, quantity, now)
        side = listing.book.side(order.side)
        self._fill_maker(listing, side, order, (trade_id, quantity), now)

    def _printed(self, listing: Listing, taker: Side, price: int, quantity: int, now: int) -> int:
        return self._reports.printed(
            listing, price, quantity, now, buyer_is_maker=taker is Side.SELL
        )

    def _fill_maker(
        self,
        listing: Listing,
        side: BookSide,
        order: OrderView,
        trade: tuple[int, int],
        now: int,
    ) -> None:
        """Count a trade (id, quantity) to a resting order and take it off the book."""
        trade_id, quantity = trade
        self._fill(listing, order, (trade_id, order.price, quantity), now, maker=True)
        side.filled(order, quantity)
        self.cut_reduce_only(listing, order.account, now)

    def _fill(
        self,
        listing: Listing,
        order: OrderView,
        trade: tuple[int, int, int],
        now: int,
        *,
        maker: bool = False,
    ) -> TradeView:
        """Count a trade (id, price, quantity) to ``order`` and report it."""
        trade_id, price, quantity = trade
        quote = price * quantity // UNIT
        settled = self._purse.settle(listing, order, Fill(price, quantity, quote, maker), now)
        order.executed += quantity
        order.quote += quote
        order.updated_ns = now
        view = TradeView(
            trade_id=trade_id,
            symbol=order.symbol,
            order_id=order.order_id,
            client_id=order.client_id,
            side=order.side,
            price=price,
            quantity=quantity,
            quote=quote,
            fee=settled.fee,
            fee_asset=settled.fee_asset,
            maker=maker,
            realised=settled.realised,
            time_ns=now,
        )
        blotter = listing.blotters[order.account]
        blotter.trades.append(view)
        if order.executed == order.quantity:
            order.status = OrderStatus.FILLED
            blotter.end(order)
        else:
            order.status = OrderStatus.PARTIALLY_FILLED
        self._reports.order(order, self._execution(order), now, trade=view)
        return view
