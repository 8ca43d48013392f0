"""Order commands to the payloads of the venue's WebSocket API, not yet signed.

Parameters stand in alphabetical order, as the signature wants them. Request times are the engine's,
moved by the venue's clock offset; request ids and order ids come from the command alone, so the
same input always gives the same bytes. The id of a request is its kind and the order's client id:
``p-`` place, ``c-`` cancel, ``a-`` amend, ``q-`` query.
"""

from typing import NamedTuple

from trading_runtime.records.commands import (
    AmendOrder,
    CancelOrder,
    Execution,
    PlaceOrder,
    QueryOrder,
)
from trading_runtime.records.instruments import Scales
from trading_runtime.records.units import NANOS_PER_MILLI, Nanos, Side

SIDES = {Side.BUY: b"BUY", Side.SELL: b"SELL"}

# Where two of our own orders would meet, the one that comes is dropped: the other keeps its place.
SELF_TRADE = b'"selfTradePreventionMode":"EXPIRE_TAKER"'

PLACE = (
    b'{"id":"p-%b","method":"order.place","params":{"newClientOrderId":"%b",'
    b'"newOrderRespType":"ACK","price":"%b","quantity":"%b",%b' + SELF_TRADE + b',"side":"%b",'
    b'"symbol":"%b",%b"timestamp":%d,"type":"%b"}}'
)
CANCEL = (
    b'{"id":"c-%b","method":"order.cancel","params":{"origClientOrderId":"%b","symbol":"%b",'
    b'"timestamp":%d}}'
)
QUERY = (
    b'{"id":"q-%b","method":"order.status","params":{"origClientOrderId":"%b","symbol":"%b",'
    b'"timestamp":%d}}'
)
# Without a new client id the venue would make one up.
AMEND_IN_PLACE = (
    b'{"id":"a-%b","method":"order.amend.keepPriority","params":{"newClientOrderId":"%b",'
    b'"newQty":"%b","origClientOrderId":"%b","symbol":"%b","timestamp":%d}}'
)
MODIFY = (
    b'{"id":"a-%b","method":"order.modify","params":{"origClientOrderId":"%b","price":"%b",'
    b'"quantity":"%b","side":"%b","symbol":"%b","timestamp":%d}}'
)


class Terms(NamedTuple):
    """How an order may trade, in the venue's words; ``in_force`` is a whole parameter or empty."""

    kind: bytes
    in_force: bytes


SPOT_TERMS = {
    Execution.POST_ONLY: Terms(b"LIMIT_MAKER", b""),
    Execution.IMMEDIATE: Terms(b"LIMIT", b'"timeInForce":"IOC",'),
}
USDM_TERMS = {
    Execution.POST_ONLY: Terms(b"LIMIT", b'"timeInForce":"GTX",'),
    Execution.IMMEDIATE: Terms(b"LIMIT", b'"timeInForce":"IOC",'),
}


class OrderRequests:
    """The payloads of one market of the venue."""

    def __init__(self, *, futures: bool) -> None:
        self._futures = futures
        self._terms = USDM_TERMS if futures else SPOT_TERMS

    def place(self, command: PlaceOrder, scales: Scales, request_time: Nanos) -> bytes:
        """``request_time`` is the venue's: engine time plus the offset of its clock.

        ``reduce_only`` exists on the futures market alone; on the other it says nothing.
        """
        terms = self._terms[command.execution]
        order = command.order.encode()
        reduce_only = b'"reduceOnly":"true",' if command.reduce_only and self._futures else b""
        return PLACE % (
            order,
            order,
            scales.tick.text(command.price).encode(),
            scales.lot.text(command.size).encode(),
            reduce_only,
            SIDES[command.side],
            scales.instrument.symbol.encode(),
            terms.in_force,
            request_time // NANOS_PER_MILLI,
            terms.kind,
        )

    def cancel(self, command: CancelOrder, scales: Scales, request_time: Nanos) -> bytes:
        order = command.order.encode()
        symbol = scales.instrument.symbol.encode()
        return CANCEL % (order, order, symbol, request_time // NANOS_PER_MILLI)

    def query(self, command: QueryOrder, scales: Scales, request_time: Nanos) -> bytes:
        order = command.order.encode()
        symbol = scales.instrument.symbol.encode()
        return QUERY % (order, order, symbol, request_time // NANOS_PER_MILLI)

    def amend(
        self, command: AmendOrder, placed: PlaceOrder, scales: Scales, request_time: Nanos
    ) -> bytes:
        """``placed`` is how the order was placed: the futures market wants all of it again.

        There the order also loses its place in the queue (``Venue.amend_keeps_queue``).
        """
        order = command.order.encode()
        size = scales.lot.text(command.size).encode()
        symbol = scales.instrument.symbol.encode()
        millis = request_time // NANOS_PER_MILLI
        if not self._futures:
            return AMEND_IN_PLACE % (order, order, size, order, symbol, millis)
        price = scales.tick.text(placed.price).encode()
        return MODIFY % (order, order, price, size, SIDES[placed.side], symbol, millis)
