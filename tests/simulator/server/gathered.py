"""One session with a venue in which every answer and event of both markets comes up once."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from tests.simulator.server.running import Client, hear, hear_event, until, venue
from trading_runtime.simulator.exchange.amounts import units
from trading_runtime.simulator.exchange.exchange import Exchange
from trading_runtime.simulator.exchange.words import UNIT, AccountNumber, MarketKind, Side

ACCOUNT = AccountNumber(1)
LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
SPOT = MarketKind.SPOT
USDM = MarketKind.USDM


def gather(folder: Path) -> dict[str, Any]:
    """Run the session; give everything that was said, by name."""
    found: dict[str, Any] = {}

    async def run() -> None:
        async with venue(folder) as client:
            for kind in MarketKind:
                client.quote(kind, "50000", "50001", "500")
            await open_answers(client, found)
            await spot_rest(client, found)
            await spot_socket(client, found)
            await spot_streams(client, found)
            await usdm_rest(client, found)
            await usdm_socket(client, found)
            await usdm_streams(client, found)
            await usdm_news(client, found)

    asyncio.run(run())
    return found


async def open_answers(client: Client, found: dict[str, Any]) -> None:
    for path in ("ping", "time", "exchangeInfo", "depth?symbol=BTCUSDT"):
        for base in ("/api/v3", "/fapi/v1"):
            found[f"{base} {path}"] = (await client.get(f"{base}/{path}"))[1]
    for base in ("/api/v3", "/fapi/v1"):
        found[f"{base} tickers"] = (await client.get(f"{base}/ticker/bookTicker"))[1]
        found[f"{base} prices"] = (await client.get(f"{base}/ticker/price"))[1]
    found["premium"] = (await client.get("/fapi/v1/premiumIndex?symbol=BTCUSDT"))[1]


async def order(client: Client, path: str, **fields: object) -> Any:
    status, answer = await client.call("POST", path, {**LIMIT, "quantity": "0.010", **fields})
    assert status == 200, answer
    return answer


async def spot_rest(client: Client, found: dict[str, Any]) -> None:
    path = "/api/v3/order"
    found["ack"] = await order(client, path, price="49000", newOrderRespType="ACK")
    found["result"] = await order(client, path, price="49000", newOrderRespType="RESULT")
    found["full"] = await order(client, path, price="51000")
    number = found["result"]["orderId"]
    btc = {"symbol": "BTCUSDT"}
    one = btc | {"orderId": number}
    for name, method, at, params in (
        ("query", "GET", "/api/v3/order", one),
        ("open", "GET", "/api/v3/openOrders", btc),
        ("all", "GET", "/api/v3/allOrders", btc),
        ("trades", "GET", "/api/v3/myTrades", btc),
        ("account", "GET", "/api/v3/account", {}),
        ("order limits", "GET", "/api/v3/rateLimit/order", {}),
        ("commission", "GET", "/api/v3/account/commission", btc),
        ("fees", "GET", "/sapi/v1/asset/tradeFee", {}),
        ("restrictions", "GET", "/sapi/v1/account/apiRestrictions", {}),
        ("amended", "PUT", "/api/v3/order/amend/keepPriority", one | {"newQty": "0.005"}),
        ("canceled", "DELETE", "/api/v3/order", one),
        ("all canceled", "DELETE", "/api/v3/openOrders", btc),
        ("refused", "DELETE", "/api/v3/order", one),
        ("tested", "POST", "/api/v3/order/test", LIMIT | {"price": "49000", "quantity": "1"}),
    ):
        found[name] = (await client.call(method, at, params))[1]
    old = await order(client, path, price="48000")
    new = {**LIMIT, "quantity": "0.010", "price": "47000", "cancelReplaceMode": "STOP_ON_FAILURE"}
    at = "/api/v3/order/cancelReplace"
    replaced = await client.call("POST", at, new | {"cancelOrderId": old["orderId"]})
    found["replaced"] = replaced[1]
    found["not replaced"] = (await client.call("POST", at, new | {"cancelOrderId": 999}))[1]
    taking = new | {"type": "LIMIT_MAKER", "price": "60000"}
    del taking["timeInForce"]
    left = replaced[1]["newOrderResponse"]["orderId"]
    found["half replaced"] = (await client.call("POST", at, taking | {"cancelOrderId": left}))[1]
    found["public trades"] = (await client.get("/api/v3/trades?symbol=BTCUSDT"))[1]


async def spot_socket(client: Client, found: dict[str, Any]) -> None:
    async with client.session.ws_connect(f"{client.ws_base}/ws-api/v3") as api:

        async def ask(name: str, method: str, **params: object) -> Any:
            answer = found[f"ws {name}"] = await client.ask(api, method, params)
            return answer

        found["ws time"] = await client.ask(api, "time", key=None)
        found["ws refused"] = await client.ask(api, "userDataStream.subscribe", key=None)
        await ask("subscribe", "userDataStream.subscribe.signature")
        placed = await ask("place", "order.place", **LIMIT, price="49000", quantity="0.01")
        found["execution report"], found["position update"] = client.heard[-2:]
        number = placed["result"]["orderId"]
        await ask("status", "order.status", symbol="BTCUSDT", orderId=number)
        await ask("open", "openOrders.status", symbol="BTCUSDT")
        await ask("account", "account.status")
        await ask("cancel", "order.cancel", symbol="BTCUSDT", orderId=number)
        await ask("poor", "order.place", **LIMIT, price="49000", quantity="1000")
        exchange = client.simulator.exchange(SPOT)
        exchange.deposit(ACCOUNT, "BTC", units("1"), client.simulator.now())
        client.simulator.publish(SPOT)
        found["balance update"] = await hear(api)
        await hear(api)
        await api.send_json({"id": "x", "method": "userDataStream.unsubscribe"})
        found["terminated"] = await hear(api)
        found["ws unsubscribe"] = await hear(api)


async def listen(client: Client, url: str, kinds: dict[str, str], found: dict[str, Any]) -> None:
    """Connect to ``url``, let the crowd move, and keep one event of each stream by its name."""
    async with client.session.ws_connect(client.ws_base + url) as stream:
        await until(lambda: bool(client.simulator.connections.among()))
        for kind in MarketKind:
            stir(client, kind)
        while kinds:
            message = await hear(stream)
            name = kinds.pop(message["stream"], None)
            if name is not None:
                found[name] = message["data"]


def stir(client: Client, kind: MarketKind) -> None:
    """Let the crowd change the book and trade."""
    simulator = client.simulator
    exchange, now = simulator.exchange(kind), simulator.now()
    exchange.set_external("BTCUSDT", Side.BUY, units("49999"), units("7"), now)
    exchange.external_trade("BTCUSDT", Side.BUY, units("50001"), units("0.5"), now)
    simulator.publish(kind)


async def spot_streams(client: Client, found: dict[str, Any]) -> None:
    names = {
        "btcusdt@depth@100ms": "spot diff",
        "btcusdt@depth5": "spot partial",
        "btcusdt@trade": "spot trade",
        "btcusdt@aggTrade": "spot aggregate",
        "btcusdt@bookTicker": "spot touch",
        "btcusdt@kline_1m": "spot candle",
    }
    await listen(client, f"/stream?streams={'/'.join(names)}", names, found)


async def usdm_streams(client: Client, found: dict[str, Any]) -> None:
    public = {
        "btcusdt@depth": "usdm diff",
        "btcusdt@depth10@100ms": "usdm partial",
        "btcusdt@bookTicker": "usdm touch",
    }
    await listen(client, f"/public/stream?streams={'/'.join(public)}", public, found)
    others = {"btcusdt@aggTrade": "usdm aggregate", "btcusdt@markPrice@1s": "usdm mark"}
    await listen(client, f"/market/stream?streams={'/'.join(others)}", others, found)


async def usdm_rest(client: Client, found: dict[str, Any]) -> None:
    path, btc = "/fapi/v1/order", {"symbol": "BTCUSDT"}
    placed = found["usdm placed"] = await order(client, path, price="49000")
    found["usdm result"] = await order(client, path, price="51000", newOrderRespType="RESULT")
    one = btc | {"orderId": placed["orderId"]}
    batch = [LIMIT | {"price": "49000", "quantity": "0.010"}, LIMIT]
    for name, method, at, params in (
        ("query", "GET", "/fapi/v1/order", one),
        ("open order", "GET", "/fapi/v1/openOrder", one),
        ("open", "GET", "/fapi/v1/openOrders", btc),
        ("all", "GET", "/fapi/v1/allOrders", btc),
        ("trades", "GET", "/fapi/v1/userTrades", btc),
        ("modified", "PUT", path, one | {"side": "BUY", "quantity": "0.02", "price": "48000"}),
        ("canceled", "DELETE", path, one),
        ("batch", "POST", "/fapi/v1/batchOrders", {"batchOrders": json_text(batch)}),
        ("cancel batch", "DELETE", "/fapi/v1/batchOrders", btc | {"orderIdList": "[3,999]"}),
        ("all canceled", "DELETE", "/fapi/v1/allOpenOrders", btc),
        ("countdown", "POST", "/fapi/v1/countdownCancelAll", btc | {"countdownTime": 100_000}),
        ("leverage", "POST", "/fapi/v1/leverage", btc | {"leverage": 21}),
        ("rate", "GET", "/fapi/v1/commissionRate", btc),
        ("income", "GET", "/fapi/v1/income", {}),
        ("brackets", "GET", "/fapi/v1/leverageBracket", {}),
        ("bracket", "GET", "/fapi/v1/leverageBracket", btc),
        ("dual", "GET", "/fapi/v1/positionSide/dual", {}),
        ("config", "GET", "/fapi/v1/accountConfig", {}),
        ("symbol config", "GET", "/fapi/v1/symbolConfig", {}),
        ("limits", "GET", "/fapi/v1/rateLimit/order", {}),
        ("account v2", "GET", "/fapi/v2/account", {}),
        ("account v3", "GET", "/fapi/v3/account", {}),
        ("balance v2", "GET", "/fapi/v2/balance", {}),
        ("balance v3", "GET", "/fapi/v3/balance", {}),
        ("risk v2", "GET", "/fapi/v2/positionRisk", {}),
        ("risk v3", "GET", "/fapi/v3/positionRisk", {}),
        ("listen key", "POST", "/fapi/v1/listenKey", {}),
        ("kept", "PUT", "/fapi/v1/listenKey", {}),
    ):
        found[f"usdm {name}"] = (await client.call(method, at, params))[1]
    found["usdm public trades"] = (await client.get("/fapi/v1/trades?symbol=BTCUSDT"))[1]


async def usdm_socket(client: Client, found: dict[str, Any]) -> None:
    async with client.session.ws_connect(f"{client.ws_base}/ws-fapi/v1") as api:

        async def ask(name: str, method: str, **params: object) -> Any:
            answer = found[f"ws usdm {name}"] = await client.ask(api, method, params)
            return answer

        placed = await ask("placed", "order.place", **LIMIT, price="49000", quantity="0.01")
        one = {"symbol": "BTCUSDT", "orderId": placed["result"]["orderId"]}
        await ask("status", "order.status", **one)
        await ask("modified", "order.modify", **one, side="BUY", price="48000", quantity="0.02")
        await ask("canceled", "order.cancel", **one)
        await ask("refused", "order.place", **LIMIT, price="49000")
        await ask("balance", "account.balance")
        await ask("position", "account.position")
        await ask("position v2", "v2/account.position")
        await ask("depth", "depth", symbol="BTCUSDT")
        await ask("ticker", "ticker.book", symbol="BTCUSDT")
        await ask("price", "ticker.price", symbol="BTCUSDT")
        await ask("key", "userDataStream.start")
        await ask("status of session", "session.status")


async def usdm_news(client: Client, found: dict[str, Any]) -> None:
    simulator = client.simulator
    key = (await client.call("POST", "/fapi/v1/listenKey"))[1]["listenKey"]
    url = f"{client.ws_base}/private/ws?listenKey={key}"
    async with client.session.ws_connect(url) as user:
        await order(client, "/fapi/v1/order", price="51000", quantity="1")
        for name in ("ORDER_TRADE_UPDATE", "TRADE_LITE", "FILLED", "ACCOUNT_UPDATE"):
            found[name] = await hear(user)
        await client.call("POST", "/fapi/v1/leverage", {"symbol": "BTCUSDT", "leverage": 125})
        found["ACCOUNT_CONFIG_UPDATE"] = await hear(user)
        exchange = simulator.exchange(USDM)
        exchange.deposit(ACCOUNT, "USDT", -units("998000"), simulator.now())
        exchange.mark("BTCUSDT", nearly_liquidated(exchange), simulator.now())
        simulator.publish(USDM)
        found["MARGIN_CALL"] = await hear_event(user, "MARGIN_CALL")
        simulator.expire_listen_keys()
        found["listenKeyExpired"] = await hear_event(user, "listenKeyExpired")


def nearly_liquidated(exchange: Exchange) -> int:
    """Give the mark price at which maintenance takes up 0.9 of the margin balance."""
    (wallet,) = [view.wallet for view in exchange.balances(ACCOUNT)]
    held = exchange.positions(ACCOUNT)[0]
    cost = held.quantity * held.entry_price // UNIT
    tick = exchange.rules("BTCUSDT").tick
    price = 900 * (cost - wallet) * UNIT // (896 * held.quantity)
    return price // tick * tick


def json_text(value: object) -> str:
    return msgspec.json.encode(value).decode()
