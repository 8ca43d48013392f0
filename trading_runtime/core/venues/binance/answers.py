"""Answers about orders to what they tell: one form by socket and by HTTP."""

from collections.abc import Mapping
from typing import NamedTuple

from trading_runtime.core.venues.amounts import units_up
from trading_runtime.core.venues.binance.events import EXPIRED_STATES, reason_of
from trading_runtime.core.venues.binance.wire_private import OrderBody
from trading_runtime.core.venues.symbols import Symbol
from trading_runtime.core.venues.told import Told
from trading_runtime.errors import Misread
from trading_runtime.oms.reports import (
    Accepted,
    Amended,
    Cancelled,
    Expired,
    Filled,
    Rejected,
    Standing,
    Stands,
)
from trading_runtime.records.commands import QUERY_REQUEST
from trading_runtime.records.units import NANOS_PER_MILLI, ClientId, Lots, Money, Nanos, Side

RESTING = frozenset({"", "NEW", "PENDING_NEW"})
"""What is answered of a new order to which nothing has happened yet; short forms say nothing."""
STANDINGS = {
    "NEW": Standing.OPEN,
    "PENDING_NEW": Standing.OPEN,
    "PARTIALLY_FILLED": Standing.OPEN,
    "PENDING_CANCEL": Standing.OPEN,
    "FILLED": Standing.FILLED,
    "CANCELED": Standing.CANCELLED,
    "EXPIRED": Standing.EXPIRED,
    "EXPIRED_IN_MATCH": Standing.EXPIRED,
    "REJECTED": Standing.REJECTED,
}
SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}

Symbols = Mapping[str, Symbol]


class OrderName(NamedTuple):
    """What an order's request is called: the order, and what was asked of it."""

    order: ClientId
    what: str
    """``""`` place, ``cancel``, ``amend`` or ``query``."""


def order_name(request: str) -> OrderName | None:
    """Take the name of an order's request apart; None where it is another's."""
    order, _, rest = request.partition("-")
    if rest in ("", "cancel", "amend"):
        return OrderName(ClientId(order), rest) if order else None
    if rest.startswith(QUERY_REQUEST) and rest.removeprefix(QUERY_REQUEST).isdecimal():
        return OrderName(ClientId(order), QUERY_REQUEST)
    return None


def on_order_answer(name: OrderName, body: OrderBody, symbols: Symbols) -> list[Told]:
    """Give what the venue answered to one of our orders' requests; raise ``Misread``."""
    if name.what == "":
        return _placed(name.order, body, symbols)
    if name.what == "cancel":
        return [Cancelled(name.order, _symbol(body, symbols).lots[body.executed_qty], _time(body))]
    if name.what == "amend":
        return _amended(name.order, body, symbols)
    return [stands(name.order, body, symbols)]


def stands(order: ClientId, body: OrderBody, symbols: Symbols) -> Stands:
    """Give all of an order as the venue holds it; raise ``Misread``."""
    symbol = _symbol(body, symbols)
    if body.status not in STANDINGS or body.side not in SIDES or not body.order_id:
        raise Misread("malformed", f"an order of state {body.status[:40]!r}")
    return Stands(
        order,
        symbol.instrument_id,
        str(body.order_id),
        SIDES[body.side],
        symbol.prices[body.price],
        symbol.lots[body.orig_qty],
        symbol.lots[body.executed_qty],
        STANDINGS[body.status],
        body.reduce_only,
        _time(body),
    )


def _placed(order: ClientId, body: OrderBody, symbols: Symbols) -> list[Told]:
    time = _time(body)
    if not body.order_id:
        raise Misread("malformed", "an accepted order without a number")
    told: list[Told] = [Accepted(order, str(body.order_id), time)]
    if body.status in RESTING and not body.fills:
        return told
    if body.status not in STANDINGS:
        raise Misread("malformed", f"an order of state {body.status[:40]!r}")
    symbol = _symbol(body, symbols)
    executed = symbol.lots[body.executed_qty]
    known = _fills(order, body, symbol, told)
    if body.status in EXPIRED_STATES:
        told.append(Expired(order, executed, reason_of(body.status, body.time_in_force), time))
    elif body.status == "CANCELED":
        told.append(Cancelled(order, executed, time))
    elif body.status == "REJECTED":
        return [Rejected(order, 0, body.status, retry=False, venue_time=time)]
    elif known != executed:
        told.append(stands(order, body, symbols))
    return told


def _fills(order: ClientId, body: OrderBody, symbol: Symbol, told: list[Told]) -> Lots:
    """Tell the executions that an answer lists, as taker; give what they sum to."""
    done = 0
    for fill in body.fills:
        size = symbol.lots[fill.qty]
        done += size
        told.append(
            Filled(
                order,
                str(fill.trade_id),
                symbol.prices[fill.price],
                size,
                Lots(done),
                Money(units_up(fill.commission, symbol.money_scale)),
                fill.commission_asset,
                maker=False,
                venue_time=_time(body),
            )
        )
    return Lots(done)


def _amended(order: ClientId, body: OrderBody, symbols: Symbols) -> list[Told]:
    """Spot tells the order inside its answer; futures tell all of it, and it may have ended."""
    time = _time(body)
    inner = body.amended_order
    if inner is not None:
        symbol = symbols.get(inner.symbol)
        if symbol is None:
            raise Misread("unknown_symbol", inner.symbol[:40])
        return [Amended(order, symbol.lots[inner.qty], time)]
    symbol = _symbol(body, symbols)
    if body.status in EXPIRED_STATES or body.status == "CANCELED":
        return [Cancelled(order, symbol.lots[body.executed_qty], time)]
    return [Amended(order, symbol.lots[body.orig_qty], time)]


def _symbol(body: OrderBody, symbols: Symbols) -> Symbol:
    symbol = symbols.get(body.symbol)
    if symbol is None:
        raise Misread("unknown_symbol", body.symbol[:40])
    return symbol


def _time(body: OrderBody) -> Nanos:
    return Nanos((body.transact_time or body.update_time) * NANOS_PER_MILLI)
