"""A full disk: nothing is torn, what takes risk away is still recorded, and nothing is missing."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journal.disks import fill, loop_disk, tmpfs
from tests.journal.written import append_frames, checkpoint, input_record, stamp
from trading_runtime.errors import JournalFull
from trading_runtime.journal.follower import Follower
from trading_runtime.journal.reader import read_session
from trading_runtime.journal.recovery import is_closed, recover_session
from trading_runtime.journal.settings import JournalSettings
from trading_runtime.journal.verify import verify_session
from trading_runtime.journal.writer import JournalWriter, SealFailed
from trading_runtime.records.envelope import Kind, Record
from trading_runtime.records.inputs import FrameReceived
from trading_runtime.records.units import Connection, Nanos

SETTINGS = JournalSettings(sync_interval_ns=Nanos(10**15), emergency_bytes=200_000)
FRAME_BYTES = 900


@pytest.fixture(params=["ext4", "tmpfs"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    if request.param == "ext4":
        with loop_disk(tmp_path) as mounted:
            yield mounted.root
    else:
        with tmpfs(tmp_path) as root:
            yield root


def write_until_full(writer: JournalWriter, number: int = 0) -> int:
    """Append and hand over bursts of seven until nothing takes them; give the last of all."""
    while True:
        append_frames(writer, range(number + 1, number + 8), FRAME_BYTES)
        number += 7
        try:
            writer.hand_over()
        except JournalFull:
            return number


def expected(last: int) -> list[Record]:
    return [input_record(number, FRAME_BYTES) for number in range(1, last + 1)]


def test_a_full_disk_tears_nothing_and_the_emergency_takes_the_rest(disk: Path) -> None:
    writer = JournalWriter.open(disk, "s1", SETTINGS)
    fill(disk / "filler", 100_000)
    last = write_until_full(writer)
    assert last > 50
    assert list(read_session(writer.folder)) == expected(writer.handed_seq)
    assert writer.handed_seq < last
    writer.begin_emergency()
    append_frames(writer, range(last + 1, last + 11), FRAME_BYTES)
    writer.hand_over()
    assert writer.synced_seq == last + 10
    writer.close()
    verdict = verify_session(writer.folder)
    assert (verdict.problem, verdict.torn_bytes, verdict.last_seq) == ("", 0, last + 10)
    assert list(read_session(writer.folder)) == expected(last + 10)

    with pytest.raises(OSError, match="No space"):
        recover_session(writer.folder)
    assert list(read_session(writer.folder)) == expected(last + 10)
    (disk / "filler").unlink()
    assert recover_session(writer.folder).last_seq == last + 10
    assert is_closed(writer.folder)
    follower = Follower(disk, "sink", synced_only=True)
    assert [record for _, record in follower.poll(10_000)] == expected(last + 10)
    follower.close()


def test_the_emergency_segment_ends_too(disk: Path) -> None:
    writer = JournalWriter.open(disk, "s1", SETTINGS)
    fill(disk / "filler", 20_000)
    last = write_until_full(writer)
    writer.begin_emergency()
    writer.hand_over()
    whole = write_until_full(writer, last) - 7
    assert whole * FRAME_BYTES > SETTINGS.emergency_bytes * 0.9
    writer.close()
    assert list(read_session(writer.folder)) == expected(whole)


def test_a_segment_that_cannot_be_compressed_for_want_of_room_stays_raw(disk: Path) -> None:
    writer = JournalWriter.open(disk, "s1", SETTINGS)
    for _ in range(100):
        # What cannot be compressed takes as much room again.
        noise = FrameReceived(connection=Connection(1), frame=os.urandom(FRAME_BYTES))
        writer.append(Kind.INPUT, stamp(), noise)
    writer.hand_over()
    before = list(read_session(writer.folder))
    fill(disk / "filler", 40_000)
    writer.seal(checkpoint(), stamp())
    writer.close()
    assert any(isinstance(outcome, SealFailed) for outcome in writer.finished_seals())
    assert list(read_session(writer.folder))[:100] == before
    (disk / "filler").unlink()
    recover_session(writer.folder)
    assert is_closed(writer.folder)
    assert not list(writer.folder.glob("*.tmp"))
    assert list(read_session(writer.folder))[:100] == before
