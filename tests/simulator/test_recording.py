"""A generated capture has the form of a recorded one, and repeats byte for byte."""

import gzip
from pathlib import Path

import msgspec
import pytest

from trading_runtime.errors import Refused
from trading_runtime.simulator.recording import START_NS, write_capture
from trading_runtime.simulator.settings import FlowSettings, Venue

SECOND = 1_000_000_000


def test_the_same_settings_write_the_same_file(tmp_path: Path) -> None:
    first = write_capture(tmp_path / "a.gz", FlowSettings(seed=7), 5)
    second = write_capture(tmp_path / "b.gz", FlowSettings(seed=7), 5)
    other = write_capture(tmp_path / "c.gz", FlowSettings(seed=8), 5)
    assert first.sha256 == second.sha256 != other.sha256
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


@pytest.mark.parametrize("venue", ["binance-usdm", "binance-spot"])
def test_lines_are_stamped_in_order_and_hold_one_book_amid_the_diffs(
    tmp_path: Path, venue: Venue
) -> None:
    report = write_capture(tmp_path / "flow.gz", FlowSettings(seed=7, venue=venue), 10)
    lines = gzip.decompress((tmp_path / "flow.gz").read_bytes()).splitlines()
    assert len(lines) == report.lines
    stamps = [int(line.partition(b" ")[0]) for line in lines]
    assert stamps == sorted(stamps)
    assert stamps[-1] <= START_NS + 10 * SECOND
    messages = [line.partition(b" ")[2] for line in lines]
    (at,) = [n for n, message in enumerate(messages) if message.startswith(b'{"lastUpdateId"')]
    book = msgspec.json.decode(messages[at])
    before = [message for message in messages[:at] if b"@depth" in message]
    after = [msgspec.json.decode(m)["data"] for m in messages[at:] if b"@depth" in m]
    assert before
    assert after[0]["U"] <= book["lastUpdateId"] + 1
    assert after[0]["u"] >= book["lastUpdateId"]
    assert len(book["bids"]) > 300
    assert len(book["asks"]) > 300


def test_a_short_recording_is_not_measured_and_a_long_one_is_judged(tmp_path: Path) -> None:
    short = write_capture(tmp_path / "short.gz", FlowSettings(seed=7), 5)
    assert short.measures is None
    long = write_capture(tmp_path / "long.gz", FlowSettings(seed=7), 300)
    assert long.measures
    assert long.out_of_range == []
    assert msgspec.json.decode(msgspec.json.encode(long))["measures"]["seconds"] > 299


def test_bad_settings_are_refused(tmp_path: Path) -> None:
    for settings in (
        FlowSettings(seed=7, price="61800.05", tick="0.10"),
        FlowSettings(seed=7, tick="0.00"),
        FlowSettings(seed=7, price="1.00"),
        FlowSettings(seed=7, symbol="btc usdt"),
    ):
        with pytest.raises(Refused, match="flow settings"):
            write_capture(tmp_path / "flow.gz", settings, 5)
    assert not (tmp_path / "flow.gz").exists()
