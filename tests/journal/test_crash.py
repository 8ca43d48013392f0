"""kill -9 of the writing process: what was handed over is there, and followed exactly once."""

import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from time import sleep

import pytest

from tests.journal.crashing import frame_size, handed_over, write_bursts
from tests.journal.written import input_record
from trading_runtime.journal.follower import Follower
from trading_runtime.journal.reader import is_checkpoint, read_session
from trading_runtime.journal.recovery import is_closed, recover_last, recover_session
from trading_runtime.journal.verify import verify_session
from trading_runtime.records import layout
from trading_runtime.records.envelope import Record
from trading_runtime.records.units import Seq

ROUNDS = 40
SOAK_ROUNDS = 300
ROOT = Path(__file__).parents[2]


class Following:
    """A follower that is itself killed now and then: it forgets what it did not commit."""

    def __init__(self, data: Path, rng: random.Random, *, synced_only: bool) -> None:
        self.done: list[tuple[str, int]] = []
        self._data = data
        self._rng = rng
        self._synced_only = synced_only
        self._open()

    def _open(self) -> None:
        self._follower = Follower(self._data, "sink", synced_only=self._synced_only)

    def step(self) -> bool:
        given = self._follower.poll(self._rng.choice([1, 7, 500]))
        if given and self._rng.random() < 0.8:
            session, record = given[-1]
            self._follower.commit(session, record.seq)
            self.done += [(session, record.seq) for session, record in given]
        elif given or self._rng.random() < 0.1:
            self._follower.close()
            self._open()
        return bool(given)

    def drain(self) -> None:
        while self.step() or self.step():
            pass

    def close(self) -> None:
        self._follower.close()


def check_contents(records: list[Record], handed: int) -> None:
    """Every record up to the last one is there, from ``handed`` on at the latest, as written."""
    assert [record.seq for record in records] == list(range(1, len(records) + 1))
    assert len(records) >= handed
    for record in records:
        assert is_checkpoint(record) or record == input_record(record.seq, frame_size(record.seq))


def write_and_kill(data: Path, session: str, rng: random.Random, following: Following) -> int:
    """Kill a writer at a random moment; give the last record that it had reported."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reading)
            write_bursts(data, session, rng.randrange(1 << 30), writing)
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    os.set_blocking(reading, False)
    reported = b""
    for _ in range(rng.randrange(60)):
        sleep(0.001)
        following.step()
        try:
            reported += os.read(reading, 65_536)
        except BlockingIOError:
            continue
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.set_blocking(reading, True)
    while chunk := os.read(reading, 65_536):
        reported += chunk
    os.close(reading)
    return handed_over(reported)


def crash_rounds(data: Path, rounds: int, *, synced_only: bool) -> None:
    rng = random.Random(rounds)  # noqa: S311 -- a test that can be repeated
    following = Following(data, rng, synced_only=synced_only)
    written: list[tuple[str, int]] = []
    for number in range(rounds):
        session = f"round-{number:05}"
        folder = Path(layout.session(data, session))
        handed = write_and_kill(data, session, rng, following)
        assert folder.is_dir() or handed == 0
        before = list(read_session(folder)) if folder.is_dir() else []
        check_contents(before, handed)
        if rng.random() < 0.5:
            following.drain()
        recover_last(data)
        if folder.is_dir():
            assert list(read_session(folder)) == before
            assert verify_session(folder).problem == ""
            assert is_closed(folder)
        written += [(session, record.seq) for record in before]
    following.drain()
    following.close()
    assert len(written) > rounds
    assert following.done == written


@pytest.mark.parametrize("synced_only", [False, True])
def test_a_writer_killed_at_any_moment_loses_nothing_that_it_handed_over(
    tmp_path: Path, *, synced_only: bool
) -> None:
    crash_rounds(tmp_path, ROUNDS // 2, synced_only=synced_only)


@pytest.mark.soak
@pytest.mark.parametrize("synced_only", [False, True])
def test_a_writer_killed_again_and_again_loses_nothing(
    tmp_path: Path, *, synced_only: bool
) -> None:
    crash_rounds(tmp_path, SOAK_ROUNDS, synced_only=synced_only)


def kill_at(data: Path, session: str, syscall: str, occurrence: int) -> int:
    """Kill a writer as it enters a system call; give the last record that it had reported."""
    inject = f"inject={syscall}:signal=SIGKILL:when={occurrence}"
    program = [sys.executable, "-m", "tests.journal.crashing", str(data), session, "7"]
    done = subprocess.run(
        [
            "strace",
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            f"trace={syscall}",
            "-e",
            inject,
            *program,
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    return handed_over(done.stdout)


@pytest.fixture(scope="module")
def strace() -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: a kill cannot be placed at a system call")
    traced = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False)
    if traced.returncode:
        pytest.skip("strace may not trace here: a kill cannot be placed at a system call")


BOUNDARIES = [
    # The session's own name, a compressed segment, its seal, a later segment.
    *(("rename", occurrence) for occurrence in (1, 2, 3, 5)),
    # Raw segments that are sealed.
    *(("unlink", occurrence) for occurrence in (1, 2)),
    # Of the opening, of a new segment, of a compressed one and of its seal.
    *(("fsync", occurrence) for occurrence in (1, 3, 6, 9, 11)),
    # The group sync, and the watermark that is published after it.
    *(("fdatasync", occurrence) for occurrence in (1, 3)),
    *(("pwrite64", occurrence) for occurrence in (1, 2, 4)),
]


@pytest.mark.usefixtures("strace")
@pytest.mark.parametrize(("syscall", "occurrence"), BOUNDARIES)
def test_a_writer_killed_at_a_step_loses_nothing_that_it_handed_over(
    tmp_path: Path, syscall: str, occurrence: int
) -> None:
    handed = kill_at(tmp_path, "s1", syscall, occurrence)
    folder = Path(layout.session(tmp_path, "s1"))
    if not folder.is_dir():
        assert handed == 0
        assert recover_last(tmp_path) is None
        return
    before = list(read_session(folder))
    check_contents(before, handed)
    for synced_only in (False, True):
        assert recover_session(folder).last_seq == Seq(len(before))
        following = Follower(tmp_path, f"sink-{synced_only}", synced_only=synced_only)
        assert [record for _, record in following.poll(1_000_000)] == before
        following.close()
    assert verify_session(folder).problem == ""
