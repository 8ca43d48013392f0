"""Generated flow repeats, keeps the venue's numbering, and its frames make the book it has."""

import subprocess
import sys
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from trading_runtime.errors import Refused
from trading_runtime.simulator.flow import Flow
from trading_runtime.simulator.settings import FlowSettings, Venue

START = 1_735_689_600_000_000_000
SECOND = 1_000_000_000
VENUES: tuple[Venue, ...] = ("binance-usdm", "binance-spot")


def settings(**changes: Any) -> FlowSettings:
    return msgspec.structs.replace(FlowSettings(seed=7), **changes)


def data(frames: Iterable[tuple[int, bytes]], stream: str) -> list[dict[str, Any]]:
    decoded = (msgspec.json.decode(frame) for _, frame in frames)
    return [message["data"] for message in decoded if message["stream"].endswith(stream)]


def test_the_same_seed_gives_the_same_bytes_however_time_is_divided() -> None:
    whole = Flow(settings(), START).advance(START + 20 * SECOND)
    parts = Flow(settings(), START)
    divided = [
        frame for step in range(0, 20 * SECOND, 70_000_001) for frame in parts.advance(START + step)
    ]
    divided += parts.advance(START + 20 * SECOND)
    assert whole == divided


def test_another_seed_gives_another_flow() -> None:
    first = Flow(settings(seed=1), START).advance(START + SECOND)
    assert first != Flow(settings(seed=2), START).advance(START + SECOND)


def test_no_hash_reaches_the_bytes() -> None:
    program = (
        "import hashlib\n"
        "from trading_runtime.simulator.flow import Flow\n"
        "from trading_runtime.simulator.settings import FlowSettings\n"
        "frames = Flow(FlowSettings(seed=7), 0).advance(5 * 10**9)\n"
        "print(hashlib.sha256(repr(frames).encode()).hexdigest())\n"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "4242")
    }
    assert len(digests) == 1


@pytest.mark.parametrize("venue", VENUES)
def test_frames_come_in_order_and_not_before_their_event(venue: Venue) -> None:
    frames = Flow(settings(venue=venue), START).advance(START + 20 * SECOND)
    times = [at for at, _ in frames]
    assert times == sorted(times)
    assert times[0] > START
    assert times[-1] <= START + 20 * SECOND
    for at, frame in frames:
        event_ms = msgspec.json.decode(frame)["data"].get("E")
        if event_ms is not None:
            assert 3_000_000 <= at - event_ms * 1_000_000 < 4_000_000


@pytest.mark.parametrize("venue", VENUES)
def test_nothing_is_due_before_the_time_that_was_named(venue: Venue) -> None:
    flow = Flow(settings(venue=venue), START)
    for _ in range(500):
        at = flow.next_at()
        assert flow.advance(at - 1) == []
        assert all(received == at for received, _ in flow.advance(at))


def test_futures_diffs_chain_by_the_previous_id_and_ids_have_holes() -> None:
    diffs = data(Flow(settings(), START).advance(START + 20 * SECOND), "@depth@100ms")
    assert len(diffs) > 150
    for before, after in pairwise(diffs):
        assert after["pu"] == before["u"]
        assert before["u"] + 1 < after["U"] <= after["u"]
        assert after["E"] - before["E"] >= 100


def test_spot_diffs_follow_without_a_hole() -> None:
    frames = Flow(settings(venue="binance-spot"), START).advance(START + 20 * SECOND)
    diffs = data(frames, "@depth@100ms")
    for before, after in pairwise(diffs):
        assert after["U"] == before["u"] + 1
        assert "pu" not in after


def test_trade_ids_follow_one_another() -> None:
    trades = data(Flow(settings(), START).advance(START + 60 * SECOND), "@trade")
    assert len(trades) > 100
    assert [trade["t"] for trade in trades] == list(
        range(trades[0]["t"], trades[0]["t"] + len(trades))
    )
    assert {trade["X"] for trade in trades} == {"MARKET"}
    assert {trade["m"] for trade in trades} == {True, False}


