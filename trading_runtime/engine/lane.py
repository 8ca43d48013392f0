"""One instrument's way out to the venue: from what is wanted to commands, past gate and throttles.

Rules:
 * A ``PlaceOrder`` is made from an ``Approved`` and from nothing else.
 * What a throttle or the gate holds back is tried again at the next turn's end, and said once.
 * Withdrawals may use the reserved tokens; PanicStop waits for none.
"""

from collections.abc import Sequence

import msgspec

from trading_runtime.account.ledger import Ledger
from trading_runtime.engine.floor import Floor
from trading_runtime.market.instrument import Market
from trading_runtime.oms.diff import TOO_LARGE, CancelAction, Tolerance, Wanted, diff
from trading_runtime.oms.order import Order
from trading_runtime.oms.orders import OrderTable
from trading_runtime.oms.throttle import BucketCarried, Throttles
from trading_runtime.records.commands import AmendOrder, CancelOrder, Execution, PlaceOrder
from trading_runtime.records.envelope import Output
from trading_runtime.records.facts_trading import IntentRefused, Throttle, ThrottleReached
from trading_runtime.records.instruments import Scales
from trading_runtime.records.lifecycle import Aim, OrderState
from trading_runtime.records.units import ClientId, Lots, Nanos, Revision, Side, Ticks
from trading_runtime.risk.gate import Approved, Exposure, Intent, Refused, check
from trading_runtime.risk.limits import OrderLimits
from trading_runtime.risk.monitors import WindowCarried

# A member looked up on its class is a call in Python 3.11; these are looked up for each order.
BUY = Side.BUY
POST_ONLY = Execution.POST_ONLY
QUOTE = Aim.QUOTE
ORDERS = Throttle.ORDERS
CANCELS = Throttle.CANCELS


Said = tuple[tuple[str, str], ...]
"""(side, limit) of what is being refused."""
NOTHING_SAID: Said = ()


class LaneCarried(msgspec.Struct, frozen=True, array_like=True):
    waits: bool
    refused: Said
    throttled: tuple[str, ...]
    throttles: tuple[BucketCarried, BucketCarried]
    sent: WindowCarried
    held_buy: Ticks
    held_sell: Ticks
    retry_at: Nanos


