"""A session with a thousand quotes, fills and cancels, played back; and what makes that fail."""

import json
import shutil
import struct
import zlib
from collections import Counter
from pathlib import Path

import pytest

from tests.app.sessions import feed, only_session, tapedeck, unseal
from trading_runtime.journal.reader import read_session
from trading_runtime.records.envelope import FRAME, Kind, decode_body
from trading_runtime.records.segments import read_header, read_records

EXAMPLE = Path(__file__).parents[2] / "examples" / "strategies" / "two_sided.py"


@pytest.fixture(scope="module")
def traded(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with one session: the grid on a real capture."""
    data = tmp_path_factory.mktemp("traded")
    feed(shared_data, "usdm", "BTCUSDT", data, "--trade")
    return data


@pytest.fixture
def copied(traded: Path, tmp_path: Path) -> Path:
    data = tmp_path / "data"
    shutil.copytree(traded, data)
    return data


def test_the_session_is_worth_replaying(traded: Path) -> None:
    counts = Counter(
        decode_body(record.body).name()
        for record in read_session(only_session(traded))
        if record.kind is Kind.OUTPUT
    )
    assert counts["QuotesDecided"] >= 1_000
    assert counts["PlaceOrder"] >= 1_000
    assert counts["OrderFilled"] >= 1_000
    assert counts["OrderCancelled"] >= 1_000


@pytest.mark.parametrize("hash_seed", ["0", "1", "4242"])
def test_it_plays_back_byte_for_byte_whatever_the_hash_seed(traded: Path, hash_seed: str) -> None:
    done = tapedeck("replay", traded, "--check", "--json", hash_seed=hash_seed)
    assert done.returncode == 0, done.stdout
    verdict = json.loads(done.stdout)
    assert verdict["difference"] is None
    assert verdict["outputs"] > 30_000


def test_it_plays_back_from_each_checkpoint(traded: Path) -> None:
    segments = len(list(only_session(traded).glob("*.zst")))
    assert segments > 2
    for checkpoint in range(1, segments):
        done = tapedeck("replay", traded, "--check", "--from-checkpoint", str(checkpoint))
        assert done.returncode == 0, done.stdout


def test_a_flipped_byte_is_found_where_it_is(copied: Path) -> None:
    raw = unseal(only_session(copied))[0]
    data = bytearray(raw.read_bytes())
    _, offset = read_header(data)
    places = list(read_records(bytes(data), offset))
    record, end = places[len(places) // 2]
    data[end - 3] ^= 1
    raw.write_bytes(data)
    done = tapedeck("replay", copied, "--check")
    assert done.returncode == 1
    assert f"last good record is {record.seq - 1}" in done.stdout


def test_an_input_that_was_forged_with_its_checksum_is_told_by_what_it_changes(
    copied: Path,
) -> None:
    """One trade is made to print far below the book: every bid of ours is filled by it."""
    raw = unseal(only_session(copied))[0]
    data = bytearray(raw.read_bytes())
    _, offset = read_header(data)
    start, forged = offset, 0
    for record, end in read_records(bytes(data), offset):
        if record.seq > 20_000 and b"@trade" in record.body and b'"m":true' in record.body:
            place = data.index(b'"p":"6', start, end) + len(b'"p":"')
            data[place] = ord("1")
            stamped = bytes(data[start + FRAME.size : end])
            struct.pack_into("<II", data, start, len(stamped), zlib.crc32(stamped))
            forged = record.seq
            break
        start = end
    assert forged
    raw.write_bytes(data)
    done = tapedeck("replay", copied, "--check", "--json")
    assert done.returncode == 1
    difference = json.loads(done.stdout)["difference"]
    assert difference["seq"] > difference["cause"] >= forged
    assert difference["cause"] < forged + 1_000


@pytest.fixture(scope="module")
def traded_by_a_file(
    shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """A data folder, and the user's own strategy file that traded in it."""
    data = tmp_path_factory.mktemp("own")
    strategy = data / "mine.py"
    shutil.copyfile(EXAMPLE, strategy)
    feed(
        shared_data, "usdm", "ETHUSDT", data, "--trade",
        "--strategy", f"{strategy}:TwoSided",
        "--parameters", '{"distance_ticks": 1, "size_lots": 2, "lean_ticks": 3}',
    )  # fmt: skip
    return data, strategy


def test_a_users_own_strategy_plays_back_too(traded_by_a_file: tuple[Path, Path]) -> None:
    data, _ = traded_by_a_file
    done = tapedeck("replay", data, "--check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_one_changed_line_of_the_strategy_is_refused_and_then_told_where_it_decides_otherwise(
    traded_by_a_file: tuple[Path, Path],
) -> None:
    data, strategy = traded_by_a_file
    before = strategy.read_text()
    strategy.write_text(
        before.replace("fair -= lean * view.inventory", "fair -= 2 * lean * view.inventory")
    )
    try:
        refused = tapedeck("replay", data, "--check")
        assert refused.returncode == 2
        assert "strategy: the text of" in refused.stderr
        done = tapedeck("replay", data, "--check", "--anyway", "--json")
    finally:
        strategy.write_text(before)
    assert done.returncode == 1
    compared = json.loads(done.stdout)
    first = compared["first"][0]
    # The lean moves the price only once there is inventory: nothing differs before the first fill.
    bodies = {record.seq: record for record in read_session(only_session(data))}
    filled = next(seq for seq, record in bodies.items() if b"OrderFilled" in record.body[:20])
    assert first["seq"] > filled
    assert compared["forced"] >= 1


def test_a_session_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    done = tapedeck("replay", tmp_path, "--check")
    assert done.returncode == 2
    assert done.stderr == f"tapedeck: no sessions below {tmp_path}/journal\n"
