"""The watchdog's life: look at the lease, keep the line to the venue warm, fire.

Rules:
 * It fires at a generation once: it forbids it to send, leaves the latch, sweeps every market.
 * As long as nobody has taken the lease anew it sweeps again, soon at first and then now and then:
   a request that was on its way when the runtime was stopped may arrive late, but the venue takes
   none whose time is older than its window of a few seconds.
 * A person who resumes ends a sweep: from then on the orders are looked after.
 * A watchdog that is started anew goes on where the one before it was.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, final

from trading_runtime.clock import mono_ns, wall_ns
from trading_runtime.journal.diary import Diary, complain, within
from trading_runtime.lease import Condition, Look, Watched
from trading_runtime.records.envelope import Kind
from trading_runtime.records.instruments import Instrument
from trading_runtime.records.observations import LeaseEnded, LeaseWatched
from trading_runtime.records.units import NANOS_PER_MILLI, NANOS_PER_SECOND, ClientId, Nanos
from trading_runtime.watch.asking import Asking
from trading_runtime.watch.latch import Fired, write_latch
from trading_runtime.watch.sweep import Sweep

LOOK_S = 0.1
WARM_S = 10.0
"""Below what either end lets a connection idle."""
AGAIN_S = 1.0
AGAIN_FOR_NS = Nanos(15 * NANOS_PER_SECOND)
"""Three times the window in which a venue takes a late request."""
AGAIN_LATER_S = 30.0
WRITTEN_WITHIN_S = 0.2
"""What a sound disk takes many times over; after it the cancels go out all the same."""


class Charge(NamedTuple):
    """What is watched over: orders of ``instruments`` whose client ids begin with ``prefix``.

    It fires once a beat is older than the lease by ``margin_ns``.
    """

    instruments: Sequence[Instrument]
    prefix: str
    margin_ns: Nanos


@final
class Watchdog:
    """Of one data folder, one account, one venue."""

    def __init__(
        self,
        data: Path,
        charge: Charge,
        asking: Asking,
        diary: Diary,
        say: Callable[[str], None],
    ) -> None:
        self._data = data
        self._instruments = charge.instruments
        self._prefix = charge.prefix
        self._asking = asking
        self._diary = diary
        self._say = say
        self._watched = Watched(data, charge.margin_ns)
        self._seen = (Condition.ABSENT, 0)
        self._disk = ThreadPoolExecutor(1, "latch")
        self._fired_at = Nanos(0)
        """Monotonic time of our firing, or of taking up one of the watchdog before us."""
        self._sweep_at = Nanos(0)
        self._withdrawn: list[ClientId] = []
        self._reason = "found fired at when the watchdog started"
        self._forbidding: Future[bool] = Future()
        self._forbidding.set_result(True)

    async def run(self, stop: asyncio.Event) -> None:
        """Watch until ``stop``; a sweep under way is then left to who is started next."""
        doing = [asyncio.create_task(each) for each in (self._watch(), self._keep_warm())]
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({*doing, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (*doing, stopped):
                task.cancel()
            ended = await asyncio.gather(*doing, return_exceptions=True)
            self._disk.shutdown(wait=False)
            self._watched.close()
        for fault in ended:
            if isinstance(fault, Exception):
                raise fault

    async def _watch(self) -> None:
        while True:
            look = self._watched.look(mono_ns())
            self._tell_change(look)
            if look.condition is Condition.DEAD:
                await self._fire(look)
            elif look.condition is Condition.FIRED and mono_ns() >= self._sweep_at:
                await self._sweep(look.generation)
            await asyncio.sleep(LOOK_S)

    async def _keep_warm(self) -> None:
        while True:
            if self._asking.now() >= self._asking.free_at:
                await self._asking.learn_clock()
            await asyncio.sleep(WARM_S)

    def _tell_change(self, look: Look) -> None:
        seen = (look.condition, look.generation)
        if seen == self._seen:
            return
        self._seen = seen
        self._say(f"lease {look.condition.value}")
        self._diary.write(
            Kind.OBSERVATION,
            LeaseWatched(
                generation=hex(look.generation),
                condition=look.condition.value,
                silent_ns=look.silent_ns,
            ),
        )

    async def _fire(self, look: Look) -> None:
        self._forbidding = self._disk.submit(self._watched.fire, look.generation)
        # It may wait for a disk that hangs; the lease has run out in any case.
        done = await within(WRITTEN_WITHIN_S, self._forbidding)
        if done and not self._forbidding.result():
            return
        self._reason = f"no beat of the runtime for {look.silent_ns // NANOS_PER_MILLI} ms"
        self._say(f"fired: {self._reason}")
        self._diary.write(
            Kind.OBSERVATION, LeaseEnded(generation=hex(look.generation), reason=self._reason)
        )
        self._withdrawn.clear()
        self._fired_at = Nanos(0)
        await self._sweep(look.generation)

    async def _sweep(self, generation: int) -> None:
        """Withdraw all there is; the latch stands from the first time on."""

        def wanted() -> bool:
            return not self._forbidding.done() or self._watched.is_fired_at(generation)

        first = not self._fired_at
        if first:
            self._fired_at = mono_ns()
            self._leave_latch(generation)
        sweeps = [
            Sweep(each, self._prefix, self._asking, self._diary, wanted)
            for each in self._instruments
        ]
        for swept in await asyncio.gather(*(sweep.run() for sweep in sweeps)):
            if swept is not None and (first or swept.withdrawn):
                self._diary.write(Kind.OBSERVATION, swept)
        withdrawn = [order for sweep in sweeps for order in sweep.withdrawn]
        if withdrawn:
            self._say(f"withdrew {len(withdrawn)} orders")
            self._withdrawn += withdrawn
            if wanted():
                self._leave_latch(generation)
        young = mono_ns() - self._fired_at < AGAIN_FOR_NS
        wait_s = AGAIN_S if young else AGAIN_LATER_S
        self._sweep_at = Nanos(mono_ns() + int(wait_s * NANOS_PER_SECOND))

    def _leave_latch(self, generation: int) -> None:
        """Write it beside the loop: the cancels wait for no disk."""
        fired = Fired(
            reason=self._reason,
            generation=hex(generation),
            at=wall_ns(),
            cancelled=tuple(self._withdrawn),
        )
        self._disk.submit(self._write_latch, fired)

    def _write_latch(self, fired: Fired) -> None:
        try:
            write_latch(self._data, fired)
        except OSError as error:
            complain(f"the latch is not written, the lease alone says it: {error}")
