"""What happened, in the order in which it happened, until it is taken."""

from copy import copy

from trading_runtime.simulator.exchange.listing import Listing
from trading_runtime.simulator.exchange.words import (
    Event,
    ExecutionType,
    LevelsChanged,
    OrderChanged,
    OrderView,
    Printed,
    TouchChanged,
    TradeView,
)


class Reports:
    """Collects events; whoever owns the exchange takes them after every call."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._executions = 0

    def take(self) -> list[Event]:
        events, self.events = self.events, []
        return events

    def order(
        self,
        order: OrderView,
        execution: ExecutionType,
        now: int,
        *,
        trade: TradeView | None = None,
        previous_client_id: str = "",
    ) -> OrderView:
        """Report ``order`` as it is now, and give that copy."""
        view = copy(order)
        self._executions += 1
        self.events.append(
            OrderChanged(
                order=view,
                execution=execution,
                trade=trade,
                execution_id=self._executions,
                previous_client_id=previous_client_id,
                time_ns=now,
            )
        )
        return view

    def printed(
        self, listing: Listing, price: int, quantity: int, now: int, *, buyer_is_maker: bool
    ) -> int:
        """Note one public trade and give its id."""
        listing.trades += 1
        listing.last_price = price
        trade = Printed(
            symbol=listing.rules.symbol,
            trade_id=listing.trades,
            price=price,
            quantity=quantity,
            buyer_is_maker=buyer_is_maker,
            time_ns=now,
        )
        listing.prints.append(trade)
        self.events.append(trade)
        return listing.trades

    def levels(self, listing: Listing, now: int) -> None:
        """Report what the call that ends here did to the book, if anything."""
        book = listing.book
        if not book.bids.changed and not book.asks.changed:
            return
        bids, asks = book.bids.take_changes(), book.asks.take_changes()
        previous = book.last_id
        first = previous + 1 + book.id_gap
        book.last_id = first + len(bids) + len(asks) - 1
        self.events.append(
            LevelsChanged(
                symbol=listing.rules.symbol,
                bids=bids,
                asks=asks,
                first_id=first,
                last_id=book.last_id,
                previous_id=previous,
                time_ns=now,
            )
        )
        self._touch(listing, now)

    def _touch(self, listing: Listing, now: int) -> None:
        book, old = listing.book, listing.touch
        bid, ask = book.bids.best(), book.asks.best()
        bid_price, bid_quantity = (bid.price, bid.total) if bid else (0, 0)
        ask_price, ask_quantity = (ask.price, ask.total) if ask else (0, 0)
        if (
            bid_price == old.bid_price
            and ask_price == old.ask_price
            and bid_quantity == old.bid_quantity
            and ask_quantity == old.ask_quantity
        ):
            return
        listing.touch = TouchChanged(
            symbol=listing.rules.symbol,
            update_id=book.last_id,
            bid_price=bid_price,
            bid_quantity=bid_quantity,
            ask_price=ask_price,
            ask_quantity=ask_quantity,
            time_ns=now,
        )
        self.events.append(listing.touch)
