"""The shipped grid maker: levels on both sides of a skewed price (STR-1 to STR-5).

Everything is integer arithmetic in millionths of a tick, so that a replay decides the same to the
last bit. With ``x / y`` rounded towards zero (so that long and short are mirror images)::

    skew  = imbalance_skew_micro * imbalance / 10**6        imbalance: -10**6 (all asks) to 10**6
          + trend_skew_micro * trend / 10**6                trend: millionths of a tick per second
          - inventory_skew_micro * inventory / inventory_max
    fair  = microprice + skew, the skew held within +-skew_max_ticks
    half  = the wider of half_spread_ticks and half of spread_min_ppm of the microprice (round up)
          + volatility_widening_micro * volatility / 10**6  volatility: ticks per root second, micro
    bid 0 = floor(fair - half), at most best_ask - 1        ask 0 = ceil(fair + half), at least
    bid i = bid 0 - i * level_spacing_ticks                 best_bid + 1; ask i likewise upwards

Rules:
 * No quote crosses or locks the touch, so a post-only order is not refused for our own fault.
 * Sizes of a side add up to what brings the position to ``inventory_max`` and not past it.
 * Outside ``inventory_band_ppm`` of ``inventory_max`` only the side that brings it back is quoted.
 * Above ``volatility_factor_max_ppm`` times the usual volatility nothing is quoted until it has
   fallen to ``RESUME_PPM`` of that; then the first phase begins anew.
"""

from enum import Enum
from itertools import repeat
from typing import Annotated

import msgspec

from trading_runtime.records.units import (
    MICROS_PER_UNIT,
    NANOS_PER_SECOND,
    Lots,
    Micro,
    Nanos,
    Side,
    Ticks,
)
from trading_runtime.strategy.interface import Desired, Quote, View

LEVELS_MAX = 100
"""Per side: more would outgrow any venue's cap of open orders."""
RESUME_PPM = 800_000
"""Volatility must fall to this part of its threshold before quotes return: they do not flap."""

Positive = Annotated[int, msgspec.Meta(ge=1)]
NotNegative = Annotated[int, msgspec.Meta(ge=0)]
Share = Annotated[int, msgspec.Meta(ge=1, le=MICROS_PER_UNIT)]


class Scaled(Enum):
    """What a gray release makes smaller (STR-5)."""

    LEVELS = "levels"
    SIZE = "size"


class GridParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The grid as set for one instrument; what has a default is off by default."""

    levels: Annotated[int, msgspec.Meta(ge=1, le=LEVELS_MAX)]
    """Quotes per side (GridLevels)."""
    half_spread_ticks: Positive
    level_spacing_ticks: Positive
    size_lots: Positive
    """Per level."""
    spread_min_ppm: NotNegative = 0
    """The whole spread is at least this share of the price: set both sides' fees and the edge."""
    inventory_skew_micro: NotNegative = 0
    """Millionths of a tick, down when long and up when short, at a full ``inventory_max``."""
    imbalance_skew_micro: int = 0
    """Millionths of a tick at an imbalance of one; negative leans against the book."""
    trend_skew_micro: int = 0
    """Millionths of a tick for each tick per second; negative leans against the trend."""
    skew_max_ticks: NotNegative = 1_000
    """All skews together move the fair price by no more."""
    volatility_widening_micro: NotNegative = 0
    """Millionths of a tick on each half spread for each tick per root second."""
    volatility_usual_micro: NotNegative = 0
    """Ticks per root second, in millionths; 0 never withdraws."""
    volatility_factor_max_ppm: Positive = 3 * MICROS_PER_UNIT
    inventory_band_ppm: Share = MICROS_PER_UNIT
    """Of ``inventory_max``, on each side of flat."""
    first_phase_seconds: NotNegative = 0
    """One level a side for so long after a start or a withdrawal, then the grid."""
    scale_ppm: Share = MICROS_PER_UNIT
    scaled: Scaled = Scaled.SIZE


class GridMemory(msgspec.Struct, kw_only=True):
    started_at: Nanos = Nanos(0)
    """When the present first phase began; 0 before the first quote and while withdrawn."""
    withdrawn: bool = False


