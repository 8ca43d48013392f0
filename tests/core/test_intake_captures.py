"""Real traffic through the intake against what an independent program made of it."""

import hashlib
import json
import re
from collections import Counter
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.core.desk_inputs import (
    GRIDS,
    Capture20240808,
    Loop,
    Step,
    answer,
    frame,
    instrument,
    opened,
)
from trading_runtime.gateway.capture import Capture, LineKind, finest_grid
from trading_runtime.market.events import DepthChanged, TickerChanged, TradePrinted
from trading_runtime.market.instrument import Market
from trading_runtime.records.facts_market import BookDesynced, BookSynced, FrameQuarantined
from trading_runtime.records.inputs import AnswerReceived, FrameReceived, InstrumentRevised
from trading_runtime.records.units import Nanos, Side

Oracle = dict[str, Any]


@cache
def oracles(shared_data: Path) -> dict[str, Oracle]:
    loaded: dict[str, Oracle] = json.loads((shared_data / "captures/ORACLES.json").read_text())
    return loaded


def plain(number: Decimal) -> str:
    return format(number.normalize(), "f")


def canonical(market: Market, side: Side) -> str:
    tick, lot = market.scales.tick, market.scales.lot
    return ";".join(
        f"{plain(tick.decimal(price))}:{plain(lot.decimal(size))}"
        for price, size in market.book.levels(side)
    )


def top(market: Market, side: Side, count: int) -> list[list[Decimal]]:
    tick, lot = market.scales.tick, market.scales.lot
    return [
        [tick.decimal(price), lot.decimal(size)] for price, size in market.book.top(side, count)
    ]


def decimals(levels: list[list[str]]) -> list[list[Decimal]]:
    return [[Decimal(text) for text in level] for level in levels]


class Followed(Loop):
    """A loop that looks at the book where the oracle did: after so many updates."""

    def __init__(self, ids: list[int]) -> None:
        super().__init__()
        self._ids = set(ids)
        self.samples: dict[int, tuple[Any, ...]] = {}

    def feed_all(self, steps: list[Step]) -> None:
        for at, body in steps:
            self.until(at)
            self.step(at, body)
            market = self.market
            if market.last_id in self._ids and market.synced:
                self._ids.remove(market.last_id)
                best = top(market, Side.BUY, 1), top(market, Side.SELL, 1)
                self.samples[market.last_id] = (*best, *market.book.counts())


@pytest.fixture(scope="module", params=sorted(GRIDS))
def followed(request: pytest.FixtureRequest, shared_data: Path) -> tuple[Oracle, Followed]:
    oracle = oracles(shared_data)[request.param]
    loop = Followed([sample["after_update_u"] for sample in oracle["book"]["samples"]])
    loop.feed_all(Capture20240808(shared_data, request.param).steps())
    return oracle, loop


def test_the_message_counts_are_the_oracles(followed: tuple[Oracle, Followed]) -> None:
    oracle, loop = followed
    counts = Counter(type(event) for event in loop.events)
    book, told = oracle["book"], oracle["counts"]
    dropped = book["events_dropped_before_snapshot"]
    assert counts[TradePrinted] == told["trade"]
    assert counts[TickerChanged] == told["bookTicker"]
    assert counts[DepthChanged] == book["applied"] == told["depthUpdate"] - dropped
    assert loop.market.applied == book["applied"]


def test_the_book_is_the_oracles_after_each_sample_and_at_the_end(
    followed: tuple[Oracle, Followed],
) -> None:
    oracle, loop = followed
    market, book = loop.market, oracle["book"]
    for sample in book["samples"][1:]:
        bids, asks = decimals([sample["best_bid"]]), decimals([sample["best_ask"]])
        seen = loop.samples[sample["after_update_u"]]
        assert seen == (bids, asks, sample["n_bids"], sample["n_asks"])
    assert market.synced
    assert market.last_id == book["final_u"]
    assert list(market.book.counts()) == book["final_levels"]
    assert top(market, Side.BUY, 20) == decimals(book["final_top20_bids"])
    assert top(market, Side.SELL, 20) == decimals(book["final_top20_asks"])
    for side, name in ((Side.BUY, "bids"), (Side.SELL, "asks")):
        digest = hashlib.sha256(canonical(market, side).encode()).hexdigest()
        assert digest == book[f"final_sha256_{name}"]


def test_it_synchronises_once_with_the_oracles_first_delta(
    followed: tuple[Oracle, Followed],
) -> None:
    oracle, loop = followed
    book = oracle["book"]
    first, sample = book["first_applied"], book["samples"][0]
    (synced,) = loop.said(BookSynced)
    assert isinstance(synced, BookSynced)
    assert (synced.first_id, synced.last_id) == (first["U"], first["u"])
    assert synced.snapshot_id == book["lastUpdateId"]
    assert synced.dropped == book["events_dropped_before_snapshot"]
    assert (synced.bid_levels, synced.ask_levels) == (sample["n_bids"], sample["n_asks"])
    assert loop.said(BookDesynced, FrameQuarantined) == []


def test_the_venues_own_ticker_agrees_wherever_it_has_the_same_id(
    followed: tuple[Oracle, Followed],
) -> None:
    oracle, loop = followed
    book = oracle["book"]
    assert loop.market.ticker_equal == book["bookTicker_same_u_equal"]
    assert loop.market.ticker_different == book["bookTicker_same_u_different"] == 0


