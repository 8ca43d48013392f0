"""Whose orders stand at the venue: their ids alone, whatever else is told of them.

For a reader that must not stumble over an order of somebody else's, on whatever grid it may be.
"""

import msgspec

from trading_runtime.errors import Misread
from trading_runtime.records.units import ClientId


class StandingWire(msgspec.Struct, frozen=True):
    """One line of the open orders, as far as it is read."""

    symbol: str
    client_order_id: str = msgspec.field(name="clientOrderId")


_decode = msgspec.json.Decoder(list[StandingWire]).decode


def standing_ids(body: bytes, symbol: str) -> tuple[ClientId, ...]:
    """Give the client ids in an answer to ``Question.OPEN_ORDERS``; raise :exc:`Misread`."""
    try:
        orders = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Misread("malformed", str(error)[:200]) from error
    return tuple(ClientId(order.client_order_id) for order in orders if order.symbol == symbol)
