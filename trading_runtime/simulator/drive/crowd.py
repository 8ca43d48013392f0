"""Generated flow as moves of an exchange: one symbol's other traders.

Prices lie on the first power of ten of the symbol's tick that is a millionth of the price or more,
and sizes on a lot worth some sixty of the quote asset: what ``flow`` was tuned for.
"""

import zlib
from collections.abc import Iterable

import msgspec

from trading_runtime.records.units import NANOS_PER_MILLI
from trading_runtime.simulator.exchange.amounts import short_text, units
from trading_runtime.simulator.exchange.exchange import Exchange
from trading_runtime.simulator.exchange.words import MarketKind, Side, SymbolRules
from trading_runtime.simulator.flow import Market
from trading_runtime.simulator.frames import Levels, Print, Touch, Window
from trading_runtime.simulator.settings import FlowSettings

GATHERED_NS = 10 * NANOS_PER_MILLI
"""Book changes are told each this long: some events' worth, and a tenth of what streams gather."""
TICKS_IN_PRICE = 1_000_000
LOT_WORTH = units("60")
"""Of one lot of the flow, in the quote asset; orders have sixty lots in the mean."""
START = {"BTC": units("61800"), "ETH": units("2650"), "BNB": units("580"), "SOL": units("150")}
START_ELSE = units("100")


class LevelMoves(msgspec.Struct, frozen=True, gc=False):
    """Sizes of levels now, in ticks and lots."""

    bids: Levels
    asks: Levels


class Moves:
    """What happens, as it is."""

    def depth(self, at_ms: int, window: Window, bids: Levels, asks: Levels) -> LevelMoves:  # noqa: ARG002 -- ids and times are the exchange's
        return LevelMoves(bids, asks)

    def trade(self, at_ms: int, trade: Print) -> Print:  # noqa: ARG002 -- likewise
        return trade

    def ticker(self, at_ms: int, change: int, touch: Touch) -> None:
        """The exchange finds the touch itself."""

    def snapshot(self, at_ms: int, change: int, bids: Levels, asks: Levels) -> LevelMoves:  # noqa: ARG002 -- likewise
        return LevelMoves(bids, asks)


class Crowd:
    """The generated traders of one symbol; time is nanoseconds since they came."""

    def __init__(self, exchange: Exchange, rules: SymbolRules, settings: FlowSettings) -> None:
        self._exchange = exchange
        self._symbol = rules.symbol
        self._tick = units(settings.tick)
        self._lot = units(settings.lot)
        self._market = Market[LevelMoves | Print | None](settings, 0, Moves(), GATHERED_NS)

    def arrive(self, now: int) -> None:
        """Put the first book on the exchange."""
        self._move(self._market.snapshot(), now)

    def advance(self, elapsed_ns: int, now: int) -> None:
        """Do what they have done until then."""
        for _, move in self._market.advance(elapsed_ns):
            self._move(move, now)

    def _move(self, move: LevelMoves | Print | None, now: int) -> None:
        if isinstance(move, LevelMoves):
            self._set(Side.BUY, move.bids, now)
            self._set(Side.SELL, move.asks, now)
        elif move is not None:
            side = Side.SELL if move.sold else Side.BUY
            price, size = move.price * self._tick, move.lots * self._lot
            self._exchange.external_trade(self._symbol, side, price, size, now)

    def _set(self, side: Side, levels: Iterable[tuple[int, int]], now: int) -> None:
        for price, lots in sorted(levels, key=size_of):  # levels that go make room first
            self._exchange.set_external(
                self._symbol, side, price * self._tick, lots * self._lot, now
            )


def size_of(level: tuple[int, int]) -> int:
    return level[1]


def settings_for(market: MarketKind, rules: SymbolRules, seed: int) -> FlowSettings:
    """Give a symbol's flow; each symbol of each market has its own seed from the one given."""
    price = START.get(rules.base, START_ELSE)
    tick = power_of_ten(price // TICKS_IN_PRICE, rules.tick)
    lot = power_of_ten(LOT_WORTH * units("1") // price // 3, rules.lot)
    return FlowSettings(
        seed=zlib.crc32(f"{seed} {market.value} {rules.symbol}".encode()),
        symbol=rules.symbol,
        tick=short_text(tick),
        lot=short_text(lot),
        price=short_text(price // tick * tick),
        lag_ms=0,
    )


def power_of_ten(least: int, step: int) -> int:
    """Give the first of ``step``, ten times it, and so on, that is ``least`` or more."""
    while step < least:
        step *= 10
    return step
