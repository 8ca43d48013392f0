"""WebSocket clients against one another: one-way frames and echo, by frame size and event loop.

The servers are in a process of their own and the same for all: bare streams that write frames made
beforehand, and a picows server that sends back. ``ours`` is the gateway's connection, with its
dead-peer watch and its write bound; ``picows`` is the bare library under it. The figures are the
client's processor time for a frame, from the socket to bytes in a callback, and for echo the round
trip of one message at a time as well. Rounds are taken in turns; medians.

``websockets`` is a peer alone: of this project's requirements it stands only in
``peers/requirements.txt``.
"""

import asyncio
import contextlib
import gc
import json
import multiprocessing
import statistics
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection as Pipe

import aiohttp
import picows
import uvloop
import websockets

from tests.gateway.peers import Peer, serving
from trading_runtime.gateway.connection import Reports, WebSocket, open_socket
from trading_runtime.gateway.settings import SocketSettings
from trading_runtime.gateway.trust import trust
from trading_runtime.records.units import Connection

SIZES = (335, 4096)
"""A touch's or trade's frame, and a depth frame of some fifty levels."""
ROUNDS = 5
BURST = 64
"""Frames in one write of the server; a busy market delivers several in one read."""
FRAMES = 20_000
ECHOES = 1_000
SYSTEM = trust(None)
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


