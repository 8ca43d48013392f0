"""nautilus_trader's backtest over one recorded capture: the peer of ``replay.py``.

Run in a virtual environment of its own (see ``benchmarks/README.md``)::

    python benchmarks/peers/nautilus_replay.py CAPTURE.gz --rounds 3

What is timed is ``BacktestEngine.run()`` alone: the conversion of the capture into the engine's own
data objects, the making of the engine and the sorting are not counted, logging is bypassed, the
analysis after the run is off, and the converted data are frozen out of the garbage collector.

An event is one frame of the capture, however many levels it changes. The book is L2, trades fill
resting orders (``trade_execution``), fills happen without latency. The strategy is written in
Python and keeps the same grid by the same rule as ours (``trading_runtime/strategy/grid.py``, no
skews): five quotes a side around the microprice, at most once a second; what did not move stays,
and what was filled is placed again at once where it would rest. It is called for every event
(``--subscribe all``), as ours is at the end of every turn, or for depth messages alone
(``--subscribe depth``), which costs less.

The last line of the output is one JSON object.
"""

import argparse
import gc
import gzip
import json
import math
import statistics
import time
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig
from nautilus_trader.core.data import Data
from nautilus_trader.model.currencies import BTC, USDT
from nautilus_trader.model.data import (
    BookOrder,
    OrderBookDelta,
    OrderBookDeltas,
    QuoteTick,
    TradeTick,
)
from nautilus_trader.model.enums import (
    AccountType,
    AggressorSide,
    BookAction,
    BookType,
    OmsType,
    OrderSide,
    RecordFlag,
    TimeInForce,
)
from nautilus_trader.model.events import OrderFilled
from nautilus_trader.model.identifiers import InstrumentId, Symbol, TradeId, Venue
from nautilus_trader.model.instruments import CryptoPerpetual
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.model.orders import LimitOrder
from nautilus_trader.trading.strategy import Strategy

VENUE = Venue("BINANCE")
INSTRUMENT = InstrumentId(Symbol("BTCUSDT-PERP"), VENUE)
TICKS_PER_UNIT = 10
PRICE_DECIMALS = 1
SIZE_DECIMALS = 3


class Grid(NamedTuple):
    """Where the quotes stand: ``levels`` a side, in ticks of the instrument."""

    levels: int
    half_spread_ticks: int
    spacing_ticks: int
    size: str
    interval_ns: int


class Converted(NamedTuple):
    """The capture as the engine takes it; ``frames`` is what of the capture is in it."""

    data: list[Data]
    frames: int
    deltas: int


class GridMaker(Strategy):
    """Keeps the grid: cancels what moved, places what is missing, leaves the rest."""

    def __init__(self, grid: Grid, subscribe: str) -> None:
        super().__init__()
        self.grid = grid
        self.subscribe = subscribe
        self.size = Quantity.from_str(grid.size)
        self.next_ns = 0
        self.resting: dict[tuple[OrderSide, int], LimitOrder] = {}
        self.placed = 0
        self.cancelled = 0
        self.fills = 0
        self.requotes = 0
        self.touch = ("", "")

    def on_start(self) -> None:
        self.subscribe_order_book_deltas(INSTRUMENT, book_type=BookType.L2_MBP)
        if self.subscribe == "all":
            self.subscribe_quote_ticks(INSTRUMENT)
            self.subscribe_trade_ticks(INSTRUMENT)

    def on_order_book_deltas(self, deltas: OrderBookDeltas) -> None:
        self.consider(deltas.ts_init)

    def on_quote_tick(self, tick: QuoteTick) -> None:
        self.consider(tick.ts_init)

    def on_trade_tick(self, tick: TradeTick) -> None:
        self.consider(tick.ts_init)

    def on_stop(self) -> None:
        book = self.cache.order_book(INSTRUMENT)
        self.touch = (str(book.best_bid_price()), str(book.best_ask_price()))

    def on_order_filled(self, event: OrderFilled) -> None:
        """Place a filled quote again; what would trade at once waits for the next requote."""
        self.fills += 1
        order = self.cache.order(event.client_order_id)
        slot = (order.side, round(float(order.price) * TICKS_PER_UNIT))
        if not order.is_closed or slot not in self.resting:
            return
        book = self.cache.order_book(INSTRUMENT)
        if order.side is OrderSide.BUY:
            rests = order.price < book.best_ask_price()
        else:
            rests = order.price > book.best_bid_price()
        if rests:
            self.resting[slot] = self.place(*slot)

    def consider(self, now_ns: int) -> None:
        """Requote when a second has passed since the last time and both sides have a level."""
        if now_ns < self.next_ns:
            return
        book = self.cache.order_book(INSTRUMENT)
        bid_price = book.best_bid_price()
        ask_price = book.best_ask_price()
        if bid_price is None or ask_price is None:
            return
        self.next_ns = now_ns + self.grid.interval_ns
        self.requotes += 1
        bid = round(float(bid_price) * TICKS_PER_UNIT)
        ask = round(float(ask_price) * TICKS_PER_UNIT)
        bid_size = float(book.best_bid_size())
        ask_size = float(book.best_ask_size())
        fair = (bid * ask_size + ask * bid_size) / (bid_size + ask_size)
        half = self.grid.half_spread_ticks
        self.requote(
            min(math.floor(fair - half), ask - 1),
            max(math.ceil(fair + half), bid + 1),
        )

    def requote(self, best_bid: int, best_ask: int) -> None:
        """Keep the grid whose innermost quotes are these, in ticks."""
        grid = self.grid
        wanted: dict[tuple[OrderSide, int], None] = {}
        for level in range(grid.levels):
            away = level * grid.spacing_ticks
            wanted[(OrderSide.BUY, best_bid - away)] = None
            wanted[(OrderSide.SELL, best_ask + away)] = None
        kept: dict[tuple[OrderSide, int], LimitOrder] = {}
        for slot, order in self.resting.items():
            if order.is_closed:
                continue
            if slot in wanted:
                kept[slot] = order
            else:
                self.cancel_order(order)
                self.cancelled += 1
        for slot in wanted:
            if slot not in kept:
                kept[slot] = self.place(*slot)
        self.resting = kept

    def place(self, side: OrderSide, ticks: int) -> LimitOrder:
        order = self.order_factory.limit(
            instrument_id=INSTRUMENT,
            order_side=side,
            quantity=self.size,
            price=Price(ticks / TICKS_PER_UNIT, PRICE_DECIMALS),
            time_in_force=TimeInForce.GTC,
            post_only=True,
        )
        self.submit_order(order)
        self.placed += 1
        return order


