"""cryptofeed: books, trades and best prices of both markets, over TLS, which it insists on."""

import asyncio
import ssl
from decimal import Decimal
from typing import Any

import scenario
from cryptofeed import FeedHandler
from cryptofeed.connection import RestEndpoint, Routes, WebsocketEndpoint
from cryptofeed.defines import BUY, GOOD_TIL_CANCELED, L2_BOOK, LIMIT, TICKER, TRADES
from cryptofeed.exchanges import Binance, BinanceFutures

MOVED = 61695


class Seen:
    """What the callbacks of one market were told."""

    def __init__(self, market: str) -> None:
        self.market = market
        self.book: list[list[Any]] = []
        self.trades: list[list[Any]] = []
        self.touch: list[Any] = []
        self.done = asyncio.Event()

    async def on_book(self, book: Any, _: float) -> None:
        sides = (book.book.bids, book.book.asks)
        prices = [side.keys() for side in sides]
        self.book = [
            [[price, side[price]] for price in keys[:4]]
            for side, keys in zip(sides, prices, strict=True)
        ]
        self._look()

    async def on_trade(self, trade: Any, _: float) -> None:
        self.trades.append([trade.price, trade.amount, trade.side])
        self._look()

    async def on_touch(self, ticker: Any, _: float) -> None:
        self.touch = [ticker.bid, ticker.ask]
        self._look()

    def _look(self) -> None:
        moved = bool(self.book) and MOVED in [price for price, _ in self.book[0]]
        if moved and self.touch and (self.trades or self.market == "usdm"):
            self.done.set()

    def view(self) -> dict[str, Any]:
        return {"book": self.book, "printed": self.trades, "touch": self.touch}


def redirect() -> None:
    Binance.api = scenario.address(path="/api/v3/")
    trusted = ssl.create_default_context(cafile=scenario.READY["certificate"])
    secure = f"wss://127.0.0.1:{scenario.READY['tls_port']}"
    options = {"ssl": trusted}
    Binance.websocket_endpoints = [WebsocketEndpoint(secure, options=options)]
    BinanceFutures.websocket_endpoints = [WebsocketEndpoint(secure + "/public", options=options)]
    for feed, root in ((Binance, "/api/v3"), (BinanceFutures, "/fapi/v1")):
        routes = Routes(f"{root}/exchangeInfo", l2book=root + "/depth?symbol={}&limit={}")
        feed.rest_endpoints = [RestEndpoint(scenario.address(), routes=routes)]


async def trade() -> dict[str, Any]:
    """Trade on the spot market; it can ask for open orders and balances, not for ended orders."""
    keys = {"key_id": scenario.READY["api_key"], "key_secret": scenario.READY["api_secret"]}
    client = Binance(config={"binance": keys, "log": {"disabled": True}})
    buy = ("BTC-USDT", BUY, LIMIT)
    first = await client.place_order(
        *buy, Decimal(scenario.BOUGHT), Decimal(scenario.PRICE), GOOD_TIL_CANCELED
    )
    scenario.others_sell("spot", scenario.PARTS[0])
    (partly,) = await client.orders("BTC-USDT")
    scenario.others_sell("spot", scenario.PARTS[1])
    second = await client.place_order(
        *buy, Decimal(scenario.WITHDRAWN), Decimal(scenario.LOWER), GOOD_TIL_CANCELED
    )
    (standing,) = await client.orders("BTC-USDT")
    canceled = await client.cancel_order(str(second["orderId"]), "BTC-USDT")
    told = (first, partly, second, standing, canceled)
    left = await client.orders("BTC-USDT")
    balances = await client.balances()
    await client.http_conn.close()
    return {
        "answers": [[one["orderId"], one["status"], one["executedQty"]] for one in told],
        "left": left,
        "balances": {
            one["asset"]: [one["free"], one["locked"]]
            for one in balances
            if one["asset"] in ("BTC", "USDT")
        },
    }


async def until_seen(seen: Seen) -> None:
    """Move the market again and again: the feed takes its snapshot when the first change comes."""
    while not seen.done.is_set():
        scenario.flicker(seen.market)
        scenario.move_level(seen.market)
        scenario.others_sell(seen.market, "0.010")
        try:
            await asyncio.wait_for(seen.done.wait(), 0.5)
        except TimeoutError:
            continue


async def main(handler: FeedHandler, seen: dict[str, Seen]) -> None:
    async with asyncio.timeout(scenario.WITHIN_S):
        for one in seen.values():
            await until_seen(one)
    traded = await trade()
    scenario.tell({"spot": seen["spot"].view() | traded, "usdm": seen["usdm"].view()})
    await handler.stop_async(asyncio.get_running_loop())


def start() -> None:
    redirect()
    handler = FeedHandler(config={"uvloop": False, "log": {"disabled": True}})
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    seen = {market: Seen(market) for market in ("spot", "usdm")}
    for market, one in seen.items():
        scenario.open_market(market)
        callbacks = {L2_BOOK: one.on_book, TICKER: one.on_touch}
        if market == "spot":
            feed, name = Binance, "BTC-USDT"
            callbacks[TRADES] = one.on_trade
        else:
            feed, name = BinanceFutures, "BTC-USDT-PERP"
        handler.add_feed(feed(symbols=[name], channels=list(callbacks), callbacks=callbacks))
    handler.run(start_loop=False, install_signal_handlers=False)
    loop.run_until_complete(main(handler, seen))


if __name__ == "__main__":
    start()
