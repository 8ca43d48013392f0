"""What one price and one size mean: an instrument, as it was at a time.

Every price-bearing record names a revision. A changed filter (tick, lot, multiplier) is a new
revision with a new number; a revision never changes. The identifier names venue and market, so
that spot and futures of one symbol never mix.
"""

import msgspec

from trading_runtime.records.exact import Grid
from trading_runtime.records.units import Lots, Money, Revision, Ticks

MONEY_SCALE_MIN = 8
"""Venues account in eight decimals; a finer tick times lot raises the scale (``money_scale``)."""


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """One market of one venue, with the grid of its prices and sizes.

    ``tick_size``, ``lot_size`` and ``multiplier`` are decimal text; money is counted in
    ``10 ** -money_scale`` of ``quote_asset``. Books may hold finer prices and sizes than the venue
    takes in orders: a price of ours is a multiple of ``price_step`` ticks, a size of ``size_step``
    lots, and price times size is at least ``notional_min`` (decimal text, in ``quote_asset``).
    """

    revision: Revision
    venue: str
    """Venue and market in lower case, such as ``<venue>-usdm``: the lake's root of this data."""
    symbol: str
    base_asset: str
    quote_asset: str
    tick_size: str
    lot_size: str
    multiplier: str
    money_scale: int
    price_step: int = 1
    size_step: int = 1
    notional_min: str = "0"

    @property
    def instrument_id(self) -> str:
        return f"{self.venue}:{self.symbol}"


class Scales:
    """An instrument's arithmetic, prepared once: grids of price and size, money of a fill.

    ``money_per_tick_lot`` is the money in one tick times one lot, a whole number by the choice of
    ``money_scale``.
    """

    __slots__ = ("instrument", "lot", "money_per_tick_lot", "tick")

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.tick = Grid(instrument.tick_size)
        self.lot = Grid(instrument.lot_size)
        multiplier = Grid(instrument.multiplier)
        units = self.tick.step_units * self.lot.step_units * multiplier.step_units
        scale = self.tick.scale + self.lot.scale + multiplier.scale
        self.money_per_tick_lot = units * 10 ** (instrument.money_scale - scale)

    def notional(self, price: Ticks, size: Lots) -> Money:
        """Give ``price`` times ``size`` as money, exactly."""
        return Money(price * size * self.money_per_tick_lot)


def money_scale(tick_size: str, lot_size: str, multiplier: str) -> int:
    """Choose the number of decimals in which one tick times one lot is whole."""
    scales = Grid(tick_size).scale + Grid(lot_size).scale + Grid(multiplier).scale
    return max(MONEY_SCALE_MIN, scales)
