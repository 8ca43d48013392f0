"""A capture as if it came live, against figures that others worked out from the same files."""

import gzip
import json
from pathlib import Path

import pytest

from tests.app.sessions import CAPTURES, feed, only_session, tapedeck
from trading_runtime.journal.reader import read_session
from trading_runtime.journal.verify import verify_session
from trading_runtime.records.envelope import Kind, decode_body
from trading_runtime.records.facts_market import FrameQuarantined
from trading_runtime.records.inputs import FrameReceived

SYMBOLS = [("usdm", "BTCUSDT"), ("usdm", "ETHUSDT"), ("spot", "BTCUSDT"), ("spot", "ETHUSDT")]


@pytest.mark.parametrize(("market", "symbol"), SYMBOLS)
def test_a_fed_capture_equals_the_oracle(
    shared_data: Path, tmp_path: Path, market: str, symbol: str
) -> None:
    oracles = json.loads((shared_data / "captures" / "ORACLES.json").read_text())
    oracle = oracles[f"{market}_{symbol.lower()}"]
    figures = feed(shared_data, market, symbol, tmp_path)
    assert {name: figures[name] for name in oracle if name != "book"} == {
        name: value for name, value in oracle.items() if name != "book"
    }
    book = figures["book"]
    assert isinstance(book, dict)
    assert {name: book[name] for name in oracle["book"]} == oracle["book"]
    assert figures["gaps"] == []
    assert figures["quarantined"] == {}


def test_what_was_received_stands_in_the_journal_byte_for_byte(
    shared_data: Path, tmp_path: Path
) -> None:
    feed(shared_data, "usdm", "ETHUSDT", tmp_path)
    folder = only_session(tmp_path)
    assert verify_session(folder).problem == ""
    capture = shared_data / CAPTURES / "usdm" / "ethusdt_20240808.gz"
    lines = gzip.decompress(capture.read_bytes()).splitlines()
    recorded = (
        body.frame
        for record in read_session(folder)
        if record.kind is Kind.INPUT and isinstance(body := decode_body(record.body), FrameReceived)
    )
    frames = (line.partition(b" ")[2] for line in lines if b'"stream"' in line)
    assert all(mine == theirs for mine, theirs in zip(recorded, frames, strict=True))


BAD = {
    "malformed": b'{"stream":"btcusdt@depth@0ms","data":{"e":"depthUpdate",,}}',
    "truncated": b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161',
    "negative": b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161256400,'
    b'"T":1723161256400,"s":"BTCUSDT","t":5266583999,"p":"-61800.30","q":"0.006","X":"MARKET","m":false}}',
    "nan": b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161256400,"T":1723161256400,'
    b'"s":"BTCUSDT","t":5266583999,"p":"NaN","q":"0.006","X":"MARKET","m":false}}',
    "zero": b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161256400,"T":1723161256400,'
    b'"s":"BTCUSDT","t":5266583999,"p":"0.00","q":"0.006","X":"MARKET","m":false}}',
    "unknown symbol": b'{"stream":"dogeusdt@trade","data":{"e":"trade","E":1723161256400,'
    b'"T":1723161256400,"s":"DOGEUSDT","t":1,"p":"1.00","q":"1","X":"MARKET","m":false}}',
    "crossed": b'{"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":5123107839999,'
    b'"s":"BTCUSDT","b":"61900.20","B":"2.507","a":"61800.30","A":"2.510","T":1723161256413,'
    b'"E":1723161256413}}',
    "no text": bytes(range(1, 32)).replace(b"\n", b"") + b"\xff\xfe",
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_frame_is_quarantined_with_its_bytes_and_the_book_stays_right(
    shared_data: Path, tmp_path: Path, what: str
) -> None:
    """The capture's first seconds with one bad frame in the middle of them."""
    source = shared_data / CAPTURES / "usdm" / "btcusdt_20240808.gz"
    with gzip.open(source) as file:
        lines = [next(file) for _ in range(4_000)]
    at = int(lines[2_000].partition(b" ")[0])
    capture = tmp_path / "bad.txt"
    capture.write_bytes(b"".join([*lines[:2_000], b"%d " % at + BAD[what] + b"\n", *lines[2_000:]]))
    done = tapedeck(
        "feed", capture, "--venue", "binance-usdm", "--symbol", "BTCUSDT", "--data", tmp_path,
        "--tick", "0.10", "--lot", "0.001", "--json", "--trade",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    quarantined = [
        body
        for record in read_session(only_session(tmp_path))
        if isinstance(body := decode_body(record.body), FrameQuarantined)
    ]
    assert [fact.frame for fact in quarantined] == [BAD[what]]
    assert tapedeck("replay", tmp_path, "--check").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere.gz", "--symbol", "BTCUSDT"], "no capture file nowhere.gz"),
        (["pyproject.toml", "--symbol", "BTCUSDT"], "no frame of BTCUSDT"),
        (["pyproject.toml", "--symbol", "BTC", "--tick", "1", "--lot", "1"], "quote asset"),
        (["pyproject.toml", "--symbol", "AUSDT", "--tick", "x", "--lot", "1"], "--tick x"),
    ],
)
def test_bad_arguments_get_one_clear_line(tmp_path: Path, arguments: list[str], says: str) -> None:
    done = tapedeck("feed", *arguments, "--venue", "binance-usdm", "--data", tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
