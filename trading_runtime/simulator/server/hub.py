"""All market-data streams of one market: what the exchange did becomes frames for subscribers.

Only streams that somebody listens to exist. A stream with an interval gathers what happened and is
written when its interval ends; the others are written at once. ``Hub.tick`` drives the former.
"""

from trading_runtime.records.units import NANOS_PER_MILLI
from trading_runtime.simulator.exchange.exchange import Exchange
from trading_runtime.simulator.exchange.words import (
    LevelsChanged,
    Liquidated,
    MarketKind,
    Printed,
    TouchChanged,
)
from trading_runtime.simulator.faults.board import FaultBoard
from trading_runtime.simulator.server import quotes
from trading_runtime.simulator.server.candles import candle_frame
from trading_runtime.simulator.server.channels import Candle, Channel, Listener
from trading_runtime.simulator.server.names import StreamKind, read_name
from trading_runtime.simulator.server.quotes import Aggregate
from trading_runtime.simulator.server.scales import Scales
from trading_runtime.simulator.server.settings import MINUTE_MS


class Hub:
    """``scales`` holds every symbol of the market and grows with it."""

    def __init__(
        self, market: MarketKind, exchange: Exchange, board: FaultBoard, scales: dict[str, Scales]
    ) -> None:
        self._market = market
        self._spot = market is MarketKind.SPOT
        self._exchange = exchange
        self._board = board
        self._scales = scales
        self._channels: dict[str, Channel] = {}
        self._heard: dict[tuple[StreamKind, str], list[Channel]] = {}
        self._timed: list[Channel] = []
        self._aggregates: dict[str, int] = {}
        self._pending: Aggregate | None = None

    def join(self, text: str, listener: Listener, now_ms: int) -> None:
        """Let ``listener`` hear the stream ``text``; a name that means nothing stays silent."""
        channel = self._channels.get(text)
        if channel is None:
            name = read_name(self._market, text)
            if name is None or name.symbol not in self._scales:
                return
            channel = self._channels[text] = Channel(text, name, now_ms)
            self._heard.setdefault((name.kind, name.symbol), []).append(channel)
            if name.every_ms:
                self._timed.append(channel)
        channel.audience.listeners[listener] = None

    def leave(self, text: str, listener: Listener) -> None:
        """``listener`` has heard enough of ``text``; a stream without listeners is dropped."""
        channel = self._channels.get(text)
        if channel is None:
            return
        channel.audience.listeners.pop(listener, None)
        if channel.audience.listeners:
            return
        del self._channels[text]
        self._heard[channel.name.kind, channel.name.symbol].remove(channel)
        if channel.name.every_ms:
            self._timed.remove(channel)

    def open_streams(self) -> list[str]:
        """Give the names of the streams that somebody listens to."""
        return list(self._channels)

    def _push(self, channel: Channel, event: bytes) -> None:
        self._board.push(channel.text, self._market, event, channel.audience.deliver)

    def on_levels(self, change: LevelsChanged, now_ms: int) -> None:
        for channel in self._heard.get((StreamKind.DEPTH, change.symbol), ()):
            if channel.name.every_ms:
                channel.add(change)
            else:
                self._push(channel, self._diff(change, now_ms))
        for channel in self._heard.get((StreamKind.PARTIAL, change.symbol), ()):
            channel.add(change)

    def on_touch(self, touch: TouchChanged, now_ms: int) -> None:
        channels = self._heard.get((StreamKind.TOUCH, touch.symbol))
        if channels:
            frame = quotes.spot_touch if self._spot else quotes.usdm_touch
            event = frame(touch, self._scales[touch.symbol], now_ms)
            for channel in channels:
                self._push(channel, event)

    def on_print(self, trade: Printed, now_ms: int) -> None:
        channels = self._heard.get((StreamKind.TRADE, trade.symbol))
        if channels:
            frame = quotes.spot_trade if self._spot else quotes.usdm_trade
            event = frame(trade, self._scales[trade.symbol], now_ms)
            for channel in channels:
                self._push(channel, event)
        for channel in self._heard.get((StreamKind.KLINE, trade.symbol), ()):
            self._draw(channel, trade, now_ms)
        self._gather(trade, now_ms)

    def on_liquidated(self, event: Liquidated, now_ms: int) -> None:
        symbol = event.order.symbol
        for channel in self._heard.get((StreamKind.FORCE, symbol), ()):
            self._push(channel, quotes.force_order(event, self._scales[symbol], now_ms))

    def _gather(self, trade: Printed, now_ms: int) -> None:
        """Trades of one taker at one price and moment make one aggregate."""
        held = self._pending
        if held is not None:
            last = held.trade
            if (last.symbol, last.price, last.buyer_is_maker, last.time_ns) == (
                trade.symbol,
                trade.price,
                trade.buyer_is_maker,
                trade.time_ns,
            ):
                both = Printed(
                    symbol=trade.symbol,
                    trade_id=trade.trade_id,
                    price=trade.price,
                    quantity=last.quantity + trade.quantity,
                    buyer_is_maker=trade.buyer_is_maker,
                    time_ns=trade.time_ns,
                )
                self._pending = Aggregate(held.number, both, held.first_id)
                return
            self.settle(now_ms)
        number = self._aggregates.get(trade.symbol, self._exchange.ids_after) + 1
        self._aggregates[trade.symbol] = number
        self._pending = Aggregate(number, trade, trade.trade_id)

    def settle(self, now_ms: int) -> None:
        """All that one call did has been told: send the aggregate that was still growing."""
        held, self._pending = self._pending, None
        if held is None:
            return
        channels = self._heard.get((StreamKind.AGGREGATE, held.trade.symbol))
        if channels:
            frame = quotes.spot_aggregate if self._spot else quotes.usdm_aggregate
            event = frame(held, self._scales[held.trade.symbol], now_ms)
            for channel in channels:
                self._push(channel, event)

    def tick(self, now_ms: int) -> None:
        """Write the streams whose interval has ended."""
        for channel in self._timed:
            if channel.due(now_ms):
                self._write(channel, now_ms)

    def _write(self, channel: Channel, now_ms: int) -> None:
        kind = channel.name.kind
        if kind is StreamKind.MARK:
            view = self._exchange.mark_view(channel.name.symbol)
            if view.mark:
                self._push(channel, quotes.mark_update(view, now_ms))
        elif kind is StreamKind.KLINE:
            self._tell_candle(channel, now_ms)
        elif channel.merge is not None:
            change, channel.merge = channel.merge.whole(), None
            if kind is StreamKind.DEPTH:
                self._push(channel, self._diff(change, now_ms))
            else:
                self._push(channel, self._partial(channel, change, now_ms))

    def _diff(self, change: LevelsChanged, now_ms: int) -> bytes:
        frame = quotes.spot_diff if self._spot else quotes.usdm_diff
        return frame(change, self._scales[change.symbol], now_ms)

    def _partial(self, channel: Channel, change: LevelsChanged, now_ms: int) -> bytes:
        scales = self._scales[change.symbol]
        book = self._exchange.depth(change.symbol, channel.name.levels)
        if self._spot:
            return quotes.spot_partial(book, scales)
        previous, channel.previous_id = channel.previous_id, change.last_id
        top = LevelsChanged(
            symbol=change.symbol,
            bids=book.bids,
            asks=book.asks,
            first_id=change.first_id,
            last_id=change.last_id,
            previous_id=previous or change.previous_id,
            time_ns=change.time_ns,
        )
        return quotes.usdm_diff(top, scales, now_ms)

    def _draw(self, channel: Channel, trade: Printed, now_ms: int) -> None:
        moment = trade.time_ns // NANOS_PER_MILLI
        start = moment - moment % MINUTE_MS
        if channel.candle is None or channel.candle.start_ms != start:
            self._tell_candle(channel, max(now_ms, start))
            channel.candle = Candle(start, trade)
        channel.candle.add(trade)

    def _tell_candle(self, channel: Channel, now_ms: int) -> None:
        """A minute without a trade has no candle; a finished one is told once as closed."""
        candle = channel.candle
        if candle is None:
            return
        symbol = channel.name.symbol
        self._push(channel, candle_frame(candle, self._scales[symbol], symbol, now_ms))
        if now_ms >= candle.start_ms + MINUTE_MS:
            channel.candle = None
