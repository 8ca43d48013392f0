"""Generated flow against a running clock: what ``tapedeck up`` trades on."""

from trading_runtime.simulator.flow import Flow
from trading_runtime.simulator.settings import FlowSettings


class GeneratedSource:
    """Frames as they fall due; the caller owns the clock and waits until ``next_at``.

    A caller that was away gets all that it missed at once, as from a socket that filled up.
    """

    def __init__(self, settings: FlowSettings, start_ns: int) -> None:
        self._flow = Flow(settings, start_ns)

    def due(self, now_ns: int) -> list[tuple[int, bytes]]:
        """Give the frames received until ``now_ns`` that were not given yet, each with its time."""
        return self._flow.advance(now_ns)

    def next_at(self) -> int:
        """Say when to ask again: nothing is due before (and perhaps nothing at that time)."""
        return self._flow.next_at()

    def snapshot(self) -> bytes:
        """Give the REST answer with the book as it is after the last frame that was due."""
        return self._flow.snapshot()
