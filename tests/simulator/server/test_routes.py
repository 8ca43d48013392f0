"""Whatever is sent to whatever endpoint, the answer is the venue's: never a crash."""

import asyncio
import random
from pathlib import Path

from tests.simulator.server.running import Client, venue
from trading_runtime.simulator.exchange.words import MarketKind
from trading_runtime.simulator.server import actions_spot, actions_usdm, reports_usdm
from trading_runtime.simulator.server.actions import Security
from trading_runtime.simulator.server.wsapi import METHODS

ROUTES = actions_spot.REST | actions_usdm.REST | reports_usdm.REST
NAMES = [
    "symbol",
    "symbols",
    "side",
    "type",
    "timeInForce",
    "quantity",
    "price",
    "quoteOrderQty",
    "newClientOrderId",
    "orderId",
    "origClientOrderId",
    "newOrderRespType",
    "limit",
    "startTime",
    "endTime",
    "fromId",
    "leverage",
    "countdownTime",
    "batchOrders",
    "orderIdList",
    "origClientOrderIdList",
    "marginType",
    "dualSidePosition",
    "multiAssetsMargin",
    "newQty",
    "cancelReplaceMode",
    "cancelOrderId",
    "cancelOrigClientOrderId",
    "recvWindow",
    "incomeType",
    "reduceOnly",
    "positionSide",
    "selfTradePreventionMode",
    "cancelRestrictions",
]
VALUES = [
    "BTCUSDT",
    "NOSUCH",
    "BUY",
    "SELL",
    "LIMIT",
    "MARKET",
    "LIMIT_MAKER",
    "GTC",
    "IOC",
    "FOK",
    "GTX",
    "0",
    "1",
    "0.01",
    "50000",
    "50000.5",
    "99999999999999999999",
    "0.000000000001",
    "-1",
    "1e5",
    "abc",
    "[]",
    "[1]",
    '["BTCUSDT"]',
    "[1.5]",
    "{}",
    "[{}]",
    "true",
    "ACK",
    "RESULT",
    "FULL",
    "STOP_ON_FAILURE",
    "ALLOW_FAILURE",
    "CROSSED",
    "BOTH",
    "LONG",
    "ONLY_NEW",
    "ä",
    "%",
    "&",
    "1700000000000",
]
ROUNDS = 12
DICE = random.Random(7)  # noqa: S311 -- must repeat, keeps no secret


async def tried(client: Client, dice: random.Random) -> list[str]:
    """Send nonsense to every route; name those that answered with anything but JSON of theirs."""
    failed = []
    for (method, path), action in ROUTES.items():
        for _ in range(ROUNDS):
            count = dice.randrange(10)
            params = {name: dice.choice(VALUES) for name in dice.sample(NAMES, count)}
            if dice.random() < 0.7:
                params["symbol"] = "BTCUSDT"
            form = method in ("POST", "PUT", "DELETE") and dice.random() < 0.5
            status, answer = await client.call(method, path, params, form=form)
            if status >= 500 or (status != 200 and "code" not in answer):
                failed.append(f"{method} {path} {params} {status} {answer}")
        if action.security is Security.OPEN and (await client.get(path))[0] >= 500:
            failed.append(path)
    return failed


def test_nonsense_is_refused_by_every_route(tmp_path: Path) -> None:
    async def run() -> None:
        async with venue(tmp_path) as client:
            for kind in MarketKind:
                client.quote(kind, "50000", "50001")
            assert await tried(client, DICE) == []

    asyncio.run(run())


def test_nonsense_is_refused_by_every_method(tmp_path: Path) -> None:
    async def run() -> None:
        dice = DICE
        async with venue(tmp_path) as client:
            for kind, path in ((MarketKind.SPOT, "/ws-api/v3"), (MarketKind.USDM, "/ws-fapi/v1")):
                client.quote(kind, "50000", "50001")
                async with client.session.ws_connect(client.ws_base + path) as api:
                    for method in METHODS[kind]:
                        for _ in range(ROUNDS):
                            count = dice.randrange(10)
                            params = {
                                name: dice.choice(VALUES) for name in dice.sample(NAMES, count)
                            }
                            answer = await client.ask(api, method, params)
                            assert answer["status"] in (200, 400, 401, 409, 429)

    asyncio.run(run())


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    async def run() -> None:
        async with venue(tmp_path) as client:
            url = f"{client.base}/api/v3/order"
            async with client.session.post(url, data=b"\xff\xfe=\x80") as answer:
                assert answer.status == 401

    asyncio.run(run())
