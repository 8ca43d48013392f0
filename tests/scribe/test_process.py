"""From a journal to files, whatever happens to scribe on the way."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest

from tests.scribe.journals import NOON, SECOND, busy_session, sample
from tests.scribe.whole import assert_lines_whole, assert_rows_whole, lines_of, places
from trading_runtime.errors import Refused
from trading_runtime.records.envelope import Kind
from trading_runtime.records.facts_trading import QuotesDecided
from trading_runtime.records.units import Module
from trading_runtime.scribe.process import run
from trading_runtime.scribe.settings import ScribeSettings

FIRST, SECOND_SESSION = "20240808T120000-aa", "20240808T130100-bb"
ROOT = Path(__file__).parents[2]


def drain(data: Path, settings: ScribeSettings | None = None, *, finish: bool = True) -> None:
    run(data, settings or ScribeSettings(), Event(), once=True, finish=finish)


def test_every_record_becomes_its_lines_and_rows_once(tmp_path: Path) -> None:
    session = busy_session(tmp_path, FIRST, 60, 10 * SECOND, at=NOON + 3400 * SECOND)
    session.close()
    drain(tmp_path)
    assert_lines_whole(tmp_path, session.told)
    assert_rows_whole(tmp_path, session.told)


def test_what_is_written_does_not_hang_on_how_the_journal_is_cut(tmp_path: Path) -> None:
    written = []
    for name, turn in (("whole", 100_000), ("cut", 7)):
        session = busy_session(tmp_path / name, FIRST, turns=60, step_ns=SECOND)
        session.close()
        drain(tmp_path / name, ScribeSettings(turn_records_max=turn))
        files = [
            path
            for folder in ("logs", "lake")
            for path in sorted((tmp_path / name / folder).rglob("*"))
            if path.is_file()
        ]
        written.append([(path.name, path.read_bytes()) for path in files])
    assert written[0] == written[1]


def test_a_second_run_over_the_same_journal_changes_nothing(tmp_path: Path) -> None:
    session = busy_session(tmp_path, FIRST, turns=60, step_ns=SECOND)
    drain(tmp_path, finish=False)
    for name in ("logs.place.json", "ticks.place.json", "scribe.at", "scribe.json"):
        (tmp_path / "scribe" / name).unlink(missing_ok=True)
    drain(tmp_path)
    assert_lines_whole(tmp_path, session.told)
    assert_rows_whole(tmp_path, session.told)


def test_a_session_that_comes_back_to_a_closed_minute_is_merged_into_it(tmp_path: Path) -> None:
    first = busy_session(tmp_path, FIRST, turns=30, step_ns=SECOND)
    first.close()
    drain(tmp_path)
    second = busy_session(tmp_path, SECOND_SESSION, 30, SECOND, at=NOON + 20 * SECOND)
    second.close()
    drain(tmp_path)
    assert_lines_whole(tmp_path, first.told + second.told)
    assert_rows_whole(tmp_path, first.told + second.told)


def test_two_sessions_side_by_side_over_an_hour(tmp_path: Path) -> None:
    start = NOON + 3500 * SECOND
    first = busy_session(tmp_path, FIRST, turns=100, step_ns=2 * SECOND, at=start)
    second = busy_session(tmp_path, SECOND_SESSION, 100, 2 * SECOND, at=start + SECOND)
    drain(tmp_path, ScribeSettings(turn_records_max=90))
    for module in Module:
        found = places(lines_of(tmp_path, module))
        assert len(set(found)) == len(found)
    assert_rows_whole(tmp_path, first.told + second.told)


def test_a_running_scribe_writes_what_is_appended_and_stops_when_told(tmp_path: Path) -> None:
    session = busy_session(tmp_path, FIRST, turns=10, step_ns=SECOND)
    stop = Event()
    follower = Thread(target=run, args=(tmp_path, ScribeSettings(), stop))
    follower.start()
    try:
        for number in range(3):
            last = session.tell(Kind.OUTPUT, sample(QuotesDecided, number))
            session.hand_over()
            wait_for_line(tmp_path, last)
    finally:
        stop.set()
        follower.join()
    assert_lines_whole(tmp_path, session.told)


def wait_for_line(data: Path, seq: int) -> None:
    path, pause = data / "logs" / "strategy.log", Event()
    for _ in range(6_000):
        if path.exists() and f'"seq":{seq}}}\n' in path.read_text():
            return
        pause.wait(0.02)
    pytest.fail(f"no line of record {seq} within 120 s")


def test_a_second_scribe_is_refused(tmp_path: Path) -> None:
    stop = Event()
    follower = Thread(target=run, args=(tmp_path, ScribeSettings(), stop))
    follower.start()
    try:
        pause = Event()
        while not (tmp_path / "logs" / "oms.log").exists():
            pause.wait(0.01)
        with pytest.raises(Refused, match="another scribe"):
            drain(tmp_path)
    finally:
        stop.set()
        follower.join()


def crash(data: Path, seed: int, rounds: int, kind: str) -> int:
    """Run and kill scribe over and over; give how often it died."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.scribe.crashing", str(data), str(seed), str(rounds), kind],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def crash_and_look(data: Path, seed: int, rounds: int, kind: str) -> int:
    start = NOON + 3400 * SECOND
    first = busy_session(data, FIRST, turns=180, step_ns=SECOND, at=start)
    second = busy_session(data, SECOND_SESSION, 100, SECOND, at=start + 190 * SECOND)
    killed = crash(data, seed, rounds, kind)
    drain(data)
    first.leave()
    second.leave()
    assert_lines_whole(data, first.told + second.told)
    assert_rows_whole(data, first.told + second.told)
    return killed


def test_dying_at_any_call_that_changes_the_disk_loses_and_doubles_nothing(
    tmp_path: Path,
) -> None:
    assert crash_and_look(tmp_path, 1, 30, "calls") >= 15


def test_being_killed_at_any_moment_loses_and_doubles_nothing(tmp_path: Path) -> None:
    assert crash_and_look(tmp_path, 3, 25, "moments") >= 5


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 120))
@pytest.mark.parametrize("kind", ["calls", "moments"])
def test_dying_over_and_over_loses_and_doubles_nothing(
    tmp_path: Path, seed: int, kind: str
) -> None:
    assert crash_and_look(tmp_path, seed, 40, kind)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a file system of 3 MB, or skip where none may be mounted."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("mounting a small file system needs root")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_stops_the_writing_until_there_is_room(
    tmp_path: Path, small_disk: Path
) -> None:
    session = busy_session(tmp_path, FIRST, turns=899, step_ns=SECOND)
    # The journal stands on another disk, so that only scribe meets the full one.
    (small_disk / "journal").symlink_to(tmp_path / "journal")
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(2_800_000))
    stop, failed = Event(), list[BaseException]()

    def follow() -> None:
        try:
            run(small_disk, ScribeSettings(turn_records_max=500), stop)
        except BaseException as error:
            failed.append(error)
            raise

    follower = Thread(target=follow)
    follower.start()
    pause = Event()
    try:
        while not (small_disk / "logs" / "sealed").exists():
            pause.wait(0.01)
        pause.wait(1.5)
        assert follower.is_alive()
        assert not (small_disk / "lake" / "depth" / "2024-08-08" / "12" / "10.parquet").exists()
        ballast.unlink()
        wait_for_line(small_disk, session.told[-1].seq)
    finally:
        stop.set()
        follower.join()
    assert failed == []
    drain(small_disk)
    assert_lines_whole(small_disk, session.told)
    assert_rows_whole(small_disk, session.told)
