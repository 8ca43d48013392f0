"""The control endpoint: what a test, or a person, does to the venue. JSON over HTTP, unsigned.

It is no part of the protocol that is simulated. Amounts and prices are decimal text as on the
venue's wire; ``account`` is a number of the ledger, and the first account where it is left out.
What cannot be done is answered with status 400 and ``{"error": …}``.
"""

from collections.abc import Callable, Mapping
from typing import Literal, Protocol

import msgspec
from aiohttp import web

from trading_runtime.errors import Refused
from trading_runtime.records.exact import NotDecimal, OffGrid
from trading_runtime.records.units import NANOS_PER_MILLI, NANOS_PER_SECOND
from trading_runtime.simulator.exchange.amounts import units
from trading_runtime.simulator.exchange.exchange import Exchange
from trading_runtime.simulator.exchange.words import (
    AccountNumber,
    MarketKind,
    NewOrder,
    OrderType,
    Side,
    SymbolStatus,
    TimeInForce,
)
from trading_runtime.simulator.faults.acts import Connected, act
from trading_runtime.simulator.faults.board import FaultBoard
from trading_runtime.simulator.faults.words import Act, AnyFault, Disconnect, Maintenance
from trading_runtime.simulator.server.ledger import ledger, order_row

PREFIX = "/control"
JSON = "application/json"


class Venue(Connected, Protocol):
    """What the control endpoint needs of the simulator."""

    @property
    def board(self) -> FaultBoard: ...


class ForeignOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An order that the account's owner places by other means than the client under test."""

    market: MarketKind
    symbol: str
    side: Side
    quantity: str
    type: OrderType = OrderType.LIMIT
    time_in_force: TimeInForce | None = None
    price: str | None = None
    client_id: str | None = None
    reduce_only: bool = False
    account: int | None = None


class BalanceChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``change`` is signed: below 0 it is withdrawn."""

    market: MarketKind
    asset: str
    change: str
    account: int | None = None


class ExternalTrade(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Others trade; ``side`` is the taker's."""

    side: Side
    price: str
    quantity: str


