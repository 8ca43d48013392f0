"""What REST refuses, and with which status, code and headers."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from tests.simulator.server.running import Client, market, sign, venue
from trading_runtime.simulator.exchange.words import MarketKind
from trading_runtime.simulator.faults.words import LostAnswer, RefusedStatus, Reject, Slow
from trading_runtime.simulator.server.settings import SPOT_LIMITS
from trading_runtime.simulator.server.symbols import TRADER, default_spot

ORDER = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.01",
    "price": "49000",
}


async def raw(client: Client, query: str, key: str = TRADER.key) -> tuple[int, Any]:
    url = f"{client.base}/api/v3/account?{query}"
    async with client.session.get(url, headers={"X-MBX-APIKEY": key}) as answer:
        return answer.status, (await answer.json())["code"]


def test_a_request_without_proof_of_who_sent_it_is_refused(tmp_path: Path) -> None:
    async def run() -> None:
        async with venue(tmp_path) as client:
            now = client.simulator.clock.now_ms()
            good = f"timestamp={now}"
            wrong = sign("something else", TRADER)
            late, early = f"timestamp={now - 6000}", f"timestamp={now + 2000}"
            wide = f"recvWindow=60001&timestamp={now}"
            assert await raw(client, good, "") == (401, -2014)
            assert await raw(client, good, "nobody") == (401, -2015)
            assert await raw(client, good) == (400, -1102)
            assert await raw(client, "signature=00") == (400, -1102)
            assert await raw(client, f"{good}&signature={wrong}") == (400, -1022)
            assert await raw(client, f"{late}&signature={sign(late, TRADER)}") == (400, -1021)
            assert await raw(client, f"{early}&signature={sign(early, TRADER)}") == (400, -1021)
            assert await raw(client, f"{wide}&signature={sign(wide, TRADER)}") == (400, -1131)
            assert (await raw(client, f"timestamp=now&signature={wrong}"))[1] == -1100

    asyncio.run(run())


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"side": "HOLD"}, -1117),
        ({"type": "MAYBE"}, -1116),
        ({"timeInForce": "NEVER"}, -1115),
        ({"symbol": "NOSUCH"}, -1121),
        ({"price": "abc"}, -1100),
        ({"price": ""}, -1105),
        ({"surprise": "1"}, -1104),
        ({"quantity": "0.000001"}, -1013),
        ({"selfTradePreventionMode": "OFTEN"}, -1130),
        ({"newOrderRespType": "LONG"}, -1130),
    ],
)
def test_a_wrong_parameter_is_refused_by_its_code(
    tmp_path: Path, change: dict[str, str], code: int
) -> None:
    async def run() -> None:
        async with venue(tmp_path) as client:
            client.quote(MarketKind.SPOT, "50000", "50001")
            status, answer = await client.call("POST", "/api/v3/order", ORDER | change)
            assert (status, answer["code"]) == (400, code)
            assert (await client.call("GET", "/api/v3/openOrders"))[1] == []

    asyncio.run(run())


@pytest.mark.parametrize("name", ["symbol", "side", "type", "timeInForce", "quantity", "price"])
def test_a_missing_parameter_is_named(tmp_path: Path, name: str) -> None:
    async def run() -> None:
        async with venue(tmp_path) as client:
            params = {key: value for key, value in ORDER.items() if key != name}
            _, answer = await client.call("POST", "/api/v3/order", params)
            assert answer["code"] == -1102
            assert f"'{name}'" in answer["msg"]

    asyncio.run(run())


def test_a_parameter_sent_twice_is_refused(tmp_path: Path) -> None:
    async def run() -> None:
        async with venue(tmp_path) as client:
            status, answer, _ = await client.get("/api/v3/depth?symbol=BTCUSDT&symbol=ETHUSDT")
            assert (status, answer["code"]) == (400, -1101)

    asyncio.run(run())


def test_query_string_and_form_are_signed_together(tmp_path: Path) -> None:
    async def run() -> None:
        async with venue(tmp_path) as client:
            client.quote(MarketKind.SPOT, "50000", "50001")
            query = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC"
            body = f"quantity=0.01&price=49000&timestamp={client.simulator.clock.now_ms()}"
            signature = sign(query + body, TRADER)
            headers = {
                "X-MBX-APIKEY": TRADER.key,
                "Content-Type": "application/x-www-form-urlencoded",
            }
            url = f"{client.base}/api/v3/order?{query}"
            async with client.session.post(
                url, data=f"{body}&signature={signature}", headers=headers
            ) as answer:
                assert answer.status == 200

    asyncio.run(run())


def test_a_successful_order_costs_no_weight_and_a_refused_one_does(tmp_path: Path) -> None:
    async def run() -> None:
        async with venue(tmp_path) as client:
            client.quote(MarketKind.SPOT, "50000", "50001")

            async def weight() -> int:
                return int((await client.get("/api/v3/ping"))[2]["X-MBX-USED-WEIGHT-1M"])

            before = await weight()
            assert (await client.call("POST", "/api/v3/order", ORDER))[0] == 200
            assert await weight() == before + 1
            assert (await client.call("POST", "/api/v3/order", ORDER | {"side": "?"}))[0] == 400
            assert await weight() == before + 3

    asyncio.run(run())


def test_order_counts_are_in_the_headers_and_their_limit_holds(tmp_path: Path) -> None:
    async def run() -> None:
        few = msgspec.structs.replace(SPOT_LIMITS, orders_10s=2)
        async with venue(tmp_path, spot=market(default_spot(), limits=few)) as client:
            client.quote(MarketKind.SPOT, "50000", "50001")
            url = f"{client.base}/api/v3/order"
            headers = {"X-MBX-APIKEY": TRADER.key}
            codes, shown, waits = [], [], []
            for _ in range(4):
                text = client.signed(ORDER)
                async with client.session.post(f"{url}?{text}", headers=headers) as answer:
                    codes.append(answer.status)
                    shown.append(answer.headers["X-MBX-ORDER-COUNT-10S"])
                    waits.append(answer.headers.get("Retry-After"))
            # A window may end in between: of four orders at most two more pass.
            assert codes[:2] == [200, 200]
            assert 429 in codes
            refused = codes.index(429)
            assert shown[refused] == "2"
            assert 1 <= int(str(waits[refused])) <= 10

    asyncio.run(run())


def test_too_much_weight_is_throttled_then_banned(tmp_path: Path) -> None:
    async def run() -> None:
        tight = msgspec.structs.replace(SPOT_LIMITS, weight_minute=3, refusals_max=2)
        async with venue(tmp_path, spot=market(default_spot(), limits=tight)) as client:
            answers = [await client.get("/api/v3/ping") for _ in range(12)]
            statuses = [status for status, _, _ in answers]
            assert statuses[0] == 200
            assert 429 in statuses
            assert statuses[-1] == 418
            for status, answer, headers in answers:
                if status != 200:
                    assert answer["code"] == -1003
                    assert int(headers["Retry-After"]) >= 1

    asyncio.run(run())


def test_an_unknown_path_is_not_found(tmp_path: Path) -> None:
    async def run() -> None:
        async with venue(tmp_path) as client:
            assert (await client.get("/api/v3/nothing"))[0] == 404
            assert (await client.get("/api/v4/ping"))[0] == 404

    asyncio.run(run())


def test_a_skewed_clock_refuses_who_is_right(tmp_path: Path) -> None:
    async def run() -> None:
        async with venue(tmp_path) as client:
            text = client.signed({})
            client.simulator.board.skew_ns = 6_000_000_000
            url = f"{client.base}/api/v3/account?{text}"
            async with client.session.get(url, headers={"X-MBX-APIKEY": TRADER.key}) as answer:
                assert (await answer.json())["code"] == -1021

    asyncio.run(run())


def test_a_fault_answers_in_the_venues_place(tmp_path: Path) -> None:
    async def run() -> None:
        async with venue(tmp_path) as client:
            client.quote(MarketKind.SPOT, "50000", "50001")
            board, exchange = client.simulator.board, client.simulator.exchange
            board.order(Reject(count=1), exchange)
            status, answer = await client.call("POST", "/api/v3/order", ORDER)
            assert (status, answer["code"]) == (400, -2010)
            assert (await client.call("GET", "/api/v3/openOrders"))[1] == []
            fault = RefusedStatus(route="POST */order", status=503, count=1, acted=True)
            board.order(fault, exchange)
            url = f"{client.base}/api/v3/order?{client.signed(ORDER)}"
            async with client.session.post(url, headers={"X-MBX-APIKEY": TRADER.key}) as lost:
                assert (lost.status, lost.content_type) == (503, "text/html")
            assert len((await client.call("GET", "/api/v3/openOrders"))[1]) == 1
            board.order(Slow(route="GET */time", delay_ms=50, count=1), exchange)
            assert (await client.get("/api/v3/time"))[0] == 200

    asyncio.run(run())


@pytest.mark.parametrize("how", ["hang", "close"])
def test_a_lost_answer_leaves_the_order_placed(tmp_path: Path, how: str) -> None:
    async def run() -> None:
        async with venue(tmp_path) as client:
            client.quote(MarketKind.SPOT, "50000", "50001")
            fault = msgspec.convert({"kind": "lost_answer", "how": how, "count": 1}, LostAnswer)
            client.simulator.board.order(fault, client.simulator.exchange)
            with pytest.raises((TimeoutError, aiohttp.ClientError)):
                await asyncio.wait_for(client.call("POST", "/api/v3/order", ORDER), 1.0)
            assert len((await client.call("GET", "/api/v3/openOrders"))[1]) == 1

    asyncio.run(run())
