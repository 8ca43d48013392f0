"""What the engine asks the world to do. A command is an output: appended, handed over, then sent.

An order's client id is the owner's prefix, the session's nonce and the sequence of the input that
caused it, with its place among that input's commands; it is never used again.
"""

from enum import Enum

from trading_runtime.records.event import Event
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
    | SetTimer
    | PaperFrame
)
