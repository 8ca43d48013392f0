"""What one account did in one symbol: its open orders, and its ended orders and trades, bounded."""

from collections import deque
from collections.abc import Iterable, Iterator
from copy import copy
from itertools import islice

from trading_runtime.simulator.exchange.words import OrderView, TradeView, Window


class Blotter:
    """Live orders are the very objects that stand in the book; readers get copies.

    Beyond ``kept_max`` ended orders, and trades, the oldest go; open orders never do.
    """

    __slots__ = ("_ended", "by_client", "kept_max", "open", "orders", "reducing", "trades")

    def __init__(self, kept_max: int) -> None:
        self.kept_max = kept_max
        self.orders: dict[int, OrderView] = {}
        """All that are kept, by order id, ascending."""
        self.open: dict[int, OrderView] = {}
        self.reducing: dict[int, OrderView] = {}
        """The reduce-only orders that rest on the book, oldest first."""
        self.by_client: dict[str, OrderView] = {}
        """The latest order under each client id, which an ended order gives up to a new one."""
        self.trades: deque[TradeView] = deque(maxlen=kept_max)
        self._ended: deque[OrderView] = deque()

    def begin(self, order: OrderView) -> None:
        self.orders[order.order_id] = order
        self.open[order.order_id] = order
        self.by_client[order.client_id] = order

    def end(self, order: OrderView) -> None:
        del self.open[order.order_id]
        self.reducing.pop(order.order_id, None)
        self._ended.append(order)
        if len(self._ended) > self.kept_max:
            oldest = self._ended.popleft()
            del self.orders[oldest.order_id]
            if self.by_client.get(oldest.client_id) is oldest:
                del self.by_client[oldest.client_id]

    def rename(self, order: OrderView, client_id: str) -> None:
        if self.by_client.get(order.client_id) is order:
            del self.by_client[order.client_id]
        order.client_id = client_id
        self.by_client[client_id] = order

    def find(self, order_id: int | None, client_id: str | None) -> OrderView | None:
        """Find by id, then by client id; with both, the order of that id must have that name."""
        if order_id is None:
            return None if client_id is None else self.by_client.get(client_id)
        order = self.orders.get(order_id)
        if order is not None and client_id is not None and order.client_id != client_id:
            return None
        return order

    def list_orders(self, window: Window) -> list[OrderView]:
        chosen: Iterable[OrderView]
        if window.from_id is not None or window.start_ns is not None:
            back = _since(reversed(self.orders.values()), window.from_id)
            chosen = [o for o in back if _within(o.created_ns, window)][::-1]
            chosen = chosen[: window.limit]
        else:
            late = (o for o in reversed(self.orders.values()) if _within(o.created_ns, window))
            chosen = list(islice(late, window.limit))[::-1]
        return [copy(order) for order in chosen]

    def list_trades(self, window: Window) -> list[TradeView]:
        chosen = (
            t
            for t in reversed(self.trades)
            if _within(t.time_ns, window) and window.order_id in (None, t.order_id)
        )
        if window.from_id is not None:
            first = window.from_id
            oldest_first = [t for t in chosen if t.trade_id >= first][::-1]
            return oldest_first[: window.limit]
        if window.start_ns is not None:
            return list(chosen)[::-1][: window.limit]
        return list(islice(chosen, window.limit))[::-1]


def _since(orders: Iterable[OrderView], first: int | None) -> Iterator[OrderView]:
    for order in orders:
        if first is not None and order.order_id < first:
            return
        yield order


def _within(time_ns: int, window: Window) -> bool:
    return (window.start_ns is None or time_ns >= window.start_ns) and (
        window.end_ns is None or time_ns <= window.end_ns
    )
