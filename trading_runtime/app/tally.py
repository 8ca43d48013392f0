"""What a capture held and what became of it, in the terms of an independent oracle.

The figures come from the core's own decoded events and books and from the facts in the journal, so
that equality with somebody else's says that decoding, synchronisation and book are right. Sums are
exact; they are written with the decimals that the venue itself wrote.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from trading_runtime.core.core import Core
from trading_runtime.core.venues.registry import VENUES
from trading_runtime.core.venues.texts import Texts
from trading_runtime.gateway.capture import CaptureLine, LineKind
from trading_runtime.journal.reader import read_session
from trading_runtime.market.book import Book
from trading_runtime.market.events import DepthChanged, TradePrinted
from trading_runtime.market.instrument import Market
from trading_runtime.records.envelope import Kind, decode_body
from trading_runtime.records.exact import scaled_text
from trading_runtime.records.facts_market import BookDesynced, BookSynced, FrameQuarantined
from trading_runtime.records.instruments import Instrument, Scales
from trading_runtime.records.units import Side

TOP = 20
SAMPLED = frozenset({1, 1000, 2000, 5000})
"""After so many applied deltas the best prices and the number of levels are written down."""
CANONICAL = "price:qty normalised decimal, best first, joined with ;"

NAME = re.compile(rb'"e":"(\w+)"|"stream":"\w+@(\w+)(?:@\w+)?","data":\{(?!"e")')
WRITTEN = re.compile(rb'"\d+\.?(\d*)"')
NAME_WITHIN = 160
"""Bytes of a frame in which its event's name stands."""

Json = dict[str, object]


class TradeSums:
    """All trades of the capture; price and size are summed in ticks and lots."""

    def __init__(self) -> None:
        self.count = self.buyer_maker = self.gaps = 0
        self.first_id = self.last_id = 0
        self.lots = self.tick_lots = 0
        self.high = self.low = self.last = 0
        self.other_ids: list[int] = []

    def add(self, trade: TradePrinted) -> None:
        if not self.count:
            self.first_id, self.low = trade.trade_id, trade.price
        elif trade.trade_id != self.last_id + 1:
            self.gaps += 1
        self.count += 1
        self.last_id = trade.trade_id
        self.last = trade.price
        self.high = max(self.high, trade.price)
        self.low = min(self.low, trade.price)
        self.lots += trade.size
        self.tick_lots += trade.price * trade.size
        self.buyer_maker += trade.buyer_is_maker
        if not trade.is_market:
            self.other_ids.append(trade.trade_id)

    def report(self, writing: "Writing") -> Json:
        return {
            "n": self.count,
            "n_market": self.count - len(self.other_ids),
            "non_market": self.other_ids,
            "first_id": self.first_id,
            "last_id": self.last_id,
            "id_gaps": self.gaps,
            "base_volume": writing.size(self.lots),
            "quote_volume": writing.notional(self.tick_lots),
            "buyer_maker": self.buyer_maker,
            "high": writing.price(self.high),
            "low": writing.price(self.low),
            "last": writing.price(self.last),
        }


class Writing:
    """Numbers with the decimals that the venue writes: at least those of the grid."""

    def __init__(self, scales: Scales) -> None:
        self._scales = scales
        self.price_decimals = scales.tick.scale
        self.size_decimals = scales.lot.scale

    def learn(self, payload: bytes) -> None:
        """Look at how a frame with a price and a size writes them."""
        match WRITTEN.findall(payload):
            case [price, size, *_]:
                self.price_decimals = max(self.price_decimals, len(price))
                self.size_decimals = max(self.size_decimals, len(size))
            case _:
                pass

    def price(self, ticks: int) -> str:
        return widened(self._scales.tick.text(ticks), self.price_decimals)

    def size(self, lots: int) -> str:
        return widened(self._scales.lot.text(lots), self.size_decimals)

    def notional(self, tick_lots: int) -> str:
        tick, lot = self._scales.tick, self._scales.lot
        text = scaled_text(tick_lots * tick.step_units * lot.step_units, tick.scale + lot.scale)
        return widened(text, self.price_decimals + self.size_decimals)


def widened(text: str, decimals: int) -> str:
    """Add zeros behind the point until there are ``decimals`` of them."""
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction.ljust(decimals, '0')}" if decimals else whole


def normalised(text: str) -> str:
    """Take away the zeros behind the point that say nothing."""
    return text.rstrip("0").rstrip(".") if "." in text else text


