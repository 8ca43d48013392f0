"""A runtime that trades keeps nothing for ever: no container grows with the orders."""

import asyncio
from pathlib import Path

import msgspec
from uvloop import new_event_loop

from tests.live.hoards import Hoard, Look
from tests.live.test_memory import ENDURING
from tests.live.trader import hurried_settings
from tests.live.venue import SimulatedVenue
from trading_runtime.app.live import trade
from trading_runtime.app.opening import Plan, plan
from trading_runtime.app.session import Session
from trading_runtime.config import VenueSettings, load_settings
from trading_runtime.core.venues.counts import Counts
from trading_runtime.oms.orders import ENDED_KEPT_MAX
from trading_runtime.records.commands import Command, PlaceOrder
from trading_runtime.records.envelope import Stamp
from trading_runtime.records.inputs import Mode
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos

FAST = "{ per_second = 1_000, burst = 2_000 }"
RATES = tuple(
    (name, FAST) for name in ("orders", "cancels", "instrument_orders", "instrument_cancels")
)
FIRST = ENDED_KEPT_MAX + 500
"""Orders until everything that is bounded is full."""
MORE = 1_500
BOUNDED = (Counts.__name__,)
"""It remembers texts of prices and sizes, of which a market shows new ones for hours; up to so many
that a test cannot wait for it."""
WITHIN_S = 400.0


class Counter:
    """Stands between a session and its way out; looks after so many orders, and stops later."""

    def __init__(self, session: Session, stop: asyncio.Event) -> None:
        self.orders = 0
        self.look: Look | None = None
        self.grown: list[Hoard] = []
        self.objects = 0
        self._stop = stop
        self._send = session.send
        session.send = self.send

    def send(self, command: Command, stamp: Stamp) -> None:
        self._send(command, stamp)
        if isinstance(command, PlaceOrder):
            self.orders += 1
            if self.orders == FIRST:
                self.look = Look()
            elif self.orders == FIRST + MORE and self.look is not None:
                self.grown = self.look.grown(MORE // 10)
                self.objects = Look().objects - self.look.objects
                self._stop.set()


def planned(folder: Path, venue: SimulatedVenue) -> tuple[Plan, VenueSettings]:
    path = hurried_settings(folder / "settings.toml", *ENDURING, *RATES)
    settings = load_settings(path)
    # A loop of this test's own process is held up by what the test looks through meanwhile.
    place = msgspec.structs.replace(
        settings.venue, url=venue.url, keys=str(venue.keys), lease_ns=Nanos(60 * NANOS_PER_SECOND)
    )
    return plan(settings, path, Mode.SIM, settings.instruments(), trading=True), place


async def traded(folder: Path, venue: SimulatedVenue) -> Counter:
    stop = asyncio.Event()
    counters: list[Counter] = []
    wanted, place = planned(folder, venue)
    async with asyncio.timeout(WITHIN_S):
        await trade(
            wanted,
            place,
            folder / "data",
            stop,
            lambda session: counters.append(Counter(session, stop)),
            lambda _: None,
        )
    return counters[0]


def test_nothing_grows_with_the_orders(tmp_path: Path) -> None:
    with (
        SimulatedVenue(tmp_path / "venue") as venue,
        asyncio.Runner(loop_factory=new_event_loop) as loop,
    ):
        counter = loop.run(traded(tmp_path, venue))
    assert counter.orders >= FIRST + MORE
    assert not [hoard for hoard in counter.grown if hoard.kind not in BOUNDED]
    assert counter.objects < MORE
