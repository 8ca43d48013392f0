"""Everything that is asked over HTTP: books, the account and its terms, instruments, trades."""

from trading_runtime.core.venues.binance.paths import (
    DEAD_MAN,
    PERMISSIONS,
    SPOT,
    TRADES_MAX,
    Ask,
    Paths,
)
from trading_runtime.core.venues.request import Request, Route, Security
from trading_runtime.errors import Refused
from trading_runtime.records.commands import (
    ArmDeadMan,
    AskVenue,
    QueryTrades,
    QueryVenueOrder,
    Question,
    RequestSnapshot,
)
from trading_runtime.records.instruments import Scales
from trading_runtime.records.units import NANOS_PER_MILLI, Nanos

VenueQuestion = RequestSnapshot | AskVenue | QueryTrades | QueryVenueOrder | ArmDeadMan
ASKED = (RequestSnapshot, AskVenue, QueryTrades, QueryVenueOrder, ArmDeadMan)
OPEN = frozenset({Question.CLOCK, Question.INSTRUMENT, Question.REFERENCE})
"""Questions that anybody may ask."""
WHOLE = frozenset({Question.CLOCK, Question.ACCOUNT, Question.PERMISSIONS})
"""Questions without an instrument."""

Params = tuple[tuple[str, str], ...]


def ask(
    command: VenueQuestion, paths: Paths, scales: Scales | None, request_time: Nanos
) -> Request:
    """Give the request; raise :exc:`Refused` where the market has no such thing."""
    if isinstance(command, AskVenue):
        return _question(command, paths, scales, request_time)
    if scales is None:
        raise Refused(f"no instrument for {command.request}")
    symbol = ("symbol", scales.instrument.symbol)
    match command:
        case RequestSnapshot():
            params: Params = (("limit", str(paths.depth_levels)), symbol)
            return _open(command.request, paths.depth, params)
        case QueryTrades():
            start = (
                ("fromId", _next_id(command.after_trade))
                if command.after_trade
                else ("startTime", str(command.since // NANOS_PER_MILLI))
            )
            params = (start, ("limit", str(TRADES_MAX)), symbol)
            return _signed(command.request, "GET", paths.trades, params, request_time)
        case QueryVenueOrder():
            found = Ask(paths.order, paths.query_weight)
            params = (("orderId", command.venue_order), symbol)
            return _signed(command.request, "GET", found, params, request_time)
        case ArmDeadMan():
            if paths is SPOT:
                raise Refused("the market has no dead man's switch")
            countdown = str(command.countdown_ns // NANOS_PER_MILLI)
            params = (("countdownTime", countdown), symbol)
            return _signed(command.request, "POST", DEAD_MAN, params, request_time)


def _question(
    command: AskVenue, paths: Paths, scales: Scales | None, request_time: Nanos
) -> Request:
    question = command.question
    asked = {
        Question.CLOCK: paths.time,
        Question.ACCOUNT: paths.account,
        Question.OPEN_ORDERS: paths.open_orders,
        Question.PERMISSIONS: PERMISSIONS,
        Question.TERMS: paths.terms,
        Question.FEES: paths.fees,
        Question.INSTRUMENT: paths.instrument,
        Question.REFERENCE: paths.reference,
    }[question]
    params: Params = ()
    if question not in WHOLE:
        if scales is None:
            raise Refused(f"no instrument for {command.request}")
        params = (("symbol", scales.instrument.symbol),)
    if paths is SPOT and question is Question.ACCOUNT:
        params = (("omitZeroBalances", "true"),)
    if paths is SPOT and question is Question.TERMS:
        return _open(command.request, asked, ())
    if paths is not SPOT and question is Question.INSTRUMENT:
        params = ()  # that market's list of instruments cannot be narrowed
    if question in OPEN:
        return _open(command.request, asked, params)
    return _signed(command.request, "GET", asked, params, request_time)


def _open(name: str, asked: Ask, params: Params) -> Request:
    return Request(name, Route.HTTP, "GET", asked.path, params, Security.NONE, asked.weight)


def _signed(name: str, method: str, asked: Ask, params: Params, request_time: Nanos) -> Request:
    stamp = ("timestamp", str(request_time // NANOS_PER_MILLI))
    return Request(
        name,
        Route.HTTP,
        method,
        asked.path,
        (*params, ("recvWindow", "5000"), stamp),
        Security.SIGNED,
        asked.weight,
    )


def _next_id(trade: str) -> str:
    if not trade.isdecimal():
        raise Refused(f"{trade!r} is no trade id of this venue")
    return str(int(trade) + 1)
