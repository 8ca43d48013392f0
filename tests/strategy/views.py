"""A view with a one-tick market at 1,000 / 1,001, of which a test names only what matters."""

from msgspec.structs import replace

from trading_runtime.records.instruments import Instrument, Scales
from trading_runtime.records.units import NANOS_PER_SECOND, Lots, Micro, Nanos, Revision, Ticks
from trading_runtime.strategy.grid import GridParameters
from trading_runtime.strategy.interface import View

SCALES = Scales(
    Instrument(
        revision=Revision(1),
        venue="somewhere-spot",
        symbol="AB",
        base_asset="A",
        quote_asset="B",
        tick_size="0.1",
        lot_size="0.001",
        multiplier="1",
        money_scale=8,
    )
)
VIEW = View(
    at=Nanos(10**18),
    scales=SCALES,
    best_bid=Ticks(1_000),
    bid_size=Lots(5),
    best_ask=Ticks(1_001),
    ask_size=Lots(5),
    microprice_micro=1_000_500_000,
    imbalance=Micro(0),
    volatility=Micro(0),
    trend=Micro(0),
    inventory=Lots(0),
    effective_inventory=Lots(0),
    inventory_max=Lots(1_000),
)
PARAMETERS = GridParameters(levels=3, half_spread_ticks=2, level_spacing_ticks=5, size_lots=10)


def view(
    *,
    seconds: int = 0,
    imbalance: int = 0,
    volatility: int = 0,
    trend: int = 0,
    inventory: int = 0,
    inventory_max: int = 1_000,
) -> View:
    """Signals are in millionths; ``seconds`` are after the first view."""
    return replace(
        VIEW,
        at=Nanos(VIEW.at + seconds * NANOS_PER_SECOND),
        imbalance=Micro(imbalance),
        volatility=Micro(volatility),
        trend=Micro(trend),
        inventory=Lots(inventory),
        effective_inventory=Lots(inventory),
        inventory_max=Lots(inventory_max),
    )
