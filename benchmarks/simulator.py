"""What the simulated venue sustains: orders a second over its WebSocket API, and market data.

The load comes from another process, each of the two on a processor of its own: connections of the
gateway's own kind with several signed requests under way on each. Every order is placed and then
cancelled, each with a signature of its own, made beforehand; nothing is traded, so the book stays
small. Bids improve the touch, so that each order and each cancel changes the depth, and most
of them the best price, which is told to all who listen.

 * orders: nobody listens to market data; one account stream does;
 * market data: readers of ``bookTicker`` and ``depth@0ms`` on connections of their own, in the same
   load process, which counts frames and looks at no content.

A second is one of wall time. Beside it: per second of the simulator's own processor time, which a
busy machine does not change.
"""

import argparse
import asyncio
import gc
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from uvloop import new_event_loop

from benchmarks.rig import scratch
from benchmarks.venue_rig import MID, account_stream, display, pin
from tests.live.venue import SimulatedVenue
from trading_runtime.config import SHIPPED, load_settings
from trading_runtime.core.venues.registry import VENUES
from trading_runtime.gateway.connection import Reports, WebSocket, open_socket
from trading_runtime.gateway.keys import key_from_file
from trading_runtime.gateway.settings import SocketSettings
from trading_runtime.gateway.signing import Signer
from trading_runtime.gateway.trust import trust
from trading_runtime.records.commands import CancelOrder, Execution, PlaceOrder
from trading_runtime.records.instruments import Scales
from trading_runtime.records.units import (
    ClientId,
    Connection,
    Lots,
    Nanos,
    Revision,
    Side,
    Ticks,
)

ORDERS = 10_000
BATCH = 2_500
"""Signed shortly before they are sent: a signature is good for five seconds."""
LINES = 4
UNDER_WAY = 8
"""Orders on each line."""
READERS = 10
STREAMS = "btcusdt@bookTicker/btcusdt@depth@0ms"
TRUSTED = trust(None)
TARGET = 2_000
REFUSED = b'"status":4'
REFUSED_WITHIN = 100
SETTLED_S = 0.5


class Found(NamedTuple):
    """Of one run; processor time is the simulator's."""

    wall_s: float
    processor_s: float
    frames: int


class Requests:
    """Makes a place and a cancel of one order, signed now."""

    def __init__(self, venue: SimulatedVenue) -> None:
        instrument = load_settings(SHIPPED).instruments()[0]
        kind = VENUES[instrument.venue]
        self.layout = kind.layout.at(venue.url)
        self._scales = Scales(instrument)
        self._requests = kind.requests
        self._signer = Signer(key_from_file(venue.keys), kind.wiring.signing)

    def pair(self, number: int) -> tuple[bytes, bytes]:
        order, revision, now = ClientId(f"td-load-{number}"), Revision(1), Nanos(time.time_ns())
        place = PlaceOrder(
            order=order,
            revision=revision,
            side=Side.BUY,
            price=Ticks(MID * 10 - 9 + number % 16),
            size=Lots(10),
            execution=Execution.POST_ONLY,
            reduce_only=False,
            reason="load",
        )
        cancel = CancelOrder(order=order, revision=revision, reason="load")
        return (
            self._signer.message(self._requests.place(place, self._scales, now)),
            self._signer.message(self._requests.cancel(cancel, self._scales, now)),
        )


class Load:
    """Keeps so many orders under way on each line until the batch is done."""

    def __init__(self) -> None:
        self.left = 0
        self.done = asyncio.Event()
        self._pairs: list[tuple[bytes, bytes]] = []

    def run(self, pairs: list[tuple[bytes, bytes]], lines: list["Line"]) -> None:
        self._pairs = pairs[::-1]
        self.left = len(pairs)
        self.done.clear()
        for _ in range(UNDER_WAY):
            for line in lines:
                line.next()

    def take(self) -> tuple[bytes, bytes] | None:
        return self._pairs.pop() if self._pairs else None

    def ended(self) -> None:
        self.left -= 1
        if not self.left:
            self.done.set()


