"""``tapedeck search`` as people and scripts use it."""

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pyarrow.parquet as pq
import pytest

from tests.store.search.lines import HOUR, NEXT, compressed, joined, line, live, sealed, some
from trading_runtime.cli import main as cli
from trading_runtime.cli.search_command import moment
from trading_runtime.errors import Refused
from trading_runtime.records.units import Nanos

TAPEDECK = [sys.executable, "-m", "trading_runtime.cli.main", "search"]
PATIENCE_S = 180.0


@pytest.fixture
def data(tmp_path: Path) -> Path:
    compressed(tmp_path, some(10))
    sealed(tmp_path, [b"\xff cut", *some(3, NEXT)], hour=NEXT)
    return tmp_path


def search(*words: str | Path) -> int:
    return cli.main(["search", *map(str, words)])


def test_lines_are_printed_as_they_are_the_newest_first(
    data: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert search("--data", data, "--limit", "4") == 0
    newest = [*some(3, NEXT)[::-1], b"\xff cut"]
    assert capfdbinary.readouterr().out == joined(newest)


def test_an_order_is_found_whole(data: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert search("--data", data, "--order", "o7x") == 0
    assert [json.loads(it)["seq"] for it in capfd.readouterr().out.splitlines()] == [7]


def test_an_export_has_every_line(data: Path, tmp_path: Path) -> None:
    lines = [*some(10), b"\xff cut", *some(3, NEXT)]
    for suffix in ("jsonl", "csv", "parquet"):
        assert search("--data", data, "--oldest", "--export", tmp_path / f"out.{suffix}") == 0
    assert (tmp_path / "out.jsonl").read_bytes() == joined(lines)
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [it["seq"] for it in rows] == [str(it) for it in (*range(1, 11), -1, 1, 2, 3)]
    table = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert [it["line"].encode() for it in table if it["seq"] > 0] == [*some(10), *some(3, NEXT)]
    assert table[10]["line"].startswith("base64:")
    assert table[0]["trace_id"] == "s1/1/0"


def test_a_histogram_counts_by_time_and_level(
    data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert search("--data", data, "--histogram", "--json") == 0
    assert json.loads(capfd.readouterr().out) == [
        {"ts": "2025-11-19T14:00:00Z", "total": 10, "levels": {"INFO": 10}},
        {"ts": "2025-11-19T15:00:00Z", "total": 4, "levels": {"INFO": 3, "unreadable": 1}},
    ]
    assert search("--data", data, "--histogram", "minute") == 0
    assert "59 without a line" in capfd.readouterr().out


def test_patterns_join_lines_that_differ_in_numbers(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    reasons = [f"timeout after {it} ms on line {it % 3}" for it in range(30)]
    lines = [
        line(seq, HOUR.start + seq * 1000, "ConnectionLost", reason=it, level="WARN")
        for seq, it in enumerate(reasons, start=1)
    ]
    sealed(tmp_path, [*lines, line(99, HOUR.start, "ConnectionLost", reason="reset by peer")])
    assert search("--data", tmp_path, "--patterns", "--json") == 0
    first, second = json.loads(capfd.readouterr().out)
    assert (first["count"], first["level"], first["event"]) == (30, "WARN", "ConnectionLost")
    assert first["template"] == "reason=timeout after <*> ms on line <*>"
    assert (first["first"], first["last"]) == (HOUR.start + 1000, HOUR.start + 30_000)
    assert json.loads(first["example"])["seq"] == 30
    assert second["template"] == "reason=reset by peer"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--regex", "("], "is no regular expression"),
        (["--from", "yesterday"], "'yesterday' is no time"),
        (["--level", "LOUD"], "'LOUD' is no level"),
        (["--limit", "-1"], "--limit -1"),
        (["--export", "out.txt"], ".jsonl, .csv, .parquet"),
        (["--archive", "nowhere"], "--archive nowhere is no folder"),
        (["--analysis", "love"], "'love' is no analysis"),
        (["--regex"], "--regex needs an expression"),
        (["--from", "1h", "--to", "2h"], "no time lies between --from 1h and --to 2h"),
    ],
)
def test_what_cannot_be_asked_is_one_clear_line(
    data: Path, words: list[str], says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert search("--data", data, *words) == 2
    told = capfd.readouterr().err.splitlines()
    assert len(told) == 1
    assert says in told[0]


def test_what_is_damaged_is_told_by_the_exit_status(
    data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    compressed(data, some(4), part=2).write_bytes(b"damaged")
    assert search("--data", data, "--limit", "0") == 3
    given = capfd.readouterr()
    assert "oms-2025-11-19T14-002.jsonl.gz" in given.err
    assert len(given.out.splitlines()) == 14


def test_times_are_iso_or_ago() -> None:
    now = Nanos(HOUR.start + 5)
    assert moment("2h", now) == now - 7200 * 10**9
    assert moment("2025-11-19T14:00", now) == HOUR.start
    assert moment("2025-11-19T15:00+01:00", now) == HOUR.start
    with pytest.raises(Refused):
        moment("h", now)


@pytest.fixture
def following(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    live(tmp_path, some(3))
    command = [*TAPEDECK, "--data", str(tmp_path), "--follow", "--limit", "2"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    yield process
    process.terminate()
    process.wait(PATIENCE_S)
    assert process.stdout is not None
    process.stdout.close()


def read_lines(process: subprocess.Popen[bytes], count: int) -> list[bytes]:
    assert process.stdout is not None
    end = monotonic() + PATIENCE_S
    lines = []
    while len(lines) < count and monotonic() < end:
        lines.append(process.stdout.readline().rstrip(b"\n"))
    return lines


def test_following_goes_on_behind_the_newest_lines(
    tmp_path: Path, following: subprocess.Popen[bytes]
) -> None:
    assert read_lines(following, 2) == some(3)[1:]
    path = tmp_path / "logs" / "oms.log"
    with path.open("ab") as file:
        file.write(joined(some(1, first=4)))
    assert read_lines(following, 1) == some(1, first=4)
    path.rename(sealed(tmp_path, []))
    live(tmp_path, some(2, NEXT, first=5))
    assert read_lines(following, 2) == some(2, NEXT, first=5)
