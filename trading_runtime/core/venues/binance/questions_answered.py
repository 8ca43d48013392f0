"""HTTP answers to questions, by the word and the revision that name them."""

from collections.abc import Mapping

import msgspec

from trading_runtime.account.reports import TermsTold
from trading_runtime.core.venues.binance import account
from trading_runtime.core.venues.binance.answers import stands
from trading_runtime.core.venues.binance.events import AccountEvents
from trading_runtime.core.venues.binance.paths import TRADES_MAX
from trading_runtime.core.venues.binance.wire_private import OrderBody
from trading_runtime.core.venues.symbols import Symbol
from trading_runtime.core.venues.told import Told
from trading_runtime.oms.reports import OpenOrders, OwnTrades
from trading_runtime.records.units import ClientId

REVISION_DIGITS = 18

_orders = msgspec.json.Decoder(list[OrderBody]).decode
_order = msgspec.json.Decoder(OrderBody).decode


class QuestionAnswers:
    """Of one market."""

    __slots__ = ("_events", "_futures", "_symbols", "_venue")

    def __init__(
        self, venue: str, symbols: Mapping[str, Symbol], events: AccountEvents, *, futures: bool
    ) -> None:
        self._venue = venue
        self._symbols = symbols
        self._events = events
        self._futures = futures

    def answer(self, request: str, body: bytes) -> list[Told]:
        """Give what an answer tells.

        Nothing for a request that is not known here, nor for one about a grid that is over: it was
        counted otherwise, and is asked again.

        Raises:
            Misread: it cannot be.
            msgspec.DecodeError: it is not of the form that the request has.
        """
        word, revision = named(request)
        if word == "account":
            return [self._account(request, body)]
        if word == "permissions":
            return [account.permissions(self._venue, body, futures=self._futures)]
        symbol = self._symbol(revision)
        if symbol is None:
            return []
        if word in ("open", "order", "trades"):
            return self._orders(word, request, symbol, body)
        return self._terms(word, symbol, body)

    def _account(self, request: str, body: bytes) -> Told:
        if self._futures:
            return account.usdm_account(request, self._venue, body, self._events)
        return account.spot_account(request, self._venue, body)

    def _orders(self, word: str, request: str, symbol: Symbol, body: bytes) -> list[Told]:
        if word == "trades":
            trades = account.own_trades(symbol, body, futures=self._futures)
            more = len(trades) >= TRADES_MAX
            return [OwnTrades(request, symbol.instrument_id, trades, more)]
        if word == "order":
            wire = _order(body)
            return [stands(ClientId(wire.client_order_id), wire, self._symbols)]
        orders = tuple(
            stands(ClientId(wire.client_order_id), wire, self._symbols)
            for wire in _orders(body)
            if wire.symbol == symbol.instrument.symbol
        )
        return [OpenOrders(request, symbol.instrument_id, orders)]

    def _terms(self, word: str, symbol: Symbol, body: bytes) -> list[Told]:
        futures = self._futures
        match word:
            case "terms":
                told = (
                    account.usdm_terms(symbol, body)
                    if futures
                    else TermsTold(symbol.instrument_id, one_way=True, leverage=1)
                )
                self._events.one_way[symbol.instrument_id] = told.one_way
                return [told]
            case "fees":
                read = account.usdm_fees if futures else account.spot_fees
                return [read(symbol, body)]
            case "instrument":
                return [account.instrument(symbol, body)]
            case "reference":
                refer = account.usdm_reference if futures else account.spot_reference
                return [refer(symbol, body)]
            case _:
                return []

    def _symbol(self, revision: int) -> Symbol | None:
        for symbol in self._symbols.values():
            if symbol.instrument.revision == revision:
                return symbol
        return None


def named(request: str) -> tuple[str, int]:
    """Take ``<word>-<revision>-<n>`` apart; the revision is 0 where there is none."""
    word, _, rest = request.partition("-")
    revision = rest.partition("-")[0]
    return word, int(revision) if revision.isdecimal() and len(revision) <= REVISION_DIGITS else 0