class Line:
    """One connection for orders; a place that is answered is followed by its cancel."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._cancels: dict[bytes, bytes] = {}
        self._socket: WebSocket

    async def open(self, url: str) -> None:
        self._socket = await opened(url, self._on_answer)

    def next(self) -> None:
        pair = self._load.take()
        if pair is not None:
            place, cancel = pair
            self._cancels[name_of(place)] = cancel
            self._socket.send(place)

    def _on_answer(self, frame: bytes) -> None:
        if REFUSED in frame[:REFUSED_WITHIN]:
            raise SystemExit(frame.decode())
        cancel = self._cancels.pop(name_of(frame), None)
        if cancel is not None:
            self._socket.send(cancel)
        else:
            self._load.ended()
            self.next()


def name_of(message: bytes) -> bytes:
    """Give the ``id``, which request and answer begin with."""
    return message[7 : message.index(b'"', 7)]


async def opened(url: str, on_frame: Callable[[bytes], None]) -> WebSocket:
    reports = Reports(lambda: Connection(1), lambda _, frame: on_frame(frame), lambda *_: None)
    socket = await open_socket(url, SocketSettings(), TRUSTED, reports)
    if not isinstance(socket, WebSocket):
        raise SystemExit(socket.reason)
    return socket


class Readers:
    """Count market data, and nothing else."""

    def __init__(self) -> None:
        self.frames = 0

    def _on_frame(self, _: bytes) -> None:
        self.frames += 1

    async def open(self, base: str, count: int) -> None:
        url = f"{base.replace('http', 'ws', 1)}/public/stream?streams={STREAMS}"
        for _ in range(count):
            await opened(url, self._on_frame)


async def measured(venue: SimulatedVenue, orders: int, readers: int) -> Found:
    """Place and cancel so many orders while so many read."""
    requests, load, reading = Requests(venue), Load(), Readers()
    lines = [Line(load) for _ in range(LINES)]
    for line in lines:
        await line.open(requests.layout.orders)
    await opened(await account_stream(venue), lambda _: None)
    await reading.open(venue.url, readers)
    wall = processor = 0.0
    frames = 0
    for begin in range(-BATCH, orders, BATCH):
        pairs = [requests.pair(number) for number in range(begin, begin + BATCH)]
        before, spent, seen = perf_counter(), processor_s(venue), reading.frames
        load.run(pairs, lines)
        await load.done.wait()
        passed, spent = perf_counter() - before, processor_s(venue) - spent
        await asyncio.sleep(SETTLED_S)
        if begin >= 0:
            wall, processor = wall + passed, processor + spent
            frames += reading.frames - seen
    return Found(wall, processor, frames)


def processor_s(venue: SimulatedVenue) -> float:
    """Give the processor time that the simulator has used, user and system."""
    fields = Path(f"/proc/{venue.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(orders: int, readers: int) -> Found:
    """Measure on a venue that has just begun."""
    with scratch() as folder, SimulatedVenue(Path(folder) / "venue", "--flow", "none") as venue:
        display(venue)
        pin(venue.process.pid, 0)
        pin(os.getpid(), 1)
        gc.collect()
        with asyncio.Runner(loop_factory=new_event_loop) as loop:
            return loop.run(measured(venue, orders, readers))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=ORDERS)
    parser.add_argument("--readers", type=int, default=READERS)
    arguments = parser.parse_args()
    alone, read = run(arguments.orders, 0), run(arguments.orders, arguments.readers)
    a_second = arguments.orders / alone.wall_s
    rows = [
        {
            "what": "simulator: orders placed and cancelled over the WebSocket API",
            "measured": f"{a_second:,.0f} orders/s, each with its cancel "
            f"({arguments.orders / alone.processor_s:,.0f} per second of its processor)",
            "target": f">= {TARGET:,} orders/s",
            "met": a_second >= TARGET,
        },
        {
            "what": f"simulator: market data, {arguments.readers} connections of two streams",
            "measured": f"{read.frames / read.wall_s:,.0f} messages/s "
            f"({read.frames / read.processor_s:,.0f} per second of its processor) "
            f"beside {arguments.orders / read.wall_s:,.0f} orders/s",
            "target": "reported",
            "met": None,
        },
    ]
    for each in rows:
        print(f"{each['what']}: {each['measured']}")
    how = (
        f"{arguments.orders:,} orders, each placed and then cancelled by a request of its own, on "
        f"{LINES} connections with {UNDER_WAY} under way on each; one account stream listens. Each "
        "changes the depth, and most the best bid; the second row's readers hear both. "
        "Venue and load are pinned to a processor each; requests are signed beforehand."
    )
    print(json.dumps({"benchmark": "simulator", "how": how, "rows": rows}))


if __name__ == "__main__":
    main()
