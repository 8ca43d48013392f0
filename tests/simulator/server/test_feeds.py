"""Stream connections: paths, commands, the routes of usdm, and what faults do to them."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.simulator.server.gathered import stir
from tests.simulator.server.running import Client, hear, hear_event, until, venue
from trading_runtime.simulator.exchange.amounts import units
from trading_runtime.simulator.exchange.words import MarketKind, Side
from trading_runtime.simulator.faults.words import Duplicate, Gap, RefuseConnections
from trading_runtime.simulator.server.feeds import read_path
from trading_runtime.simulator.server.names import Route, StreamKind, read_name

SPOT = MarketKind.SPOT
USDM = MarketKind.USDM
QUICK = aiohttp.ClientWSTimeout(ws_close=0.1)
Socket = aiohttp.ClientWebSocketResponse


@pytest.mark.parametrize(
    ("path", "query", "market", "route", "combined", "streams"),
    [
        ("/ws", "", SPOT, Route.SPOT, False, ()),
        ("/ws/a@trade/b@trade", "", SPOT, Route.SPOT, False, ("a@trade", "b@trade")),
        ("/stream", "streams=a@trade/b@trade", SPOT, Route.SPOT, True, ("a@trade", "b@trade")),
        ("/public/ws/a@depth", "", USDM, Route.PUBLIC, False, ("a@depth",)),
        ("/market/stream", "streams=a@aggTrade", USDM, Route.MARKET, True, ("a@aggTrade",)),
        ("/private/ws", "listenKey=k&events=A/B", USDM, Route.PRIVATE, False, ("k",)),
        ("/fstream/ws/a@depth", "", USDM, Route.PUBLIC, False, ("a@depth",)),
        ("/fstream/private/ws/k", "", USDM, Route.PRIVATE, False, ("k",)),
    ],
)
def test_a_path_says_what_is_streamed(
    path: str,
    query: str,
    market: MarketKind,
    route: Route,
    combined: bool,  # noqa: FBT001 -- likewise
    streams: tuple[str, ...],
) -> None:
    read = read_path(path, query)
    assert read is not None
    assert (read.market, read.route, read.combined, read.streams) == (
        market,
        route,
        combined,
        streams,
    )


@pytest.mark.parametrize("path", ["/", "/api/v3/ping", "/public", "/private/other", "/wsx"])
def test_another_path_is_none_of_streams(path: str) -> None:
    assert read_path(path, "") is None


@pytest.mark.parametrize(
    ("market", "text", "kind", "every_ms"),
    [
        (SPOT, "btcusdt@depth", StreamKind.DEPTH, 1000),
        (SPOT, "btcusdt@depth@100ms", StreamKind.DEPTH, 100),
        (SPOT, "btcusdt@depth5@100ms", StreamKind.PARTIAL, 100),
        (USDM, "btcusdt@depth", StreamKind.DEPTH, 250),
        (USDM, "btcusdt@depth@0ms", StreamKind.DEPTH, 0),
        (USDM, "btcusdt@depth20@500ms", StreamKind.PARTIAL, 500),
        (USDM, "btcusdt@markPrice", StreamKind.MARK, 3000),
        (USDM, "btcusdt@markPrice@1s", StreamKind.MARK, 1000),
        (SPOT, "btcusdt@bookTicker", StreamKind.TOUCH, 0),
    ],
)
def test_a_name_says_what_and_how_often(
    market: MarketKind, text: str, kind: StreamKind, every_ms: int
) -> None:
    read = read_name(market, text)
    assert read is not None
    assert (read.kind, read.symbol, read.every_ms) == (kind, "BTCUSDT", every_ms)


@pytest.mark.parametrize("text", ["btcusdt@depth@0ms", "BTCUSDT@trade", "btcusdt", "@trade", ""])
def test_other_names_mean_nothing_on_spot(text: str) -> None:
    assert read_name(SPOT, text) is None


async def command(stream: Socket, method: str, *params: object) -> Any:
    await stream.send_json({"method": method, "params": list(params), "id": method})
    while True:
        message = await hear(stream)
        if message.get("id") == method:
            return message


def test_streams_are_joined_and_left_by_command(tmp_path: Path) -> None:
    async def run() -> None:
        async with (
            venue(tmp_path) as client,
            client.session.ws_connect(f"{client.ws_base}/ws") as stream,
        ):
            client.quote(SPOT, "50000", "50001")
            assert await command(stream, "SUBSCRIBE", "btcusdt@trade") == {
                "result": None,
                "id": "SUBSCRIBE",
            }
            listed = await command(stream, "LIST_SUBSCRIPTIONS")
            assert listed["result"] == ["btcusdt@trade"]
            stir(client, SPOT)
            assert (await hear(stream))["e"] == "trade"
            await command(stream, "SET_PROPERTY", "combined", True)
            stir(client, SPOT)
            assert (await hear(stream))["stream"] == "btcusdt@trade"
            assert (await command(stream, "NOTHING"))["error"]["code"] == 2

    asyncio.run(run())


def test_a_stream_that_was_left_is_silent(tmp_path: Path) -> None:
    async def run() -> None:
        async with (
            venue(tmp_path) as client,
            client.session.ws_connect(f"{client.ws_base}/ws/btcusdt@trade") as stream,
        ):
            client.quote(SPOT, "50000", "50001")
            await command(stream, "UNSUBSCRIBE", "btcusdt@trade")
            stir(client, SPOT)
            answer = await command(stream, "LIST_SUBSCRIPTIONS")
            assert answer["result"] == []
            assert client.simulator.venues[SPOT].hub.open_streams() == []

    asyncio.run(run())


async def silent(client: Client, url: str, *names: str) -> bool:
    """Subscribe, stir the market, and say whether nothing came before the next acknowledgement."""
    async with client.session.ws_connect(client.ws_base + url) as stream:
        await stream.send_json({"method": "SUBSCRIBE", "params": list(names), "id": 1})
        assert (await hear(stream)) == {"result": None, "id": 1}
        stir(client, USDM)
        await stream.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 2})
        return bool((await hear(stream)).get("id") == 2)


def test_a_usdm_stream_on_the_wrong_route_is_acknowledged_and_silent(tmp_path: Path) -> None:
    async def run() -> None:
        async with venue(tmp_path) as client:
            client.quote(USDM, "50000", "50001")
            touch, trades = "btcusdt@bookTicker", "btcusdt@aggTrade"
            assert not await silent(client, "/public/ws", touch)
            assert await silent(client, "/public/ws", trades)
            assert not await silent(client, "/market/ws", trades)
            assert await silent(client, "/market/ws", touch)
            assert not await silent(client, "/fstream/ws", touch)
            assert await silent(client, "/fstream/ws", trades)
            assert await silent(client, "/private/ws", touch, "no such key")

    asyncio.run(run())


def test_diffs_chain_without_a_gap_at_every_speed(tmp_path: Path) -> None:
    async def run() -> None:
        names = ["btcusdt@depth@0ms", "btcusdt@depth@100ms"]
        url = f"/public/stream?streams={'/'.join(names)}"
        async with (
            venue(tmp_path) as client,
            client.session.ws_connect(client.ws_base + url) as stream,
        ):
            client.quote(USDM, "50000", "50001")
            exchange, simulator = client.simulator.exchange(USDM), client.simulator
            for step in range(60):
                exchange.set_external(
                    "BTCUSDT", Side.BUY, units("49000"), units("1") + step, simulator.now()
                )
                exchange.set_external(
                    "BTCUSDT", Side.BUY, units("48000"), (step + 1) * units("1"), simulator.now()
                )
                simulator.publish(USDM)
                await asyncio.sleep(0.005)
            last: dict[str, int] = {}
            book: dict[str, dict[str, str]] = {name: {} for name in names}
            final = f"{60:.3f}"
            while any(book[name].get("48000.00") != final for name in names):
                message = await hear(stream)
                name, event = message["stream"], message["data"]
                assert event["pu"] == last.get(name, event["pu"])
                last[name] = event["u"]
                book[name] |= dict(event["b"])
            assert book[names[0]] == book[names[1]]

    asyncio.run(run())


def test_spot_diffs_and_the_snapshot_give_the_venues_book(tmp_path: Path) -> None:
    async def run() -> None:
        async with (
            venue(tmp_path) as client,
            client.session.ws_connect(f"{client.ws_base}/ws/btcusdt@depth@100ms") as stream,
        ):
            client.quote(SPOT, "50000", "50001")
            first = await hear(stream)
            _, snapshot, _ = await client.get("/api/v3/depth?symbol=BTCUSDT&limit=5000")
            stir(client, SPOT)
            second = await hear(stream)
            assert first["u"] <= snapshot["lastUpdateId"] == second["U"] - 1
            bids = dict(snapshot["bids"]) | dict(second["b"])
            _, now, _ = await client.get("/api/v3/depth?symbol=BTCUSDT&limit=5000")
            assert sorted(map(tuple, now["bids"])) == sorted(bids.items())

    asyncio.run(run())


def test_events_asked_for_are_the_only_ones_heard(tmp_path: Path) -> None:
    async def run() -> None:
        async with venue(tmp_path) as client:
            client.quote(USDM, "50000", "50001")
            key = (await client.call("POST", "/fapi/v1/listenKey"))[1]["listenKey"]
            url = f"{client.ws_base}/private/ws?listenKey={key}&events=ACCOUNT_UPDATE"
            order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
            async with client.session.ws_connect(url) as user:
                await client.call("POST", "/fapi/v1/order", order)
                assert (await hear(user))["e"] == "ACCOUNT_UPDATE"

    asyncio.run(run())


def test_a_listen_key_is_shared_and_can_be_ended(tmp_path: Path) -> None:
    async def run() -> None:
        async with venue(tmp_path, listen_key_s=0.2) as client:
            key = (await client.call("POST", "/fapi/v1/listenKey"))[1]["listenKey"]
            assert (await client.call("POST", "/fapi/v1/listenKey"))[1]["listenKey"] == key
            async with client.session.ws_connect(f"{client.ws_base}/private/ws/{key}") as user:
                assert (await hear_event(user, "listenKeyExpired"))["listenKey"] == key
            status, answer = await client.call("PUT", "/fapi/v1/listenKey")
            assert (status, answer["code"]) == (400, -1125)
            assert (await client.call("POST", "/fapi/v1/listenKey"))[1]["listenKey"] != key

    asyncio.run(run())


def test_faults_drop_and_double_what_is_pushed(tmp_path: Path) -> None:
    async def run() -> None:
        async with (
            venue(tmp_path) as client,
            client.session.ws_connect(f"{client.ws_base}/ws/btcusdt@trade") as stream,
        ):
            client.quote(SPOT, "50000", "50001")
            board, exchange = client.simulator.board, client.simulator.exchange
            board.order(Gap(stream="btcusdt@trade", count=1), exchange)
            stir(client, SPOT)
            board.clear()
            board.order(Duplicate(stream="btcusdt@trade", count=1), exchange)
            stir(client, SPOT)
            assert [(await hear(stream))["t"] for _ in range(2)] == [2, 2]

    asyncio.run(run())


def test_connections_can_be_refused_cut_and_half_opened(tmp_path: Path) -> None:
    async def run() -> None:
        async with venue(tmp_path) as client:
            simulator, url = client.simulator, f"{client.ws_base}/ws/btcusdt@trade"
            client.quote(SPOT, "50000", "50001")
            async with client.session.ws_connect(url) as stream:
                assert simulator.abort(SPOT, "stream", None) == 1
                assert (await stream.receive()).type in (
                    aiohttp.WSMsgType.CLOSED,
                    aiohttp.WSMsgType.ERROR,
                )
            await until(lambda: not simulator.connections.among())
            async with client.session.ws_connect(url, timeout=QUICK) as stream:
                assert simulator.half_open(SPOT, "*", 1) == 1
                stir(client, SPOT)
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(stream.receive(), 0.1)
                assert simulator.connections.among(SPOT)
                simulator.abort(SPOT, "*", None)
            simulator.board.order(RefuseConnections(), simulator.exchange)
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await client.session.ws_connect(url)

    asyncio.run(run())


def test_too_many_messages_end_a_stream_connection(tmp_path: Path) -> None:
    async def run() -> None:
        async with (
            venue(tmp_path) as client,
            client.session.ws_connect(f"{client.ws_base}/ws") as stream,
        ):
            for number in range(20):
                await stream.send_json({"method": "LIST_SUBSCRIPTIONS", "id": number})
            while (message := await stream.receive()).type is aiohttp.WSMsgType.TEXT:
                pass
            assert message.type is aiohttp.WSMsgType.CLOSE

    asyncio.run(run())
