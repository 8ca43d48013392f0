"""What one account did in one symbol: its open orders, and its ended orders and trades, bounded."""

from collections import deque
from collections.abc import Iterable
from copy import copy
from itertools import islice, takewhile
from typing import TypeVar

from trading_runtime.simulator.exchange.words import OrderView, TradeView, Window

CLOCK_STEP_NS_MAX = 60 * 10**9
"""How far back the clock may have stepped between two entries; a fault may do that."""

Kept = TypeVar("Kept", OrderView, TradeView)


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
        newest = takewhile(
            lambda order: _reaches(order.order_id, order.created_ns, window),
            reversed(self.orders.values()),
        )
        chosen = (order for order in newest if _within(order.created_ns, window))
        return [copy(order) for order in _cut(chosen, window)]

    def list_trades(self, window: Window) -> list[TradeView]:
        newest = takewhile(lambda t: _reaches(t.trade_id, t.time_ns, window), reversed(self.trades))
        chosen = (
            trade
            for trade in newest
            if _within(trade.time_ns, window) and window.order_id in (None, trade.order_id)
        )
        return _cut(chosen, window)


def _reaches(number: int, time_ns: int, window: Window) -> bool:
    """Whether what is older than this can still lie in ``window``."""
    if window.from_id is not None and number < window.from_id:
        return False
    return window.start_ns is None or time_ns >= window.start_ns - CLOCK_STEP_NS_MAX


def _cut(newest_first: Iterable[Kept], window: Window) -> list[Kept]:
    """Give ``limit`` of them, the oldest first: from the window's start if it has one."""
    if window.from_id is not None or window.start_ns is not None:
        return list(newest_first)[::-1][: window.limit]
    return list(islice(newest_first, window.limit))[::-1]


def _within(time_ns: int, window: Window) -> bool:
    return (window.start_ns is None or time_ns >= window.start_ns) and (
        window.end_ns is None or time_ns <= window.end_ns
    )