class Lane:
    """Owns the order table of its instrument; reads the ledger, which its desk keeps."""

    __slots__ = (
        "_exposure",
        "_floor",
        "_held_buy",
        "_held_sell",
        "_market",
        "_refused",
        "_retry_at",
        "_throttled",
        "_throttles",
        "_tolerance",
        "ledger",
        "limits",
        "revision",
        "scales",
        "sent",
        "shut",
        "table",
        "waits",
    )

    def __init__(self, floor: Floor, market: Market, ledger: Ledger, limits: OrderLimits) -> None:
        oms = floor.settings.oms
        self._floor = floor
        self._market = market
        self.ledger = ledger
        self.table = OrderTable(oms)
        floor.tables.append(self.table)
        self._throttles = Throttles(oms, floor.orders, floor.cancels)
        self._tolerance = Tolerance(oms.price_tolerance, oms.size_tolerance)
        self._exposure = Exposure(Lots(0), Lots(0), Lots(0), 0, 0, 0, 0, 0)
        self.count_on(market.scales, limits)
        self._refused = NOTHING_SAID
        self._throttled: tuple[str, ...] = ()
        self.waits = False
        """Something that is wanted has not been sent, and may be at any turn's end."""
        self._held_buy = self._held_sell = Ticks(0)
        """Of the quotes that would cross, the lowest buy and the highest sell; 0 for none."""
        self._retry_at = Nanos(0)
        """With the line down, when cancels are tried again by whatever way is left."""
        self.shut = False
        """A broken limit forbids new orders, and leaves those that rest."""
        self.sent = floor.window()
        """Cancels among new orders."""

    def count_on(self, scales: Scales, limits: OrderLimits) -> None:
        """Send orders on this grid from here on, within ``limits`` that are counted on it."""
        self.scales = scales
        self.revision = scales.instrument.revision
        self.limits = limits
        self._exposure.money_per_tick_lot = self._floor.account.money_per_tick_lot(scales)

    def settle(self, wanted: tuple[Wanted, ...], reason: str, at: Nanos, out: list[Output]) -> int:
        """Send what leads from the resting quotes to ``wanted``.

        Gives how many orders the throttles held back.
        """
        quoting = [order for order in self.table.live.values() if order.aim is QUOTE]
        actions = diff(wanted, quoting, self._tolerance)
        waiting: list[Throttle] = []
        self._cancel_all(actions.cancels, at, waiting, out)
        for order, size in actions.amends:
            if self._throttles.order(at):
                self._amend(order, size, at, out)
            else:
                waiting.append(ORDERS)
        self._held_buy = self._held_sell = Ticks(0)
        held = False
        if actions.places and self.shut:
            held = True
        elif actions.places:
            held = self._place_all(actions.places, reason, at, waiting, out)
        elif self._refused:
            self._refused = NOTHING_SAID
        if waiting or self._throttled:
            self._say_throttled(waiting, out)
        self.waits = held or bool(waiting)
        self.table.changed = False
        return waiting.count(ORDERS)

    def freed(self) -> bool:
        """Whether a quote that would have crossed when it was last looked at would now rest."""
        book = self._market.book
        return 0 < self._held_buy < book.best_ask() or self._held_sell > book.best_bid()

    def withdraw(
        self, reason: str, at: Nanos, out: list[Output], *, hedges: bool, panic: bool
    ) -> None:
        """Cancel all that quotes, and what hedges if told so; what closes a position goes on."""
        floor = self._floor
        retry_ns = floor.settings.oms.query_interval_ns
        if at < floor.quiet_until or (floor.line_down and at < self._retry_at):
            self.waits = True
            return
        self._retry_at = Nanos(at + retry_ns)
        for order in self.table.live.values():
            if order.ended or order.aim is Aim.CLOSE:
                continue
            if order.aim is Aim.HEDGE and not hedges:
                continue
            if order.cancelling:
                unknown = order.state is OrderState.UNKNOWN_CANCEL
                if not unknown or at - order.changed_at < retry_ns:
                    continue
            if panic:
                self._throttles.panic()
            elif not self._throttles.withdrawal(at):
                self.waits = True
                continue
            self._cancel(order, reason, at, out)

    def busy_with(self, aim: Aim) -> bool:
        """Whether an order of ``aim`` may still rest or trade."""
        return any(order.aim is aim and not order.ended for order in self.table.live.values())

    def reducible(self) -> Lots:
        """Give how much of the position nothing on its way reduces yet."""
        position, table = self.ledger.position, self.table
        left = position - table.pending_sell if position > 0 else -position - table.pending_buy
        return Lots(max(left, 0))

    def check(self, intent: Intent) -> Approved | Refused:
        return check(intent, self._refresh(), self.limits)

    def check_closing(self, intent: Intent, position: Lots) -> Approved | Refused:
        """Check an order that closes the ``position`` that the venue itself has told of.

        What may still rest of ours was not shown by it any more, and stands in nobody's way.
        """
        exposure = self._refresh()
        exposure.position = position
        exposure.pending_buy = exposure.pending_sell = Lots(0)
        exposure.highest_buy = exposure.lowest_sell = 0
        return check(intent, exposure, self.limits)

    def take(self, at: Nanos) -> bool:
        """Take a token for one order that is no quote."""
        return self._throttles.order(at)

    def place(
        self, approved: Approved, aim: Aim, reason: str, at: Nanos, out: list[Output]
    ) -> ClientId:
        """Send an approved order; give its id."""
        intent = approved.intent
        self._floor.messages += 1
        order = self._floor.ids.next()
        side, price, size = intent.side, intent.price, intent.size
        revision = self.revision
        out.append(
            PlaceOrder(
                order=order,
                revision=revision,
                side=side,
                price=price,
                size=size,
                execution=intent.execution,
                reduce_only=intent.reduce_only,
                reason=reason,
            )
        )
        self.table.place(Order(order, revision, side, price, size, aim, at, at))
        if not self._floor.timer_at:
            self._floor.wake(Nanos(at + self._floor.settings.oms.answer_timeout_ns), out)
        return order

    def cancel_stray(self, order: ClientId, revision: Revision, out: list[Output]) -> None:
        """Cancel an order of ours that the venue holds alive and we hold dead, or do not know."""
        self._throttles.panic()
        self._floor.messages += 1
        out.append(CancelOrder(order=order, revision=revision, reason="held dead, and lives"))

    def cancel_again(self, order: Order, at: Nanos, out: list[Output]) -> None:
        """Cancel an order that the venue still shows, whatever became of the last cancel."""
        self._throttles.panic()
        self._cancel(order, "still shown by the venue", at, out)

    def carry(self) -> LaneCarried:
        return LaneCarried(
            self.waits,
            self._refused,
            self._throttled,
            self._throttles.carry(),
            self.sent.carry(),
            self._held_buy,
            self._held_sell,
            self._retry_at,
        )

    def restore(self, carried: LaneCarried) -> None:
        self.waits = carried.waits
        self._refused = carried.refused
        self._throttled = carried.throttled
        self._throttles.restore(carried.throttles)
        self.sent.restore(carried.sent)
        self._held_buy = carried.held_buy
        self._held_sell = carried.held_sell
        self._retry_at = carried.retry_at

    def _cancel_all(
        self,
        cancels: list[CancelAction],
        at: Nanos,
        waiting: list[Throttle],
        out: list[Output],
    ) -> None:
        cancelled = 0
        for order, reason in cancels:
            if self._throttles.cancel(at):
                self._cancel(order, reason, at, out)
                cancelled += 1
            else:
                waiting.append(CANCELS)
        if cancelled:
            self.sent.note(cancelled, 0)

    def _place_all(
        self,
        places: list[Wanted],
        reason: str,
        at: Nanos,
        waiting: list[Throttle],
        out: list[Output],
    ) -> bool:
        """Place what may be placed; give whether the gate refused anything."""
        exposure = self._refresh()
        own = exposure.highest_buy, exposure.lowest_sell
        room = self._floor.settings.oms.open_orders_max - self._floor.live_orders()
        placed = 0
        refused: list[Refused] = []
        for side, price, size in places:
            if self._would_take(side, price, own):
                continue
            verdict = check(Intent(side, price, size, POST_ONLY, False), exposure, self.limits)
            if isinstance(verdict, Refused):
                refused.append(verdict)
            elif placed >= room:
                waiting.append(Throttle.OPEN_ORDERS)
            elif not self._throttles.order(at):
                waiting.append(ORDERS)
            else:
                placed += 1
                self.place(verdict, QUOTE, reason, at, out)
                exposure.open_orders += 1
                exposure.pending_buy = self.table.pending_buy
                exposure.pending_sell = self.table.pending_sell
                if side is BUY:
                    exposure.highest_buy = max(exposure.highest_buy, price)
                else:
                    exposure.lowest_sell = min(exposure.lowest_sell or price, price)
        if placed:
            self.sent.note(0, placed)
        if refused or self._refused:
            self._refused = say_refused(refused, self._refused, self.revision, out)
        return bool(refused)

    def _would_take(self, side: Side, price: Ticks, own: tuple[int, int]) -> bool:
        """Whether a quote has to wait: decided before the market moved, it would be refused.

        ``own`` are our highest buy and lowest sell, 0 for none: an order on its way out, whose end
        brings us back here.
        """
        book = self._market.book
        if side is BUY:
            if price >= book.best_ask():
                self._held_buy = min(self._held_buy or price, price)
                return True
            return 0 < own[1] <= price
        if price <= book.best_bid():
            self._held_sell = max(self._held_sell, price)
            return True
        return price <= own[0]

    def _refresh(self) -> Exposure:
        """Write down what stands against the limits now."""
        exposure, account, ledger = self._exposure, self._floor.account, self.ledger
        book = self._market.book
        exposure.position = ledger.position
        exposure.pending_buy = self.table.pending_buy
        exposure.pending_sell = self.table.pending_sell
        exposure.double_mid = book.best_bid() + book.best_ask()
        exposure.open_orders = len(self.table.live)
        exposure.equity = account.equity
        exposure.notional_elsewhere = account.notional_elsewhere(ledger)
        highest_buy = lowest_sell = 0
        for order in self.table.live.values():
            if order.ended:
                continue
            price = order.price
            if order.side is not BUY:
                if not lowest_sell or price < lowest_sell:
                    lowest_sell = price
            elif price > highest_buy:
                highest_buy = price
        exposure.highest_buy = highest_buy
        exposure.lowest_sell = lowest_sell
        return exposure

    def _cancel(self, order: Order, reason: str, at: Nanos, out: list[Output]) -> None:
        self._floor.messages += 1
        out.append(CancelOrder(order=order.order, revision=order.revision, reason=reason))
        self.table.cancel_sent(order, at)

    def _amend(self, order: Order, size: Lots, at: Nanos, out: list[Output]) -> None:
        self._floor.messages += 1
        out.append(
            AmendOrder(order=order.order, revision=order.revision, size=size, reason=TOO_LARGE)
        )
        self.table.amend_sent(order, at)

    def _say_throttled(self, waiting: list[Throttle], out: list[Output]) -> None:
        """Say which throttles hold actions back, each once until none of its actions waits."""
        for throttle in Throttle:
            count = waiting.count(throttle)
            if count and throttle.value not in self._throttled:
                out.append(
                    ThrottleReached(
                        instrument_id=self.scales.instrument.instrument_id,
                        throttle=throttle,
                        waiting=count,
                    )
                )
        self._throttled = tuple(each.value for each in Throttle if each in waiting)


def say_refused(
    refused: Sequence[Refused], said: Said, revision: Revision, out: list[Output]
) -> Said:
    """Say each (side, limit) that was not ``said`` before; give all that are refused now."""
    keys: list[tuple[str, str]] = []
    for each in refused:
        key = (each.intent.side.value, each.limit.value)
        if key in keys:
            continue
        keys.append(key)
        if key not in said:
            out.append(
                IntentRefused(
                    revision=revision,
                    side=each.intent.side,
                    price=each.intent.price,
                    size=each.intent.size,
                    limit=each.limit,
                    value=each.value,
                    threshold=each.threshold,
                    unit=each.unit,
                )
            )
    return tuple(keys)
