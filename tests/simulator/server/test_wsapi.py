"""The WebSocket API: sessions, subscriptions, errors and what a fault does to one request."""

import asyncio
from base64 import b64encode
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.simulator.server.running import Client, hear, hear_event, sign, venue
from trading_runtime.simulator.exchange.words import MarketKind
from trading_runtime.simulator.faults.words import LostAnswer, Slow
from trading_runtime.simulator.server.settings import Key
from trading_runtime.simulator.server.symbols import TRADER, WATCHDOG

ORDER = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.01",
    "price": "49000.00",
}
SPOT = "/ws-api/v3"
USDM = "/ws-fapi/v1"


def test_a_session_logs_on_once_and_then_needs_no_signature(tmp_path: Path) -> None:
    private = Ed25519PrivateKey.generate()
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    key = Key(key="ed", owner="default", public_pem=pem.decode())

    async def run() -> None:
        async with (
            venue(tmp_path, keys=(TRADER, WATCHDOG, key)) as client,
            client.session.ws_connect(client.ws_base + SPOT) as api,
        ):
            client.quote(MarketKind.SPOT, "50000", "50001")
            now = client.simulator.clock.now_ms()
            signature = b64encode(private.sign(f"apiKey=ed&timestamp={now}".encode())).decode()
            params = {"apiKey": "ed", "timestamp": now, "signature": signature}
            answer = await client.ask(api, "session.logon", params, key=None)
            assert (answer["status"], answer["result"]["apiKey"]) == (200, "ed")
            answer = await client.ask(api, "userDataStream.subscribe", key=None)
            assert answer["result"] == {"subscriptionId": 0}
            answer = await client.ask(api, "order.place", ORDER, key=None)
            assert answer["error"]["code"] == -1102  # a timestamp it still must carry
            answer = await client.ask(api, "order.place", ORDER | {"timestamp": now}, key=None)
            assert answer["status"] == 200
            status = (await client.ask(api, "session.status", key=None))["result"]
            assert status["userDataStream"] is True
            await client.ask(api, "session.logout", key=None)
            answer = await client.ask(api, "order.place", ORDER | {"timestamp": now}, key=None)
            assert (answer["status"], answer["error"]["code"]) == (401, -2014)

    asyncio.run(run())


def test_only_ed25519_keys_may_log_on(tmp_path: Path) -> None:
    async def run() -> None:
        async with (
            venue(tmp_path) as client,
            client.session.ws_connect(client.ws_base + SPOT) as api,
        ):
            assert (await client.ask(api, "session.logon"))["status"] == 400

    asyncio.run(run())


def test_an_account_is_subscribed_once_on_a_connection(tmp_path: Path) -> None:
    async def run() -> None:
        async with (
            venue(tmp_path) as client,
            client.session.ws_connect(client.ws_base + SPOT) as api,
        ):
            method = "userDataStream.subscribe.signature"
            assert (await client.ask(api, method))["result"] == {"subscriptionId": 0}
            assert (await client.ask(api, method))["error"]["code"] == -2035
            await api.send_json({"id": 1, "method": "userDataStream.unsubscribe"})
            assert (await hear_event(api, "eventStreamTerminated"))["E"] > 0
            assert (await hear(api))["result"] == {}
            assert (await client.ask(api, method))["result"] == {"subscriptionId": 1}
            assert client.simulator.end_subscriptions() == 1
            assert (await hear_event(api, "eventStreamTerminated"))["E"] > 0

    asyncio.run(run())


def test_every_subscriber_of_an_account_hears_its_events_in_order(tmp_path: Path) -> None:
    async def run() -> None:
        async with (
            venue(tmp_path) as client,
            client.session.ws_connect(client.ws_base + SPOT) as one,
            client.session.ws_connect(client.ws_base + SPOT) as two,
        ):
            client.quote(MarketKind.SPOT, "50000", "50001")
            await client.ask(one, "userDataStream.subscribe.signature")
            await client.ask(two, "userDataStream.subscribe.signature", key=WATCHDOG)
            for _ in range(10):
                await client.ask(one, "order.place", ORDER)
            first = [message["event"] for message in client.heard]
            second = [(await hear(two))["event"] for _ in first]
            assert first == second
            numbers = [event["I"] for event in second if event["e"] == "executionReport"]
            assert numbers == sorted(numbers)
            assert len(numbers) == 10

    asyncio.run(run())