class Tally:
    """Counts what a feed gives it; ask for the report when the feed is over."""

    def __init__(self, instrument: Instrument, core: Core) -> None:
        self.instrument = instrument
        self.symbol = instrument.symbol
        self.messages = 0
        self.counts: Counter[str] = Counter()
        self.first_ns = self.last_ns = 0
        self.trades = TradeSums()
        self._core = core
        self._writing = Writing(Scales(instrument))
        self._first_applied: DepthChanged | None = None
        self._applied = 0
        self._samples: list[Json] = []

    @property
    def _market(self) -> Market:
        return self._core.intake.markets[self.instrument.revision]

    def note(self, line: CaptureLine) -> None:
        """Count a line that the core has just been given, and what the core made of it."""
        self.messages += 1
        self.first_ns = self.first_ns or line.at_ns
        self.last_ns = line.at_ns
        self.counts[event_name(line)] += 1
        if line.kind is LineKind.SNAPSHOT:
            self._writing.learn(line.payload.partition(b'"bids":')[2])
            self._replay_held(line.payload)
        for event in self._core.intake.events:
            if type(event) is TradePrinted:
                if not self.trades.count:
                    self._writing.learn(line.payload.partition(b'"p":')[2])
                self.trades.add(event)
            elif type(event) is DepthChanged:
                self._applied += 1
                self._first_applied = self._first_applied or event
                if self._applied in SAMPLED and line.kind is not LineKind.SNAPSHOT:
                    self._samples.append(self._sample(self._market.book, event.last_id))

    def _replay_held(self, body: bytes) -> None:
        """Sample between the deltas that were held for a snapshot: they went in all at once."""
        held = [event for event in self._core.intake.events if isinstance(event, DepthChanged)]
        if not held:
            return
        market = self._market
        codec = VENUES[self.instrument.venue].codec
        snapshot = codec.snapshot(body, Texts(market.scales))
        book = Book()
        book.replace(snapshot.bids, snapshot.asks)
        for applied, event in enumerate(held, self._applied + 1):
            book.apply(event.bids, event.asks)
            if applied in SAMPLED:
                self._samples.append(self._sample(book, event.last_id))

    def _sample(self, book: Book, last_id: int) -> Json:
        bid_levels, ask_levels = book.counts()
        return {
            "after_update_u": last_id,
            "best_bid": self._levels(book, Side.BUY, 1)[0],
            "best_ask": self._levels(book, Side.SELL, 1)[0],
            "n_bids": bid_levels,
            "n_asks": ask_levels,
        }

    def _levels(self, book: Book, side: Side, count: int) -> list[tuple[str, str]]:
        writing = self._writing
        levels = book.top(side, count)
        return [(writing.price(price), writing.size(size)) for price, size in levels]

    def report(self, paths: Iterable[Path], folder: Path) -> Json:
        """Give the figures; the session in ``folder`` tells of gaps and quarantined frames."""
        synced, desynced, quarantined = facts(folder)
        return {
            "files": [path.name for path in paths],
            "messages": self.messages,
            "first_local_ts": self.first_ns,
            "last_local_ts": self.last_ns,
            "counts": dict(self.counts),
            "chain_breaks": sum(fact.expected_id > 0 for fact in desynced),
            "trades": self.trades.report(self._writing),
            "book": self._book(synced),
            "gaps": [
                {
                    "reason": fact.reason.value,
                    "expected": fact.expected_id,
                    "received": fact.received_id,
                }
                for fact in desynced
            ],
            "quarantined": dict(quarantined),
        }

    def _book(self, synced: list[BookSynced]) -> Json:
        market, first = self._market, self._first_applied
        return {
            "synced": market.synced,
            "lastUpdateId": synced[0].snapshot_id if synced else 0,
            "events_dropped_before_snapshot": synced[0].dropped if synced else 0,
            "first_applied": {"U": first.first_id, "u": first.last_id} if first else None,
            "applied": market.applied,
            "final_u": market.last_id,
            "bookTicker_same_u_equal": market.ticker_equal,
            "bookTicker_same_u_different": market.ticker_different,
            "samples": self._samples,
            "final_top20_bids": self._levels(market.book, Side.BUY, TOP),
            "final_top20_asks": self._levels(market.book, Side.SELL, TOP),
            "final_levels": list(market.book.counts()),
            "final_sha256_bids": self._digest(Side.BUY),
            "final_sha256_asks": self._digest(Side.SELL),
            "canonical": CANONICAL,
        }

    def _digest(self, side: Side) -> str:
        scales = self._market.scales
        text = ";".join(
            f"{normalised(scales.tick.text(price))}:{normalised(scales.lot.text(size))}"
            for price, size in self._market.book.levels(side)
        )
        return hashlib.sha256(text.encode()).hexdigest()


def event_name(line: CaptureLine) -> str:
    """Give the venue's own name of what a line holds, by its text alone."""
    if line.kind is LineKind.SNAPSHOT:
        return "snapshot"
    found = NAME.search(line.payload, 0, NAME_WITHIN)
    if found is None:
        return "other"
    return (found[1] or found[2]).decode()


def facts(folder: Path) -> tuple[list[BookSynced], list[BookDesynced], Counter[str]]:
    """Read what a session's journal says of its books and its unreadable frames."""
    synced: list[BookSynced] = []
    desynced: list[BookDesynced] = []
    quarantined: Counter[str] = Counter()
    for record in read_session(folder):
        if record.kind is not Kind.OUTPUT:
            continue
        body = decode_body(record.body)
        if isinstance(body, BookSynced):
            synced.append(body)
        elif isinstance(body, BookDesynced):
            desynced.append(body)
        elif isinstance(body, FrameQuarantined):
            quarantined[body.reason] += 1
    return synced, desynced, quarantined
