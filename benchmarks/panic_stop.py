"""PanicStop on the simulated venue: from the operator's command to no open order, and to flat.

A runtime quotes 25 orders a side; somebody takes five of one side, so that it holds a position, and
it has quoted them anew. Then an operator says ``panic_stop`` at the runtime's own door. The clock
starts before that is said, and stops with the venue's own reports: an account stream of our own
tells of each order and position, and the venue's books are looked at once more when all is over.
The first span ends when no order rests, the second when no order rests and nothing is held. Then a
person clears the latch and lets it quote again.

The second part is the same in a storm: of all requests that concern orders and the account, some
are answered with 429, and of others the answer is lost although they were acted on, until it is
flat.
"""

import argparse
import asyncio
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter

import msgspec
from aiohttp import ClientSession, WSMsgType
from uvloop import new_event_loop

from benchmarks.rig import Grid, percentile, scratch
from benchmarks.venue_rig import MID, SPAWN, SYMBOL, account_stream, market, on_venue, planned
from tests.live.story import Story
from tests.live.venue import SimulatedVenue
from trading_runtime.app.doorway import Command, ask
from trading_runtime.app.live import trade
from trading_runtime.config import Settings
from trading_runtime.records.facts_trading import PanicStep, PanicStopStepped, PanicStopTriggered
from trading_runtime.records.inputs import Action
from trading_runtime.records.units import NANOS_PER_MILLI

RUNS = 200
STORMY_RUNS = 6
ORDERS = 50
GRID = Grid(levels=25, half_spread_ticks=3, spacing_ticks=1, size_lots=2, interval_ms=0)
TAKEN = "0.010"
"""Five of our orders."""
REACH = 0.7
"""From the middle to the fifth of them."""
WITHIN_S = 90.0
AT_ONCE = 6
HISTORY = "500"
STORM = (
    {"kind": "status", "status": 429, "code": -1003, "retry_after_s": 1, "share": 0.3},
    {"kind": "lost_answer", "route": "* *", "share": 0.3},
)
OPEN = ("NEW", "PARTIALLY_FILLED")
SPANS = ("to no open order", "to flat", "to flat as the runtime has proved it")


class Change(msgspec.Struct):
    i: int
    X: str


class Held(msgspec.Struct):
    s: str
    pa: str


class Holdings(msgspec.Struct):
    P: list[Held] = []


class Event(msgspec.Struct):
    e: str = ""
    o: Change | None = None
    a: Holdings | None = None


EVENT = msgspec.json.Decoder(Event)


class Observer:
    """What the venue tells another listener of the same account: orders that rest, position."""

    def __init__(self) -> None:
        self.open: set[int] = set()
        self.position = 0.0
        self._changed = asyncio.Event()

    async def listen(self, url: str) -> None:
        async with ClientSession() as http, http.ws_connect(url, max_msg_size=0) as stream:
            async for message in stream:
                if message.type is WSMsgType.TEXT:
                    self._hear(EVENT.decode(message.data))

    def _hear(self, event: Event) -> None:
        if event.e == "ORDER_TRADE_UPDATE" and event.o is not None:
            (self.open.add if event.o.X in OPEN else self.open.discard)(event.o.i)
        elif event.a is not None:
            for held in event.a.P:
                if held.s == SYMBOL:
                    self.position = float(held.pa)
        self._changed.set()

    async def until(self, holds: Callable[[], bool]) -> float:
        """Give when it held first, in seconds of ``perf_counter``."""
        try:
            async with asyncio.timeout(WITHIN_S):
                while not holds():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            seen = f"{len(self.open)} open orders and {self.position} held"
            raise SystemExit(f"not {holds.__name__} within {WITHIN_S:g} s: {seen}") from None
        return perf_counter()

    def full(self) -> bool:
        return len(self.open) == ORDERS

    def empty(self) -> bool:
        return not self.open

    def loaded(self) -> bool:
        return self.full() and bool(self.position)

    def flat(self) -> bool:
        return not self.open and not self.position


def run_runtime(settings: Settings, data: Path) -> None:
    """Be the runtime; ends with its parent."""
    with asyncio.Runner(loop_factory=new_event_loop) as loop:
        begun = trade(planned(settings), settings.venue, data, asyncio.Event(), _nothing, print)
        loop.run(begun)


def _nothing(_: object) -> None:
    pass


