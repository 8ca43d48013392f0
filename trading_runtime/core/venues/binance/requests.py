"""Commands to what the venue is asked, not yet signed: the gateway encodes, signs and sends it.

Request times are the engine's, moved by the venue's clock offset; names and order ids come from
the command alone, so the same input always gives the same request. Orders go by the socket, and
have an HTTP form of the same; all else goes by HTTP.
"""

from typing import NamedTuple

import msgspec

from trading_runtime.core.venues.binance.paths import (
    LISTEN_KEY,
    SPOT,
    SUBSCRIBE,
    USDM,
)
from trading_runtime.core.venues.binance.questions import ASKED, VenueQuestion, ask
from trading_runtime.core.venues.binance.wire_account import ListenKey
from trading_runtime.core.venues.request import Request, Route, Security
from trading_runtime.errors import Misread, Refused
from trading_runtime.records.commands import (
    AmendOrder,
    CancelOrder,
    Execution,
    PlaceOrder,
    QueryOrder,
    order_request,
)
from trading_runtime.records.instruments import Scales
from trading_runtime.records.units import NANOS_PER_MILLI, ClientId, Nanos, Side

# A member looked up on its class is a call in Python 3.11, and so is its hash.
BUY = Side.BUY
POST_ONLY = Execution.POST_ONLY
SOCKET = Route.SOCKET
SIGNED = Security.SIGNED

RECV_WINDOW = ("recvWindow", "5000")
"""Milliseconds: a request that arrives later than this after its timestamp is not executed."""
# Where two of our own orders would meet, the one that comes is dropped: the other keeps its place.
SELF_TRADE = ("selfTradePreventionMode", "EXPIRE_TAKER")
UNSUBSCRIBE = b'{"method":"UNSUBSCRIBE","params":["%b"],"id":%d}'
RESUBSCRIBE = b'{"method":"SUBSCRIBE","params":["%b"],"id":%d}'
REDUCE_ONLY = (("reduceOnly", "true"),)

_listen_key = msgspec.json.Decoder(ListenKey).decode

OrderCommand = PlaceOrder | CancelOrder | AmendOrder | QueryOrder
VenueCommand = OrderCommand | VenueQuestion
Params = tuple[tuple[str, str], ...]


class Terms(NamedTuple):
    """How an order may trade, in the venue's words; ``in_force`` is a whole parameter or none."""

    kind: tuple[str, str]
    in_force: Params


LIMIT = ("type", "LIMIT")
LIMIT_MAKER = Terms(("type", "LIMIT_MAKER"), ())
GOOD_TILL_CROSSING = Terms(LIMIT, (("timeInForce", "GTX"),))
IMMEDIATE = Terms(LIMIT, (("timeInForce", "IOC"),))


