"""What the engine asks the world to do. A command is an output: appended, handed over, then sent.

An order's client id is the owner's prefix, the session's nonce and the sequence of the input that
caused it, with its place among that input's commands; it is never used again.
"""

from enum import Enum

from trading_runtime.records.event import Event
from trading_runtime.records.instruments import Instrument
from trading_runtime.records.units import (
    ClientId,
    Connection,
    Level,
    Lots,
    Module,
    Nanos,
    Revision,
    Side,
    Ticks,
)


class Execution(Enum):
    """How an order may trade."""

    POST_ONLY = "post_only"
    """Rests or is refused; never takes."""
    IMMEDIATE = "immediate"
    """Takes what it can at its price or better, and the rest is cancelled."""


class PlaceOrder(Event, frozen=True, kw_only=True, tag=True):
    module = Module.OMS
    level = Level.INFO

    order: ClientId
    revision: Revision
    side: Side
    price: Ticks
    size: Lots
    execution: Execution
    reduce_only: bool
    reason: str


class AmendOrder(Event, frozen=True, kw_only=True, tag=True):
    """Reduce ``order`` to ``size`` lots in all, keeping its place in the queue."""

    module = Module.OMS
    level = Level.INFO

    order: ClientId
    revision: Revision
    size: Lots
    reason: str


class CancelOrder(Event, frozen=True, kw_only=True, tag=True):
    module = Module.OMS
    level = Level.INFO

    order: ClientId
    revision: Revision
    reason: str


class QueryOrder(Event, frozen=True, kw_only=True, tag=True):
    """Ask the venue what became of ``order``; the answer comes under ``request``."""

    module = Module.OMS
    level = Level.INFO

    request: str
    order: ClientId
    revision: Revision


CANCEL_REQUEST = "-cancel"
AMEND_REQUEST = "-amend"
QUERY_REQUEST = "query"
"""Stands after the hyphen, with a count after it: a query is asked until it is answered."""


def order_request(command: PlaceOrder | AmendOrder | CancelOrder) -> str:
    """Name the request that carries ``command``, for its answer or its loss.

    A client id has no hyphen, so the order stands before the first one.
    """
    match command:
        case PlaceOrder():
            return command.order
        case AmendOrder():
            return command.order + AMEND_REQUEST
        case CancelOrder():
            return command.order + CANCEL_REQUEST


class RequestSnapshot(Event, frozen=True, kw_only=True, tag=True):
    """Ask for the whole book; the answer comes under ``request``."""

    module = Module.MARKETDATA
    level = Level.INFO

    request: str
    revision: Revision


class Resubscribe(Event, frozen=True, kw_only=True, tag=True):
    """Ask again for a channel that was acknowledged and stays silent."""

    module = Module.MARKETDATA
    level = Level.WARN

    connection: Connection
    channel: str


class Question(Enum):
    """What can be asked of a venue beside the fate of one order; nothing changes by asking."""

    CLOCK = "clock"
    ACCOUNT = "account"
    """Balances, positions and margin, all of them."""
    OPEN_ORDERS = "open_orders"
    """Of one instrument, everybody's on this account."""
    PERMISSIONS = "permissions"
    """What the key may do."""
    TERMS = "terms"
    """Position and margin mode, and the leverage, of one instrument."""
    FEES = "fees"
    """Of one instrument, for this account."""
    INSTRUMENT = "instrument"
    """Filters and status of one instrument."""
    REFERENCE = "reference"
    """Mark and index price and the funding rate of one instrument."""


class AskVenue(Event, frozen=True, kw_only=True, tag=True):
    """Ask ``question``; the answer comes under ``request``.

    ``revision`` names the instrument that is asked about, and 0 where the question has none.
    """

    module = Module.OMS
    level = Level.DEBUG

    request: str
    venue: str
    question: Question
    revision: Revision


class QueryTrades(Event, frozen=True, kw_only=True, tag=True):
    """Ask for the account's own trades of one instrument, oldest first.

    From the trade after ``after_trade`` on, or, where that is empty, from the moment ``since``
    of the venue's clock on.
    """

    module = Module.OMS
    level = Level.INFO

    request: str
    revision: Revision
    after_trade: str
    since: Nanos


class QueryVenueOrder(Event, frozen=True, kw_only=True, tag=True):
    """Ask for an order by the venue's own id, which is all that a trade tells of it."""

    module = Module.OMS
    level = Level.INFO

    request: str
    revision: Revision
    venue_order: str


class ArmDeadMan(Event, frozen=True, kw_only=True, tag=True):
    """Let the venue cancel all orders of one instrument after ``countdown_ns``, unless told again.

    0 disarms it.
    """

    module = Module.OMS
    level = Level.DEBUG

    request: str
    revision: Revision
    countdown_ns: Nanos


class ReopenAccountLine(Event, frozen=True, kw_only=True, tag=True):
    """Open anew the connection that tells what happens to the account: it tells no more."""

    module = Module.OMS
    level = Level.WARN

    venue: str


class ReviseInstrument(Event, frozen=True, kw_only=True, tag=True):
    """The venue has changed a filter; the shell appends the new revision at once as an input."""

    module = Module.MARKETDATA
    level = Level.WARN

    instrument: Instrument


class SetTimer(Event, frozen=True, kw_only=True, tag=True):
    """Wake the engine at ``at``; a second one of the same name replaces the first."""

    module = Module.SYSTEM
    level = Level.DEBUG

    timer: str
    at: Nanos


class PaperFrame(Event, frozen=True, kw_only=True, tag=True):
    """A frame of the paper venue; the shell appends it at once as an input of its connection."""

    module = Module.OMS
    level = Level.DEBUG

    connection: Connection
    frame: bytes


Command = (
    PlaceOrder
    | AmendOrder
    | CancelOrder
    | QueryOrder
    | RequestSnapshot
    | Resubscribe
    | AskVenue
    | QueryTrades
    | QueryVenueOrder
    | ArmDeadMan
    | ReopenAccountLine
    | ReviseInstrument
    | SetTimer
    | PaperFrame
)
