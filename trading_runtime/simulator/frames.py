"""The venue's messages, byte for byte as its combined streams and its REST book write them.

Forms are those recorded in August 2024. Book updates are numbered by a counter of the whole venue
on futures (so ids of one symbol have holes, and ``pu`` chains them) and of the symbol on spot
(ids follow one another).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Protocol, TypeVar

from trading_runtime.records.exact import scaled_text
from trading_runtime.simulator.settings import FlowSettings, Venue

Put_co = TypeVar("Put_co", covariant=True)
Levels = list[tuple[int, int]]
SPOT_DECIMALS = 8


class Window(NamedTuple):
    """Numbers of the first and last book change in a diff, and of the last one before it."""

    first: int
    last: int
    previous: int


class Touch(NamedTuple):
    """Best bid and ask with their sizes, ticks and lots; 0 where a side is empty."""

    bid: int
    bid_lots: int
    ask: int
    ask_lots: int


class Print(NamedTuple):
    """One trade; ``sold`` says that the taker sold."""

    number: int
    price: int
    lots: int
    sold: bool


class Frames(Protocol[Put_co]):
    """How what happens in a market is put; ``change`` numbers the book's changes."""

    def depth(self, at_ms: int, window: Window, bids: Levels, asks: Levels) -> Put_co: ...

    def trade(self, at_ms: int, trade: Print) -> Put_co: ...

    def ticker(self, at_ms: int, change: int, touch: Touch) -> Put_co: ...

    def snapshot(self, at_ms: int, change: int, bids: Levels, asks: Levels) -> Put_co: ...


class Decimals:
    """Counts of a step as decimal text, with the decimals of the step or with more."""

    __slots__ = ("_decimals", "_units")

    def __init__(self, step: str, decimals_min: int) -> None:
        whole, _, fraction = step.partition(".")
        self._decimals = max(len(fraction), decimals_min)
        self._units = int(whole + fraction.ljust(self._decimals, "0"))

    def text(self, count: int) -> str:
        return scaled_text(count * self._units, self._decimals)

    def levels(self, levels: Iterable[tuple[int, int]], lots: "Decimals") -> str:
        text, lots_text = self.text, lots.text
        return ",".join(f'["{text(price)}","{lots_text(size)}"]' for price, size in levels)


class UsdmFrames:
    """Messages of USDT-margined futures."""

    first_id = 5_000_000_000_000
    first_trade = 5_000_000_000
    stride = 7
    """Ids that other symbols take between two of ours."""

    def __init__(self, settings: FlowSettings) -> None:
        self._symbol = settings.symbol
        self._stream = settings.symbol.lower()
        self._price = Decimals(settings.tick, 0)
        self._lots = Decimals(settings.lot, 0)

    def update_id(self, change: int) -> int:
        return self.first_id + change * self.stride

    def depth(self, at_ms: int, window: Window, bids: Levels, asks: Levels) -> bytes:
        first, last, previous = map(self.update_id, window)
        return (
            f'{{"stream":"{self._stream}@depth@100ms","data":{{"e":"depthUpdate","E":{at_ms},'
            f'"T":{at_ms},"s":"{self._symbol}","U":{first},"u":{last},"pu":{previous},'
            f'"b":[{self._price.levels(sorted(bids), self._lots)}],'
            f'"a":[{self._price.levels(sorted(asks), self._lots)}]}}}}'
        ).encode()

    def trade(self, at_ms: int, trade: Print) -> bytes:
        return (
            f'{{"stream":"{self._stream}@trade","data":{{"e":"trade","E":{at_ms},"T":{at_ms},'
            f'"s":"{self._symbol}","t":{self.first_trade + trade.number},'
            f'"p":"{self._price.text(trade.price)}","q":"{self._lots.text(trade.lots)}",'
            f'"X":"MARKET","m":{"true" if trade.sold else "false"}}}}}'
        ).encode()

    def ticker(self, at_ms: int, change: int, touch: Touch) -> bytes:
        return (
            f'{{"stream":"{self._stream}@bookTicker","data":{{"e":"bookTicker",'
            f'"u":{self.update_id(change)},"s":"{self._symbol}",'
            f'"b":"{self._price.text(touch.bid)}","B":"{self._lots.text(touch.bid_lots)}",'
            f'"a":"{self._price.text(touch.ask)}","A":"{self._lots.text(touch.ask_lots)}",'
            f'"T":{at_ms},"E":{at_ms}}}}}'
        ).encode()

    def snapshot(self, at_ms: int, change: int, bids: Levels, asks: Levels) -> bytes:
        return (
            f'{{"lastUpdateId":{self.update_id(change)},"E":{at_ms},"T":{at_ms},'
            f'"bids":[{self._price.levels(bids, self._lots)}],'
            f'"asks":[{self._price.levels(asks, self._lots)}]}}'
        ).encode()


class SpotFrames:
    """Messages of the spot market; its ticker has no time and no event name."""

    first_id = 50_000_000_000
    first_trade = 3_700_000_000

    def __init__(self, settings: FlowSettings) -> None:
        self._symbol = settings.symbol
        self._stream = settings.symbol.lower()
        self._price = Decimals(settings.tick, SPOT_DECIMALS)
        self._lots = Decimals(settings.lot, SPOT_DECIMALS)

    def depth(self, at_ms: int, window: Window, bids: Levels, asks: Levels) -> bytes:
        return (
            f'{{"stream":"{self._stream}@depth@100ms","data":{{"e":"depthUpdate","E":{at_ms},'
            f'"s":"{self._symbol}","U":{self.first_id + window.first},'
            f'"u":{self.first_id + window.last},'
            f'"b":[{self._price.levels(sorted(bids, reverse=True), self._lots)}],'
            f'"a":[{self._price.levels(sorted(asks), self._lots)}]}}}}'
        ).encode()

    def trade(self, at_ms: int, trade: Print) -> bytes:
        return (
            f'{{"stream":"{self._stream}@trade","data":{{"e":"trade","E":{at_ms},'
            f'"s":"{self._symbol}","t":{self.first_trade + trade.number},'
            f'"p":"{self._price.text(trade.price)}","q":"{self._lots.text(trade.lots)}",'
            f'"T":{at_ms},"m":{"true" if trade.sold else "false"},"M":true}}}}'
        ).encode()

    def ticker(self, at_ms: int, change: int, touch: Touch) -> bytes:  # noqa: ARG002 -- has no time
        return (
            f'{{"stream":"{self._stream}@bookTicker","data":{{"u":{self.first_id + change},'
            f'"s":"{self._symbol}",'
            f'"b":"{self._price.text(touch.bid)}","B":"{self._lots.text(touch.bid_lots)}",'
            f'"a":"{self._price.text(touch.ask)}","A":"{self._lots.text(touch.ask_lots)}"}}}}'
        ).encode()

    def snapshot(self, at_ms: int, change: int, bids: Levels, asks: Levels) -> bytes:  # noqa: ARG002 -- has no time
        return (
            f'{{"lastUpdateId":{self.first_id + change},'
            f'"bids":[{self._price.levels(bids, self._lots)}],'
            f'"asks":[{self._price.levels(asks, self._lots)}]}}'
        ).encode()


FRAMES: Mapping[Venue, Callable[[FlowSettings], Frames[bytes]]] = {
    "binance-usdm": UsdmFrames,
    "binance-spot": SpotFrames,
}
