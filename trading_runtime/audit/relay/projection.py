"""Records to deeds: which entry a record gives, of what, with the state before and after.

Pure but for its memory: the same records give the same deeds with the same event ids, so
that a restarted relay can tell what it has said already.
"""

import json
from collections.abc import Callable, Mapping
from typing import cast
from unicodedata import normalize

import msgspec

from trading_runtime.audit.relay.rules import ORDERS, OTHERS, Entity
from trading_runtime.audit.relay.state import Memory, OrderKnown, SessionKnown
from trading_runtime.audit.relay.values import values
from trading_runtime.evidence.canonical import JsonObject
from trading_runtime.evidence.entry import ENTITY_ID_CHARS_MAX
from trading_runtime.evidence.submission import Deed, event_id
from trading_runtime.records import commands, facts_trading, facts_venue, inputs, observations
from trading_runtime.records.envelope import Record, decode_body
from trading_runtime.records.event import Event
from trading_runtime.records.instruments import Instrument
from trading_runtime.records.lifecycle import Happening, OrderState, next_state
from trading_runtime.records.units import ClientId, Lots, Revision

ONLY = 0
"""No record gives more than one entry today; its place among a record's entries is in the id."""

ABOUT_CHARS_MAX = ENTITY_ID_CHARS_MAX - len("parameters:")

State = Mapping[str, object] | None
About = tuple[str, str, State, State]
"""Entity id, operation, the state before and after."""
After = Callable[[Event], dict[str, object]]


LEARNED: tuple[type[Event], ...] = (inputs.InstrumentRevised, inputs.StateCarried)
HEARD = frozenset(event.__name__.encode() for event in (*ORDERS, *OTHERS, *LEARNED))
"""The names of the records that are read at all: nine of ten are frames of the market."""
FIXED_STRING = 0xA0
FIXED_MASK = 0xE0
FIXED_LENGTH = 0x1F


def name_of(body: bytes) -> bytes:
    """Give the name that a packed body begins with, behind the array's header of one byte.

    It is empty for a body of 16 fields or a name of 32 characters and more, which none here has
    (MessagePack: fixarray, fixstr).
    """
    head = body[1]
    return body[2 : 2 + (head & FIXED_LENGTH)] if head & FIXED_MASK == FIXED_STRING else b""


class Projection:
    """Owns the relay's memory; ``origin`` names the log that the entries are for."""

    def __init__(self, memory: Memory, origin: str) -> None:
        self.memory = memory
        self._origin = origin

    def take(self, session: str, record: Record) -> Deed | None:
        """Give the entry of the next record of ``session``, None where it gives none."""
        known = self.memory.session(session)
        known.seq = record.seq
        if name_of(record.body) not in HEARD:
            return None
        body = decode_body(record.body)
        self._learn(known, body)
        if type(body) in ORDERS:
            about = self._of_order(known, body)
        elif type(body) in OTHERS:
            about = self._of_other(session, known, body)
        else:
            return None
        entity, operation, before, after = about
        return Deed(
            event_id=event_id(session, record.seq, ONLY),
            event_time_ns=record.stamp[0],
            service_name=known.service,
            event_type=body.name(),
            trace_id=f"{session}/{record.seq}/{ONLY}",
            user_id=_user(body),
            entity_id=entity,
            client_ip=None,
            operation=operation,
            before_state=cast("JsonObject | None", before),
            after_state=cast("JsonObject | None", after),
            request_data=values(body, known.scales(_revision(body))),
        )

    def _learn(self, known: SessionKnown, body: Event) -> None:
        match body:
            case inputs.InstrumentRevised():
                self._revise(known, body.instrument)
            case inputs.StateCarried():
                for instrument in body.core.instruments:
                    self._revise(known, instrument)
            case observations.ServiceStarted():
                known.service = body.service
            case _:
                pass

    def _revise(self, known: SessionKnown, instrument: Instrument) -> None:
        known.instruments[instrument.revision] = instrument
        known.venue = instrument.venue

    def _of_order(self, known: SessionKnown, body: Event) -> About:
        operation, happening = ORDERS[type(body)]
        order = cast("_OfOrder", body).order
        scales = known.scales(_revision(body))
        before = self.memory.orders.get(order)
        after = _order_after(before, body, happening)
        if after is not None:
            self.memory.keep(order, after)
        return (
            _entity(Entity.ORDER, order),
            operation,
            None if before is None else before.values(scales),
            None if after is None else after.values(scales),
        )

    def _of_other(self, session: str, known: SessionKnown, body: Event) -> About:
        kind, operation = OTHERS[type(body)]
        entity = _entity(kind, self._about(kind, session, known, body))
        before = self.memory.entities.get(entity)
        to_after = AFTER.get(type(body))
        if to_after is None:
            return entity, operation, before, before
        after = self.memory.entities[entity] = to_after(body)
        return entity, operation, before, after

    def _about(self, kind: Entity, session: str, known: SessionKnown, body: Event) -> str:
        fields = body.__struct_fields__
        instrument = _text(body, "instrument_id")
        if "revision" in fields:
            instrument = known.scales(_revision(body)).instrument.instrument_id
        match kind:
            case Entity.ORDER | Entity.PARAMETERS | Entity.STRATEGY:
                return instrument
            case Entity.ACCOUNT:
                return _text(body, "venue") or instrument.partition(":")[0] or known.venue or "none"
            case Entity.USER:
                return _text(body, "user") or "unknown"
            case Entity.KEY:
                return _text(body, "environment")
            case Entity.SESSION:
                return session
            case Entity.LOG:
                return self._origin


