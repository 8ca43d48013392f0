"""How often a venue is connected to: a budget that all its lines share, and waits that grow."""

import asyncio
from collections import deque

from trading_runtime.gateway.settings import LineSettings

DOUBLINGS_MAX = 20
"""The wait has long reached its bound; a float of more doublings would run over one day."""


class ConnectionBudget:
    """At most ``connections_max`` attempts in any ``window_s`` seconds, first come, first served.

    A slot is taken when it is asked for, also by an attempt that is then given up.
    """

    def __init__(self, connections_max: int, window_s: float) -> None:
        self._window_s = window_s
        self._slots: deque[float] = deque(maxlen=connections_max)
        """When the latest attempts may begin or have begun, by the loop's clock."""

    async def take(self) -> None:
        """Wait for the next slot."""
        now = asyncio.get_running_loop().time()
        slot = now
        if len(self._slots) == self._slots.maxlen:
            slot = max(now, self._slots[0] + self._window_s)
        self._slots.append(slot)
        if slot > now:
            await asyncio.sleep(slot - now)


def backoff_s(failures: int, settings: LineSettings, draw: float) -> float:
    """Give the wait after so many failures in a row; ``draw`` is uniform in [0, 1): full jitter."""
    bound = settings.backoff_first_s * 2.0 ** min(failures, DOUBLINGS_MAX)
    return draw * min(bound, settings.backoff_max_s)
