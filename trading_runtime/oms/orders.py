"""One instrument's orders: each one's life, what is pending, what late reports may still change.

Rules:
 * A transition that the table of ``records.lifecycle`` does not know is an alarm and moves nothing.
 * A fill is booked once, whatever the order's state: by the venue's trade id, and never beyond the
   cumulative size that the venue has named.
 * An order counts as pending with all of it that is not booked, until the venue has ended it; and
   after that with the fills that are missing.
 * Ended orders are kept for a while, because a cancel can overtake a fill.
"""

from collections.abc import Iterable

from trading_runtime.errors import Refused
from trading_runtime.oms import facts
from trading_runtime.oms.order import PENDING, UNKNOWN, Order
from trading_runtime.oms.reports import (
    Absent,
    Accepted,
    Amended,
    AmendRejected,
    Cancelled,
    CancelRejected,
    Expired,
    Filled,
    OrderReport,
    Rejected,
    Standing,
    Stands,
)
from trading_runtime.oms.settings import OmsSettings
from trading_runtime.records.carried_trading import OrderCarried
from trading_runtime.records.commands import CANCEL_REQUEST, QUERY_REQUEST, QueryOrder
from trading_runtime.records.envelope import Output
from trading_runtime.records.facts_trading import TransitionImpossible
from trading_runtime.records.lifecycle import Aim, Happening, OrderState, next_state
from trading_runtime.records.units import ClientId, Lots, Nanos, Revision, Side, Ticks

# A member looked up on its class is a call in Python 3.11; these are looked up for each order.
BUY = Side.BUY
PENDING_CANCEL = OrderState.PENDING_CANCEL
ACCEPTED = Happening.ACCEPTED


ENDED_KEPT_MAX = 1024
"""Late reports come within seconds; this is more than the orders of the busiest ten."""

HAPPENINGS: dict[type[OrderReport], Happening] = {
    Accepted: ACCEPTED,
    Rejected: Happening.REJECTED,
    Filled: Happening.FILLED_IN_PART,
    Cancelled: Happening.CANCELLED,
    CancelRejected: Happening.CANCEL_REFUSED,
    Amended: Happening.AMENDED,
    AmendRejected: Happening.AMEND_REFUSED,
    Expired: Happening.EXPIRED,
    Absent: Happening.PROVED_ABSENT,
    Stands: ACCEPTED,
}
"""What each report says; a :class:`Filled` may also be the order's last, a :class:`Stands` all."""