class Bench:
    """A runtime, its venue, the observer, and what the runtime records."""

    def __init__(self, venue: SimulatedVenue, data: Path, observer: Observer) -> None:
        self._venue = venue
        self._data = data
        self._observer = observer
        self._story = Story(data)
        self._side = "BUY"

    async def say(self, action: Action) -> None:
        answer = await asyncio.to_thread(
            ask, self._data, Command(action=action, reason="benchmark")
        )
        if not answer.ok:
            raise SystemExit(f"{action.value}: {answer.error}")

    async def once(self, storm: tuple[dict[str, object], ...]) -> tuple[float, float, float]:
        """Give milliseconds to no open order, to flat, and from the latch to the proof of it."""
        observer, venue = self._observer, self._venue
        await observer.until(observer.full)
        await asyncio.to_thread(self._take)
        await observer.until(observer.loaded)
        for fault in storm:
            await asyncio.to_thread(venue.fault, market="usdm", **fault)
        began = perf_counter()
        saying = asyncio.create_task(self.say(Action.PANIC_STOP))
        none_open = await observer.until(observer.empty)
        flat = await observer.until(observer.flat)
        await saying
        proved = await asyncio.to_thread(self._prove)
        if storm:
            await asyncio.to_thread(venue.clear)
        return (none_open - began) * 1e3, (flat - began) * 1e3, proved

    def close(self) -> None:
        self._story.close()

    async def again(self) -> None:
        await self.say(Action.CLEAR_PANIC)
        await self.say(Action.RESUME)

    def _take(self) -> None:
        """Let somebody take five orders of the side whose turn it is."""
        buys = self._side == "BUY"
        price = MID + REACH if buys else MID - REACH
        trade = {"side": self._side, "price": f"{price:.1f}", "quantity": TAKEN}
        self._side = "SELL" if buys else "BUY"
        changes = {"market": "usdm", "symbol": SYMBOL, "trades": [trade]}
        self._venue.call("POST", "external", changes)

    def _prove(self) -> float:
        """Hold what was observed to the venue's books; await that the runtime has proved it too.

        Gives how many milliseconds after the latch it had.
        """
        if self._venue.open_orders() or float(self._venue.position()):
            raise SystemExit("the venue's books are not flat")
        story = self._story
        latched = story.awaits(PanicStopTriggered, 0, within_s=WITHIN_S)
        flat = story.awaits(
            PanicStopStepped, latched, lambda body: body.step is PanicStep.FLAT, within_s=WITHIN_S
        )
        spent = (story.told[flat].at - story.told[latched].at) / NANOS_PER_MILLI
        story.told.clear()
        return spent


async def measured(
    venue: SimulatedVenue, folder: Path, runs: int, storm: tuple[dict[str, object], ...]
) -> list[tuple[float, ...]]:
    """Run one runtime on one venue through ``runs``; in a storm it is good for one."""
    settings, data = on_venue(venue, GRID), folder / "data"
    data.mkdir()
    observer = Observer()
    listening = asyncio.create_task(observer.listen(await account_stream(venue)))
    runtime = SPAWN.Process(target=run_runtime, args=(settings, data), daemon=True)
    runtime.start()
    bench = Bench(venue, data, observer)
    try:
        found = [await bench.once(storm)]
        while len(found) < runs:
            await bench.again()
            found.append(await bench.once(storm))
        await bench.say(Action.STOP)
        await asyncio.to_thread(runtime.join)
    finally:
        bench.close()
        runtime.kill()
        listening.cancel()
    return found


def run(
    runs: int, storm: tuple[dict[str, object], ...] = (), seed: int = 1
) -> list[tuple[float, ...]]:
    """Run on a venue of its own; ``seed`` chooses what its storm hits."""
    arguments = ("--history", HISTORY, "--seed", str(seed))
    with scratch() as name, market(Path(name) / "venue", *arguments) as venue:
        return asyncio.run(measured(venue, Path(name), runs, storm))


def in_storm(runs: int) -> list[tuple[float, ...]]:
    """Run each on a runtime of its own: one that was told 429 so often recovers for a minute.

    Some at a time, for most of it is waiting.
    """
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return [spans for (spans,) in threads.map(lambda seed: run(1, STORM, seed), range(runs))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--stormy", type=int, default=STORMY_RUNS)
    arguments = parser.parse_args()
    calm = list(zip(*run(arguments.runs), strict=True))
    stormy = list(zip(*in_storm(arguments.stormy), strict=True))
    rows = [row(*each) for each in zip(SPANS, calm, (250, 500, None), strict=True)]
    rows += [
        row(f"{what}, in a storm of 429 and lost answers", spans)
        for what, spans in zip(SPANS, stormy, strict=True)
    ]
    for each in rows:
        print(f"{each['what']}: {each['measured']}")
    how = (
        f"{arguments.runs} runs with {ORDERS} open orders and {TAKEN} BTC held, from before "
        "the operator's command to the venue's own report on an account stream of the benchmark's, "
        "held against the venue's books after each run; what the runtime has proved is by its own "
        f"journal. Storm: {arguments.stormy} runs in which 30 % of the orders' and the account's "
        "requests are answered with 429 and of the rest 30 % are acted on and not answered."
    )
    print(json.dumps({"benchmark": "panic_stop", "how": how, "rows": rows}))


def row(what: str, spans: Sequence[float], most: int | None = None) -> dict[str, object]:
    p50, p99 = percentile(spans, 0.5), percentile(spans, 0.99)
    return {
        "what": f"PanicStop, {ORDERS} open orders and a position: {what}",
        "measured": f"p50 {p50:,.0f}, p99 {p99:,.0f}, most {max(spans):,.0f} ms",
        "target": "reported" if most is None else f"p99 <= {most} ms",
        "met": None if most is None else p99 <= most,
    }


if __name__ == "__main__":
    main()
