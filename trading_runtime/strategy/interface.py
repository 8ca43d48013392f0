"""What a strategy is: one class, in one file, that says where to quote.

A strategy is pure. At the end of a turn it is given a :class:`View` of its instrument, its
parameters and its memory, and returns the quotes that it wants to rest: the desired state, never
the actions that lead there. It keeps nothing between calls but its memory, which the engine owns,
writes into checkpoints and gives back on replay. It reads no clock (``view.at`` is the time), draws
no random number and opens nothing. See ``docs/strategy.md``.
"""

from typing import NamedTuple, Protocol

import msgspec

from trading_runtime.records.instruments import Scales
from trading_runtime.records.units import Lots, Micro, Nanos, Side, Ticks


class View(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One instrument at the end of a turn; the book is in sync, both sides have a level.

    Signals are rounded to millionths before they get here, so that no decision hangs on the last
    bit of a float.
    """

    at: Nanos
    scales: Scales
    best_bid: Ticks
    bid_size: Lots
    best_ask: Ticks
    ask_size: Lots
    microprice_micro: int
    """Millionths of a tick."""
    imbalance: Micro
    volatility: Micro
    trend: Micro
    inventory: Lots
    effective_inventory: Lots
    """Inventory plus all that is pending on the worse side."""
    inventory_max: Lots
    """The risk limit that the gate will hold the quotes to."""


class Quote(NamedTuple):
    side: Side
    price: Ticks
    size: Lots


class Desired(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The quotes that should rest, best first on each side, with what they stand around and why."""

    quotes: tuple[Quote, ...]
    fair_micro: int
    reason: str


class Strategy(Protocol):
    """The two structs that a strategy declares, and its one method.

    ``Parameters`` is a frozen struct that refuses unknown fields (``[strategy.parameters]`` in the
    settings is read into it). ``Memory`` is a mutable struct with a default for every field, which
    comes back equal from MessagePack. ``strategy.loading`` checks both before the first call.
    """

    Parameters: type[msgspec.Struct]
    Memory: type[msgspec.Struct]

    def quote(self, view: View, parameters: msgspec.Struct, memory: msgspec.Struct) -> Desired:
        """Say where to quote now; may change ``memory`` and nothing else."""
        ...
