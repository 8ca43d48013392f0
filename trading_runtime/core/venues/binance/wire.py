"""The venue's market messages in its own words, each as little as is needed of it.

Fields that are not named here are skipped: the venue adds some without notice. Identifiers and
times are bounded, so that nothing enters that a record could not hold.
"""

from typing import Annotated, Generic, TypeVar

import msgspec

ID_MAX = 2**62
"""Far above any identifier on record (below 2 ** 43), and safe in 64 bits after adding one."""
MILLIS_MAX = 9_000_000_000_000
"""In the year 2255: as nanoseconds it still fits 63 bits."""

Id = Annotated[int, msgspec.Meta(ge=0, le=ID_MAX)]
Millis = Annotated[int, msgspec.Meta(ge=0, le=MILLIS_MAX)]
Levels = msgspec.Raw
"""An array of pairs of price and size, as decimal text; see ``venues.levels``."""

Data = TypeVar("Data")


class Combined(msgspec.Struct, Generic[Data], gc=False):
    """A message of a combined stream; its ``stream`` is read from the bytes before decoding."""

    data: Data


class DepthUpdate(msgspec.Struct, gc=False):
    """Updates ``U`` to ``u``; on the futures market ``pu`` is the ``u`` of the event before."""

    E: Millis
    s: str
    U: Id
    u: Id
    b: Levels
    a: Levels
    pu: Id = -1


class BookTicker(msgspec.Struct, gc=False):
    """Spot's has no ``E``."""

    u: Id
    s: str
    b: str
    B: str
    a: str
    A: str
    E: Millis = 0


class Trade(msgspec.Struct, gc=False):
    """``m`` says that the buyer was the maker; ``X`` stands on the futures market only."""

    E: Millis
    s: str
    t: Id
    p: str
    q: str
    m: bool
    X: str = "MARKET"


class AggTrade(msgspec.Struct, gc=False):
    """Trades of one taker order at one price, under an id of their own."""

    E: Millis
    s: str
    p: str
    q: str
    m: bool
    t: Id = msgspec.field(name="a")
    X: str = "MARKET"


class DepthBody(msgspec.Struct, gc=False):
    """The answer to a depth request."""

    lastUpdateId: Id  # noqa: N815 -- the venue's own word
    bids: Levels
    asks: Levels


class TimeBody(msgspec.Struct, gc=False):
    """The answer to a time request."""

    serverTime: Millis  # noqa: N815 -- the venue's own word


class Probe(msgspec.Struct, gc=False):
    """Enough of any message that does not begin with its stream to say what it is."""

    e: str = ""
    s: str = ""
    B: str = ""
    stream: str = ""
    error: msgspec.Raw = msgspec.Raw()
    code: msgspec.Raw = msgspec.Raw()
