"""Frames of the venue's documents and of real traffic, decoded; all else is ``Misread``."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.desk_inputs import instrument
from trading_runtime.core.venues.binance.public import MarketCodec
from trading_runtime.core.venues.channel import Channel, StreamKind
from trading_runtime.core.venues.texts import Texts
from trading_runtime.errors import Misread
from trading_runtime.market.events import DepthChanged, TickerChanged, TradePrinted
from trading_runtime.records.instruments import Scales
from trading_runtime.records.units import Nanos, Revision

SPOT, USDM = MarketCodec(linked=False), MarketCodec(linked=True)


def texts(symbol: str, tick: str = "0.10", lot: str = "0.001") -> Texts:
    return Texts(Scales(instrument("binance-usdm", symbol, tick, lot, revision=3)))


BTC = texts("BTCUSDT")
DEPTH = (
    b'{"stream":"btcusdt@depth@0ms","data":{"e":"depthUpdate","E":1723161256299,'
    b'"T":1723161256298,"s":"BTCUSDT","U":5,"u":9,"pu":4,'
    b'"b":[["58710.20","0.014"],["61496.50","0.000"]],"a":[["61800.30","1.072"]]}}'
)
TICKER = (
    b'{"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":9,"s":"BTCUSDT",'
    b'"b":"61800.20","B":"2.507","a":"61800.30","A":"2.510","T":1,"E":1723161256313}}'
)
TRADE = (
    b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161256322,"T":1723161256321,'
    b'"s":"BTCUSDT","t":77,"p":"61800.30","q":"0.006","X":"MARKET","m":false}}'
)
AGG_TRADE = (
    b'{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":1723161256322,"a":78,'
    b'"s":"BTCUSDT","p":"61800.30","q":"0.006","f":1,"l":3,"T":1723161256321,"m":true}}'
)
READERS = {
    DEPTH: USDM.depth(b"btcusdt@depth@0ms", BTC),
    TICKER: USDM.ticker(b"btcusdt@bookTicker", BTC),
    TRADE: USDM.trade(b"btcusdt@trade", BTC),
    AGG_TRADE: USDM.trade(b"btcusdt@aggTrade", BTC),
}
EVENTS = {
    DEPTH: DepthChanged(
        Revision(3),
        Nanos(1_723_161_256_299_000_000),
        5,
        9,
        4,
        [(587_102, 14), (614_965, 0)],  # type: ignore[list-item]
        [(618_003, 1_072)],  # type: ignore[list-item]
    ),
    TICKER: TickerChanged(
        Revision(3),
        Nanos(1_723_161_256_313_000_000),
        9,
        618_002,
        2_507,
        618_003,
        2_510,  # type: ignore[arg-type]
    ),
    TRADE: TradePrinted(
        Revision(3),
        Nanos(1_723_161_256_322_000_000),
        77,
        618_003,
        6,
        False,
        True,  # type: ignore[arg-type]
    ),
    AGG_TRADE: TradePrinted(
        Revision(3),
        Nanos(1_723_161_256_322_000_000),
        78,
        618_003,
        6,
        True,
        True,  # type: ignore[arg-type]
    ),
}


@pytest.mark.parametrize("golden", EVENTS)
def test_a_golden_frame_is_its_event(golden: bytes) -> None:
    assert READERS[golden](golden) == EVENTS[golden]


@pytest.mark.parametrize("golden", EVENTS)
def test_a_raw_frame_is_the_same_event(golden: bytes) -> None:
    data = golden[golden.index(b'"data":') + 7 : -1]
    name = USDM.stream_of(data)
    assert name.startswith(b"/btcusdt@")
    if golden is DEPTH:
        assert USDM.depth(name, BTC)(data) == EVENTS[golden]
    elif golden is TICKER:
        assert USDM.ticker(name, BTC)(data) == EVENTS[golden]
    else:
        assert USDM.trade(name, BTC)(data) == EVENTS[golden]


def test_a_spot_ticker_has_neither_time_nor_event() -> None:
    frame = b'{"u":9,"s":"BTCUSDT","b":"61800.20","B":"2.507","a":"61800.30","A":"2.510"}'
    assert SPOT.stream_of(frame) == b"/btcusdt@bookTicker"
    event = SPOT.ticker(b"/btcusdt@bookTicker", BTC)(frame)
    assert event.venue_time == 0


def test_a_spot_delta_names_no_previous_one_and_a_futures_delta_must() -> None:
    frame = DEPTH.replace(b'"pu":4,', b"")
    assert SPOT.depth(b"btcusdt@depth", BTC)(frame).prev_id == -1
    with pytest.raises(Misread, match="malformed"):
        READERS[DEPTH](frame)


def test_what_is_no_ordinary_match_is_marked_and_a_filler_has_no_price() -> None:
    read = READERS[TRADE]
    assert not read(TRADE.replace(b"MARKET", b"INSURANCE_FUND")).is_market
    filler = TRADE.replace(b"MARKET", b"NA").replace(b"61800.30", b"0").replace(b"0.006", b"0")
    assert read(filler).price == 0


@pytest.mark.parametrize(
    ("frame", "name"),
    [
        (DEPTH, b"btcusdt@depth@0ms"),
        (b'{"data":{"a":1},"stream":"btcusdt@trade"}', b"btcusdt@trade"),
        (b'{"result":null,"id":1}', b"answer"),
        (b'{"e":"serverShutdown","E":1}', b"serverShutdown"),
        (b'{"e":"kline","s":"BTCUSDT"}', b"/btcusdt@kline"),
    ],
)
def test_a_frame_tells_its_stream(frame: bytes, name: bytes) -> None:
    assert USDM.stream_of(frame) == name


def test_a_stream_name_is_taken_apart() -> None:
    assert USDM.channel(b"btcusdt@depth@0ms") == Channel(
        "btcusdt@depth@0ms", "BTCUSDT", StreamKind.DEPTH
    )
    assert USDM.channel(b"btcusdt@depth20@100ms").kind is StreamKind.OTHER
    assert USDM.channel(b"btcusdt@kline_1m").called == "kline_1m"
    assert USDM.channel(b"serverShutdown").called == "serverShutdown"


def test_the_documents_own_examples_are_read(shared_data: Path) -> None:
    wanted = {"depthUpdate", "bookTicker", "trade", "aggTrade"}
    seen = set()
    for market, codec in (("spot", SPOT), ("usdm", USDM)):
        path = shared_data / f"protocol/binance_{market}_docs.jsonl"
        for line in path.read_text().splitlines():
            value = json.loads(line)["value"]
            if isinstance(value, dict) and value.get("e") in wanted:
                frame = json.dumps(value).encode()
                grid = texts(value["s"], "0.00000001", "0.00000001")
                name = codec.stream_of(frame)
                kind = codec.channel(name).kind
                seen.add((market, kind))
                reader = {
                    StreamKind.DEPTH: codec.depth,
                    StreamKind.TICKER: codec.ticker,
                    StreamKind.TRADE: codec.trade,
                }[kind]
                assert reader(name, grid)(frame).revision == 3
    assert len(seen) == 5


def test_a_snapshot_is_read_and_checked() -> None:
    body = b'{"lastUpdateId":7,"E":1,"T":1,"bids":[["2.0","1"],["1.9","2"]],"asks":[["2.1","3"]]}'
    snapshot = USDM.snapshot(body, texts("AB", "0.1", "1"))
    assert (snapshot.last_id, snapshot.bids, snapshot.asks) == (7, [(20, 1), (19, 2)], [(21, 3)])
    for wrong, reason in (
        (body.replace(b"1.9", b"2.0"), "unsorted"),
        (body.replace(b'"2"', b'"0"'), "zero_size"),
        (b"", "truncated"),
    ):
        with pytest.raises(Misread, match=reason):
            USDM.snapshot(wrong, texts("AB", "0.1", "1"))


def test_a_time_answer_is_nanoseconds() -> None:
    assert USDM.server_time(b'{"serverTime":1499827319559}') == 1_499_827_319_559_000_000
    with pytest.raises(Misread):
        USDM.server_time(b"{}")


REASONS = {
    "truncated",
    "malformed",
    "unknown_symbol",
    "not_decimal",
    "off_tick",
    "off_lot",
    "too_large",
    "zero_price",
    "zero_size",
    "crossed",
    "id_order",
    "unsorted",
    "venue_error",
}


def check(frame: bytes, golden: bytes) -> None:
    """Read ``frame`` as a frame of the golden one's stream: an event, or a reason of the set."""
    reason = ""
    try:
        USDM.channel(USDM.stream_of(frame))
        event = READERS[golden](frame)
    except Misread as error:
        reason = error.reason
    if reason:
        assert reason in REASONS
    elif isinstance(event, DepthChanged):
        levels = event.bids + event.asks
        assert all(price > 0 <= size for price, size in levels)
        assert event.first_id <= event.last_id
    elif isinstance(event, TickerChanged):
        assert 0 < event.bid < event.ask


@given(st.sampled_from(list(EVENTS)), st.integers(0, 400), st.integers(0, 6), st.binary(max_size=6))
def test_no_mutation_raises_anything_but_misread(
    golden: bytes, at: int, cut: int, put: bytes
) -> None:
    at %= len(golden)
    check(golden[:at] + put + golden[at + cut :], golden)
    check(golden[:at], golden)


@given(st.binary(max_size=64))
def test_no_bytes_raise_anything_but_misread(data: bytes) -> None:
    for golden in EVENTS:
        check(data, golden)
    for read in (USDM.server_time, lambda body: USDM.snapshot(body, BTC)):
        with suppress(Misread):
            read(data)


def test_what_is_nested_without_end_is_malformed() -> None:
    for frame in (b"[" * 500_000, b'{"stream":"btcusdt@depth@0ms","data":' + b'{"a":' * 500_000):
        check(frame, DEPTH)
