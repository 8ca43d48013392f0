"""An order's round trip, runtime to simulated venue and back, against an echo that signs.

Ours: a whole session of the product (journal on disk, sync thread, core, gate) in this process, the
simulator in another. The clock runs from the moment a ``PlaceOrder`` has been handed over to the
journal and goes to be signed, until the frame that accepts it has been appended and reaches the
core. The strategy (``blink.py``) has one order under way at a time.

The floor: the same request, made and signed by the same code, sent by the same client library to an
echo in another process, which reads the JSON, verifies the signature (HMAC-SHA256 over the sorted
parameters), signs its reply and sends that back; until its frame reaches a callback. The client is
picows, as in the gateway; the server is aiohttp's, as in the simulator. An echo on picows at both
ends is shown beside it.

Sessions and echoes take turns.
"""

import asyncio
import gc
import hmac
import json
from collections.abc import Coroutine
from hashlib import sha256
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from time import perf_counter_ns

import msgspec
import picows
from aiohttp import WSMsgType, web
from uvloop import new_event_loop

from benchmarks.rig import Grid, percentile, scratch
from benchmarks.venue_rig import (
    MICRO,
    MID,
    SPAWN,
    Probe,
    blink_path,
    market,
    on_venue,
    planned,
    told,
    with_strategy,
)
from tests.live.venue import SimulatedVenue
from trading_runtime.app.live import trade
from trading_runtime.app.session import Session
from trading_runtime.clock import Clock
from trading_runtime.config import SHIPPED, load_settings
from trading_runtime.core.venues.registry import VENUES
from trading_runtime.gateway.connection import Reports, WebSocket, open_socket
from trading_runtime.gateway.keys import ApiKey, KeyKind, key_from_file
from trading_runtime.gateway.settings import SocketSettings
from trading_runtime.gateway.signing import Signer
from trading_runtime.gateway.trust import trust
from trading_runtime.records.commands import CancelOrder, Execution, PlaceOrder
from trading_runtime.records.instruments import Scales
from trading_runtime.records.units import ClientId, Connection, Lots, Revision, Side, Ticks

ROUNDS = 4
TRIPS = 1_000
COLD = 100
"""Of each round, left out."""
WITHIN_S = 60.0
SECRET = b"secret"
START = hmac.new(SECRET, digestmod=sha256)
USDM = "binance-usdm"
GRID = Grid(levels=1, half_spread_ticks=5, spacing_ticks=10, size_lots=10, interval_ms=0)
Trips = dict[str, list[float]]


class Asked(msgspec.Struct):
    id: str
    params: dict[str, str | int]


ASKED = msgspec.json.Decoder(Asked)


def signature(values: dict[str, str | int]) -> str:
    payload = "&".join(f"{name}={values[name]}" for name in sorted(values))
    made = START.copy()
    made.update(payload.encode())
    return made.hexdigest()


def echoed(message: bytes) -> bytes:
    """Verify a request as a venue does, and give the signed reply."""
    asked = ASKED.decode(message)
    sent = asked.params
    given = sent.pop("signature")
    if not hmac.compare_digest(signature(sent), str(given)):
        raise SystemExit("the signature does not hold")
    reply = {**sent, "status": "NEW"}
    reply["signature"] = signature(reply)
    return msgspec.json.encode({"id": asked.id, "status": 200, "result": reply})


class Echo(picows.WSListener):
    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        if frame.msg_type == picows.WSMsgType.TEXT:
            transport.send(picows.WSMsgType.TEXT, echoed(frame.get_payload_as_bytes()))
        elif frame.msg_type == picows.WSMsgType.CLOSE:
            transport.send_close(picows.WSCloseCode.OK)
            transport.disconnect()


async def answer(request: web.BaseRequest) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            await socket.send_str(echoed(message.data.encode()).decode())
    return socket


def serve(pipe: Pipe) -> None:
    """Run both echoes until the other end of the pipe says so."""

    async def main() -> None:
        bare = await picows.ws_create_server(lambda _: Echo(), "127.0.0.1", 0)
        runner = web.ServerRunner(web.Server(answer))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        ports = (runner.addresses[0][1], bare.sockets[0].getsockname()[1])
        pipe.send([f"ws://127.0.0.1:{port}" for port in ports])
        await asyncio.to_thread(pipe.recv)
        bare.close()
        await runner.cleanup()

    with asyncio.Runner(loop_factory=new_event_loop) as loop:
        loop.run(main())


class Client:
    """Makes, signs and sends as the gateway does, with nothing behind it; one at a time."""

    def __init__(self, key: ApiKey) -> None:
        instrument = load_settings(SHIPPED).instruments()[0]
        venue = VENUES[instrument.venue]
        self._scales = Scales(instrument)
        self._requests = venue.requests
        self._signer = Signer(key, venue.wiring.signing)
        self._clock = Clock()
        self._came = asyncio.Event()
        self._came_at = 0
        self.frame = b""
        self._line: WebSocket

    async def open(self, url: str) -> None:
        reports = Reports(lambda: Connection(1), self._on_frame, lambda *_: None)
        line = await open_socket(url, SocketSettings(), trust(None), reports)
        if not isinstance(line, WebSocket):
            raise SystemExit(line.reason)
        self._line = line

    async def close(self) -> None:
        self._line.close("done")
        await self._line.wait_lost()

    def _on_frame(self, _: Connection, frame: bytes) -> None:
        self._came_at = perf_counter_ns()
        self.frame = frame
        self._came.set()

    async def ask(self, command: PlaceOrder | CancelOrder) -> float:
        """Give microseconds from before the request is made to its reply."""
        began = perf_counter_ns()
        request = self._requests.make(command, self._scales, self._clock.stamp().at)
        self._line.send(self._signer.message(request))
        await self._came.wait()
        self._came.clear()
        return (self._came_at - began) / MICRO