def test_the_trades_add_up_to_the_oracles_sums(followed: tuple[Oracle, Followed]) -> None:
    oracle, loop = followed
    told, scales = oracle["trades"], loop.market.scales
    trades = [event for event in loop.events if isinstance(event, TradePrinted)]
    assert (trades[0].trade_id, trades[-1].trade_id) == (told["first_id"], told["last_id"])
    assert sum(trade.is_market for trade in trades) == told["n_market"]
    assert sum(trade.buyer_is_maker for trade in trades) == told["buyer_maker"]
    prices = [scales.tick.decimal(trade.price) for trade in trades]
    sizes = [scales.lot.decimal(trade.size) for trade in trades]
    assert max(prices) == Decimal(told["high"])
    assert min(prices) == Decimal(told["low"])
    assert prices[-1] == Decimal(told["last"])
    assert sum(sizes) == Decimal(told["base_volume"])
    quote = sum(price * size for price, size in zip(prices, sizes, strict=True))
    assert quote == Decimal(told["quote_volume"])


class PlainBook:
    """The venue's document followed to the letter, with decimals in two dicts."""

    def __init__(self, *, linked: bool) -> None:
        self.linked = linked
        self.sides: dict[str, dict[Decimal, Decimal]] = {"b": {}, "a": {}}
        self.held: list[dict[str, Any]] = []
        self.last = 0
        self.joined = False

    def load(self, body: dict[str, Any]) -> None:
        self.last = body["lastUpdateId"]
        for side, name in (("b", "bids"), ("a", "asks")):
            self.sides[side] = {Decimal(price): Decimal(size) for price, size in body[name]}
        for delta in self.held:
            self.apply(delta)

    def take(self, delta: dict[str, Any]) -> None:
        if self.last:
            self.apply(delta)
        else:
            self.held.append(delta)

    def apply(self, delta: dict[str, Any]) -> None:
        old = delta["u"] < self.last if self.linked else delta["u"] <= self.last
        if old:
            return
        if self.joined and self.linked:
            assert delta["pu"] == self.last
        else:
            assert delta["U"] <= self.last + 1
        self.joined = True
        self.last = delta["u"]
        for side in "ba":
            for price, size in delta[side]:
                self.sides[side][Decimal(price)] = Decimal(size)
                if not Decimal(size):
                    del self.sides[side][Decimal(price)]


THIN = {
    "cryptofeed_binance_spot_20211012": ("binance-spot", "BINANCE"),
    "cryptofeed_binance_usdm_20210722": ("binance-usdm", "BINANCE_FUTURES"),
}


@pytest.mark.parametrize("folder", sorted(THIN))
def test_thin_books_are_those_of_the_document_followed_to_the_letter(
    shared_data: Path, folder: str
) -> None:
    venue, stem = THIN[folder]
    lines = list(Capture(sorted((shared_data / "captures" / folder).glob(f"{stem}*"))))
    symbols = {line.symbol for line in lines if line.kind is LineKind.SNAPSHOT}
    loop = Loop()
    plain_books: dict[str, PlainBook] = {}
    first = Nanos(lines[0].at_ns)
    revisions = {symbol: number for number, symbol in enumerate(sorted(symbols), 1)}
    for symbol in sorted(symbols):
        # Not the filters of that day: older orders stand in these books on finer grids.
        tick, lot = finest_grid(lines, symbol)
        revised = instrument(venue, symbol, tick, lot, revisions[symbol])
        loop.step(first, InstrumentRevised(instrument=revised))
        plain_books[symbol] = PlainBook(linked=venue.endswith("usdm"))
    loop.step(first, opened(venue))
    for line in lines:
        if line.kind is LineKind.SNAPSHOT:
            plain_books[line.symbol].load(json.loads(line.payload))
            loop.step(Nanos(line.at_ns), answer(f"depth-{revisions[line.symbol]}", line.payload))
        elif line.kind is LineKind.FRAME:
            message = json.loads(line.payload)
            if "@depth" in message["stream"]:
                plain_books[message["data"]["s"]].take(message["data"])
            loop.step(Nanos(line.at_ns), frame(line.payload))
    assert loop.intake.quarantined == {}
    assert set(loop.intake.ignored) == {"kline_1m"}
    assert len(loop.intake.markets) == 4
    synced = 0
    for market in loop.intake.markets.values():
        truth = plain_books[market.instrument.symbol]
        assert market.synced is truth.joined
        if market.synced:
            synced += 1
            assert market.last_id == truth.last
            for side, name in ((Side.BUY, "b"), (Side.SELL, "a")):
                levels = top(market, side, 10**6)
                assert dict(map(tuple, levels)) == truth.sides[name]
    assert synced >= 3


def test_frames_without_their_stream_name_make_the_same_book(shared_data: Path) -> None:
    """What a raw connection would have sent: the payload alone."""
    capture = Capture20240808(shared_data, "spot_ethusdt")
    steps = capture.steps(4_000)
    payload = re.compile(rb'\{"stream":"[^"]+","data":(.*)\}', re.DOTALL)
    raw: list[Step] = []
    for at, body in steps:
        if isinstance(body, FrameReceived):
            match = payload.fullmatch(body.frame)
            assert match
            raw.append((at, frame(match[1])))
        else:
            raw.append((at, body))
    combined, bare = Loop(), Loop()
    combined.feed(steps)
    bare.feed(raw)
    assert combined.market.synced
    assert bare.events == combined.events
    assert bare.out == combined.out
    assert isinstance(answer("depth-1", b""), AnswerReceived)
