"""python-binance: spot by REST, WebSocket API and streams; usdm by REST, listen key and streams.

Its sockets are entered and never left: on leaving, each waits for a message or ten seconds.
"""

import asyncio
from typing import Any

import scenario
from binance import AsyncClient, BinanceSocketManager, DepthCacheManager

AsyncClient.API_URL = scenario.address(path="/api")
AsyncClient.FUTURES_URL = scenario.address(path="/fapi")
AsyncClient.WS_API_URL = scenario.address("ws", "/ws-api/v3")
AsyncClient.WS_FUTURES_URL = scenario.address("ws", "/ws-fapi/v1")
BinanceSocketManager.STREAM_URL = scenario.address("ws", "/")
BinanceSocketManager.FSTREAM_URL = scenario.address("ws", "/")


async def heard(socket: Any, wanted: int, read: Any) -> list[list[str]]:
    """Read events until so many tell of an order."""
    told: list[list[str]] = []
    async with asyncio.timeout(scenario.WITHIN_S):
        while len(told) < wanted:
            told += read(await socket.recv())
    return told


def spot_report(event: dict[str, Any]) -> list[list[str]]:
    if event.get("e") != "executionReport":
        return []
    name = event["C"] if event["x"] == "CANCELED" else event["c"]
    return [[name, event["X"], event["z"]]]


def usdm_report(event: dict[str, Any]) -> list[list[str]]:
    if event.get("e") != "ORDER_TRADE_UPDATE":
        return []
    return [[event["o"]["c"], event["o"]["X"], event["o"]["z"]]]


async def spot(client: AsyncClient, sockets: BinanceSocketManager) -> dict[str, Any]:
    scenario.open_market("spot")
    user = await sockets.user_socket().__aenter__()
    books = await DepthCacheManager(client, scenario.SYMBOL).__aenter__()
    order = {"symbol": scenario.SYMBOL, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    await client.create_order(
        **order,
        price=scenario.PRICE,
        quantity=scenario.BOUGHT,
        newClientOrderId=scenario.FIRST,
    )
    for part in scenario.PARTS:
        scenario.others_sell("spot", part)
    await client.ws_create_order(
        **order,
        price=scenario.LOWER,
        quantity=scenario.WITHDRAWN,
        newClientOrderId=scenario.SECOND,
    )
    await client.cancel_order(symbol=scenario.SYMBOL, origClientOrderId=scenario.SECOND)
    reports = await heard(user, 5, spot_report)
    scenario.move_level("spot")
    book = books.get_depth_cache()
    async with asyncio.timeout(scenario.WITHIN_S):
        while book.get_bids()[1][0] != 61695.0:
            book = await books.recv()
    orders = await client.get_all_orders(symbol=scenario.SYMBOL)
    trades = await client.get_my_trades(symbol=scenario.SYMBOL)
    account = await client.get_account()
    return {
        "orders": {one["clientOrderId"]: [one["status"], one["executedQty"]] for one in orders},
        "trades": [[one["id"], one["price"], one["qty"], one["commission"]] for one in trades],
        "balances": {
            one["asset"]: [one["free"], one["locked"]]
            for one in account["balances"]
            if one["asset"] in ("BTC", "USDT")
        },
        "reports": reports,
        "book": [book.get_bids()[:4], book.get_asks()[:4]],
    }


async def usdm(client: AsyncClient, sockets: BinanceSocketManager) -> dict[str, Any]:
    scenario.open_market("usdm")
    user = await sockets.futures_user_socket().__aenter__()
    books = await sockets.futures_depth_socket(scenario.SYMBOL).__aenter__()
    order = {"symbol": scenario.SYMBOL, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    await client.futures_create_order(
        **order,
        price=scenario.PRICE,
        quantity=scenario.BOUGHT,
        newClientOrderId=scenario.FIRST,
    )
    for part in scenario.PARTS:
        scenario.others_sell("usdm", part)
    await client.futures_create_order(
        **order,
        price=scenario.LOWER,
        quantity=scenario.WITHDRAWN,
        newClientOrderId=scenario.SECOND,
    )
    name = {"symbol": scenario.SYMBOL, "origClientOrderId": scenario.SECOND}
    await client.futures_cancel_order(**name)
    reports = await heard(user, 5, usdm_report)
    scenario.move_level("usdm")
    book: dict[str, Any] = {"b": []}
    async with asyncio.timeout(scenario.WITHIN_S):
        while 61695.0 not in [float(price) for price, _ in book["b"]]:
            book = (await books.recv())["data"]
    orders = await client.futures_get_all_orders(symbol=scenario.SYMBOL)
    trades = await client.futures_account_trades(symbol=scenario.SYMBOL)
    (position,) = await client.futures_position_information(symbol=scenario.SYMBOL)
    balances = await client.futures_account_balance()
    return {
        "orders": {one["clientOrderId"]: [one["status"], one["executedQty"]] for one in orders},
        "trades": [[one["id"], one["price"], one["qty"], one["commission"]] for one in trades],
        "balances": {one["asset"]: [one["balance"]] for one in balances if one["asset"] == "USDT"},
        "position": position["positionAmt"],
        "reports": reports,
        "book": [book["b"][:4], book["a"][:4]],
    }


async def main() -> None:
    client = await AsyncClient.create(scenario.READY["api_key"], scenario.READY["api_secret"])
    sockets = BinanceSocketManager(client)
    scenario.tell({"spot": await spot(client, sockets), "usdm": await usdm(client, sockets)})


if __name__ == "__main__":
    asyncio.run(main())
