"""What the benchmarks on the simulated venue share: its process, settings, and a probe.

Settings are those of ``rig.py`` (shipped, with nothing that binds), on a venue of one's own.
"""

import json
import multiprocessing
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from itertools import cycle
from pathlib import Path
from time import perf_counter_ns

import msgspec
from aiohttp import ClientSession

from benchmarks.rig import Grid, percentile, settings_for
from tests.live.venue import SimulatedVenue
from trading_runtime.app.opening import Plan, plan
from trading_runtime.app.session import Session
from trading_runtime.config import SHIPPED, Settings, VenueSettings, load_settings
from trading_runtime.core.venues.registry import VENUES
from trading_runtime.gateway.keys import key_from_file
from trading_runtime.records.commands import Command, PlaceOrder
from trading_runtime.records.envelope import Output, Stamp
from trading_runtime.records.facts_trading import OrderAccepted
from trading_runtime.records.inputs import Input, Mode
from trading_runtime.records.units import ClientId, Nanos, Seq

SYMBOL = "BTCUSDT"
MID = 60_000
"""Of the book that :func:`display` shows."""
LEVELS = 200
BEAT_S = 0.05
SPAWN = multiprocessing.get_context("spawn")
MICRO = 1_000


def display(venue: SimulatedVenue) -> None:
    """Show a still and deep market: whole prices on either side of ``MID``, 5 BTC at each."""
    bids = [(str(MID - level), "5") for level in range(1, LEVELS + 1)]
    asks = [(str(MID + level), "5") for level in range(1, LEVELS + 1)]
    market = {"market": "usdm", "symbol": SYMBOL, "bids": bids, "asks": asks}
    venue.call("POST", "external", market)
    venue.call("POST", "mark", {"symbol": SYMBOL, "price": str(MID)})


def beat(port: int) -> None:
    """Change what is shown at a far level again and again: a market that says nothing is stale."""
    line = HTTPConnection("127.0.0.1", port)
    for size in cycle(("4", "5")):
        levels = [(str(MID - LEVELS), size)]
        line.request("POST", "/control/external", external(bids=levels))
        line.getresponse().read()
        time.sleep(BEAT_S)


def external(**changes: object) -> str:
    return json.dumps({"market": "usdm", "symbol": SYMBOL, **changes})


@contextmanager
def market(folder: Path, *arguments: str) -> Iterator[SimulatedVenue]:
    """Run a simulated venue with a still market, nearly."""
    with SimulatedVenue(folder, "--flow", "none", *arguments) as venue:
        display(venue)
        heart = SPAWN.Process(target=beat, args=(venue.port,), daemon=True)
        heart.start()
        try:
            yield venue
        finally:
            heart.terminate()
            heart.join()


async def account_stream(venue: SimulatedVenue) -> str:
    """Ask for an account stream, as any client would; give its address."""
    instrument = load_settings(SHIPPED).instruments()[0]
    layout = VENUES[instrument.venue].layout.at(venue.url)
    key = key_from_file(venue.watchdog_keys).key
    async with (
        ClientSession(headers={"X-MBX-APIKEY": key}) as http,
        http.post(f"{layout.http}/fapi/v1/listenKey") as answer,
    ):
        return layout.user_url((await answer.json())["listenKey"])


def pin(process: int, core: int) -> None:
    """Let a process have one processor, where there is more than one."""
    allowed = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(process, {allowed[core % len(allowed)]})


def on_venue(venue: SimulatedVenue, grid: Grid) -> Settings:
    """Give settings under which nothing binds, for a session on ``venue``."""
    place = VenueSettings(url=venue.url, keys=str(venue.keys))
    return msgspec.structs.replace(settings_for(grid), venue=place)


def planned(settings: Settings) -> Plan:
    return plan(settings, SHIPPED, Mode.SIM, settings.instruments(), trading=True)


def with_strategy(settings: Settings, name: str, parameters: Mapping[str, int]) -> Settings:
    strategy = msgspec.structs.replace(settings.strategy, name=name, parameters=dict(parameters))
    return msgspec.structs.replace(settings, strategy=strategy)


class Probe:
    """Stands between a session, its core and its way out; notes when orders leave and rest.

    ``took`` holds microseconds from the hand-over of a ``PlaceOrder`` to the frame that has it
    accepted, as it comes to the core: appended, and not yet read.
    """

    def __init__(self, session: Session) -> None:
        self.took: list[float] = []
        core = session.core
        self.engine, self.intake, self.checkpoint = core.engine, core.intake, core.checkpoint
        self._step = core.step
        self._send = session.send
        self._left: dict[ClientId, int] = {}
        session.core = self
        session.send = self.send

    def send(self, command: Command, stamp: Stamp) -> None:
        if isinstance(command, PlaceOrder):
            self._left[command.order] = perf_counter_ns()
        self._send(command, stamp)

    def step(self, seq: Seq, at: Nanos, body: Input) -> list[Output]:
        came = perf_counter_ns()
        outputs = self._step(seq, at, body)
        for output in outputs:
            if isinstance(output, OrderAccepted):
                self.took.append((came - self._left.pop(output.order)) / MICRO)
                self.on_accepted()
        return outputs

    def on_accepted(self) -> None:
        """Take note; whoever wants to may replace it."""


def told(values: list[float]) -> str:
    return f"p50 {percentile(values, 0.5):,.0f}, p99 {percentile(values, 0.99):,.0f}"


def blink_path() -> str:
    return f"{Path(__file__).with_name('blink.py')}:Blink"