def instrument() -> CryptoPerpetual:
    return CryptoPerpetual(
        instrument_id=INSTRUMENT,
        raw_symbol=Symbol("BTCUSDT"),
        base_currency=BTC,
        quote_currency=USDT,
        settlement_currency=USDT,
        is_inverse=False,
        price_precision=PRICE_DECIMALS,
        price_increment=Price.from_str("0.1"),
        size_precision=SIZE_DECIMALS,
        size_increment=Quantity.from_str("0.001"),
        margin_init=Decimal("0.05"),
        margin_maint=Decimal("0.025"),
        maker_fee=Decimal("0.0002"),
        taker_fee=Decimal("0.0004"),
        ts_event=0,
        ts_init=0,
    )


def price(text: str) -> Price:
    """The capture writes two decimals; the instrument has one."""
    return Price(float(text), PRICE_DECIMALS)


def size(text: str) -> Quantity:
    return Quantity(float(text), SIZE_DECIMALS)


class Converter:
    """Frames of a capture into the engine's data objects, from the snapshot on."""

    def __init__(self) -> None:
        self.snapshot_id = 0
        self.data: list[Data] = []
        self.frames = 0
        self.deltas = 0

    def frame(self, at: int, message: dict[str, object]) -> None:
        if "stream" not in message:
            self.snapshot(at, message)
            return
        if self.snapshot_id == 0:
            return  # The engine takes data as a book's only if its first object changes a book.
        body = message["data"]
        kind = body["e"]
        if kind == "depthUpdate":
            # The engine has no rule to drop what ends before the snapshot, so it is not handed it.
            if body["u"] < self.snapshot_id:
                return
            self.depth(at, body)
        elif kind == "trade":
            self.trade(at, body)
        else:
            self.quote(at, body)
        self.frames += 1

    def snapshot(self, at: int, body: dict[str, object]) -> None:
        self.snapshot_id = body["lastUpdateId"]
        changes = [OrderBookDelta.clear(INSTRUMENT, self.snapshot_id, at, at)]
        changes += self.levels(at, at, body, self.snapshot_id, ("bids", "asks"))
        self.append(changes)
        self.frames += 1

    def depth(self, at: int, body: dict[str, object]) -> None:
        changes = self.levels(at, body["T"] * 1_000_000, body, body["u"], ("b", "a"))
        if changes:
            self.append(changes)

    def append(self, changes: list[OrderBookDelta]) -> None:
        last = changes[-1]
        changes[-1] = OrderBookDelta(
            INSTRUMENT,
            last.action,
            last.order,
            RecordFlag.F_LAST,
            last.sequence,
            last.ts_event,
            last.ts_init,
        )
        self.deltas += len(changes)
        self.data.append(OrderBookDeltas(INSTRUMENT, changes))

    def levels(
        self,
        at: int,
        event: int,
        body: dict[str, object],
        sequence: int,
        keys: tuple[str, str],
    ) -> list[OrderBookDelta]:
        changes = []
        for key, side in zip(keys, (OrderSide.BUY, OrderSide.SELL), strict=True):
            for price_text, size_text in body[key]:
                amount = size(size_text)
                action = BookAction.UPDATE if amount.raw else BookAction.DELETE
                order = BookOrder(side, price(price_text), amount, 0)
                changes.append(OrderBookDelta(INSTRUMENT, action, order, 0, sequence, event, at))
        return changes

    def trade(self, at: int, body: dict[str, object]) -> None:
        self.data.append(
            TradeTick(
                INSTRUMENT,
                price(body["p"]),
                size(body["q"]),
                AggressorSide.SELLER if body["m"] else AggressorSide.BUYER,
                TradeId(str(body["t"])),
                body["T"] * 1_000_000,
                at,
            ),
        )

    def quote(self, at: int, body: dict[str, object]) -> None:
        self.data.append(
            QuoteTick(
                INSTRUMENT,
                price(body["b"]),
                price(body["a"]),
                size(body["B"]),
                size(body["A"]),
                body["T"] * 1_000_000,
                at,
            ),
        )


