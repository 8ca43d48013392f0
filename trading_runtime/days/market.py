"""The two markets of days that are made up: the generated flow, slowed down.

The flow of ``simulator.flow`` brings some 45 messages a second. Slowed by a factor, each of its
rates is divided and each of its lifetimes multiplied by it, and the fair value moves with the
square root of that: the same market as a film in slow motion, so that the book's shape and the
spread, in ticks, stay what they are.
"""

import math
import zlib
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import NamedTuple

import msgspec

from trading_runtime.records.instruments import Instrument
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos, Revision
from trading_runtime.simulator.flow import Flow
from trading_runtime.simulator.settings import FlowSettings

SLICE_NS = NANOS_PER_SECOND
"""So far the markets are moved at once; a book that was asked for is answered at its end."""
SLOWNESS = 150.0
"""Somewhat less than one message a second and market."""
PRICES: Mapping[str, str] = {"BTC": "61800.00", "ETH": "2600.00"}
PRICE_ELSE = "1000.00"
"""Of a market that is not named above."""


class Heard(NamedTuple):
    """One message as we receive it."""

    at: Nanos
    symbol: str
    frame: bytes


def slowed(flow: FlowSettings, by: float) -> FlowSettings:
    """Give ``flow`` at a pace ``by`` times slower."""
    return msgspec.structs.replace(
        flow,
        quick_rate=flow.quick_rate / by,
        quick_life_s=flow.quick_life_s * by,
        patient_rate=flow.patient_rate / by,
        patient_life_s=flow.patient_life_s * by,
        market_rate=flow.market_rate / by,
        cluster_life_s=flow.cluster_life_s * by,
        spread_life_s=flow.spread_life_s * by,
        volatility_ticks=flow.volatility_ticks / math.sqrt(by),
        trend_ticks_per_s=flow.trend_ticks_per_s / by,
        trend_life_s=flow.trend_life_s * by,
        calm_s=flow.calm_s * by,
        storm_s=flow.storm_s * by,
    )


def flow_of(instrument: Instrument, seed: int, slowness: float) -> FlowSettings:
    """Give an instrument's flow; each has its own seed from the one given."""
    flow = {
        "seed": zlib.crc32(f"{seed} {instrument.instrument_id}".encode()),
        "venue": instrument.venue,
        "symbol": instrument.symbol,
        "tick": instrument.tick_size,
        "lot": instrument.lot_size,
        "price": PRICES.get(instrument.base_asset, PRICE_ELSE),
    }
    return slowed(msgspec.convert(flow, FlowSettings), slowness)


class Markets:
    """The flows of all instruments, moved together."""

    def __init__(
        self,
        instruments: Sequence[Instrument],
        seed: int,
        start: Nanos,
        slowness: float = SLOWNESS,
    ) -> None:
        self._symbols = {it.revision: it.symbol for it in instruments}
        self._flows = {it.symbol: Flow(flow_of(it, seed, slowness), start) for it in instruments}

    def advance(self, until: Nanos) -> list[Heard]:
        """Give what is received until ``until``, in order of time."""
        heard = [
            Heard(Nanos(at), symbol, frame)
            for symbol, flow in self._flows.items()
            for at, frame in flow.advance(until)
        ]
        heard.sort(key=itemgetter(0))
        return heard

    def book(self, revision: Revision) -> bytes:
        """Give the REST book of an instrument as it stands."""
        return self._flows[self._symbols[revision]].snapshot()
