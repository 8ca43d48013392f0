"""NautilusTrader's live node on the spot market: data, and orders through its execution client."""

import asyncio
from decimal import Decimal
from typing import Any

import scenario
from nautilus_trader.adapters.binance import (
    BINANCE,
    BinanceAccountType,
    BinanceDataClientConfig,
    BinanceExecClientConfig,
    BinanceInstrumentProviderConfig,
    BinanceLiveDataClientFactory,
    BinanceLiveExecClientFactory,
)
from nautilus_trader.config import LoggingConfig, TradingNodeConfig
from nautilus_trader.live.node import TradingNode
from nautilus_trader.model.data import QuoteTick, TradeTick
from nautilus_trader.model.enums import BookType, OrderSide, order_status_to_str
from nautilus_trader.model.events import OrderEvent
from nautilus_trader.model.identifiers import ClientOrderId, InstrumentId, TraderId
from nautilus_trader.trading.strategy import Strategy

INSTRUMENT = InstrumentId.from_str(f"{scenario.SYMBOL}.{BINANCE}")
MOVED = Decimal("61695.00")


class Proof(Strategy):
    """Goes through the scenario, a step at each event of an order."""

    def __init__(self) -> None:
        super().__init__()
        self.reports: list[list[str]] = []
        self.printed: list[list[str]] = []
        self.touch: list[str] = []
        self.done = asyncio.Event()

    def on_start(self) -> None:
        self.subscribe_order_book_deltas(INSTRUMENT, book_type=BookType.L2_MBP)
        self.subscribe_quote_ticks(INSTRUMENT)
        self.subscribe_trade_ticks(INSTRUMENT)

    def on_quote_tick(self, tick: QuoteTick) -> None:
        self.touch = [str(tick.bid_price), str(tick.ask_price)]

    def on_trade_tick(self, tick: TradeTick) -> None:
        self.printed.append([str(tick.price), str(tick.size), tick.aggressor_side.name])

    def buy(self, name: str, price: str, quantity: str) -> None:
        instrument = self.cache.instrument(INSTRUMENT)
        order = self.order_factory.limit(
            INSTRUMENT,
            OrderSide.BUY,
            instrument.make_qty(quantity),
            instrument.make_price(price),
            client_order_id=ClientOrderId(name),
        )
        self.submit_order(order)

    def on_order_event(self, event: OrderEvent) -> None:
        order = self.cache.order(event.client_order_id)
        if order is None:  # it is told of its making before it is known
            return
        state = [
            order.client_order_id.value,
            order_status_to_str(order.status),
            str(order.filled_qty),
        ]
        if state in self.reports:
            return
        self.reports.append(state)
        name, status, _ = state
        if (name, status) == (scenario.FIRST, "ACCEPTED"):
            scenario.others_sell("spot", scenario.PARTS[0])
        elif status == "PARTIALLY_FILLED":
            scenario.others_sell("spot", scenario.PARTS[1])
        elif status == "FILLED":
            self.buy(scenario.SECOND, scenario.LOWER, scenario.WITHDRAWN)
        elif (name, status) == (scenario.SECOND, "ACCEPTED"):
            self.cancel_order(order)
        elif status == "CANCELED":
            self.done.set()

    def view(self) -> dict[str, Any]:
        book = self.cache.order_book(INSTRUMENT)
        account = self.portfolio.account(INSTRUMENT.venue)
        orders = self.cache.orders()
        return {
            "orders": {
                one.client_order_id.value: [order_status_to_str(one.status), str(one.filled_qty)]
                for one in orders
            },
            "trades": [
                [
                    fill.trade_id.value,
                    str(fill.last_px),
                    str(fill.last_qty),
                    fill.commission.as_decimal(),
                ]
                for one in orders
                for fill in one.events
                if type(fill).__name__ == "OrderFilled"
            ],
            "balances": {
                currency.code: [
                    account.balance_free(currency).as_decimal(),
                    account.balance_locked(currency).as_decimal(),
                ]
                for currency in account.currencies()
                if currency.code in ("BTC", "USDT")
            },
            "reports": self.reports,
            "printed": self.printed,
            "touch": self.touch,
            "book": [
                [[str(level.price), str(level.size())] for level in levels[:4]]
                for levels in (book.bids(), book.asks())
            ],
        }

    def moved(self) -> bool:
        book = self.cache.order_book(INSTRUMENT)
        return book is not None and MOVED in [level.price.as_decimal() for level in book.bids()]


def node_of() -> TradingNode:
    keys = {
        "api_key": scenario.READY["session_key"],
        "api_secret": scenario.READY["session_private_pem"],
    }
    shared = {
        "account_type": BinanceAccountType.SPOT,
        "base_url_http": scenario.address(),
        "instrument_provider": BinanceInstrumentProviderConfig(load_ids=frozenset([INSTRUMENT])),
        **keys,
    }
    config = TradingNodeConfig(
        trader_id=TraderId("PROOF-001"),
        logging=LoggingConfig(log_level="ERROR"),
        data_clients={
            BINANCE: BinanceDataClientConfig(base_url_ws=scenario.address("ws"), **shared)
        },
        exec_clients={
            BINANCE: BinanceExecClientConfig(
                base_url_ws=scenario.address("ws", "/ws-api/v3"), **shared
            )
        },
        timeout_connection=20.0,
        timeout_reconciliation=10.0,
        timeout_portfolio=10.0,
        timeout_disconnection=2.0,
        timeout_post_stop=0.1,
    )
    node = TradingNode(config=config)
    node.add_data_client_factory(BINANCE, BinanceLiveDataClientFactory)
    node.add_exec_client_factory(BINANCE, BinanceLiveExecClientFactory)
    return node


async def main(node: TradingNode, proof: Proof) -> None:
    running = asyncio.ensure_future(node.run_async())
    async with asyncio.timeout(3 * scenario.WITHIN_S):
        await scenario.until(lambda: proof.is_running)
        while not (proof.moved() and proof.touch):
            scenario.flicker("spot")
            scenario.move_level("spot")
            await asyncio.sleep(0.3)
        proof.buy(scenario.FIRST, scenario.PRICE, scenario.BOUGHT)
        await proof.done.wait()
        await asyncio.sleep(0.5)  # the account's last event follows the order's
    scenario.tell({"spot": proof.view()})
    await node.stop_async()
    running.cancel()


def start() -> None:
    scenario.open_market("spot")
    node = node_of()
    proof = Proof()
    node.trader.add_strategy(proof)
    node.build()
    loop = node.get_event_loop()
    loop.run_until_complete(main(node, proof))


if __name__ == "__main__":
    start()
