"""All that it takes to read what a venue says of our orders in one instrument."""

from trading_runtime.core.venues.counts import LOTS_MAX, TICKS_MAX, Counts
from trading_runtime.records.instruments import Scales
from trading_runtime.records.units import Lots, Ticks


class Symbol:
    """One instrument's readers; zero is a price here, because orders at any price have it."""

    __slots__ = ("instrument", "instrument_id", "lots", "money_scale", "prices", "scales")

    def __init__(self, scales: Scales) -> None:
        self.scales = scales
        self.instrument = scales.instrument
        self.instrument_id = scales.instrument.instrument_id
        self.money_scale = scales.instrument.money_scale
        self.prices = Counts[Ticks](scales.tick, TICKS_MAX, "off_tick", "")
        self.lots = Counts[Lots](scales.lot, LOTS_MAX, "off_lot", "")
