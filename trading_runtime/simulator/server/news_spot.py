"""Spot user events, without the wrapper that names the subscription (user-data-stream.md, 2026)."""

import msgspec

from trading_runtime.records.units import NANOS_PER_MILLI
from trading_runtime.simulator.exchange.amounts import text
from trading_runtime.simulator.exchange.words import (
    BalancesChanged,
    ExecutionType,
    OrderChanged,
    Reason,
)

ZERO = "0.00000000"
EXTERNAL = frozenset({Reason.DEPOSIT, Reason.WITHDRAW})


def execution_report(event: OrderChanged, now_ms: int) -> bytes:
    """``executionReport``: ``c`` is the request's own id, ``C`` the order's where they differ."""
    order, trade = event.order, event.trade
    own, original = order.client_id, event.previous_client_id
    if event.execution is ExecutionType.CANCELED:
        own, original = order.cancel_client_id or own, own
    moment = event.time_ns // NANOS_PER_MILLI
    report: dict[str, object] = {
        "e": "executionReport",
        "E": now_ms,
        "s": order.symbol,
        "c": own,
        "S": order.side.value,
        "o": order.type.value,
        "f": order.time_in_force.value,
        "q": text(order.quantity),
        "p": text(order.price),
        "P": ZERO,
        "F": ZERO,
        "g": -1,
        "C": original,
        "x": event.execution.value,
        "X": order.status.value,
        "r": "NONE",
        "i": order.order_id,
        "l": text(trade.quantity) if trade else ZERO,
        "z": text(order.executed),
        "L": text(trade.price) if trade else ZERO,
        "n": text(trade.fee) if trade else "0",
        "N": trade.fee_asset if trade else None,
        "T": moment,
        "t": trade.trade_id if trade else -1,
        "I": event.execution_id,
        "w": order.open,
        "m": trade.maker if trade else False,
        "M": False,
        "O": order.created_ns // NANOS_PER_MILLI,
        "Z": text(order.quote),
        "Y": text(trade.quote) if trade else ZERO,
        "Q": text(order.quote_quantity),
        "V": order.stp_mode.value,
    }
    if order.working_ns >= 0:
        report["W"] = order.working_ns // NANOS_PER_MILLI
    if event.execution is ExecutionType.TRADE_PREVENTION or order.prevented_match_id >= 0:
        report["v"] = order.prevented_match_id
        report["A"] = report["B"] = text(order.prevented_quantity)
    return msgspec.json.encode(report)


def account_news(event: BalancesChanged, now_ms: int) -> list[tuple[str, bytes]]:
    """``outboundAccountPosition``, after one ``balanceUpdate`` an asset if it came from outside."""
    moment = event.time_ns // NANOS_PER_MILLI
    news = []
    if event.reason in EXTERNAL:
        for view in event.balances:
            change = {
                "e": "balanceUpdate",
                "E": now_ms,
                "a": view.asset,
                "d": text(view.change),
                "T": moment,
            }
            news.append(("balanceUpdate", msgspec.json.encode(change)))
    position = {
        "e": "outboundAccountPosition",
        "E": now_ms,
        "u": moment,
        "B": [
            {"a": view.asset, "f": text(view.free), "l": text(view.locked)}
            for view in event.balances
        ],
    }
    news.append(("outboundAccountPosition", msgspec.json.encode(position)))
    return news


def stream_terminated(now_ms: int) -> bytes:
    """Told to a subscription that is over."""
    return b'{"e":"eventStreamTerminated","E":%d}' % now_ms


def server_shutdown(now_ms: int) -> bytes:
    """Told to every connection before the server goes (since May 2026)."""
    return b'{"e":"serverShutdown","E":%d}' % now_ms