class _OfOrder(Event, frozen=True, kw_only=True):
    """What all events of :data:`ORDERS` have."""

    order: ClientId


def _entity(kind: Entity, about: str) -> str:
    """Give an entity id that the format allows, whatever a venue or a person calls a thing."""
    if not (about.isascii() and about.isprintable()):
        about = "".join(it if it.isprintable() else "?" for it in normalize("NFC", about))
    return f"{kind.value}:{about[:ABOUT_CHARS_MAX]}"


def _revision(body: Event) -> Revision:
    return Revision(getattr(body, "revision") if "revision" in body.__struct_fields__ else 0)  # noqa: B009 -- of many classes


def _text(body: Event, field: str) -> str:
    return str(getattr(body, field)) if field in body.__struct_fields__ else ""


def _user(body: Event) -> str | None:
    return _text(body, "user") or None


def _order_after(
    before: OrderKnown | None, body: Event, happening: Happening | None
) -> OrderKnown | None:
    """Give the order after ``body``; None while nobody has told us of the order."""
    match body:
        case commands.PlaceOrder():
            return OrderKnown(OrderState.PENDING_NEW, body.side, body.price, body.size, Lots(0))
        case facts_venue.OrderAdopted():
            state = OrderState.PARTIALLY_FILLED if body.filled else OrderState.OPEN
            return OrderKnown(state, body.side, body.price, body.size, body.filled)
        case _:
            return None if before is None else _stepped(before, body, happening)


def _stepped(before: OrderKnown, body: Event, happening: Happening | None) -> OrderKnown:
    match body:
        case facts_trading.OrderUnknown():
            return msgspec.structs.replace(before, state=body.state)
        case facts_trading.OrderFilled():
            filled = Lots(before.filled + body.size)
            happening = Happening.FILLED_IN_PART if body.remaining else Happening.FILLED_WHOLE
            return _moved(msgspec.structs.replace(before, filled=filled), happening)
        case facts_trading.OrderAmended():
            return _moved(msgspec.structs.replace(before, size=body.size), Happening.AMENDED)
        case _:
            return before if happening is None else _moved(before, happening)


def _moved(order: OrderKnown, happening: Happening) -> OrderKnown:
    """Step the order's state; an impossible step changes nothing, as in the OMS."""
    state = next_state(order.state, happening, filled=bool(order.filled))
    return order if state is None else msgspec.structs.replace(order, state=state)


def _parameters(body: Event) -> dict[str, object]:
    """Read the strategy's JSON; a number with decimals stays the text that it is."""
    text = cast("inputs.ParametersActivated", body).parameters
    try:
        found = json.loads(text, parse_float=str)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"parameters": text.decode(errors="replace")}


def _panic_step(body: Event) -> dict[str, object]:
    return {"panicStop": cast("facts_trading.PanicStopStepped", body).step.value}


def _key(body: Event) -> dict[str, object]:
    return {"fingerprint": cast("observations.KeyUsed", body).fingerprint}


def _always(**state: str | bool) -> After:
    return lambda _body: dict(state)


AFTER: Mapping[type[Event], After] = {
    inputs.ParametersActivated: _parameters,
    facts_trading.PanicStopTriggered: _always(panicStop="latched"),
    facts_trading.PanicStopStepped: _panic_step,
    facts_trading.PanicStopCleared: _always(panicStop="clear"),
    facts_trading.StrategyPaused: _always(running=False),
    facts_trading.StrategyRaised: _always(running=False),
    facts_trading.StrategyResumed: _always(running=True),
    observations.KeyUsed: _key,
    inputs.SessionOpened: _always(state="open"),
    observations.ServiceStopped: _always(state="stopped"),
    inputs.JournalFailed: _always(state="without a journal"),
}
"""How an entity is after an event that changes it; after any other it is as before."""