async def push(peer: Peer) -> None:
    """Send frames of the size that the path names for each message that asks."""
    size = int(peer.path.rpartition("/")[2])
    payload = b"x" * size
    head = b"\x81\x7e" + size.to_bytes(2, "big")
    burst = (head + payload) * BURST
    while (await peer.receive())[0] == 1:
        for _ in range(FRAMES // BURST):
            peer.writer.write(burst)
            await peer.writer.drain()


class Echo(picows.WSListener):
    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        if frame.msg_type == picows.WSMsgType.TEXT:
            transport.send(picows.WSMsgType.TEXT, frame.get_payload_as_bytes())
        elif frame.msg_type == picows.WSMsgType.CLOSE:
            transport.send_close(picows.WSCloseCode.OK)
            transport.disconnect()


def serve(pipe: Pipe) -> None:
    """Run both servers until the other end of the pipe says so."""

    async def main() -> None:
        echoing = await picows.ws_create_server(lambda _: Echo(), "127.0.0.1", 0)
        async with serving(push) as url:
            pipe.send((url, f"ws://127.0.0.1:{echoing.sockets[0].getsockname()[1]}"))
            await asyncio.to_thread(pipe.recv)
        echoing.close()

    uvloop.run(main())


class Counter:
    """Counts frames, and says when all of a round are there."""

    def __init__(self) -> None:
        self.left = 0
        self.done = asyncio.Event()

    def expect(self, count: int) -> None:
        self.left = count
        self.done.clear()

    def frame(self, _payload: bytes) -> None:
        self.left -= 1
        if not self.left:
            self.done.set()


Send = Callable[[bytes], Awaitable[None]]
Close = Callable[[], Awaitable[None]]
Opened = tuple[Send, Close]


async def open_ours(url: str, counter: Counter) -> Opened:
    reports = Reports(lambda: Connection(1), lambda _, frame: counter.frame(frame), lambda *_: None)
    line = await open_socket(url, SocketSettings(), SYSTEM, reports)
    if not isinstance(line, WebSocket):
        raise SystemExit(line.reason)

    async def send(message: bytes) -> None:
        line.send(message)

    async def close() -> None:
        line.close("done")
        await line.wait_lost()

    return send, close


class Listener(picows.WSListener):
    def __init__(self, counter: Counter) -> None:
        self.frame = counter.frame

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        if frame.msg_type == picows.WSMsgType.TEXT:
            self.frame(frame.get_payload_as_bytes())
        elif frame.msg_type == picows.WSMsgType.CLOSE:
            transport.disconnect()


async def open_picows(url: str, counter: Counter) -> Opened:
    transport, _ = await picows.ws_connect(lambda: Listener(counter), url)

    async def send(message: bytes) -> None:
        transport.send(picows.WSMsgType.TEXT, message)

    async def close() -> None:
        transport.send_close(picows.WSCloseCode.OK)
        transport.disconnect()
        await transport.wait_disconnected()

    return send, close


async def open_aiohttp(url: str, counter: Counter) -> Opened:
    session = aiohttp.ClientSession()
    socket = await session.ws_connect(url, compress=0, max_msg_size=0, decode_text=False)

    async def read() -> None:
        async for message in socket:
            counter.frame(message.data)

    reading = asyncio.create_task(read())

    async def close() -> None:
        await socket.close()
        await reading
        await session.close()

    async def send(message: bytes) -> None:
        await socket.send_frame(message, aiohttp.WSMsgType.TEXT)

    return send, close


async def open_websockets(url: str, counter: Counter) -> Opened:
    socket = await websockets.connect(url, compression=None, max_size=None)

    async def read() -> None:
        with contextlib.suppress(websockets.ConnectionClosed):
            while True:
                counter.frame(await socket.recv(decode=False))

    reading = asyncio.create_task(read())

    async def send(message: bytes) -> None:
        await socket.send(message, text=True)

    async def close() -> None:
        await socket.close()
        await reading

    return send, close


CLIENTS = {
    "ours": open_ours,
    "picows": open_picows,
    "aiohttp": open_aiohttp,
    "websockets": open_websockets,
}


async def one_way(client: str, url: str, size: int) -> dict[str, float]:
    """Give microseconds of our processor time for a frame."""
    counter = Counter()
    send, close = await CLIENTS[client](f"{url}/push/{size}", counter)
    count = FRAMES // BURST * BURST
    spent = 0.0
    for warm in (False, True):
        counter.expect(count)
        began = time.process_time()
        await send(b"go")
        await counter.done.wait()
        spent = time.process_time() - began if warm else spent
    await close()
    return {"one way, processor": spent / count * 1e6}


async def echo(client: str, url: str, size: int) -> dict[str, float]:
    """Give microseconds of our processor time for a round trip, and the median round trip."""
    counter = Counter()
    send, close = await CLIENTS[client](url, counter)
    message = b"x" * size
    took = []
    spent = time.process_time()
    for _ in range(ECHOES):
        counter.expect(1)
        began = time.perf_counter()
        await send(message)
        await counter.done.wait()
        took.append(time.perf_counter() - began)
    spent = time.process_time() - spent
    await close()
    return {
        "echo, processor": spent / ECHOES * 1e6,
        "echo, round trip": statistics.median(took) * 1e6,
    }


Case = tuple[str, int, str]


def measured(push_url: str, echo_url: str) -> dict[Case, dict[str, float]]:
    """Take all measurements, in turns; by what, size and loop, then by client."""
    values: dict[Case, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for _ in range(ROUNDS):
        for loop, factory in LOOPS.items():
            for measure, url in ((one_way, push_url), (echo, echo_url)):
                for size in SIZES:
                    for client in CLIENTS:
                        gc.collect()
                        with asyncio.Runner(loop_factory=factory) as runner:
                            found = runner.run(measure(client, url, size))
                        for what, value in found.items():
                            values[what, size, loop][client].append(value)
    return {
        case: {client: statistics.median(found) for client, found in of_case.items()}
        for case, of_case in sorted(values.items(), reverse=True)
    }


def main() -> None:
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    server = spawn.Process(target=serve, args=(there,))
    server.start()
    values = measured(*here.recv())
    here.send("stop")
    server.join()
    rows = []
    print("| microseconds | " + " | ".join(CLIENTS) + " |")
    print("| --- |" + " ---: |" * len(CLIENTS))
    for (what, size, loop), found in values.items():
        name = f"{what}, {size:,} bytes, {loop}"
        print(f"| {name} | " + " | ".join(f"{us:.1f}" for us in found.values()) + " |")
        rows.append(
            {
                "what": f"WebSocket {name}",
                "measured": ", ".join(f"{client} {us:.1f}" for client, us in found.items()) + " us",
                "target": "less than aiohttp and websockets",
                "met": found["ours"] < min(found["aiohttp"], found["websockets"]),
            }
        )
    how = (
        "The same servers in a process of their own for all clients, loopback, no TLS, no "
        f"compression. One way: {FRAMES:,} frames in bursts of {BURST}; echo: {ECHOES:,} messages, "
        f"one at a time. Median of {ROUNDS} rounds in turns."
    )
    print(json.dumps({"benchmark": "transports", "how": how, "rows": rows}))


if __name__ == "__main__":
    main()
