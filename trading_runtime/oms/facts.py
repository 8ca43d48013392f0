"""What is said of one order of ours, made from the order and the report that moved it."""

from trading_runtime.oms.order import Order
from trading_runtime.oms.reports import (
    Accepted,
    AmendRejected,
    CancelRejected,
    Filled,
    Rejected,
    Stands,
)
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
)
from trading_runtime.records.facts_venue import OrderAdopted, OrderDiffers
from trading_runtime.records.units import Lots, Nanos


def accepted(order: Order, report: Accepted, at: Nanos) -> OrderAccepted:
    return OrderAccepted(
        order=order.order,
        revision=order.revision,
        venue_order=report.venue_order,
        latency_ns=Nanos(at - order.placed_at),
    )


def rejected(order: Order, report: Rejected) -> OrderRejected:
    return OrderRejected(
        order=order.order,
        revision=order.revision,
        code=report.code,
        reason=report.reason,
        retry=report.retry,
    )


def filled(order: Order, fill: Filled) -> OrderFilled:
    """Say ``fill``, which is booked already."""
    return OrderFilled(
        order=order.order,
        revision=order.revision,
        venue_trade=fill.venue_trade,
        side=order.side,
        price=fill.price,
        size=fill.size,
        remaining=Lots(max(order.size - order.filled, 0)),
        fee=fill.fee,
        fee_asset=fill.fee_asset,
        maker=fill.maker,
        venue_time=fill.venue_time,
    )


def disagree(order: Order, booked: Lots, cumulative: Lots) -> FillsDisagree:
    return FillsDisagree(
        order=order.order, revision=order.revision, booked=booked, cumulative=cumulative
    )


def cancelled(order: Order, latency: Nanos) -> OrderCancelled:
    return OrderCancelled(
        order=order.order, revision=order.revision, filled=order.cumulative, latency_ns=latency
    )


def expired(order: Order, reason: str) -> OrderExpired:
    return OrderExpired(
        order=order.order, revision=order.revision, filled=order.cumulative, reason=reason
    )


def amended(order: Order, latency: Nanos) -> OrderAmended:
    return OrderAmended(
        order=order.order, revision=order.revision, size=order.size, latency_ns=latency
    )


def refused(order: Order, report: CancelRejected | AmendRejected) -> CancelRefused | AmendRefused:
    fact = CancelRefused if isinstance(report, CancelRejected) else AmendRefused
    return fact(order=order.order, revision=order.revision, code=report.code, reason=report.reason)


def unknown(order: Order, reason: str) -> OrderUnknown:
    return OrderUnknown(
        order=order.order, revision=order.revision, state=order.state, reason=reason
    )


def adopted(order: Order, told: Stands) -> OrderAdopted:
    return OrderAdopted(
        order=order.order,
        revision=order.revision,
        venue_order=told.venue_order,
        side=told.side,
        price=told.price,
        size=told.size,
        filled=told.cumulative,
    )


def differs(order: Order, difference: str, ours: str, venues: str) -> OrderDiffers:
    return OrderDiffers(
        order=order.order,
        revision=order.revision,
        difference=difference,
        ours=ours,
        venues=venues,
    )
