"""A strategy of one order at a time: a bid far from the market, taken back as soon as it rests."""

import msgspec

from trading_runtime.records.units import Lots, Side, Ticks
from trading_runtime.strategy.interface import Desired, Quote, View


class Blink:
    """Places when nothing of ours is pending, and wants nothing while something is."""

    class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """So far below the best bid, and so much."""

        distance_ticks: int
        size_lots: int

    class Memory(msgspec.Struct, kw_only=True):
        """Nothing is remembered."""

    def quote(self, view: View, parameters: Parameters, memory: Memory) -> Desired:
        """Want a bid exactly when there is none."""
        del memory
        quotes: tuple[Quote, ...] = ()
        if view.effective_inventory == view.inventory:
            price = Ticks(view.best_bid - parameters.distance_ticks)
            quotes = (Quote(Side.BUY, price, Lots(parameters.size_lots)),)
        return Desired(quotes=quotes, fair_micro=view.microprice_micro, reason="blink")