def bid(number: int) -> PlaceOrder:
    return PlaceOrder(
        order=ClientId(f"td-bare-{number}"),
        revision=Revision(1),
        side=Side.BUY,
        price=Ticks((MID - 100) * 10 - number % 100),
        size=Lots(10),
        execution=Execution.POST_ONLY,
        reduce_only=False,
        reason="echo",
    )


async def echo(url: str) -> list[float]:
    """Time the round trip of the same requests to an echo."""
    client = Client(ApiKey("key", SECRET.decode(), KeyKind.HMAC))
    await client.open(url)
    took = [await client.ask(bid(number)) for number in range(COLD + TRIPS)]
    await client.close()
    return took[COLD:]


async def bare(venue: SimulatedVenue, first: int) -> list[float]:
    """Time orders on the simulator without a runtime; each is cancelled, and is not timed then."""
    client = Client(key_from_file(venue.keys))
    await client.open(VENUES[USDM].layout.at(venue.url).orders)
    took = []
    for number in range(first, first + COLD + TRIPS):
        placed = bid(number)
        took.append(await client.ask(placed))
        await client.ask(CancelOrder(order=placed.order, revision=Revision(1), reason="echo"))
        if b'"status":200' not in client.frame:
            raise SystemExit(client.frame.decode())
    await client.close()
    return took[COLD:]


async def session(venue: SimulatedVenue, data: Path) -> list[float]:
    """Trade until enough orders were accepted; give microseconds of each."""
    settings = with_strategy(
        on_venue(venue, GRID), blink_path(), {"distance_ticks": 1_000, "size_lots": 10}
    )
    stop = asyncio.Event()
    probes: list[Probe] = []

    def begun(session: Session) -> None:
        probe = Probe(session)
        probes.append(probe)

        def on_accepted() -> None:
            if len(probe.took) >= COLD + TRIPS:
                stop.set()

        probe.on_accepted = on_accepted

    async with asyncio.timeout(WITHIN_S):
        await trade(planned(settings), settings.venue, data, stop, begun, print)
    return probes[0].took[COLD : COLD + TRIPS]


def measured(venue: SimulatedVenue, urls: list[str], data: Path) -> Trips:
    took: Trips = {"ours": [], "aiohttp": [], "picows": [], "bare": []}
    for number in range(ROUNDS):
        for name, url in zip(("aiohttp", "picows"), urls, strict=True):
            took[name] += on_loop(echo(url))
        took["ours"] += on_loop(session(venue, data / str(number)))
        took["bare"] += on_loop(bare(venue, number * (COLD + TRIPS)))
    return took


def on_loop(main: Coroutine[None, None, list[float]]) -> list[float]:
    gc.collect()
    with asyncio.Runner(loop_factory=new_event_loop) as loop:
        return loop.run(main)


def main() -> None:
    here, there = SPAWN.Pipe()
    server = SPAWN.Process(target=serve, args=(there,), daemon=True)
    server.start()
    with scratch() as folder:
        path = Path(folder)
        with market(path / "venue") as venue:
            took = measured(venue, here.recv(), path)
    here.send("stop")
    server.join()
    for name, values in took.items():
        print(f"{name}: {len(values)} round trips, {told(values)} us")
    print(json.dumps(result(took)))


def result(took: Trips) -> dict[str, object]:
    ours, floor, alone = took["ours"], took["aiohttp"], took["bare"]
    ratios = [percentile(ours, share) / percentile(floor, share) for share in (0.5, 0.99)]
    return {
        "benchmark": "round_trip",
        "how": (
            f"{len(ours):,} orders, one at a time, of {ROUNDS} sessions on a still market, from "
            "the hand-over to the journal to the frame that accepts, appended; against as many "
            "echoes of the same signed request (client picows, server aiohttp, as in gateway and "
            "simulator), verified and its reply signed, in turns. Loopback, no TLS. With "
            f"picows at both ends the echo takes {told(took['picows'])} us. The second row is the "
            "simulator's own share: the same client, without a runtime and with nobody who listens."
        ),
        "rows": [
            {
                "what": "order round trip, runtime to simulator, against an echo that signs",
                "measured": f"{told(ours)} us against {told(floor)} us: "
                f"{ratios[0]:.1f} x at p50, {ratios[1]:.1f} x at p99",
                "target": "<= 3 x",
                "met": ratios[0] <= 3,
            },
            {
                "what": "of that, the same order by a bare client to the simulator",
                "measured": f"{told(alone)} us: "
                f"{percentile(alone, 0.5) / percentile(floor, 0.5):.1f} x at p50",
                "target": "reported",
                "met": None,
            },
        ],
    }


if __name__ == "__main__":
    main()
