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
from trading_runtime.oms.order import PENDING, Order
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
)
from trading_runtime.oms.settings import OmsSettings
from trading_runtime.records.carried_trading import OrderCarried
from trading_runtime.records.commands import QUERY_REQUEST, QueryOrder
from trading_runtime.records.envelope import Output
from trading_runtime.records.facts_trading import (
    AmendRefused,
    CancelRefused,
    FillsDisagree,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderUnknown,
    TransitionImpossible,
)
from trading_runtime.records.lifecycle import Happening, OrderState, next_state
from trading_runtime.records.units import ClientId, Lots, Nanos, Revision, Side

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
}
"""What each report says; a :class:`Filled` may also be the order's last."""


class OrderTable:
    """All orders of one instrument, oldest first.

    ``live`` holds what still counts; ``changed`` is set by every change and cleared by whoever has
    compared the table with what is wanted.
    """

    __slots__ = ("_ended", "_settings", "changed", "live", "pending_buy", "pending_sell")

    def __init__(self, settings: OmsSettings) -> None:
        self._settings = settings
        self.live: dict[ClientId, Order] = {}
        self._ended: dict[ClientId, Order] = {}
        self.pending_buy = Lots(0)
        self.pending_sell = Lots(0)
        self.changed = False

    def find(self, order: ClientId) -> Order | None:
        return self.live.get(order) or self._ended.get(order)

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
        """Name the live orders by ``revision``, which counts on the same grid as theirs."""
        for order in self.live.values():
            order.revision = revision

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
        self._count(order, order.pending - before)
        self._settle(order)
        return fill

    def on_answer_lost(self, order: Order, reason: str, at: Nanos, out: list[Output]) -> None:
        """Note that a request's answer will not come; the order may have become unknown."""
        before = order.state
        self._move(order, Happening.ANSWER_LOST, at, out)
        if order.state is not before:
            self.changed = True
            out.append(
                OrderUnknown(
                    order=order.order, revision=order.revision, state=order.state, reason=reason
                )
            )

    def overdue(self, at: Nanos, out: list[Output]) -> Nanos:
        """Call late answers lost, ask for what is in doubt; give the next moment to look, or 0."""
        settings = self._settings
        next_at = 0
        for order in self.live.values():
            if order.state in PENDING:
                due = order.changed_at + settings.answer_timeout_ns
                if at < due:
                    next_at = min(next_at, due) if next_at else due
                    continue
                self.on_answer_lost(order, "no answer in time", at, out)
            if order.doubtful:
                due = order.asked_at + settings.query_interval_ns if order.asked else at
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
            self._disagree(order, booked, cumulative, out)
            return None
        order.trades += (fill.venue_trade,)
        order.filled = booked
        order.cumulative = cumulative
        whole = cumulative >= order.size
        self._move(order, Happening.FILLED_WHOLE if whole else Happening.FILLED_IN_PART, at, out)
        out.append(
            OrderFilled(
                order=order.order,
                revision=order.revision,
                venue_trade=fill.venue_trade,
                side=order.side,
                price=fill.price,
                size=fill.size,
                remaining=Lots(max(order.size - booked, 0)),
                fee=fill.fee,
                fee_asset=fill.fee_asset,
                maker=fill.maker,
                venue_time=fill.venue_time,
            )
        )
        if cumulative > booked:
            self._disagree(order, booked, cumulative, out)
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
            out.append(
                OrderExpired(
                    order=order.order,
                    revision=order.revision,
                    filled=order.cumulative,
                    reason=report.reason,
                )
            )
        else:
            self._say_cancelled(order, Nanos(at - sent_at if asked_to else 0), out)
        if order.cumulative > order.filled:
            self._disagree(order, order.filled, order.cumulative, out)

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
            out.append(
                OrderAmended(
                    order=order.order,
                    revision=order.revision,
                    size=report.size,
                    latency_ns=Nanos(at - sent_at),
                )
            )

    def _on_accepted(self, order: Order, report: Accepted, at: Nanos, out: list[Output]) -> None:
        if self._move(order, ACCEPTED, at, out) and not order.venue_order:
            order.venue_order = report.venue_order
            out.append(
                OrderAccepted(
                    order=order.order,
                    revision=order.revision,
                    venue_order=report.venue_order,
                    latency_ns=Nanos(at - order.placed_at),
                )
            )

    def _on_rejected(self, order: Order, report: Rejected, at: Nanos, out: list[Output]) -> None:
        was_ended = order.ended
        if self._move(order, Happening.REJECTED, at, out) and not was_ended:
            out.append(
                OrderRejected(
                    order=order.order,
                    revision=order.revision,
                    code=report.code,
                    reason=report.reason,
                    retry=report.retry,
                )
            )

    def _on_refused(
        self, order: Order, report: CancelRejected | AmendRejected, at: Nanos, out: list[Output]
    ) -> None:
        if not self._move(order, HAPPENINGS[type(report)], at, out):
            return
        fact = CancelRefused if isinstance(report, CancelRejected) else AmendRefused
        out.append(
            fact(
                order=order.order,
                revision=order.revision,
                code=report.code,
                reason=report.reason,
            )
        )

    def _on_absent(self, order: Order, at: Nanos, out: list[Output]) -> None:
        was_ended = order.ended
        if at - order.placed_at < self._settings.absent_grace_ns:
            return
        if not self._move(order, Happening.PROVED_ABSENT, at, out) or was_ended:
            return
        if order.state is OrderState.REJECTED:
            out.append(
                OrderRejected(
                    order=order.order,
                    revision=order.revision,
                    code=0,
                    reason="the venue has no such order",
                    retry=True,
                )
            )
        else:
            self._say_cancelled(order, Nanos(0), out)

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

    def _disagree(self, order: Order, booked: Lots, cumulative: Lots, out: list[Output]) -> None:
        out.append(
            FillsDisagree(
                order=order.order, revision=order.revision, booked=booked, cumulative=cumulative
            )
        )

    def _say_cancelled(self, order: Order, latency: Nanos, out: list[Output]) -> None:
        out.append(
            OrderCancelled(
                order=order.order,
                revision=order.revision,
                filled=order.cumulative,
                latency_ns=latency,
            )
        )
