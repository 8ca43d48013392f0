"""An instrument's filters as a venue has them, and how our grids follow them.

Books are counted on the data grid, orders on the venue's own, which may be coarser: a data grid
once chosen stays, and the order's steps are told as multiples of it. Only where the venue's step is
no multiple of the data grid's does that become finer, to the coarsest grid that both lie on.
"""

from math import gcd
from typing import NamedTuple

import msgspec

from trading_runtime.account.reports import Trading
from trading_runtime.records.exact import Grid, scaled_text
from trading_runtime.records.instruments import Instrument, money_scale


class Filters(NamedTuple):
    """Steps and least notional as decimal text, in the venue's own words."""

    symbol: str
    base_asset: str
    quote_asset: str
    tick_size: str
    lot_size: str
    notional_min: str
    trading: Trading


def fitted(instrument: Instrument, filters: Filters) -> Instrument:
    """Give ``instrument`` with its order grid as ``filters`` have it; its revision stays.

    Where nothing has changed the result equals ``instrument``.
    """
    tick_size, price_step = _fit(instrument.tick_size, filters.tick_size)
    lot_size, size_step = _fit(instrument.lot_size, filters.lot_size)
    scale = money_scale(tick_size, lot_size, instrument.multiplier)
    return msgspec.structs.replace(
        instrument,
        tick_size=tick_size,
        lot_size=lot_size,
        price_step=price_step,
        size_step=size_step,
        notional_min=filters.notional_min,
        money_scale=max(instrument.money_scale, scale),
    )


def _fit(data: str, order: str) -> tuple[str, int]:
    """Give the step of the data grid, and the order grid's as a multiple of it."""
    ours, theirs = Grid(data), Grid(order)
    scale = max(ours.scale, theirs.scale)
    our_units = ours.step_units * 10 ** (scale - ours.scale)
    their_units = theirs.step_units * 10 ** (scale - theirs.scale)
    both = gcd(our_units, their_units)
    return data if both == our_units else scaled_text(both, scale), their_units // both