class OrderTable:
    """All orders of one instrument, oldest first.

    ``live`` holds what still counts; ``changed`` is set by every change and cleared by whoever has
    compared the table with what is wanted. ``asks_fills``: a query of an order may tell its fills,
    so that missing ones are asked for with it; else whoever owns the table asks for the trades.
    """

    __slots__ = (
        "_ended",
        "_settings",
        "asks_fills",
        "changed",
        "live",
        "pending_buy",
        "pending_sell",
    )

    def __init__(self, settings: OmsSettings) -> None:
        self._settings = settings
        self.live: dict[ClientId, Order] = {}
        self._ended: dict[ClientId, Order] = {}
        self.pending_buy = Lots(0)
        self.pending_sell = Lots(0)
        self.changed = False
        self.asks_fills = True

    def find(self, order: ClientId) -> Order | None:
        return self.live.get(order) or self._ended.get(order)

    def by_venue_order(self) -> dict[str, Order]:
        """Give the orders that are known here by the venue's own ids."""
        return {
            order.venue_order: order
            for orders in (self._ended, self.live)
            for order in orders.values()
            if order.venue_order
        }

    def lacking(self) -> list[Order]:
        """Give the orders of which fewer fills are booked than the venue counts."""
        return [order for order in self.live.values() if order.cumulative > order.filled]

    def open_count(self) -> int:
        """How many orders may rest at the venue."""
        return sum(1 for order in self.live.values() if not order.ended)

    def place(self, order: Order) -> None:
        """Take in an order that is being sent now."""
        self.live[order.order] = order
        self._count(order, order.size)
        self.changed = True

    def cancel_sent(self, order: Order, at: Nanos) -> None:
        order.state = PENDING_CANCEL
        order.changed_at = at
        order.resting = False
        order.cancelling = True
        self.changed = True

    def amend_sent(self, order: Order, at: Nanos) -> None:
        """Note a reduction on its way; the old size counts until the venue has confirmed it."""
        order.state = OrderState.PENDING_AMEND
        order.changed_at = at
        order.resting = False
        self.changed = True

    def relabel(self, revision: Revision) -> None:
        """Name all orders by ``revision``, which counts on the same grid as theirs."""
        self.recount(revision, 1, 1)

    def recount(self, revision: Revision, ticks: int, lots: int) -> None:
        """Count all orders on a finer grid: an old tick is ``ticks`` new ones, a lot ``lots``."""
        for orders in (self._ended, self.live):
            for order in orders.values():
                order.revision = revision
                order.price = Ticks(order.price * ticks)
                order.size = Lots(order.size * lots)
                order.filled = Lots(order.filled * lots)
                order.cumulative = Lots(order.cumulative * lots)
        self.pending_buy = Lots(self.pending_buy * lots)
        self.pending_sell = Lots(self.pending_sell * lots)

    def forget_ended(self) -> None:
        """Let late reports of what has ended be those of orders without a record."""
        self._ended.clear()

    def on_report(
        self, order: Order, report: OrderReport, at: Nanos, out: list[Output]
    ) -> Filled | None:
        """Merge one report; give the fill that has to be booked, if it brought one."""
        self.changed = True
        before = order.pending
        fill = None
        match report:
            case Accepted():
                self._on_accepted(order, report, at, out)
            case Filled():
                fill = self._on_filled(order, report, at, out)
            case Cancelled() | Expired():
                self._on_end(order, report, at, out)
            case Amended():
                self._on_amended(order, report, at, out)
            case Rejected():
                self._on_rejected(order, report, at, out)
            case CancelRejected() | AmendRejected():
                self._on_refused(order, report, at, out)
            case Absent():
                self._on_absent(order, at, out)
            case Stands():
                self._on_stands(order, report, at, out)
        self._count(order, order.pending - before)
        self._settle(order)
        return fill

    def on_answer_lost(self, order: Order, reason: str, at: Nanos, out: list[Output]) -> None:
        """Note that a request's answer will not come; the order may have become unknown."""
        before = order.state
        self._move(order, Happening.ANSWER_LOST, at, out)
        if order.state is not before:
            self.changed = True
            out.append(facts.unknown(order, reason))

    def on_not_executed(
        self, order: Order, request: str, reason: str, at: Nanos, out: list[Output]
    ) -> None:
        """Note that ``request`` certainly did nothing: unsent, or turned away unread."""
        if request == order.order:
            if not order.ended and not order.venue_order and not order.filled:
                report = Rejected(order.order, 0, reason, True, Nanos(0))
                self.on_report(order, report, at, out)
            return
        asked = PENDING_CANCEL if request.endswith(CANCEL_REQUEST) else OrderState.PENDING_AMEND
        if order.state is not asked:
            return
        self.changed = True
        order.changed_at = at
        if not order.venue_order and not order.filled:
            order.state = OrderState.UNKNOWN_NEW
        else:
            order.state = OrderState.PARTIALLY_FILLED if order.filled else OrderState.OPEN
        order.note_state()

    def doubt(self, order: Order, reason: str, at: Nanos, out: list[Output]) -> None:
        """Note that an order that should rest was not seen to: somebody may have ended it."""
        order.state = OrderState.UNKNOWN_CANCEL
        order.changed_at = at
        order.note_state()
        self.changed = True
        out.append(facts.unknown(order, reason))

    def adopt(self, told: Stands, revision: Revision, at: Nanos, out: list[Output]) -> Order:
        """Take in an order of ours that no record knew, and all that the venue tells of it."""
        order = Order(told.order, revision, told.side, told.price, told.size, Aim.QUOTE, at, at)
        order.venue_order = told.venue_order
        order.state = OrderState.OPEN
        order.note_state()
        self.place(order)
        out.append(facts.adopted(order, told))
        self.on_report(order, told, at, out)
        return order

    def write_off(self, order: Order) -> None:
        """Count the fills as known that no trade tells of."""
        before = order.pending
        order.filled = order.cumulative
        self._count(order, order.pending - before)
        self._settle(order)
        self.changed = True

    def overdue(self, at: Nanos, quiet_until: Nanos, out: list[Output]) -> Nanos:
        """Call late answers lost, ask for what is in doubt; give the next moment to look, or 0.

        Nothing is asked before ``quiet_until``.
        """
        settings = self._settings
        next_at = 0
        for order in self.live.values():
            if order.state in PENDING:
                due = order.changed_at + settings.answer_timeout_ns
                if at < due:
                    next_at = min(next_at, due) if next_at else due
                    continue
                self.on_answer_lost(order, "no answer in time", at, out)
            if order.state in UNKNOWN or (self.asks_fills and order.cumulative > order.filled):
                due = order.asked_at + settings.query_interval_ns if order.asked else at
                due = max(due, quiet_until)
                if at >= due:
                    self._ask(order, at, out)
                    due = at + settings.query_interval_ns
                next_at = min(next_at, due) if next_at else due
        return Nanos(next_at)

    def carry(self) -> tuple[OrderCarried, ...]:
        """Give the ended orders and then the live ones, each oldest first."""
        return tuple(
            order.carry() for orders in (self._ended, self.live) for order in orders.values()
        )

    def restore(self, carried: Iterable[OrderCarried]) -> None:
        """Take over a carried table; raise :exc:`Refused` where this one holds orders already."""
        if self.live or self._ended:
            raise Refused("orders can only be restored into an empty table")
        for each in carried:
            order = Order.restored(each)
            settled = order.ended and order.cumulative == order.filled
            (self._ended if settled else self.live)[order.order] = order
            self._count(order, order.pending)

    def _on_filled(self, order: Order, fill: Filled, at: Nanos, out: list[Output]) -> Filled | None:
        if fill.venue_trade in order.trades:
            return None
        cumulative = Lots(max(order.cumulative, fill.cumulative))
        booked = Lots(order.filled + fill.size)
        if booked > cumulative:
            # The same execution under another id, or sizes that cannot be: not ours to book twice.
            out.append(facts.disagree(order, booked, cumulative))
            return None
        order.trades += (fill.venue_trade,)
        order.filled = booked
        order.cumulative = cumulative
        whole = cumulative >= order.size
        self._move(order, Happening.FILLED_WHOLE if whole else Happening.FILLED_IN_PART, at, out)
        out.append(facts.filled(order, fill))
        if cumulative > booked:
            out.append(facts.disagree(order, booked, cumulative))
        return fill

    def _on_end(
        self, order: Order, report: Cancelled | Expired, at: Nanos, out: list[Output]
    ) -> None:
        asked_to = order.cancelling
        sent_at = order.changed_at
        was_ended = order.ended
        if not self._move(order, HAPPENINGS[type(report)], at, out):
            return
        order.cumulative = Lots(max(order.cumulative, report.cumulative))
        if was_ended:
            return
        if isinstance(report, Expired):
            out.append(facts.expired(order, report.reason))
        else:
            out.append(facts.cancelled(order, Nanos(at - sent_at if asked_to else 0)))
        if order.cumulative > order.filled:
            out.append(facts.disagree(order, order.filled, order.cumulative))

    def _on_amended(self, order: Order, report: Amended, at: Nanos, out: list[Output]) -> None:
        sent_at = order.changed_at
        news = report.size != order.size or not order.resting
        if not self._move(order, Happening.AMENDED, at, out) or order.ended:
            return
        order.size = report.size
        if order.cumulative >= report.size:
            # A fill overtook the reduction: nothing is left to rest.
            self._move(order, Happening.FILLED_WHOLE, at, out)
        if news:
            out.append(facts.amended(order, Nanos(at - sent_at)))

    def _on_accepted(self, order: Order, report: Accepted, at: Nanos, out: list[Output]) -> None:
        if self._move(order, ACCEPTED, at, out) and not order.venue_order:
            order.venue_order = report.venue_order
            out.append(facts.accepted(order, report, at))

    def _on_stands(self, order: Order, told: Stands, at: Nanos, out: list[Output]) -> None:
        """Merge all that the venue holds of an order; what is older than we know changes nothing.

        An order that stands open and is ended here is left to the caller.
        """
        t = told.venue_time
        order.cumulative = Lots(max(order.cumulative, told.cumulative))
        match told.standing:
            case Standing.OPEN if not order.ended:
                amending = order.state is OrderState.UNKNOWN_AMEND
                self._on_accepted(order, Accepted(order.order, told.venue_order, t), at, out)
                if order.resting and told.cumulative:
                    self._move(order, Happening.FILLED_IN_PART, at, out)
                if amending and told.size < order.size:
                    order.size = told.size
                    out.append(facts.amended(order, Nanos(0)))
            case Standing.FILLED:
                self._move(order, Happening.FILLED_WHOLE, at, out)
            case Standing.CANCELLED:
                self._on_end(order, Cancelled(order.order, told.cumulative, t), at, out)
            case Standing.EXPIRED:
                self._on_end(order, Expired(order.order, told.cumulative, "expired", t), at, out)
            case Standing.REJECTED:
                self._on_rejected(order, Rejected(order.order, 0, "rejected", True, t), at, out)
            case _:
                pass
        order.venue_order = order.venue_order or told.venue_order

    def _on_rejected(self, order: Order, report: Rejected, at: Nanos, out: list[Output]) -> None:
        was_ended = order.ended
        if self._move(order, Happening.REJECTED, at, out) and not was_ended:
            out.append(facts.rejected(order, report))

    def _on_refused(
        self, order: Order, report: CancelRejected | AmendRejected, at: Nanos, out: list[Output]
    ) -> None:
        if self._move(order, HAPPENINGS[type(report)], at, out):
            out.append(facts.refused(order, report))

    def _on_absent(self, order: Order, at: Nanos, out: list[Output]) -> None:
        was_ended = order.ended
        if at - order.placed_at < self._settings.absent_grace_ns:
            return
        if not self._move(order, Happening.PROVED_ABSENT, at, out) or was_ended:
            return
        if order.state is OrderState.REJECTED:
            none = Rejected(order.order, 0, "the venue has no such order", True, Nanos(0))
            out.append(facts.rejected(order, none))
        else:
            out.append(facts.cancelled(order, Nanos(0)))

    def _move(self, order: Order, happening: Happening, at: Nanos, out: list[Output]) -> bool:
        state = order.state
        after = next_state(state, happening, filled=order.filled > 0)
        if after is None:
            out.append(TransitionImpossible(order=order.order, state=state, happening=happening))
            return False
        if after is not state:
            order.state = after
            order.changed_at = at
            order.note_state()
        return True

    def _ask(self, order: Order, at: Nanos, out: list[Output]) -> None:
        order.asked_at = at
        order.asked += 1
        out.append(
            QueryOrder(
                request=f"{order.order}-{QUERY_REQUEST}{order.asked}",
                order=order.order,
                revision=order.revision,
            )
        )

    def _count(self, order: Order, lots: int) -> None:
        if order.side is BUY:
            self.pending_buy = Lots(self.pending_buy + lots)
        else:
            self.pending_sell = Lots(self.pending_sell + lots)

    def _settle(self, order: Order) -> None:
        if not order.ended:
            return
        missing = order.cumulative > order.filled
        if missing and order.order not in self.live:
            self.live[order.order] = self._ended.pop(order.order)
        elif not missing and order.order in self.live:
            self._ended[order.order] = self.live.pop(order.order)
            if len(self._ended) > ENDED_KEPT_MAX:
                del self._ended[next(iter(self._ended))]