class External(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Levels of all others as [price, quantity now], then trades, in the order given."""

    market: MarketKind
    symbol: str
    bids: tuple[tuple[str, str], ...] = ()
    asks: tuple[tuple[str, str], ...] = ()
    trades: tuple[ExternalTrade, ...] = ()


class FilterChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays as it is."""

    market: MarketKind
    symbol: str
    status: SymbolStatus | None = None
    tick: str | None = None
    lot: str | None = None
    min_quantity: str | None = None
    min_notional: str | None = None
    max_orders: int | None = None


class ClockSkew(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    skew_ms: int


class FundingSettled(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``rate`` is a fraction of the notional: ``"0.0001"``; longs pay where it is positive."""

    symbol: str
    rate: str


class Mark(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The mark price stays at ``price`` until faults are cleared."""

    symbol: str
    price: str


class Liquidation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    symbol: str
    account: int | None = None
    market: Literal["usdm"] = "usdm"


class Control:
    """Answers the paths under ``/control``.

    ``counts`` gives what has been counted since the start, by name; ``clock`` monotonic
    nanoseconds.
    """

    def __init__(
        self, venue: Venue, counts: Callable[[], Mapping[str, int]], clock: Callable[[], int]
    ) -> None:
        self._venue = venue
        self._counts = counts
        self._clock = clock
        self._last = (clock(), counts())
        self._calls: Mapping[str, Callable[[bytes], object]] = {
            "POST /control/fault": self._fault,
            "DELETE /control/faults": self._clear,
            "GET /control/ledger": self._ledger,
            "POST /control/order": self._order,
            "POST /control/balance": self._balance,
            "POST /control/external": self._external,
            "POST /control/filters": self._filters,
            "POST /control/clock": self._clock_skew,
            "POST /control/funding": self._funding,
            "POST /control/mark": self._mark,
            "POST /control/liquidate": self._liquidate,
            "GET /control/statistics": self._statistics,
        }

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """Do what is asked; what cannot be done is answered with why."""
        call = self._calls.get(f"{request.method} {request.path}")
        if call is None:
            return web.json_response({"error": f"no {request.method} {request.path}"}, status=404)
        body = await request.read()
        try:
            result, status = call(body), 200
        except (Refused, NotDecimal, OffGrid, msgspec.DecodeError) as error:
            result, status = {"error": str(error)}, 400
        return web.Response(body=msgspec.json.encode(result), status=status, content_type=JSON)

    def _fault(self, body: bytes) -> object:
        fault = msgspec.json.decode(body, type=AnyFault)
        if isinstance(fault, Act):
            return {"hit": act(fault, self._venue)}
        if isinstance(fault, Maintenance) and fault.down != "orders":
            cut = "*" if fault.down == "all" else "stream"
            act(Disconnect(market=fault.market, connection=cut), self._venue)
        return {"fault": self._venue.board.order(fault, self._venue.exchange)}

    def _clear(self, _: bytes) -> object:
        self._venue.board.clear()
        return {}

    def _ledger(self, _: bytes) -> object:
        return {kind.value: ledger(self._venue.exchange(kind)) for kind in MarketKind}

    def _statistics(self, _: bytes) -> object:
        """Give the counts, and of each the rate per second since this was last asked."""
        then_ns, before = self._last
        now_ns, counts = self._clock(), dict(self._counts())
        self._last = (now_ns, counts)
        passed_s = max(now_ns - then_ns, 1) / NANOS_PER_SECOND
        rates = {f"{name}_per_s": (counts[name] - before[name]) / passed_s for name in counts}
        return counts | rates

    def _order(self, body: bytes) -> object:
        asked = msgspec.json.decode(body, type=ForeignOrder)
        exchange = self._venue.exchange(asked.market)
        limit = asked.type is OrderType.LIMIT
        new = NewOrder(
            symbol=asked.symbol,
            side=asked.side,
            type=asked.type,
            time_in_force=asked.time_in_force or (TimeInForce.GTC if limit else None),
            price=asked.price,
            quantity=asked.quantity,
            client_id=asked.client_id,
            reduce_only=asked.reduce_only,
        )
        placed = exchange.place(account_of(exchange, asked.account), new, self._venue.now())
        self._venue.publish(asked.market)
        return order_row(placed)

    def _balance(self, body: bytes) -> object:
        asked = msgspec.json.decode(body, type=BalanceChange)
        exchange = self._venue.exchange(asked.market)
        change = units(asked.change.removeprefix("-"))
        signed = -change if asked.change.startswith("-") else change
        account = account_of(exchange, asked.account)
        exchange.deposit(account, asked.asset, signed, self._venue.now())
        self._venue.publish(asked.market)
        return {}

    def _external(self, body: bytes) -> object:
        asked = msgspec.json.decode(body, type=External)
        exchange, now = self._venue.exchange(asked.market), self._venue.now()
        for side, levels in ((Side.BUY, asked.bids), (Side.SELL, asked.asks)):
            for price, size in levels:
                exchange.set_external(asked.symbol, side, units(price), units(size), now)
        for trade in asked.trades:
            exchange.external_trade(
                asked.symbol, trade.side, units(trade.price), units(trade.quantity), now
            )
        self._venue.publish(asked.market)
        return {}

    def _filters(self, body: bytes) -> object:
        asked = msgspec.json.decode(body, type=FilterChange)
        exchange = self._venue.exchange(asked.market)
        decimals = {
            "tick": asked.tick,
            "lot": asked.lot,
            "min_quantity": asked.min_quantity,
            "min_notional": asked.min_notional,
        }
        counts = {name: units(value) for name, value in decimals.items() if value is not None}
        rules = exchange.rules(asked.symbol)
        revised = msgspec.structs.replace(
            rules,
            status=asked.status or rules.status,
            max_orders=rules.max_orders if asked.max_orders is None else asked.max_orders,
            **counts,
        )
        exchange.revise_symbol(revised, self._venue.now())
        self._venue.publish(asked.market)
        return {}

    def _clock_skew(self, body: bytes) -> object:
        asked = msgspec.json.decode(body, type=ClockSkew)
        self._venue.board.skew_ns = asked.skew_ms * NANOS_PER_MILLI
        return {}

    def _funding(self, body: bytes) -> object:
        asked = msgspec.json.decode(body, type=FundingSettled)
        rate = units(asked.rate.removeprefix("-"))
        signed = -rate if asked.rate.startswith("-") else rate
        exchange = self._venue.exchange(MarketKind.USDM)
        exchange.settle_funding(asked.symbol, signed, self._venue.now())
        self._venue.publish(MarketKind.USDM)
        return {}

    def _mark(self, body: bytes) -> object:
        asked = msgspec.json.decode(body, type=Mark)
        price = units(asked.price)
        self._venue.board.pinned_marks[asked.symbol] = price
        self._venue.exchange(MarketKind.USDM).mark(asked.symbol, price, self._venue.now())
        self._venue.publish(MarketKind.USDM)
        return {}

    def _liquidate(self, body: bytes) -> object:
        asked = msgspec.json.decode(body, type=Liquidation)
        exchange = self._venue.exchange(MarketKind.USDM)
        account = account_of(exchange, asked.account)
        exchange.liquidate(account, asked.symbol, self._venue.now())
        self._venue.publish(MarketKind.USDM)
        return {}


def account_of(exchange: Exchange, number: int | None) -> AccountNumber:
    """Give the account of that number, or the first; raise :exc:`Refused` where there is none."""
    accounts = exchange.accounts()
    if number is None:
        return accounts[0]
    if number not in accounts:
        raise Refused(f"no account {number}")
    return AccountNumber(number)
