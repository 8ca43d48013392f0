"""All that it takes to read the texts of one instrument."""

from trading_runtime.core.venues.counts import LOTS_MAX, TICKS_MAX, Counts
from trading_runtime.core.venues.levels import LevelReader
from trading_runtime.records.instruments import Scales
from trading_runtime.records.units import Lots, Ticks


class Texts:
    """One instrument's readers; its streams share them, and what they remember."""

    __slots__ = ("levels", "lots", "revision", "symbol", "ticks")

    def __init__(self, scales: Scales) -> None:
        self.revision = scales.instrument.revision
        self.symbol = scales.instrument.symbol
        self.ticks = Counts[Ticks](scales.tick, TICKS_MAX, "off_tick", "zero_price")
        self.lots = Counts[Lots](scales.lot, LOTS_MAX, "off_lot", "")
        """0 passes: in a delta it deletes the level."""
        self.levels = LevelReader(scales.tick, scales.lot, self.ticks, self.lots)
