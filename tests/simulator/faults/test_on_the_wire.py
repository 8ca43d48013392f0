"""Each fault as a client on a socket meets it, from a real process."""

import asyncio
import hmac
import json
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

from tests.simulator.venue_process import Running, running

WITHIN_S = 120.0
FRAME_S = 0.12
"""A little more than from one frame of a depth stream to the next."""
SPOT = {"market": "spot", "symbol": "BTCUSDT"}
DEPTH = "/ws/btcusdt@depth@100ms"
RESET = (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
Told = list[dict[str, Any]]


@pytest.fixture(scope="module")
def venue() -> Iterator[Running]:
    with running("--flow", "none") as started:
        started.asked("POST", "/mark", {"symbol": "BTCUSDT", "price": "100.0"})
        yield started


@pytest.fixture(autouse=True)
def _healthy(venue: Running) -> Iterator[None]:
    for market in ("spot", "usdm"):
        levels = {"bids": [["99.00", "9"]], "asks": [["101.00", "9"]]}
        venue.asked("POST", "/external", {"market": market, "symbol": "BTCUSDT", **levels})
    yield
    venue.asked("DELETE", "/faults")


def live(check: Callable[["Client"], Awaitable[None]], venue: Running) -> None:
    """Run ``check`` with a client of its own."""

    async def session() -> None:
        async with aiohttp.ClientSession() as http, asyncio.timeout(WITHIN_S):
            await check(Client(venue, http))

    asyncio.run(session())


class Client:
    """Speaks to the venue as little as is needed to see a fault."""

    def __init__(self, venue: Running, http: aiohttp.ClientSession) -> None:
        self.venue = venue
        self.http = http
        self.levels = 0

    def fault(self, kind: str, **fields: object) -> None:
        self.venue.asked("POST", "/fault", {"kind": kind, **fields})

    @asynccontextmanager
    async def socket(self, path: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        async with self.http.ws_connect(self.venue.url(path, "ws")) as opened:
            yield opened

    async def changes(
        self, socket: aiohttp.ClientWebSocketResponse, holds: Callable[[list[str]], bool]
    ) -> list[str]:
        """Let the book change again and again until it holds of what arrived; give that."""
        arrived: list[str] = []
        while not holds(arrived):
            self.levels += 1
            bids = [["98.00", str(self.levels)]]
            self.venue.asked("POST", "/external", SPOT | {"bids": bids})
            with suppress(TimeoutError):
                while True:
                    arrived.append(await asyncio.wait_for(socket.receive_str(), FRAME_S))
        return arrived

    def signed(self, fields: dict[str, str]) -> str:
        stamped = urlencode(fields | {"timestamp": str(int(time.time() * 1000))})
        secret = self.venue.ready["api_secret"].encode()
        return f"{stamped}&signature={hmac.digest(secret, stamped.encode(), 'sha256').hex()}"

    async def rest(self, method: str, path: str, **fields: str) -> tuple[int, Any]:
        url = f"{self.venue.url(path)}?{self.signed(fields)}"
        headers = {"X-MBX-APIKEY": self.venue.ready["api_key"]}
        async with self.http.request(method, url, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)

    async def buy(self, name: str, price: str = "100.00", **more: str) -> tuple[int, Any]:
        order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
        fields = order | {"price": price, "quantity": "0.2", "newClientOrderId": name} | more
        return await self.rest("POST", "/api/v3/order", **fields)

    async def status(self, name: str) -> tuple[int, Any]:
        return await self.rest("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId=name)

    async def subscribed(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Subscribe to the account's events by a signed request of the WebSocket API."""
        fields = {"apiKey": self.venue.ready["api_key"]}
        parameters = dict(part.split("=") for part in self.signed(fields).split("&"))
        request = {"id": 1, "method": "userDataStream.subscribe.signature", "params": parameters}
        await socket.send_json(request)
        assert (await socket.receive_json())["status"] == 200

    def fill(self) -> None:
        trade = {"side": "SELL", "price": "100.00", "quantity": "0.2"}
        self.venue.asked("POST", "/external", SPOT | {"trades": [trade]})


def ids(frames: list[str]) -> list[tuple[int, int]]:
    return [(event["U"], event["u"]) for event in map(json.loads, frames)]


def joined(pairs: list[tuple[int, int]]) -> bool:
    return all(after[0] == before[1] + 1 for before, after in pairwise(pairs))


def so_many(count: int) -> Callable[[list[str]], bool]:
    return lambda frames: len(frames) >= count


def has_a_hole(frames: list[str]) -> bool:
    return not joined(ids(frames))


def repeats(frames: list[str]) -> bool:
    return len(frames) > len(set(ids(frames)))


def is_disordered(frames: list[str]) -> bool:
    return ids(frames) != sorted(ids(frames))


def test_a_gap_leaves_a_hole_in_the_ids(venue: Running) -> None:
    async def check(client: Client) -> None:
        async with client.socket(DEPTH) as socket:
            assert joined(ids(await client.changes(socket, so_many(3))))
            client.fault("gap", count=1, skip=1, market="spot")
            assert await client.changes(socket, has_a_hole)

    live(check, venue)


def test_a_duplicate_and_a_late_frame_come_again(venue: Running) -> None:
    async def check(client: Client) -> None:
        async with client.socket(DEPTH) as socket:
            client.fault("duplicate", count=1)
            assert await client.changes(socket, repeats)
            client.fault("late", count=1, delay_ms=1_000)
            assert repeats(await client.changes(socket, is_disordered))

    live(check, venue)


def test_frames_change_places(venue: Running) -> None:
    async def check(client: Client) -> None:
        async with client.socket(DEPTH) as socket:
            client.fault("reorder", count=1)
            assert joined(sorted(ids(await client.changes(socket, is_disordered))))

    live(check, venue)


def test_lag_delays_and_keeps_the_order(venue: Running) -> None:
    async def check(client: Client) -> None:
        async with client.socket(DEPTH) as socket:
            client.fault("lag", count=1, delay_ms=600)
            started = time.monotonic()
            assert joined(ids(await client.changes(socket, so_many(2))))
            assert time.monotonic() - started > 0.6

    live(check, venue)


def test_a_silent_channel_is_on_a_socket_that_answers_pings(venue: Running) -> None:
    async def check(client: Client) -> None:
        async with client.socket("/stream?streams=btcusdt@depth@100ms/btcusdt@trade") as socket:
            client.fault("silent", stream="*@depth*")
            client.venue.asked("POST", "/external", SPOT | {"bids": [["97.00", "3"]]})
            await asyncio.sleep(0.3)
            client.fill()
            assert (await socket.receive_json())["stream"] == "btcusdt@trade"
            await socket.ping()

    live(check, venue)


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        ({"kind": "malformed", "how": "truncated"}, ""),
        ({"kind": "malformed", "how": "unknown_event"}, "eventOfTomorrow"),
        ({"kind": "absurd_levels", "how": "negative"}, "-1.00000000"),
        ({"kind": "absurd_levels", "how": "not_a_number"}, "NaN"),
    ],
)
def test_frames_are_damaged(venue: Running, fault: dict[str, str], seen: str) -> None:
    async def check(client: Client) -> None:
        async with client.socket(DEPTH) as socket:
            client.fault(**fault, count=1)
            damaged, *_ = await client.changes(socket, so_many(1))
            assert seen in damaged
            if not seen:
                with pytest.raises(json.JSONDecodeError):
                    json.loads(damaged)

    live(check, venue)


def test_a_disconnect_is_a_reset_without_a_close_frame(venue: Running) -> None:
    async def check(client: Client) -> None:
        async with client.socket(DEPTH) as one, client.socket(DEPTH) as other:
            client.fault("disconnect", market="spot", connection="stream", count=1)
            assert (await one.receive()).type in RESET
            assert one.close_code in (None, 1006)
            assert await client.changes(other, so_many(1))

    live(check, venue)


def test_the_reset_is_one_of_tcp(venue: Running) -> None:
    with socket.create_connection(("127.0.0.1", venue.ready["port"]), timeout=WITHIN_S) as raw:
        raw.sendall(
            b"GET /ws/btcusdt@trade HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert raw.recv(4096).startswith(b"HTTP/1.1 101")
        assert venue.asked("POST", "/fault", {"kind": "disconnect"}) == {"hit": 1}
        with pytest.raises(ConnectionResetError):
            raw.recv(4096)


def test_a_half_open_socket_neither_speaks_nor_closes(venue: Running) -> None:
    async def check(client: Client) -> None:
        async with client.socket(DEPTH) as socket, client.socket(DEPTH) as other:
            client.fault("half_open", market="spot", connection="stream", count=1)
            assert await client.changes(other, so_many(2))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(socket.receive(), 0.5)
            assert not socket.closed
            client.fault("disconnect")

    live(check, venue)


def test_connections_are_refused_for_a_while(venue: Running) -> None:
    async def check(client: Client) -> None:
        client.fault("refuse_connections", connection="stream", count=1)
        with pytest.raises(aiohttp.ClientError):
            async with client.socket(DEPTH):
                pass
        async with client.socket(DEPTH) as socket:
            assert await client.changes(socket, so_many(1))

    live(check, venue)


def test_a_shutdown_is_announced_and_then_done(venue: Running) -> None:
    async def check(client: Client) -> None:
        async with client.socket(DEPTH) as socket:
            client.fault("server_shutdown", market="spot", delay_ms=100)
            assert (await socket.receive_json())["e"] == "serverShutdown"
            assert (await socket.receive()).type in (*RESET, aiohttp.WSMsgType.CLOSE)

    live(check, venue)


def test_a_user_stream_of_spot_ends_by_its_own_event(venue: Running) -> None:
    async def check(client: Client) -> None:
        async with client.socket("/ws-api/v3") as socket:
            await client.subscribed(socket)
            client.fault("event_stream_terminated")
            assert (await socket.receive_json())["event"]["e"] == "eventStreamTerminated"

    live(check, venue)


def test_a_listen_key_expires_at_once(venue: Running) -> None:
    async def check(client: Client) -> None:
        _, key = await client.rest("POST", "/fapi/v1/listenKey")
        async with client.socket(f"/private/ws/{key['listenKey']}") as socket:
            client.fault("listen_key_expired")
            assert (await socket.receive_json())["e"] == "listenKeyExpired"
        status, _ = await client.rest("PUT", "/fapi/v1/listenKey")
        assert status == 400

    live(check, venue)


def test_an_order_is_placed_though_its_answer_is_lost(venue: Running) -> None:
    async def check(client: Client) -> None:
        client.fault("lost_answer", count=1, acted=True, how="close")
        with pytest.raises(aiohttp.ClientError):
            await client.buy("lost")
        assert (await client.status("lost"))[1]["status"] == "NEW"
        client.fill()

    live(check, venue)


def test_an_order_is_not_placed_where_the_request_is_lost(venue: Running) -> None:
    async def check(client: Client) -> None:
        client.fault("lost_answer", count=1, acted=False, how="hang")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.buy("never"), 0.5)
        assert await client.status("never") == (
            400,
            {"code": -2013, "msg": "Order does not exist."},
        )

    live(check, venue)


def test_a_server_error_may_hide_an_order(venue: Running) -> None:
    async def check(client: Client) -> None:
        body = {"code": -1007, "message": "Timeout waiting for response from backend server."}
        client.fault("status", route="POST */order", status=503, acted=True, count=1, **body)
        status, answer = await client.buy("hidden")
        assert (status, answer["code"]) == (503, -1007)
        assert (await client.status("hidden"))[1]["status"] == "NEW"
        client.fill()

    live(check, venue)


def test_an_order_is_rejected_with_the_code_that_was_named(venue: Running) -> None:
    async def check(client: Client) -> None:
        client.fault("reject", count=1, code=-2010, message="Order would immediately match.")
        assert await client.buy("refused") == (
            400,
            {"code": -2010, "msg": "Order would immediately match."},
        )

    live(check, venue)


def test_a_fault_hits_the_websocket_api_as_well(venue: Running) -> None:
    async def check(client: Client) -> None:
        async with client.socket("/ws-api/v3") as socket:
            fault = {"status": 418, "code": -1003, "message": "banned", "retry_after_s": 5}
            client.fault("status", route="WS time", count=1, **fault)
            await socket.send_json({"id": 7, "method": "time"})
            answer = await socket.receive_json()
            assert (answer["id"], answer["status"], answer["error"]["code"]) == (7, 418, -1003)
            assert answer["error"]["data"]["retryAfter"] > time.time() * 1000
            client.fault("lost_answer", route="WS time", acted=False, how="close", count=1)
            await socket.send_json({"id": 8, "method": "time"})
            assert (await socket.receive()).type in RESET

    live(check, venue)


async def executions(socket: aiohttp.ClientWebSocketResponse, until: str) -> Told:
    told: Told = []
    while not told or (told[-1]["c"], told[-1]["X"]) != (until, "FILLED"):
        event = (await socket.receive_json())["event"]
        if event["e"] == "executionReport":
            told.append(event)
    return told


@pytest.mark.parametrize("how", ["same", "filled_again"])
def test_a_fill_is_told_twice(venue: Running, how: str) -> None:
    async def check(client: Client) -> None:
        async with client.socket("/ws-api/v3") as socket:
            await client.subscribed(socket)
            client.fault("double_fill", how=how, count=1)
            for name in ("twice", "once"):
                await client.buy(name + how)
                client.fill()
            told = await executions(socket, "once" + how)
            fills = [event for event in told if event["x"] == "TRADE"]
            assert [event["c"] for event in fills] == ["twice" + how] * 2 + ["once" + how]
            assert fills[0]["t"] == fills[1]["t"]
            assert (fills[0]["I"] == fills[1]["I"]) == (how == "same")

    live(check, venue)


def test_one_user_event_is_lost_on_a_healthy_stream(venue: Running) -> None:
    async def check(client: Client) -> None:
        async with client.socket("/ws-api/v3") as socket:
            await client.subscribed(socket)
            await client.buy("unheard")
            while (await socket.receive_json())["event"]["e"] != "outboundAccountPosition":
                pass
            client.fault("dropped_user_event", stream="user*@executionReport", count=1)
            client.fill()
            await client.buy("heard")
            client.fill()
            told = await executions(socket, "heard")
            assert "unheard" not in [event["c"] for event in told]
            assert (await client.status("unheard"))[1]["status"] == "FILLED"

    live(check, venue)


def test_data_may_be_down_while_orders_are_taken(venue: Running) -> None:
    async def check(client: Client) -> None:
        async with client.socket(DEPTH) as socket:
            client.fault("maintenance", market="spot", down="data")
            assert (await socket.receive()).type in RESET
            status, _ = await client.rest("GET", "/api/v3/depth", symbol="BTCUSDT")
            assert status == 503
            assert (await client.buy("up"))[0] == 200
            client.fill()
            client.venue.asked("DELETE", "/faults")
            client.fault("maintenance", market="spot", down="orders")
            assert (await client.buy("down"))[0] == 503
            status, _ = await client.rest("GET", "/api/v3/time")
            assert status == 200

    live(check, venue)
