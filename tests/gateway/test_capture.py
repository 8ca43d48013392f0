"""Recorded traffic is read whole, in order, and damage is counted, never fatal."""

import gzip
import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_runtime.errors import Refused
from trading_runtime.gateway.capture import (
    Capture,
    CaptureLine,
    LineKind,
    divisor,
    finest_grid,
    nanos,
)

DEPTH = (
    b'{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":1,"u":2,'
    b'"pu":0,"b":[["61800.20","0.014"]],"a":[["61800.30","0.000"],["61801.50","2.500"]]}}'
)
BOOK = b'{"lastUpdateId":5,"bids":[["61800.20","1.000"]],"asks":[]}'


def write(path: Path, *lines: bytes) -> Path:
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def test_a_capture_gives_frames_and_the_book_from_rest(tmp_path: Path) -> None:
    path = write(tmp_path / "plain", b"17 " + DEPTH, b"18 " + BOOK)
    assert list(Capture([path])) == [
        CaptureLine(17, LineKind.FRAME, DEPTH, ""),
        CaptureLine(18, LineKind.SNAPSHOT, BOOK, ""),
    ]


def test_a_transcript_gives_answers_frames_and_the_rest(tmp_path: Path) -> None:
    path = write(
        tmp_path / "transcript",
        b'https://x/api/v1/exchangeInfo -> 1626992740.175661: {"symbols":[]}',
        b"https://x/api/v1/depth?symbol=SUSHIUSDT&limit=1000 -> 1626992741.5: " + BOOK,
        b"wss://x/stream?streams=a@b <-> 1626992741.6",
        b'wss://x/stream <- 1626992741.7: {"op":"subscribe"}',
        b"1626992742.3105128: " + DEPTH,
        b'configuration: {"trades":[]}',
    )
    lines = list(Capture([path]))
    assert [(line.kind.value, line.at_ns) for line in lines] == [
        ("exchange_info", 1626992740_175661000),
        ("snapshot", 1626992741_500000000),
        ("other", 1626992741_600000000),
        ("other", 1626992741_700000000),
        ("frame", 1626992742_310512800),
        ("other", 1626992742_310512800),
    ]
    assert lines[1].symbol == "SUSHIUSDT"
    assert lines[4].payload == DEPTH


def test_several_files_are_one_stream_in_order_of_time(tmp_path: Path) -> None:
    later = write(tmp_path / "b", b"30 {}", b"50 {}")
    earlier = write(tmp_path / "a", b"10 {}", b"40 {}")
    assert [line.at_ns for line in Capture([later, earlier])] == [10, 30, 40, 50]


def test_a_message_that_is_odd_passes_as_it_is(tmp_path: Path) -> None:
    path = write(tmp_path / "odd", b"17 {not json", b"18 \xff\x00")
    capture = Capture([path])
    assert [line.payload for line in capture] == [b"{not json", b"\xff\x00"]
    assert capture.warning() == ""


def test_lines_without_a_time_are_counted_and_passed_over(tmp_path: Path) -> None:
    path = write(tmp_path / "bad", b"hello", b"", b"17", b"17 ", b"18 {}", b"-3 {}", b"1.5 {}")
    capture = Capture([path])
    assert [line.at_ns for line in capture] == [18]
    assert capture.warning() == "5 unreadable lines passed over"


def test_half_a_line_at_the_end_is_dropped_and_named(tmp_path: Path) -> None:
    path = tmp_path / "half"
    path.write_bytes(b"17 " + DEPTH + b"\n18 " + DEPTH[:50])
    capture = Capture([path])
    assert [line.at_ns for line in capture] == [17]
    assert capture.warning() == "half is cut short"


def test_a_last_line_without_its_end_of_line_is_kept_when_whole(tmp_path: Path) -> None:
    path = tmp_path / "whole"
    path.write_bytes(b"17 " + DEPTH)
    capture = Capture([path])
    assert [line.payload for line in capture] == [DEPTH]
    assert capture.warning() == ""


def test_an_empty_file_is_no_damage(tmp_path: Path) -> None:
    path = write(tmp_path / "empty")
    capture = Capture([path])
    assert list(capture) == []
    assert capture.warning() == ""


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no capture file"):
        Capture([tmp_path / "none"])