def test_the_number_in_json_is_signed_as_it_was_written(tmp_path: Path) -> None:
    async def run() -> None:
        async with (
            venue(tmp_path) as client,
            client.session.ws_connect(client.ws_base + USDM) as api,
        ):
            client.quote(MarketKind.USDM, "50000", "50001")
            now = client.simulator.clock.now_ms()
            params = (
                f'"apiKey":"{TRADER.key}","positionSide":"BOTH","price":49000.0,"quantity":0.10,'
                f'"side":"BUY","symbol":"BTCUSDT","timeInForce":"GTC","timestamp":{now},'
                '"type":"LIMIT"'
            )
            signed = params.replace('"', "").replace(",", "&").replace(":", "=")
            text = f'{{"id":7,"method":"order.place","params":{{{params},"signature":"{{}}"}}}}'
            await api.send_str(text.replace("{}", sign(signed, TRADER)))
            answer = await hear(api)
            assert (answer["id"], answer["status"]) == (7, 200)
            assert answer["result"]["origQty"] == "0.100"

    asyncio.run(run())


def test_limits_are_shown_unless_they_are_not_wanted(tmp_path: Path) -> None:
    async def run() -> None:
        async with venue(tmp_path) as client:
            client.quote(MarketKind.SPOT, "50000", "50001")
            async with client.session.ws_connect(client.ws_base + SPOT) as api:
                placed = await client.ask(api, "order.place", ORDER)
                kinds = [limit["rateLimitType"] for limit in placed["rateLimits"]]
                assert kinds == ["ORDERS", "ORDERS", "REQUEST_WEIGHT"]
                quiet = await client.ask(api, "time", {"returnRateLimits": False}, key=None)
                assert "rateLimits" not in quiet
            url = f"{client.ws_base}{SPOT}?returnRateLimits=false"
            async with client.session.ws_connect(url) as api:
                assert "rateLimits" not in await client.ask(api, "time", key=None)

    asyncio.run(run())


async def refused(client: Client, text: str) -> Any:
    async with client.session.ws_connect(client.ws_base + SPOT) as api:
        await api.send_str(text)
        answer = await hear(api)
        return answer["id"], answer["status"], answer["error"]["code"]


def test_what_is_no_request_is_refused_and_the_connection_stays(tmp_path: Path) -> None:
    async def run() -> None:
        async with venue(tmp_path) as client:
            assert await refused(client, "{") == (None, 400, -1135)
            assert await refused(client, "[]") == (None, 400, -1135)
            assert await refused(client, '{"id":3,"method":"nothing"}') == (3, 400, -1020)
            text = '{"id":"a","method":"depth","params":{}}'
            assert await refused(client, text) == ("a", 400, -1102)

    asyncio.run(run())


def test_a_slow_request_does_not_hold_up_the_next(tmp_path: Path) -> None:
    async def run() -> None:
        async with (
            venue(tmp_path) as client,
            client.session.ws_connect(client.ws_base + SPOT) as api,
        ):
            fault = Slow(route="WS time", delay_ms=100, count=1)
            client.simulator.board.order(fault, client.simulator.exchange)
            await api.send_json({"id": 1, "method": "time"})
            await api.send_json({"id": 2, "method": "ping"})
            assert [(await hear(api))["id"] for _ in range(2)] == [2, 1]

    asyncio.run(run())


def test_a_request_whose_answer_is_lost_was_acted_on(tmp_path: Path) -> None:
    async def run() -> None:
        async with (
            venue(tmp_path) as client,
            client.session.ws_connect(client.ws_base + SPOT) as api,
        ):
            client.quote(MarketKind.SPOT, "50000", "50001")
            client.simulator.board.order(LostAnswer(count=1), client.simulator.exchange)
            now = client.simulator.clock.now_ms()
            params = dict(sorted({**ORDER, "apiKey": TRADER.key, "timestamp": now}.items()))
            text = "&".join(f"{name}={value}" for name, value in params.items())
            params["signature"] = sign(text, TRADER)
            await api.send_json({"id": 1, "method": "order.place", "params": params})
            answer = await client.ask(api, "openOrders.status", {"symbol": "BTCUSDT"})
            assert len(answer["result"]) == 1
            assert client.heard == []

    asyncio.run(run())


def test_a_venue_that_stops_drops_what_is_still_waiting(tmp_path: Path) -> None:
    async def run() -> None:
        async with (
            venue(tmp_path) as client,
            client.session.ws_connect(client.ws_base + SPOT) as api,
        ):
            fault = Slow(route="WS time", delay_ms=60_000)
            client.simulator.board.order(fault, client.simulator.exchange)
            await api.send_json({"id": 1, "method": "time"})
            assert (await client.ask(api, "ping", key=None))["status"] == 200

    asyncio.run(run())