class Grid:
    """See the module."""

    Parameters = GridParameters
    Memory = GridMemory

    def quote(self, view: View, parameters: GridParameters, memory: GridMemory) -> Desired:
        if _withdraws(view.volatility, parameters, memory):
            memory.started_at = Nanos(0)
            reason = "withdrawn: volatility above its factor"
            return Desired(quotes=(), fair_micro=view.microprice_micro, reason=reason)
        levels, size, phase = _extent(view.at, parameters, memory)
        fair = view.microprice_micro + skew_micro(view, parameters)
        half = half_spread_micro(view, parameters)
        spacing = parameters.level_spacing_ticks
        buying, selling = room(view, parameters.inventory_band_ppm)
        # The touch is held to after rounding: a bid that would lock the ask steps back from it.
        bid = min((fair - half) // MICROS_PER_UNIT, view.best_ask - 1)
        ask = max(-((-fair - half) // MICROS_PER_UNIT), view.best_bid + 1)
        bids = _side(Side.BUY, (bid, -spacing), levels, (size, buying))
        asks = _side(Side.SELL, (ask, spacing), levels, (size, selling))
        reason = f"{phase}: half spread {half} micro-ticks"
        if buying < levels * size:
            reason += ", bids cut by inventory"
        if selling < levels * size:
            reason += ", asks cut by inventory"
        return Desired(quotes=tuple(bids + asks), fair_micro=fair, reason=reason)


def skew_micro(view: View, parameters: GridParameters) -> int:
    """Say how far the fair price stands from the microprice, in millionths of a tick."""
    skew = _share(parameters.imbalance_skew_micro, view.imbalance, MICROS_PER_UNIT) + _share(
        parameters.trend_skew_micro, view.trend, MICROS_PER_UNIT
    )
    if view.inventory_max > 0:
        skew -= _share(parameters.inventory_skew_micro, view.inventory, view.inventory_max)
    most = parameters.skew_max_ticks * MICROS_PER_UNIT
    return max(-most, min(most, skew))


def half_spread_micro(view: View, parameters: GridParameters) -> int:
    """Give the distance from the fair price to the innermost quote, in millionths of a tick."""
    floor = -(-view.microprice_micro * parameters.spread_min_ppm // (2 * MICROS_PER_UNIT))
    widening = parameters.volatility_widening_micro * view.volatility // MICROS_PER_UNIT
    return max(parameters.half_spread_ticks * MICROS_PER_UNIT, floor) + widening


def room(view: View, band_ppm: int) -> tuple[int, int]:
    """Say how many lots may still be bought and sold, 0 where that would leave band or limit."""
    buying, selling = view.inventory_max - view.inventory, view.inventory_max + view.inventory
    band = view.inventory_max * band_ppm
    held = view.inventory * MICROS_PER_UNIT
    return (
        buying if held < band and buying > 0 else 0,
        selling if -held < band and selling > 0 else 0,
    )


def _share(factor: int, value: int, unit: int) -> int:
    product = factor * value
    return product // unit if product >= 0 else -(-product // unit)


def _withdraws(volatility: Micro, parameters: GridParameters, memory: GridMemory) -> bool:
    if not parameters.volatility_usual_micro:
        memory.withdrawn = False
        return False
    threshold = parameters.volatility_usual_micro * parameters.volatility_factor_max_ppm
    if memory.withdrawn:
        threshold = threshold * RESUME_PPM // MICROS_PER_UNIT
    memory.withdrawn = volatility * MICROS_PER_UNIT > threshold
    return memory.withdrawn


def _extent(at: Nanos, parameters: GridParameters, memory: GridMemory) -> tuple[int, int, str]:
    """Give levels per side, lots per level and the phase's name."""
    levels, size, scale = parameters.levels, parameters.size_lots, parameters.scale_ppm
    if scale != MICROS_PER_UNIT:
        if parameters.scaled is Scaled.LEVELS:
            levels = max(1, levels * scale // MICROS_PER_UNIT)
        else:
            size = max(1, size * scale // MICROS_PER_UNIT)
    if not memory.started_at:
        memory.started_at = at
    if at - memory.started_at < parameters.first_phase_seconds * NANOS_PER_SECOND:
        return 1, size, "first phase"
    return levels, size, "grid"


def _side(side: Side, start: tuple[int, int], levels: int, lots: tuple[int, int]) -> list[Quote]:
    """Lay levels from ``start`` (price, step), each of ``lots[0]``, until ``lots[1]`` are used."""
    price, step = start
    size, left = lots
    whole = min(levels, left // size)
    if step < 0:
        whole = min(whole, max(0, (price - 1) // -step + 1))
    end = price + whole * step
    prices = range(price, end, step)
    quotes = list(map(Quote._make, zip(repeat(side), prices, repeat(size), strict=False)))
    rest = left - whole * size
    if whole < levels and 0 < rest < size and end > 0:
        quotes.append(Quote(side, Ticks(end), Lots(rest)))
    return quotes