def test_gzip_members_follow_one_another(tmp_path: Path) -> None:
    path = tmp_path / "members.gz"
    path.write_bytes(gzip.compress(b"1 {}\n2 {") + gzip.compress(b"}\n3 {}\n"))
    assert [line.at_ns for line in Capture([path])] == [1, 2, 3]


@pytest.mark.parametrize("seed", range(20))
def test_a_gzip_stream_cut_anywhere_gives_what_is_whole(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 -- a place to cut, not a secret
    lines = [b"%d " % n + rng.randbytes(40).hex().encode() + b"}" for n in range(1, 2000)]
    whole = gzip.compress(b"\n".join(lines) + b"\n")
    path = tmp_path / "cut.gz"
    path.write_bytes(whole[: rng.randrange(20, len(whole) - 8)])
    capture = Capture([path])
    read = [b"%d " % line.at_ns + line.payload for line in capture]
    assert read == lines[: len(read)]
    assert capture.warning() == "cut.gz is cut short"


def test_a_damaged_gzip_stream_gives_what_came_before(tmp_path: Path) -> None:
    damaged = bytearray(gzip.compress(b"".join(b"%d {}\n" % n for n in range(1, 200_000))))
    damaged[len(damaged) // 2 : len(damaged) // 2 + 64] = bytes(64)
    path = tmp_path / "damaged.gz"
    path.write_bytes(damaged)
    capture = Capture([path])
    assert len(list(capture)) < 200_000
    assert "damaged.gz is cut short" in capture.warning()


@given(st.binary(max_size=400))
def test_any_bytes_at_all_are_survived(tmp_path_factory: pytest.TempPathFactory, x: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    for content in (x, b"\x1f\x8b" + x, gzip.compress(x)):
        path.write_bytes(content)
        capture = Capture([path])
        assert all(line.payload is not None for line in capture)
        capture.warning()


def test_seconds_become_nanoseconds_without_a_float() -> None:
    assert nanos(b"1633998512", b"0633569") == 1633998512_063356900
    assert nanos(b"1633998512", b"1234567899") == 1633998512_123456789
    assert nanos(b"1633998512", None) == 1633998512_000000000


def test_the_grid_is_the_greatest_divisor_of_all_prices_and_sizes(tmp_path: Path) -> None:
    trade = b'{"data":{"e":"trade","s":"BTCUSDT","p":"61800.40","q":"0.0125"}}'
    path = write(tmp_path / "grid", b"1 " + DEPTH, b"2 " + BOOK, b"3 " + trade)
    assert finest_grid(Capture([path]), "btcusdt") == ("0.1", "0.0005")


def test_no_grid_without_a_frame_of_the_symbol(tmp_path: Path) -> None:
    path = write(tmp_path / "grid", b"1 " + DEPTH, b"2 " + BOOK)
    with pytest.raises(Refused, match="ETHUSDT"):
        finest_grid(Capture([path]), "ETHUSDT")


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=30), st.sampled_from([5, 7, 10, 25]))
def test_every_number_is_a_multiple_of_the_divisor(counts: list[int], step: int) -> None:
    texts = [f"{count * step / 100:.2f}" for count in counts]
    units, _, fraction = divisor(text.encode() for text in texts).partition(".")
    step_units = int(units + fraction.ljust(2, "0"))
    assert all(int(text.replace(".", "")) % step_units == 0 for text in texts)
    assert step_units % step == 0


def test_the_recorded_captures_are_read_whole(shared_data: Path) -> None:
    folder = shared_data / "captures" / "hftbacktest_binance_20240808"
    lines = list(Capture([folder / "usdm" / "btcusdt_20240808.gz"]))
    assert Counter(line.kind for line in lines) == {LineKind.FRAME: 93_953, LineKind.SNAPSHOT: 1}
    assert lines[0].at_ns == 1723161255030314667
    assert lines[-1].at_ns == 1723161599833492584
    assert finest_grid(lines, "BTCUSDT") == ("0.1", "0.001")


def test_the_recorded_transcripts_are_read_whole(shared_data: Path) -> None:
    folder = shared_data / "captures" / "cryptofeed_binance_usdm_20210722"
    capture = Capture(sorted(folder.glob("BINANCE*")))
    kinds = Counter(line.kind for line in capture)
    assert kinds == {
        LineKind.FRAME: 1535,
        LineKind.SNAPSHOT: 4,
        LineKind.EXCHANGE_INFO: 1,
        LineKind.OTHER: 2,
    }
    assert capture.warning() == ""
