"""The whole way: place, hear of it, fill, cancel, on both markets and both kinds of connection."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
import uvloop

from tests.simulator.server.running import Client, hear, hear_event, market, until, venue
from trading_runtime.simulator.exchange.amounts import units
from trading_runtime.simulator.exchange.words import MarketKind, Side
from trading_runtime.simulator.server.settings import Pulse
from trading_runtime.simulator.server.symbols import WATCHDOG, default_spot

Script = Callable[[Client], Awaitable[None]]
LIMIT = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.010",
}


def sell_into(client: Client, kind: MarketKind, price: str, quantity: str) -> None:
    simulator = client.simulator
    simulator.exchange(kind).external_trade(
        "BTCUSDT", Side.SELL, units(price), units(quantity), simulator.now()
    )
    simulator.publish(kind)


async def spot_script(client: Client) -> None:
    client.quote(MarketKind.SPOT, "50000", "50001")
    async with client.session.ws_connect(f"{client.ws_base}/ws-api/v3") as api:
        assert (await client.ask(api, "userDataStream.subscribe.signature"))["status"] == 200
        await api.send_json({"id": 1, "method": "time"})
        assert (await hear(api))["result"]["serverTime"] > 0
        status, order = await client.call(
            "POST", "/api/v3/order", {**LIMIT, "price": "50000.50", "newClientOrderId": "mine"}
        )
        assert (status, order["status"]) == (200, "NEW")
        report = await hear_event(api, "executionReport")
        assert (report["x"], report["c"], report["i"]) == ("NEW", "mine", order["orderId"])
        locked = await hear_event(api, "outboundAccountPosition")
        assert locked["B"] == [{"a": "USDT", "f": "999499.99500000", "l": "500.00500000"}]
        sell_into(client, MarketKind.SPOT, "50000.50", "0.004")
        fill = await hear_event(api, "executionReport")
        assert (fill["x"], fill["X"], fill["l"], fill["m"]) == (
            "TRADE",
            "PARTIALLY_FILLED",
            "0.00400000",
            True,
        )
        status, ended = await client.call(
            "DELETE", "/api/v3/order", {"symbol": "BTCUSDT", "origClientOrderId": "mine"}
        )
        assert (status, ended["status"], ended["executedQty"]) == (200, "CANCELED", "0.00400000")
        last = await hear_event(api, "executionReport")
        assert (last["x"], last["C"], last["c"]) == ("CANCELED", "mine", ended["clientOrderId"])


async def usdm_script(client: Client) -> None:
    client.quote(MarketKind.USDM, "50000", "50001")
    _, made = await client.call("POST", "/fapi/v1/listenKey")
    async with client.session.ws_connect(
        f"{client.ws_base}/private/ws/{made['listenKey']}"
    ) as user:
        status, order = await client.call(
            "POST",
            "/fapi/v1/order",
            {**LIMIT, "price": "50000.5", "newClientOrderId": "mine"},
            form=True,
        )
        assert (status, order["status"], order["price"]) == (200, "NEW", "50000.50")
        assert (await hear_event(user, "ORDER_TRADE_UPDATE"))["o"]["x"] == "NEW"
        sell_into(client, MarketKind.USDM, "50000.5", "0.004")
        lite = await hear_event(user, "TRADE_LITE")
        fill = (await hear_event(user, "ORDER_TRADE_UPDATE"))["o"]
        assert (lite["t"], lite["l"]) == (fill["t"], "0.004")
        assert (fill["X"], fill["z"], fill["m"]) == ("PARTIALLY_FILLED", "0.004", True)
        update = (await hear_event(user, "ACCOUNT_UPDATE"))["a"]
        assert update["P"][0]["pa"] == "0.004"
        status, ended = await client.call(
            "DELETE", "/fapi/v1/order", {"symbol": "BTCUSDT", "orderId": order["orderId"]}
        )
        assert (status, ended["status"]) == (200, "CANCELED")
        assert (await hear_event(user, "ORDER_TRADE_UPDATE"))["o"]["x"] == "CANCELED"
    _, risks = await client.call("GET", "/fapi/v3/positionRisk")
    assert [row["positionAmt"] for row in risks] == ["0.004"]


def test_a_spot_order_is_placed_partly_filled_and_cancelled(tmp_path: Path) -> None:
    async def run() -> None:
        async with venue(tmp_path) as client:
            await spot_script(client)

    asyncio.run(run())


@pytest.mark.parametrize("script", [spot_script, usdm_script])
def test_it_runs_on_the_faster_event_loop_too(tmp_path: Path, script: Script) -> None:
    async def run() -> None:
        async with venue(tmp_path) as client:
            await script(client)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


def test_a_usdm_order_is_placed_partly_filled_and_cancelled(tmp_path: Path) -> None:
    async def run() -> None:
        async with venue(tmp_path) as client:
            await usdm_script(client)

    asyncio.run(run())


def test_both_keys_act_for_one_account(tmp_path: Path) -> None:
    async def run() -> None:
        async with venue(tmp_path) as client:
            client.quote(MarketKind.SPOT, "50000", "50001")
            await client.call("POST", "/api/v3/order", {**LIMIT, "price": "49000"})
            _, seen = await client.call("GET", "/api/v3/openOrders", key=WATCHDOG)
            assert len(seen) == 1

    asyncio.run(run())


def test_tls_speaks_the_same_to_whoever_trusts_the_certificate(tmp_path: Path) -> None:
    async def run() -> None:
        async with venue(tmp_path, tls_port=0) as client:
            started = client.started
            context = ssl.create_default_context(cafile=started.certificate)
            context.verify_flags |= ssl.VERIFY_X509_STRICT
            base = f"https://localhost:{started.tls_port}"
            connector = aiohttp.TCPConnector(ssl=context)
            async with aiohttp.ClientSession(connector=connector) as session:
                async with session.get(f"{base}/api/v3/time") as answer:
                    assert (await answer.json())["serverTime"] > 0
                async with session.ws_connect(f"{base}/ws/btcusdt@bookTicker") as stream:
                    client.quote(MarketKind.SPOT, "50000", "50001")
                    assert (await hear(stream))["b"] == "50000.00000000"

    asyncio.run(run())


def test_a_stopping_venue_says_so_and_closes(tmp_path: Path) -> None:
    async def run() -> None:
        async with (
            venue(tmp_path) as client,
            client.session.ws_connect(f"{client.ws_base}/ws-api/v3") as api,
            client.session.ws_connect(f"{client.ws_base}/ws") as stream,
            client.session.ws_connect(f"{client.ws_base}/stream") as combined,
        ):
            await client.simulator.stop()
            wrapped = await hear(combined)
            assert (wrapped["stream"], wrapped["data"]["e"]) == (
                "!serverShutdown",
                "serverShutdown",
            )
            assert (await hear(api))["event"]["e"] == "serverShutdown"
            assert (await hear(stream))["e"] == "serverShutdown"
            assert (await stream.receive()).type is aiohttp.WSMsgType.CLOSE

    asyncio.run(run())


def test_the_venue_pings_and_cuts_who_does_not_answer(tmp_path: Path) -> None:
    async def run() -> None:
        quick = Pulse(ping_s=0.01, pong_s=0.5, life_s=3600)
        async with venue(tmp_path, spot=market(default_spot(), pulse=quick)) as client:
            url = f"{client.ws_base}/ws"
            async with (
                client.session.ws_connect(url, autoping=False) as mute,
                client.session.ws_connect(url) as alive,
            ):
                message = await mute.receive()
                assert message.type is aiohttp.WSMsgType.PING
                assert int(message.data) > 0
                reader = asyncio.create_task(alive.receive())
                await until(lambda: len(client.simulator.connections.among()) == 1)
                assert (await mute.receive()).type is aiohttp.WSMsgType.CLOSE
                assert not reader.done()
                reader.cancel()

    asyncio.run(run())


def test_a_connection_is_cut_when_it_has_lived_its_day(tmp_path: Path) -> None:
    async def run() -> None:
        short = market(default_spot(), pulse=Pulse(ping_s=20, pong_s=60, life_s=0.01))
        async with (
            venue(tmp_path, spot=short) as client,
            client.session.ws_connect(f"{client.ws_base}/ws") as stream,
        ):
            assert (await stream.receive()).type is aiohttp.WSMsgType.CLOSE

    asyncio.run(run())


def test_connections_that_come_and_go_leave_nothing_behind(tmp_path: Path) -> None:
    async def run() -> None:
        async with venue(tmp_path) as client:
            spot = client.simulator.venues[MarketKind.SPOT]
            for _ in range(50):
                url = f"{client.ws_base}/stream?streams=btcusdt@depth/btcusdt@trade"
                async with client.session.ws_connect(url) as stream:
                    await stream.send_json(
                        {"method": "SUBSCRIBE", "params": ["btcusdt@bookTicker"], "id": 1}
                    )
                    await hear(stream)
                async with client.session.ws_connect(f"{client.ws_base}/ws-api/v3") as api:
                    await client.ask(api, "userDataStream.subscribe.signature")
            await until(lambda: not client.simulator.connections.among())
            assert not spot.hub.open_streams()
            assert not spot.desk.heard(spot.account("default"))

    asyncio.run(run())
