"""The settings of generated flow, with units and ranges; each stated range is enforced."""

from typing import Annotated, Literal

import msgspec

from trading_runtime.errors import Refused
from trading_runtime.records.exact import Grid, NotDecimal, OffGrid

Venue = Literal["binance-usdm", "binance-spot"]

Rate = Annotated[float, msgspec.Meta(ge=0.0, le=10_000.0)]
Seconds = Annotated[float, msgspec.Meta(ge=0.01, le=100_000.0)]
Ticks = Annotated[float, msgspec.Meta(ge=0.0, le=10_000.0)]
Factor = Annotated[float, msgspec.Meta(ge=0.1, le=100.0)]
Step = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,9}(\.[0-9]{1,8})?$")]


class FlowSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One generated market. Rates are per second and per side, in calm weather, before clustering.

    Clustering adds to the market and quick rates: with the default table an event has about 0.7
    children and their children, so that about three times as many come as the base rates bring.
    """

    seed: int
    venue: Venue = "binance-usdm"
    symbol: Annotated[str, msgspec.Meta(pattern="^[A-Z0-9]{2,20}$")] = "BTCUSDT"
    tick: Step = "0.10"
    """Price step in the quote asset, with as many decimals as prices are to be written with."""
    lot: Step = "0.001"
    """Size step in the base asset."""
    price: Step = "61800.00"
    """Where the fair value starts, in the quote asset; a multiple of ``tick``."""

    busy: Annotated[float, msgspec.Meta(ge=0.05, le=50.0)] = 1.0
    """Multiplies every arrival and cancel rate: 2 is a market of twice the events."""
    quick_rate: Rate = 5.0
    """Limit orders of makers, near the touch."""
    quick_life_s: Seconds = 4.0
    """Mean time until a maker cancels."""
    quick_depth_ticks: Ticks = 3.0
    """Mean distance of a maker's order behind the innermost one wanted (geometric)."""
    patient_rate: Rate = 4.0
    """Limit orders of those who wait, deep in the book."""
    patient_life_s: Seconds = 300.0
    patient_depth_ticks: Ticks = 200.0
    """Scale of their distance from the fair value (a power law, see ``flow``)."""
    market_rate: Rate = 0.5
    """Market orders when the price is fair; they lean towards the fair value when it is not."""
    order_lots: Annotated[float, msgspec.Meta(ge=1.0, le=1e6)] = 60.0
    """Mean size of any order, log-normal."""
    order_sigma: Annotated[float, msgspec.Meta(ge=0.0, le=2.5)] = 1.1
    """Deviation of the logarithm of a size: the heaviness of the tail."""

    clustering: Annotated[float, msgspec.Meta(ge=0.0, le=1.3)] = 1.0
    """Multiplies the table of children (``flow.BRANCHING``); 0 is a Poisson process."""
    cluster_life_s: Seconds = 0.25
    """Mean time from an event to its child."""

    spread_ticks: Ticks = 5.0
    """Median of the spread that makers aim for."""
    spread_noise: Annotated[float, msgspec.Meta(ge=0.0, le=2.0)] = 0.35
    """Stationary deviation of the logarithm of that spread."""
    spread_life_s: Seconds = 2.0
    """Relaxation time of that spread."""

    volatility_ticks: Ticks = 4.0
    """Of the fair value in calm weather, ticks per square root of a second."""
    trend_ticks_per_s: Ticks = 0.7
    """Stationary deviation of the fair value's drift."""
    trend_life_s: Seconds = 20.0
    calm_s: Seconds = 20.0
    """Mean duration of calm weather."""
    storm_s: Seconds = 10.0
    storm_intensity: Factor = 2.0
    """What a storm multiplies arrival rates by."""
    storm_volatility: Factor = 2.5
    """What a storm multiplies the volatility by."""

    lag_ms: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 3
    """From the venue's event time to our receipt."""


PRICE_TICKS_MIN = 1000
"""A start price below this leaves no room for a book under it."""


def checked(settings: FlowSettings) -> FlowSettings:
    """Give ``settings`` back; raise :exc:`Refused` where one is out of range."""
    try:
        whole = msgspec.convert(msgspec.structs.asdict(settings), FlowSettings)
        Grid(settings.lot)
        ticks = start_ticks(settings)
    except (msgspec.ValidationError, NotDecimal, OffGrid) as error:
        raise Refused(f"flow settings: {error}") from error
    if ticks < PRICE_TICKS_MIN:
        raise Refused(f"flow settings: the start price is below {PRICE_TICKS_MIN} ticks")
    return whole


def start_ticks(settings: FlowSettings) -> int:
    """Give the start price in ticks."""
    return Grid(settings.tick).count(settings.price)
