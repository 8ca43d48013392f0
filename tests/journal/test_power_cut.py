"""A power cut under a real ext4: what the watermark covered is there, whatever else is lost."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.journal.crashing import write_bursts
from tests.journal.disks import LoopDisk, fill, loop_disk
from tests.journal.test_crash import check_contents
from tests.journal.written import append_frames, input_record, open_writer
from trading_runtime.errors import JournalFull
from trading_runtime.journal.folder import read_synced
from trading_runtime.journal.follower import Follower
from trading_runtime.journal.reader import read_session
from trading_runtime.journal.recovery import is_closed, recover_last
from trading_runtime.journal.settings import JournalSettings
from trading_runtime.journal.verify import verify_session
from trading_runtime.records import layout
from trading_runtime.records.units import Nanos, Seq

ROUNDS = 6
SOAK_ROUNDS = 100


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[LoopDisk]:
    with loop_disk(tmp_path) as disk:
        yield disk


def write_in_child(data: Path, session: str, seed: int) -> int:
    child = os.fork()
    if child:
        return child
    try:
        write_bursts(data, session, seed, os.open(os.devnull, os.O_WRONLY))
    except (JournalFull, OSError):
        # The disk is gone.
        os._exit(0)
    finally:
        os._exit(1)


def follow_for(follower: Follower, folder: Path, duration_s: float) -> tuple[int, int]:
    """Give the last record committed, and the last that the watermark covered at the end."""
    committed = synced = 0
    deadline = monotonic() + duration_s
    while monotonic() < deadline:
        if given := follower.poll(50):
            follower.commit(given[-1].session, given[-1].record.seq)
            committed = given[-1].record.seq
        mark = read_synced(folder)
        synced = synced if mark is None else mark.seq
        sleep(0.0005)
    return committed, synced


def cut_power_rounds(disk: LoopDisk, rounds: int) -> None:
    for number in range(rounds):
        session = f"round-{number:05}"
        folder = Path(layout.session(disk.root, session))
        follower = Follower(disk.root, "sink", synced_only=True)
        child = write_in_child(disk.root, session, number)
        committed, synced = follow_for(follower, folder, 0.03 + number % 7 * 0.03)
        disk.cut_power()
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        follower.close()
        disk.unmount()
        disk.mount()
        before = list(read_session(folder)) if folder.is_dir() else []
        check_contents(before, synced)
        assert committed <= len(before)
        recover_last(disk.root)
        if folder.is_dir():
            assert is_closed(folder)
            assert verify_session(folder).problem == ""
            assert list(read_session(folder)) == before
        follower = Follower(disk.root, "sink", synced_only=True)
        rest = follower.poll(1_000_000)
        assert [record.seq for _, record in rest] == list(range(committed + 1, len(before) + 1))
        if rest:
            follower.commit(session, Seq(len(before)))
        follower.close()


def test_what_was_synced_survives_a_power_cut(disk: LoopDisk) -> None:
    cut_power_rounds(disk, ROUNDS)


@pytest.mark.soak
def test_what_was_synced_survives_a_hundred_power_cuts(disk: LoopDisk) -> None:
    cut_power_rounds(disk, SOAK_ROUNDS)


def test_a_session_is_on_disk_when_it_is_open(disk: LoopDisk) -> None:
    writer = open_writer(disk.root)
    disk.cut_power()
    append_frames(writer, [1])
    with pytest.raises(JournalFull):
        writer.sync()
    with pytest.raises(JournalFull):
        writer.hand_over()
    writer.begin_emergency()
    with pytest.raises(JournalFull, match="emergency segment"):
        writer.hand_over()
    writer.close()
    disk.unmount()
    disk.mount()
    assert list(read_session(writer.folder)) == []
    assert verify_session(writer.folder).problem == ""


def test_the_emergency_segment_is_on_disk_after_each_hand_over(disk: LoopDisk) -> None:
    settings = JournalSettings(sync_interval_ns=Nanos(10**15), emergency_bytes=200_000)
    writer = open_writer(disk.root, settings=settings)
    append_frames(writer, [1])
    writer.sync()
    fill(disk.root / "filler", 0)
    append_frames(writer, [2], 50_000)
    with pytest.raises(JournalFull):
        writer.hand_over()
    writer.begin_emergency()
    append_frames(writer, [3])
    writer.hand_over()
    disk.cut_power()
    writer.close()
    disk.unmount()
    disk.mount()
    expected = [input_record(1), input_record(2, 50_000), input_record(3)]
    assert list(read_session(writer.folder)) == expected
    recover_last(disk.root)
    follower = Follower(disk.root, "sink", synced_only=True)
    given = [record for _, record in follower.poll(10)]
    follower.close()
    assert given == expected
