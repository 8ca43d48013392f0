"""Withdraw every order of ours in one market, until the venue shows none.

Rules:
 * Ours is what begins with our prefix. Nothing else is touched, so nothing is cancelled in mass.
 * Only a list without ours ends it. What is answered to a cancel proves nothing.
 * Where nothing moves, the pauses grow up to a bound; the wait that a venue names is kept. It never
   gives up: it ends when the list is empty, or when ``wanted`` says that a person has taken over.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import final

from trading_runtime.journal.diary import Diary
from trading_runtime.records.envelope import Kind
from trading_runtime.records.instruments import Instrument
from trading_runtime.records.observations import OrdersSwept, OrderWithdrawn
from trading_runtime.records.units import NANOS_PER_SECOND, ClientId, Nanos
from trading_runtime.watch.asking import CANCELLED, Asking

TOGETHER_MAX = 8
"""Cancels under way at a time: quick, and far below what a venue takes for an attack."""
PAUSE_FIRST_S = 0.1
PAUSE_MAX_S = 5.0


@final
class Sweep:
    """One market's; ``withdrawn`` are the ids for which a cancel was confirmed."""

    def __init__(
        self,
        instrument: Instrument,
        prefix: str,
        asking: Asking,
        diary: Diary,
        wanted: Callable[[], bool],
    ) -> None:
        self.withdrawn: list[ClientId] = []
        self._instrument = instrument
        self._prefix = prefix
        self._asking = asking
        self._diary = diary
        self._wanted = wanted
        self._pause_s = PAUSE_FIRST_S

    async def run(self) -> OrdersSwept | None:
        """Withdraw, and give what was done; None where a person has taken over before the end."""
        asking, began = self._asking, self._asking.now()
        looks = 0
        while self._wanted():
            await self._wait_until_free()
            if not asking.clock_known:
                await asking.learn_clock()
            looks += 1
            standing = await asking.standing(self._instrument)
            if standing is None:
                await self._pause()
                continue
            own = [order for order in standing if self._is_own(order)]
            if not own:
                return OrdersSwept(
                    instrument_id=self._instrument.instrument_id,
                    withdrawn=len(self.withdrawn),
                    foreign=len(standing),
                    looks=looks,
                    duration_ns=Nanos(asking.now() - began),
                )
            if await self._cancel(own):
                self._pause_s = PAUSE_FIRST_S
            else:
                await self._pause()
        return None

    def _is_own(self, order: ClientId) -> bool:
        """Ours are letters and digits; other programs join their marks with other signs."""
        return order.startswith(self._prefix) and order.isalnum()

    async def _cancel(self, orders: Sequence[ClientId]) -> int:
        """Ask for all of them, a few at a time; give how many were confirmed."""
        before = len(self.withdrawn)
        for first in range(0, len(orders), TOGETHER_MAX):
            await self._wait_until_free()
            some = orders[first : first + TOGETHER_MAX]
            await asyncio.gather(*(self._withdraw(order) for order in some))
        return len(self.withdrawn) - before

    async def _withdraw(self, order: ClientId) -> None:
        outcome = await self._asking.cancel(self._instrument, order)
        if outcome == CANCELLED:
            self.withdrawn.append(order)
        self._diary.write(
            Kind.OBSERVATION,
            OrderWithdrawn(
                instrument_id=self._instrument.instrument_id, order=order, outcome=outcome
            ),
        )

    async def _wait_until_free(self) -> None:
        """Keep the wait that the venue has named, unless a person takes over meanwhile."""
        while self._wanted():
            wait_s = (self._asking.free_at - self._asking.now()) / NANOS_PER_SECOND
            if wait_s <= 0:
                return
            await asyncio.sleep(min(wait_s, PAUSE_MAX_S))

    async def _pause(self) -> None:
        await asyncio.sleep(self._pause_s)
        self._pause_s = min(2 * self._pause_s, PAUSE_MAX_S)
