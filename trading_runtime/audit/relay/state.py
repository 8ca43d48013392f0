"""What the relay remembers between records, so that an entry can say before and after.

It is written down with the place in the journals, after the entries of that place are durable.
"""

from functools import lru_cache

import msgspec

from trading_runtime.evidence.canonical import JsonObject
from trading_runtime.records.instruments import Instrument, Scales
from trading_runtime.records.lifecycle import TERMINAL, OrderState
from trading_runtime.records.projection import UNKNOWN
from trading_runtime.records.units import ClientId, Lots, Revision, Seq, Side, Ticks


@lru_cache(maxsize=256)
def scales_of(instrument: Instrument) -> Scales:
    return Scales(instrument)


class OrderKnown(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An order as its entries have told it so far."""

    state: OrderState
    side: Side
    price: Ticks
    size: Lots
    filled: Lots

    def values(self, scales: Scales) -> JsonObject:
        return {
            "state": self.state.value,
            "side": self.side.value,
            "price": scales.tick.text(self.price),
            "qty": scales.lot.text(self.size),
            "filled": scales.lot.text(self.filled),
        }


class SessionKnown(msgspec.Struct, forbid_unknown_fields=True):
    """One session up to its record ``seq``."""

    seq: Seq = Seq(0)
    service: str = "runtime"
    venue: str = ""
    instruments: dict[Revision, Instrument] = {}

    def scales(self, revision: Revision) -> Scales:
        instrument = self.instruments.get(revision)
        return UNKNOWN if instrument is None else scales_of(instrument)


class Memory(msgspec.Struct, forbid_unknown_fields=True):
    """All that is remembered; ``entities`` holds the last state of what is no order."""

    sessions: dict[str, SessionKnown] = {}
    orders: dict[ClientId, OrderKnown] = {}
    """Those that have not ended: an ended order's state stands in its last entry."""
    entities: dict[str, dict[str, object]] = {}

    def session(self, name: str) -> SessionKnown:
        known = self.sessions.get(name)
        if known is None:
            known = self.sessions[name] = SessionKnown()
        return known

    def keep(self, order: ClientId, known: OrderKnown) -> None:
        """Remember the order, or forget it where it has ended."""
        if known.state in TERMINAL:
            self.orders.pop(order, None)
        else:
            self.orders[order] = known
