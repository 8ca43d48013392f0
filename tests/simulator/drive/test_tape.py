"""Lines of recorded traffic, and files that are damaged."""

import gzip
from pathlib import Path

import pytest

from trading_runtime.errors import Refused
from trading_runtime.simulator.drive.tape import (
    Book,
    Diff,
    Trade,
    lines,
    market_of,
    markets_of,
    merged,
    nanos,
    read,
)
from trading_runtime.simulator.exchange.words import MarketKind

DIFF = (
    b'{"stream":"btcusdt@depth@0ms","data":{"e":"depthUpdate","E":1,"T":1,"s":"BTCUSDT",'
    b'"U":5,"u":6,"pu":4,"b":[["10.10","2"]],"a":[]}}'
)
TRADE = b'{"e":"trade","E":1,"s":"BTCUSDT","t":7,"p":"10.10","q":"1","T":1,"m":true,"M":true}'
BOOK = b'{"lastUpdateId":5,"bids":[["10.00","1"]],"asks":[["10.20","1"]]}'
AT = 1_723_161_253_937_085_768


def test_a_stamped_line_holds_a_combined_or_a_single_event() -> None:
    line = read(b"%d %s" % (AT, DIFF))
    assert line is not None
    assert line.at_ns == AT
    assert line.event == Diff("BTCUSDT", 5, 6, (("10.10", "2"),), ())
    told = read(b"1626992741.081672: " + TRADE)
    assert told is not None
    assert told == (1_626_992_741_081_672_000, Trade("BTCUSDT", "10.10", "1", True))


def test_an_answer_has_the_symbol_that_was_asked_for() -> None:
    line = read(
        b"https://fapi.binance.com/fapi/v1/depth?symbol=ETHUSDT&limit=5 -> 7123456789.5: " + BOOK
    )
    assert line is not None
    assert isinstance(line.event, Book)
    assert (line.event.symbol, line.at_ns) == ("ETHUSDT", 7_123_456_789_500_000_000)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"configuration: {}",
        b"wss://fstream.binance.com/ws <-> 1626992740.1",
        b"%d " % AT,
        b"%d {" % AT,
        b"%d " % AT + DIFF[:-4],
        b'%d {"stream":"x","data":{"e":"bookTicker","u":1}}' % AT,
        b"\xff\xfe",
    ],
)
def test_what_moves_no_market_is_passed_over(raw: bytes) -> None:
    assert read(raw) is None


def test_seconds_are_read_exactly() -> None:
    assert nanos(b"1633998514", b"6462898") == 1_633_998_514_646_289_800
    assert nanos(b"1633998514", b"1234567899") == 1_633_998_514_123_456_789
    assert nanos(b"1633998514", None) == 1_633_998_514_000_000_000


def test_a_book_without_a_symbol_has_that_of_its_file_and_files_merge(tmp_path: Path) -> None:
    first, second = tmp_path / "a.gz", tmp_path / "b"
    with gzip.open(first, "wb") as file:
        file.write(b"%d %s\n%d %s\n" % (AT, DIFF, AT + 2, BOOK))
    second.write_bytes(b"%d %s\r\n" % (AT + 1, TRADE))
    times = [(line.at_ns - AT, line.event.symbol) for line in merged([first, second])]
    assert times == [(0, "BTCUSDT"), (1, "BTCUSDT"), (2, "BTCUSDT")]


def test_a_file_that_was_cut_short_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.gz", tmp_path / "cut.gz"
    with gzip.open(whole, "wb") as file:
        file.writelines(b"%d %s\n" % (AT + number, TRADE) for number in range(50_000))
    packed = whole.read_bytes()
    cut.write_bytes(packed[: len(packed) // 2])
    assert 1000 < len(list(lines(cut))) < 50_000


def test_captures_are_sorted_by_market(tmp_path: Path) -> None:
    usdm, spot, other = tmp_path / "usdm", tmp_path / "spot", tmp_path / "other"
    usdm.write_bytes(b"%d %s\n" % (AT, DIFF))
    spot.write_bytes(b"%d %s\n" % (AT, TRADE))
    other.write_bytes(b"hello\n" * 6000)
    assert market_of(other) is None
    assert markets_of([usdm, spot]) == {MarketKind.USDM: [usdm], MarketKind.SPOT: [spot]}
    with pytest.raises(Refused, match="no capture of a market"):
        markets_of([other])
    with pytest.raises(Refused, match="no capture file"):
        markets_of([tmp_path / "nowhere"])
