"""PanicStop: a latch and the steps behind it (RSK-3), the same after a restart as before.

The step follows from what is true, never from what was done: orders that rest are cancelled, then
a position is closed, then all is flat. So a crash or a late fill between two steps only makes the
next look find the right one again. Flat or not, it stays latched until an authorised person clears
it.
"""

import msgspec

from trading_runtime.records.envelope import Output
from trading_runtime.records.facts_trading import (
    PanicStep,
    PanicStopCleared,
    PanicStopStepped,
    PanicStopTriggered,
)
from trading_runtime.records.units import Lots


class PanicCarried(msgspec.Struct, frozen=True, array_like=True):
    reason: str
    """Empty while not latched."""
    step: PanicStep


class Panic:
    """The latch; ``reason`` is why, and empty while it is open."""

    __slots__ = ("reason", "step")

    def __init__(self) -> None:
        self.reason = ""
        self.step = PanicStep.LATCHED

    @property
    def latched(self) -> bool:
        return bool(self.reason)

    def trigger(self, reason: str, open_orders: int, position: Lots, out: list[Output]) -> bool:
        """Latch, say so first, and give whether it was open; a second trigger changes nothing."""
        if self.reason:
            return False
        self.reason = reason
        self.step = PanicStep.LATCHED
        out.append(PanicStopTriggered(reason=reason))
        self._say(open_orders, position, out)
        return True

    def look(self, open_orders: int, position: Lots, out: list[Output]) -> None:
        """Find the step that ``open_orders`` (closing ones left out) and ``position`` call for."""
        if open_orders:
            step = PanicStep.CANCELLING
        elif position:
            step = PanicStep.CLOSING
        else:
            step = PanicStep.FLAT
        self.go(step, open_orders, position, out)

    def go(self, step: PanicStep, open_orders: int, position: Lots, out: list[Output]) -> None:
        """Go to ``step``, forward or back, and say so where it is another one."""
        if step is not self.step:
            self.step = step
            self._say(open_orders, position, out)

    def clear(self, user: str, out: list[Output]) -> bool:
        """Open the latch on an authorised person's word; give whether it was closed."""
        if not self.reason:
            return False
        self.reason = ""
        out.append(PanicStopCleared(user=user))
        return True

    def carry(self) -> PanicCarried:
        return PanicCarried(self.reason, self.step)

    def restore(self, carried: PanicCarried) -> None:
        self.reason = carried.reason
        self.step = carried.step

    def _say(self, open_orders: int, position: Lots, out: list[Output]) -> None:
        out.append(PanicStopStepped(step=self.step, open_orders=open_orders, position=position))