def convert(capture: Path) -> Converted:
    converter = Converter()
    with gzip.open(capture, "rb") as lines:
        for line in lines:
            stamp, _, frame = line.partition(b" ")
            converter.frame(int(stamp), json.loads(frame))
    return Converted(converter.data, converter.frames, converter.deltas)


def run(converted: Converted, grid: Grid, subscribe: str) -> tuple[float, float, GridMaker]:
    """Seconds of one ``engine.run()`` by the clock and of the CPU, and the strategy."""
    engine = BacktestEngine(
        BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True), run_analysis=False),
    )
    engine.add_venue(
        venue=VENUE,
        oms_type=OmsType.NETTING,
        account_type=AccountType.MARGIN,
        starting_balances=[Money(10_000_000, USDT)],
        base_currency=None,
        book_type=BookType.L2_MBP,
        trade_execution=True,
    )
    engine.add_instrument(instrument())
    engine.add_data(converted.data, sort=False)
    strategy = GridMaker(grid, subscribe)
    engine.add_strategy(strategy)
    start, start_cpu = time.perf_counter(), time.process_time()
    engine.run()
    elapsed, elapsed_cpu = time.perf_counter() - start, time.process_time() - start_cpu
    if engine.iteration != len(converted.data):
        raise RuntimeError(f"engine took {engine.iteration} of {len(converted.data)} events")
    if not strategy.fills:
        raise RuntimeError("no order was filled: the venue refuses them all")
    engine.dispose()
    return elapsed, elapsed_cpu, strategy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("capture", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--subscribe", choices=("all", "depth"), default="all")
    parser.add_argument("--levels", type=int, default=5)
    parser.add_argument("--half-spread-ticks", type=int, default=5)
    parser.add_argument("--spacing-ticks", type=int, default=10)
    parser.add_argument("--size", default="0.010")
    parser.add_argument("--interval-ms", type=int, default=1000)
    chosen = parser.parse_args()
    grid = Grid(
        chosen.levels,
        chosen.half_spread_ticks,
        chosen.spacing_ticks,
        chosen.size,
        chosen.interval_ms * 1_000_000,
    )
    converted = convert(chosen.capture)
    gc.collect()
    gc.freeze()
    run(converted, grid, chosen.subscribe)  # warm-up
    seconds, cpu_seconds = [], []
    for _ in range(chosen.rounds):
        gc.collect()
        elapsed, elapsed_cpu, strategy = run(converted, grid, chosen.subscribe)
        seconds.append(elapsed)
        cpu_seconds.append(elapsed_cpu)
    middle = statistics.median(seconds)
    print(
        json.dumps(
            {
                "peer": "nautilus_trader",
                "version": version("nautilus_trader"),
                "subscribe": chosen.subscribe,
                "events": converted.frames,
                "deltas": converted.deltas,
                "requotes": strategy.requotes,
                "placed": strategy.placed,
                "cancelled": strategy.cancelled,
                "fills": strategy.fills,
                "last_bid_ask": strategy.touch,
                "seconds": [round(each, 4) for each in seconds],
                "cpu_seconds": [round(each, 4) for each in cpu_seconds],
                "events_per_s": round(converted.frames / middle),
                "deltas_per_s": round(converted.deltas / middle),
            },
        ),
    )


if __name__ == "__main__":
    main()
