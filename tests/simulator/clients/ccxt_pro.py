"""ccxt and its pro part: REST, WebSocket API and streams of both markets."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import ccxt.pro
import scenario

SYMBOLS = {"spot": "BTC/USDT", "usdm": "BTC/USDT:USDT"}


def redirected(urls: Any) -> Any:
    """Give the client's addresses with this venue in place of the real one, paths as they are."""
    if isinstance(urls, dict):
        return {name: redirected(url) for name, url in urls.items()}
    scheme, _, rest = urls.partition("://")
    plain = {"https": "http", "wss": "ws"}[scheme]
    return scenario.address(plain, "/" + rest.partition("/")[2])


def client_of(market: str) -> Any:
    client = ccxt.pro.binance(
        {
            "apiKey": scenario.READY["api_key"],
            "secret": scenario.READY["api_secret"],
            "options": {
                "defaultType": "spot" if market == "spot" else "future",
                "fetchMargins": False,
                "fetchCurrencies": False,
                "fetchMarkets": {"types": ["spot" if market == "spot" else "linear"]},
            },
        }
    )
    client.urls["api"] = redirected(client.urls["api"])
    return client


async def reports_of(client: Any, symbol: str, told: list[list[Any]]) -> None:
    """Write down each state of an order that the client's user stream tells."""
    while True:
        for order in await client.watch_orders(symbol):
            state = [order["clientOrderId"], order["status"], order["filled"]]
            if state not in told:
                told.append(state)


async def stirred(market: str, seen: Coroutine[Any, Any, Any]) -> Any:
    """Let something happen at the venue until the client has seen it: it waits for news."""
    task = asyncio.ensure_future(seen)
    while not task.done():
        scenario.stir(market)
        await asyncio.wait([task], timeout=0.2)
    return task.result()


async def until_moved(client: Any, symbol: str) -> Any:
    while True:
        book = await client.watch_order_book(symbol)
        if [61695.0, 3.0] in [list(level[:2]) for level in book["bids"]]:
            return book


async def session(market: str) -> dict[str, Any]:
    scenario.open_market(market)
    symbol, client = SYMBOLS[market], client_of(market)
    told: list[list[Any]] = []
    try:
        await client.load_markets()
        watching = asyncio.create_task(reports_of(client, symbol, told))
        async with asyncio.timeout(scenario.WITHIN_S):
            await stirred(market, client.watch_balance())
            await stirred(market, client.watch_order_book(symbol))
        price, quantity = float(scenario.PRICE), float(scenario.BOUGHT)
        first = {"newClientOrderId": scenario.FIRST}
        await client.create_order(symbol, "limit", "buy", quantity, price, first)
        for part in scenario.PARTS:
            await asyncio.sleep(0.2)  # its order cache keeps only the newest state between turns
            scenario.others_sell(market, part)
        price, quantity = float(scenario.LOWER), float(scenario.WITHDRAWN)
        second = {"newClientOrderId": scenario.SECOND}
        placed = await client.create_order_ws(symbol, "limit", "buy", quantity, price, second)
        await asyncio.sleep(0.2)
        await client.cancel_order_ws(placed["id"], symbol)
        await scenario.until(lambda: len(told) == 5)
        async with asyncio.timeout(scenario.WITHIN_S):
            scenario.move_level(market)
            book = await stirred(market, until_moved(client, symbol))
        watching.cancel()
        return await view_of(client, symbol) | {
            "reports": told,
            "book": [[level[:2] for level in book[side][:4]] for side in ("bids", "asks")],
        }
    finally:
        await client.close()


async def view_of(client: Any, symbol: str) -> dict[str, Any]:
    orders = await client.fetch_orders(symbol)
    trades = await client.fetch_my_trades(symbol)
    balance = await client.fetch_balance()
    view: dict[str, Any] = {
        "orders": {one["clientOrderId"]: [one["status"], one["filled"]] for one in orders},
        "trades": [[one["id"], one["price"], one["amount"], one["fee"]["cost"]] for one in trades],
    }
    if client.options["defaultType"] == "spot":
        view["balances"] = {
            asset: [balance[asset]["free"], balance[asset]["used"]] for asset in ("BTC", "USDT")
        }
    else:
        view["balances"] = {"USDT": [balance["USDT"]["total"]]}
        (position,) = await client.fetch_positions([symbol])
        view["position"] = position["contracts"]
    return view


async def main() -> None:
    scenario.tell({market: await session(market) for market in SYMBOLS})


if __name__ == "__main__":
    asyncio.run(main())
