"""One stream each: who listens to it, and what waits for its next frame."""

import msgspec

from trading_runtime.simulator.exchange.words import LevelsChanged, Printed
from trading_runtime.simulator.server.connections import Connection
from trading_runtime.simulator.server.frames import text_frame
from trading_runtime.simulator.server.names import StreamName


class Listener:
    """A connection as a subscriber.

    ``wanted`` are the user events that it asked for; None means all.
    """

    __slots__ = ("connection", "names", "wanted")

    def __init__(self, connection: Connection, wanted: frozenset[str] | None) -> None:
        self.connection = connection
        self.wanted = wanted
        self.names: dict[str, None] = {}


class Audience:
    """The listeners of one name; each event is framed once for all of them."""

    __slots__ = ("_prefix", "listeners")

    def __init__(self, name: str) -> None:
        self._prefix = b'{"stream":' + msgspec.json.encode(name) + b',"data":'
        self.listeners: dict[Listener, None] = {}

    def deliver(self, event: bytes) -> None:
        """Send ``event``, JSON, to everyone."""
        plain = wrapped = b""
        for listener in self.listeners:
            if listener.connection.combined:
                wrapped = wrapped or text_frame(self._prefix + event + b"}")
                listener.connection.send(wrapped)
            else:
                plain = plain or text_frame(event)
                listener.connection.send(plain)

    def deliver_kind(self, kind: str, event: bytes) -> None:
        """Send ``event`` to those who want its ``kind``."""
        for listener in self.listeners:
            if listener.wanted is None or kind in listener.wanted:
                body = self._prefix + event + b"}" if listener.connection.combined else event
                listener.connection.say(body)


class Merge:
    """Book changes that wait for the next frame: the newest quantity of each level."""

    __slots__ = ("_asks", "_bids", "_first", "_last")

    def __init__(self, first: LevelsChanged) -> None:
        self._bids = dict(first.bids)
        self._asks = dict(first.asks)
        self._first = self._last = first

    def add(self, change: LevelsChanged) -> None:
        self._bids.update(change.bids)
        self._asks.update(change.asks)
        self._last = change

    def whole(self) -> LevelsChanged:
        """Give all that was added as one change."""
        first, last = self._first, self._last
        return LevelsChanged(
            symbol=first.symbol,
            bids=tuple(sorted(self._bids.items(), reverse=True)),
            asks=tuple(sorted(self._asks.items())),
            first_id=first.first_id,
            last_id=last.last_id,
            previous_id=first.previous_id,
            time_ns=last.time_ns,
        )


class Channel:
    """A market-data stream that somebody listens to."""

    __slots__ = ("audience", "candle", "merge", "name", "previous_id", "slot", "text")

    def __init__(self, text: str, name: StreamName, now_ms: int) -> None:
        self.text = text
        self.name = name
        self.audience = Audience(text)
        self.slot = now_ms // name.every_ms if name.every_ms else 0
        self.merge: Merge | None = None
        self.previous_id = 0
        self.candle: Candle | None = None

    def add(self, change: LevelsChanged) -> None:
        """Keep a book change for the next frame."""
        if self.merge is None:
            self.merge = Merge(change)
        else:
            self.merge.add(change)

    def due(self, now_ms: int) -> bool:
        """Say, once in each of its intervals, that a frame is due."""
        slot = now_ms // self.name.every_ms
        if slot == self.slot:
            return False
        self.slot = slot
        return True


class Candle:
    """One minute's trades of one symbol."""

    __slots__ = (
        "close",
        "count",
        "first_id",
        "high",
        "last_id",
        "low",
        "open",
        "quote",
        "start_ms",
        "taken",
        "taken_quote",
        "volume",
    )

    def __init__(self, start_ms: int, first: Printed) -> None:
        self.start_ms = start_ms
        self.open = self.high = self.low = self.close = first.price
        self.first_id = self.last_id = first.trade_id
        self.count = self.volume = self.quote = self.taken = self.taken_quote = 0

    def add(self, trade: Printed) -> None:
        quote = trade.price * trade.quantity // 10**8
        self.high = max(self.high, trade.price)
        self.low = min(self.low, trade.price)
        self.close = trade.price
        self.last_id = trade.trade_id
        self.count += 1
        self.volume += trade.quantity
        self.quote += quote
        if not trade.buyer_is_maker:
            self.taken += trade.quantity
            self.taken_quote += quote