class Replica:
    """A book made of the frames alone, in decimal text as it came."""

    def __init__(self, snapshot: bytes) -> None:
        book = msgspec.json.decode(snapshot)
        self.last_id = book["lastUpdateId"]
        self.bids = dict(book["bids"])
        self.asks = dict(book["asks"])

    def apply(self, diff: dict[str, Any]) -> None:
        if diff["u"] <= self.last_id:
            return
        for side, changes in ((self.bids, diff["b"]), (self.asks, diff["a"])):
            for price, size in changes:
                if float(size):
                    side[price] = size
                else:
                    side.pop(price, None)
        self.last_id = diff["u"]

    def top(self, count: int) -> tuple[list[list[str]], list[list[str]]]:
        bids = sorted(self.bids.items(), key=lambda level: -float(level[0]))
        asks = sorted(self.asks.items(), key=lambda level: float(level[0]))
        return [list(level) for level in bids[:count]], [list(level) for level in asks[:count]]


@pytest.mark.parametrize("venue", VENUES)
def test_snapshot_and_diffs_make_the_generators_own_book(venue: Venue) -> None:
    flow = Flow(settings(venue=venue), START)
    frames = flow.advance(START + 350_000_000)
    replica = Replica(flow.snapshot())
    frames += flow.advance(START + 30 * SECOND + 3_000_000)
    compared = 0
    last_ticker: dict[str, Any] = {}
    for _, frame in frames:
        message = msgspec.json.decode(frame)
        if "@depth" in message["stream"]:
            replica.apply(message["data"])
        elif "bookTicker" in message["stream"]:
            last_ticker = message["data"]
        if last_ticker.get("u") == replica.last_id:
            compared += 1
            (bid,), (ask,) = replica.top(1)
            assert bid + ask == [last_ticker[key] for key in ("b", "B", "a", "A")]
    assert compared > 50
    book = msgspec.json.decode(flow.snapshot())
    assert replica.last_id == book["lastUpdateId"]
    assert replica.top(100) == (book["bids"][:100], book["asks"][:100])


@pytest.mark.parametrize("venue", VENUES)
def test_the_touch_is_never_crossed_and_every_trade_was_at_the_touch(venue: Venue) -> None:
    frames = Flow(settings(venue=venue), START).advance(START + 60 * SECOND)
    tickers = data(frames, "@bookTicker")
    assert all(float(ticker["b"]) < float(ticker["a"]) for ticker in tickers)
    assert all(float(ticker["B"]) > 0 and float(ticker["A"]) > 0 for ticker in tickers)
    touch = None
    for _, frame in frames:
        message = msgspec.json.decode(frame)
        if "bookTicker" in message["stream"]:
            touch = message["data"]
        elif "@trade" in message["stream"] and touch:
            trade = message["data"]
            if trade["m"]:
                assert float(trade["p"]) <= float(touch["b"])
            else:
                assert float(trade["p"]) >= float(touch["a"])


@pytest.mark.parametrize("clustering", [0.0, 1.0, 1.3])
@pytest.mark.parametrize("busy", [0.05, 1.0, 10.0])
def test_odd_settings_make_a_market_too(clustering: float, busy: float) -> None:
    flow = Flow(
        settings(clustering=clustering, busy=busy, order_sigma=2.5, lag_ms=0, tick="10", lot="1"),
        START,
    )
    flow.advance(START + 10 * SECOND)
    book = msgspec.json.decode(flow.snapshot())
    assert book["bids"]
    assert book["asks"]


def test_a_busier_market_has_more_frames() -> None:
    calm = len(Flow(settings(), START).advance(START + 60 * SECOND))
    busy = len(Flow(settings(busy=4.0), START).advance(START + 60 * SECOND))
    assert 30 * 60 / 2 < calm < 60 * 60 * 2
    assert busy > 2 * calm


def test_a_setting_out_of_range_is_refused() -> None:
    with pytest.raises(Refused, match="busy"):
        Flow(settings(busy=1000.0), START)
