"""What the venue takes for the time: the wall clock, and the skew that a fault gives it."""

from trading_runtime.clock import wall_ns
from trading_runtime.records.units import NANOS_PER_MILLI
from trading_runtime.simulator.faults.board import FaultBoard


class VenueClock:
    """Every time that the venue states, compares or counts by comes from here."""

    __slots__ = ("_board",)

    def __init__(self, board: FaultBoard) -> None:
        self._board = board

    def now_ns(self) -> int:
        return wall_ns() + self._board.skew_ns

    def now_ms(self) -> int:
        return (wall_ns() + self._board.skew_ns) // NANOS_PER_MILLI