class VenueRequests:
    """The requests of one market of the venue; parameters stand in alphabetical order."""

    def __init__(self, *, futures: bool) -> None:
        self._futures = futures
        self._paths = USDM if futures else SPOT
        self._post_only = GOOD_TILL_CROSSING if futures else LIMIT_MAKER
        # An answer that names each fill, where there is one: it saves waiting for the stream.
        self._response = ("newOrderRespType", "RESULT" if futures else "FULL")
        self._place_weight = 0 if futures else 1

    def make(
        self,
        command: VenueCommand,
        scales: Scales | None,
        request_time: Nanos,
        placed: PlaceOrder | None = None,
        route: Route = SOCKET,
    ) -> Request:
        """Give what ``command`` asks; ``request_time`` is engine time plus the clock's offset.

        ``scales`` are the command's instrument's, None for a question without one. ``placed`` is
        how an amended order was placed. ``route`` counts for orders.

        Raises:
            Refused: the venue has nothing like it, or ``scales`` or ``placed`` is missing.
        """
        if scales is None:
            if isinstance(command, ASKED):
                return ask(command, self._paths, scales, request_time)
            raise Refused(f"no instrument for the order {command.order}")
        match command:
            case PlaceOrder():
                return self.place(command, scales, request_time, route)
            case CancelOrder():
                return self.cancel(command, scales, request_time, route)
            case QueryOrder():
                return self.query(command, scales, request_time, route)
            case AmendOrder():
                if placed is None:
                    raise Refused(f"it is not known how {command.order} was placed")
                return self.amend(command, placed, scales, request_time, route)
            case _:
                return ask(command, self._paths, scales, request_time)

    def place(
        self,
        command: PlaceOrder,
        scales: Scales,
        request_time: Nanos,
        route: Route = SOCKET,
    ) -> Request:
        """``reduce_only`` exists on the futures market alone; on the other it says nothing."""
        terms = self._post_only if command.execution is POST_ONLY else IMMEDIATE
        params = (
            ("newClientOrderId", command.order),
            self._response,
            ("price", scales.tick.text(command.price)),
            ("quantity", scales.lot.text(command.size)),
            RECV_WINDOW,
            *(REDUCE_ONLY if command.reduce_only and self._futures else ()),
            SELF_TRADE,
            ("side", "BUY" if command.side is BUY else "SELL"),
            ("symbol", scales.instrument.symbol),
            *terms.in_force,
            _timestamp(request_time),
            terms.kind,
        )
        name = command.order
        if route is SOCKET:
            return _signed(name, route, "order.place", "", params, self._place_weight)
        return _signed(name, route, "POST", self._paths.order, params, self._place_weight)

    def cancel(
        self,
        command: CancelOrder,
        scales: Scales,
        request_time: Nanos,
        route: Route = SOCKET,
    ) -> Request:
        params = _named(command.order, scales, request_time)
        name = order_request(command)
        if route is SOCKET:
            return _signed(name, route, "order.cancel", "", params, 1)
        return _signed(name, route, "DELETE", self._paths.order, params, 1)

    def query(
        self,
        command: QueryOrder,
        scales: Scales,
        request_time: Nanos,
        route: Route = SOCKET,
    ) -> Request:
        params = _named(command.order, scales, request_time)
        weight = self._paths.query_weight
        if route is SOCKET:
            return _signed(command.request, route, "order.status", "", params, weight)
        return _signed(command.request, route, "GET", self._paths.order, params, weight)

    def amend(
        self,
        command: AmendOrder,
        placed: PlaceOrder,
        scales: Scales,
        request_time: Nanos,
        route: Route = SOCKET,
    ) -> Request:
        """``placed`` is how the order was placed: the futures market wants all of it again.

        There the order also loses its place in the queue (``Venue.amend_keeps_queue``).
        """
        order, symbol = command.order, scales.instrument.symbol
        size = scales.lot.text(command.size)
        params: Params
        if self._futures:
            params = (
                ("origClientOrderId", order),
                ("price", scales.tick.text(placed.price)),
                ("quantity", size),
                RECV_WINDOW,
                ("side", "BUY" if placed.side is BUY else "SELL"),
                ("symbol", symbol),
                _timestamp(request_time),
            )
        else:
            params = (
                # Without a new client id the venue would make one up.
                ("newClientOrderId", order),
                ("newQty", size),
                ("origClientOrderId", order),
                RECV_WINDOW,
                ("symbol", symbol),
                _timestamp(request_time),
            )
        name, amend = order_request(command), self._paths.amend
        if route is SOCKET:
            return _signed(name, route, self._paths.amend_method, "", params, amend.weight)
        return _signed(name, route, "PUT", amend.path, params, amend.weight)

    def subscribe(self, name: str, request_time: Nanos) -> Request:
        """Ask, first on a new orders connection, for what happens to the account.

        Raises:
            Refused: on this market a listen key does that.
        """
        if self._futures:
            raise Refused("the account's events come under a listen key")
        params = (RECV_WINDOW, _timestamp(request_time))
        return _signed(name, SOCKET, SUBSCRIBE.path, "", params, SUBSCRIBE.weight)

    def listen_key(self, name: str, *, keep: bool) -> Request:
        """Ask for the account's listen key, or keep it alive.

        It is one key for all clients of the account, so it is never given back.

        Raises:
            Refused: this market has none.
        """
        if not self._futures:
            raise Refused("the market has no listen keys")
        method = "PUT" if keep else "POST"
        return Request(
            name, Route.HTTP, method, LISTEN_KEY.path, (), Security.KEY, LISTEN_KEY.weight
        )

    def read_listen_key(self, body: bytes) -> str:
        """Read the answer to :meth:`listen_key`; raise :exc:`Misread`."""
        try:
            return _listen_key(body).listen_key
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Misread("malformed", "no listen key") from error

    def resubscribe(self, channel: str, number: int) -> tuple[bytes, bytes]:
        """Give the two messages of a stream connection that drop ``channel`` and ask for it anew.

        ``number`` and the next one are their ids.
        """
        name = channel.encode()
        return UNSUBSCRIBE % (name, number), RESUBSCRIBE % (name, number + 1)


def _named(order: ClientId, scales: Scales, request_time: Nanos) -> Params:
    return (
        ("origClientOrderId", order),
        RECV_WINDOW,
        ("symbol", scales.instrument.symbol),
        _timestamp(request_time),
    )


def _timestamp(request_time: Nanos) -> tuple[str, str]:
    return ("timestamp", str(request_time // NANOS_PER_MILLI))


def _signed(
    name: str, route: Route, method: str, path: str, params: Params, weight: int
) -> Request:
    return Request(name, route, method, path, params, SIGNED, weight)
