"""A strategy of one's own, in one file: one quote on each side, pulled back after it is hit.

It quotes around the microprice and leans against its inventory. When the inventory has changed, it
stays ``rest_seconds`` away from the side that was hit: whoever hit us may know more.
"""

from typing import Annotated

import msgspec

from trading_runtime.records.units import (
    MICROS_PER_UNIT,
    NANOS_PER_SECOND,
    Lots,
    Nanos,
    Side,
    Ticks,
)
from trading_runtime.strategy.interface import Desired, Quote, View


class TwoSided:
    class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        distance_ticks: Annotated[int, msgspec.Meta(ge=1)] = 2
        """From the fair price to each quote."""
        size_lots: Annotated[int, msgspec.Meta(ge=1)] = 1
        lean_ticks: Annotated[int, msgspec.Meta(ge=0)] = 0
        """How far the fair price moves at a full inventory."""
        rest_seconds: Annotated[int, msgspec.Meta(ge=0)] = 1

    class Memory(msgspec.Struct, kw_only=True):
        inventory: int = 0
        rests_until: int = 0
        rests_from: Side = Side.BUY

    def quote(self, view: View, parameters: Parameters, memory: Memory) -> Desired:
        self._remember(view, parameters, memory)
        fair = view.microprice_micro
        if view.inventory_max:
            lean = parameters.lean_ticks * MICROS_PER_UNIT
            fair -= lean * view.inventory // view.inventory_max
        distance = parameters.distance_ticks * MICROS_PER_UNIT
        bid = min((fair - distance) // MICROS_PER_UNIT, view.best_ask - 1)
        ask = max(-((-fair - distance) // MICROS_PER_UNIT), view.best_bid + 1)
        size = parameters.size_lots
        resting = view.at < memory.rests_until
        quotes = []
        if bid > 0 and view.inventory + size <= view.inventory_max:
            quotes.append(Quote(Side.BUY, Ticks(bid), Lots(size)))
        if view.inventory - size >= -view.inventory_max:
            quotes.append(Quote(Side.SELL, Ticks(ask), Lots(size)))
        if resting:
            quotes = [quote for quote in quotes if quote.side is not memory.rests_from]
        reason = f"resting from {memory.rests_from.value}" if resting else "two-sided"
        return Desired(quotes=tuple(quotes), fair_micro=fair, reason=reason)

    def _remember(self, view: View, parameters: Parameters, memory: Memory) -> None:
        if view.inventory == memory.inventory:
            return
        memory.rests_from = Side.BUY if view.inventory > memory.inventory else Side.SELL
        memory.rests_until = Nanos(view.at + parameters.rest_seconds * NANOS_PER_SECOND)
        memory.inventory = view.inventory
