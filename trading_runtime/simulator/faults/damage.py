"""What is done to the bytes of one event: cut, garbled, absurd or said twice.

Everything here takes the JSON of one event as the venue makes it, and gives what is sent instead.
"""

from decimal import Decimal
from typing import Final, Literal

import msgspec

Json = dict[str, object]
Harm = Literal["truncated", "garbage", "empty", "unknown_event", "wrong_type", "extra_field"]
Absurd = Literal["crossed", "locked", "zero", "negative", "not_a_number", "absurd"]

EXECUTED = b'"x":"TRADE"'
WHOLLY = b'"X":"FILLED"'
CROSSING = Decimal("1.05")
ABSURD = 1000
NO_PRICE: Final = {"zero": "0.00000000", "negative": "-1.00000000", "not_a_number": "NaN"}


def harmed(event: bytes, how: Harm) -> bytes:
    """Give something that is not the event."""
    if how == "truncated":
        return event[: len(event) // 2]
    if how == "garbage":
        return b"{<garbage>" + event[-8:]
    if how == "empty":
        return b""
    fields = decoded(event)
    if how == "unknown_event":
        fields["e"] = "eventOfTomorrow"
    elif how == "extra_field":
        fields["fieldOfTomorrow"] = {"list": [1, "2", None]}
    else:
        fields.update({name: "text" for name, value in fields.items() if type(value) is int})
    return msgspec.json.encode(fields)


def has_prices(event: bytes) -> bool:
    """Say whether :func:`absurd` can do something to it: a book change, or best prices."""
    return b'"b":' in event and b'"a":' in event


def absurd(event: bytes, how: Absurd) -> bytes:
    """Give the book change, or the best prices, with a price that cannot be."""
    fields = decoded(event)
    bids, asks = fields["b"], fields["a"]
    if isinstance(bids, list) and isinstance(asks, list):
        prices = [Decimal(level[0]) for level in (*bids, *asks)]
        top = max(prices, default=Decimal(1))
        fields["b"] = [*bids, [impossible(top, how), "5.00000000"]]
        if how == "locked":
            fields["a"] = [*asks, [str(top), "5.00000000"]]
    else:
        fields["b"] = impossible(Decimal(str(asks)), how)
    return msgspec.json.encode(fields)


def impossible(top: Decimal, how: Absurd) -> str:
    """Give a price for a bid; ``top`` is a price at or above the lowest ask, or near it."""
    if how == "crossed":
        return str((top * CROSSING).quantize(top))
    if how == "locked":
        return str(top)
    if how == "absurd":
        return str(top * ABSURD)
    return NO_PRICE[how]


def executed(event: bytes) -> bool:
    """Say whether it tells of an execution."""
    return EXECUTED in event


def wholly_executed(event: bytes) -> bool:
    """Say whether it tells of the last execution of an order."""
    return EXECUTED in event and WHOLLY in event


def executed_again(event: bytes) -> bytes:
    """Give the same trade as if it were another execution, a millisecond later."""
    fields = decoded(event)
    for name in ("E", "I"):  # usdm has no execution id
        value = fields.get(name)
        if isinstance(value, int):
            fields[name] = value + 1
    return msgspec.json.encode(fields)


def decoded(event: bytes) -> Json:
    return msgspec.json.decode(event, type=Json)
