"""Following: every record once and in order, whatever happens to the files meanwhile."""

import random
import shutil
from pathlib import Path

import pytest

from tests.journal.written import (
    NEVER_SYNCED,
    append_frames,
    checkpoint,
    crash,
    frame,
    input_record,
    open_writer,
    stamp,
    write_session,
)
from trading_runtime.errors import JournalFull, Refused
from trading_runtime.journal.follower import Follower, SessionRecord
from trading_runtime.journal.reader import JournalDamaged, read_session
from trading_runtime.journal.recovery import recover_session
from trading_runtime.journal.settings import JournalSettings
from trading_runtime.records import layout
from trading_runtime.records.envelope import Kind, frame_record
from trading_runtime.records.segments import SegmentHeader, header_bytes
from trading_runtime.records.units import Seq

Places = list[tuple[str, int]]


def places(records: list[SessionRecord]) -> Places:
    return [(session, record.seq) for session, record in records]


def follow(data: Path, *, synced_only: bool = False) -> Follower:
    return Follower(data, "logs", synced_only=synced_only)


def drained(data: Path, *, synced_only: bool = False) -> Places:
    follower = follow(data, synced_only=synced_only)
    records = follower.poll(10_000)
    follower.close()
    return places(records)


def numbered(session: str, first: int, last: int) -> Places:
    return [(session, seq) for seq in range(first, last + 1)]


def test_records_come_as_they_are_handed_over(tmp_path: Path) -> None:
    follower = follow(tmp_path)
    assert follower.poll(10) == []
    writer = open_writer(tmp_path)
    assert follower.poll(10) == []
    append_frames(writer, [1, 2])
    assert follower.poll(10) == []
    writer.hand_over()
    assert follower.poll(10) == [SessionRecord("s1", input_record(number)) for number in (1, 2)]
    assert follower.poll(10) == []
    append_frames(writer, [3])
    writer.hand_over()
    assert places(follower.poll(10)) == [("s1", 3)]
    writer.close()
    assert follower.poll(10) == []
    follower.close()


def test_no_more_records_come_than_were_asked_for(tmp_path: Path) -> None:
    write_session(tmp_path, "s1", [5])
    write_session(tmp_path, "s2", [5])
    follower = follow(tmp_path)
    assert places(follower.poll(3)) == numbered("s1", 1, 3)
    assert places(follower.poll(3)) == [*numbered("s1", 4, 5), ("s2", 1)]
    assert places(follower.poll(100)) == numbered("s2", 2, 5)
    follower.close()


def test_a_part_of_a_record_is_waited_for(tmp_path: Path) -> None:
    writer = open_writer(tmp_path / "live")
    append_frames(writer, [1])
    writer.hand_over()
    folder = crash(writer, tmp_path)
    path = folder / layout.segment_name(1)
    whole = path.read_bytes()
    follower = follow(tmp_path)
    given: Places = []
    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        given += places(follower.poll(10))
        assert len(given) == (size == len(whole))
        # The copy has no writer; only so does the follower hold it for one under way.
        for tail in follower._tails.values():  # noqa: SLF001 -- likewise
            tail.over = False
    follower.close()
    writer.close()


def test_segments_are_followed_while_they_are_sealed(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    follower = follow(tmp_path)
    given: Places = []
    for first in (1, 4, 7):
        append_frames(writer, [first, first + 1])
        writer.hand_over()
        given += places(follower.poll(1))
        writer.seal(checkpoint(), stamp())
    writer.close()
    given += places(follower.poll(100))
    assert given == numbered("s1", 1, 9)
    follower.close()


def test_only_synced_records_pass_where_that_is_asked(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    follower = follow(tmp_path, synced_only=True)
    append_frames(writer, [1, 2])
    writer.hand_over()
    assert follower.poll(10) == []
    writer.sync()
    append_frames(writer, [3])
    writer.hand_over()
    assert places(follower.poll(10)) == numbered("s1", 1, 2)
    assert follower.poll(10) == []
    writer.close()
    assert places(follower.poll(10)) == [("s1", 3)]
    follower.close()


def test_unsynced_records_of_a_dead_session_pass_once_it_is_recovered(tmp_path: Path) -> None:
    writer = open_writer(tmp_path / "live")
    append_frames(writer, range(1, 4))
    writer.sync()
    append_frames(writer, [4, 5])
    writer.hand_over()
    folder = crash(writer, tmp_path)
    writer.close()
    follower = follow(tmp_path, synced_only=True)
    assert places(follower.poll(10)) == numbered("s1", 1, 3)
    recover_session(folder)
    assert places(follower.poll(10)) == numbered("s1", 4, 5)
    write_session(tmp_path, "s2", [1])
    assert places(follower.poll(10)) == [("s2", 1)]
    follower.close()


def test_a_torn_tail_is_passed_over_when_the_next_session_comes(tmp_path: Path) -> None:
    writer = open_writer(tmp_path / "live")
    append_frames(writer, [1, 2])
    writer.hand_over()
    folder = crash(writer, tmp_path)
    writer.close()
    path = folder / layout.segment_name(1)
    path.write_bytes(path.read_bytes() + frame_record(*input_record(3))[:-1])
    follower = follow(tmp_path)
    assert places(follower.poll(10)) == numbered("s1", 1, 2)
    recover_session(folder)
    write_session(tmp_path, "s2", [1])
    assert places(follower.poll(10)) == [("s2", 1)]
    follower.close()


def test_a_dead_session_is_drained_before_the_next(tmp_path: Path) -> None:
    writer = open_writer(tmp_path / "live")
    append_frames(writer, [1, 2])
    writer.hand_over()
    crash(writer, tmp_path)
    writer.close()
    follower = follow(tmp_path)
    write_session(tmp_path, "s2", [2])
    assert places(follower.poll(10)) == [*numbered("s1", 1, 2), *numbered("s2", 1, 2)]
    follower.close()


def test_sessions_that_are_written_at_once_do_not_wait_for_each_other(tmp_path: Path) -> None:
    writers = {session: open_writer(tmp_path, session) for session in ("s1", "s2")}
    follower = follow(tmp_path)
    for number in (1, 2, 3):
        for session, writer in writers.items():
            append_frames(writer, [number])
            writer.hand_over()
            assert places(follower.poll(10)) == [(session, number)]
    for writer in writers.values():
        writer.close()
    follower.close()


def test_an_emergency_segment_is_followed(tmp_path: Path) -> None:
    writer = open_writer(tmp_path / "live")
    append_frames(writer, [1, 2])
    writer.sync()
    folder = crash(writer, tmp_path)
    writer.close()
    for synced_only in (False, True):
        assert drained(tmp_path, synced_only=synced_only) == numbered("s1", 1, 2)
    follower = follow(tmp_path)
    assert len(follower.poll(10)) == 2
    follower.close()
    header = header_bytes(SegmentHeader(session="s1", segment=2, first_seq=Seq(3)))
    whole = header + frame_record(*input_record(3)) + bytes(2_000_000)
    (folder / layout.EMERGENCY).write_bytes(whole)
    assert drained(tmp_path) == numbered("s1", 1, 3)
    recover_session(folder)
    for synced_only in (False, True):
        assert drained(tmp_path, synced_only=synced_only) == numbered("s1", 1, 3)


def test_an_emergency_is_followed_as_it_is_written(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    append_frames(writer, [1, 2])
    writer.hand_over()
    follower = follow(tmp_path, synced_only=True)
    (writer.folder / layout.segment_name(2)).mkdir()
    with pytest.raises(JournalFull):
        writer.seal(checkpoint(), stamp())
    (writer.folder / layout.segment_name(2)).rmdir()
    assert places(follower.poll(10)) == numbered("s1", 1, 3)
    writer.begin_emergency()
    for number in (4, 5, 6):
        append_frames(writer, [number])
        writer.hand_over()
        assert places(follower.poll(10)) == [("s1", number)]
    writer.close()
    assert follower.poll(10) == []
    recover_session(writer.folder)
    assert follower.poll(10) == []
    assert drained(tmp_path, synced_only=True) == numbered("s1", 1, 6)
    follower.close()


def test_a_restart_resumes_exactly_after_the_commit(tmp_path: Path) -> None:
    write_session(tmp_path, "s1", [5, 5])
    write_session(tmp_path, "s2", [5])
    everything = [*numbered("s1", 1, 11), *numbered("s2", 1, 5)]
    for place, (session, seq) in enumerate(everything):
        shutil.rmtree(layout.offsets(tmp_path), ignore_errors=True)
        follower = follow(tmp_path)
        given = places(follower.poll(1000))
        assert given == everything
        follower.commit(session, Seq(seq))
        follower.close()
        assert drained(tmp_path) == everything[place + 1 :]


def test_commits_may_lag_behind_polls(tmp_path: Path) -> None:
    write_session(tmp_path, "s1", [5, 5])
    follower = follow(tmp_path)
    for _ in range(5):
        follower.poll(2)
    follower.commit("s1", Seq(3))
    follower.commit("s1", Seq(7))
    for seq in (7, 3, 11, 0):
        with pytest.raises(Refused, match="not among those given"):
            follower.commit("s1", Seq(seq))
    with pytest.raises(Refused):
        follower.commit("s2", Seq(8))
    follower.close()
    assert drained(tmp_path) == numbered("s1", 8, 11)


def test_what_was_not_committed_comes_again(tmp_path: Path) -> None:
    write_session(tmp_path, "s1", [5])
    assert drained(tmp_path) == drained(tmp_path) == numbered("s1", 1, 5)


def test_a_session_that_is_done_is_not_looked_into_again(tmp_path: Path) -> None:
    folder = write_session(tmp_path, "s1", [5])
    write_session(tmp_path, "s2", [5])
    follower = follow(tmp_path)
    follower.poll(100)
    follower.commit("s2", Seq(5))
    follower.close()
    (folder / layout.sealed_name(1)).write_bytes(b"not looked into")
    assert drained(tmp_path) == []
    assert (Path(layout.offsets(tmp_path)) / "logs.json").read_bytes() == b'{"done":["s1","s2"]}'


def test_a_session_that_retention_removed_is_forgotten(tmp_path: Path) -> None:
    first = write_session(tmp_path, "s1", [2])
    for session in ("s2", "s3"):
        write_session(tmp_path, session, [2])
        follower = follow(tmp_path)
        follower.poll(100)
        follower.commit(session, Seq(2))
        follower.poll(100)
        follower.close()
        shutil.rmtree(first, ignore_errors=True)
    write_session(tmp_path, "s4", [2])
    assert drained(tmp_path) == numbered("s4", 1, 2)


def test_what_is_no_session_is_passed_over(tmp_path: Path) -> None:
    folder = write_session(tmp_path, "s1", [2])
    (folder.parent / "notes.txt").touch()
    (folder.parent / ".opening-s2").mkdir()
    assert drained(tmp_path) == numbered("s1", 1, 2)


def test_records_beyond_a_lost_tail_do_not_stop_the_next_session(tmp_path: Path) -> None:
    """A sink that runs ahead of the watermark may have more than a power cut left."""
    writer = open_writer(tmp_path / "live")
    append_frames(writer, range(1, 6))
    writer.hand_over()
    folder = crash(writer, tmp_path)
    writer.close()
    follower = follow(tmp_path)
    follower.poll(100)
    follower.commit("s1", Seq(5))
    follower.close()
    path = folder / layout.segment_name(1)
    path.write_bytes(path.read_bytes()[:-200])
    recover_session(folder)
    write_session(tmp_path, "s2", [2])
    assert drained(tmp_path) == numbered("s2", 1, 2)


def test_a_record_larger_than_a_chunk_is_given_whole(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    append_frames(writer, [1])
    append_frames(writer, [2], 3_000_000)
    append_frames(writer, [3])
    writer.hand_over()
    assert drained(tmp_path) == numbered("s1", 1, 3)
    writer.close()
    follower = follow(tmp_path)
    assert [record for _, record in follower.poll(10)] == list(read_session(writer.folder))
    follower.close()


def damaged(data: Path, offset: int) -> None:
    folder = write_session(data, "s1", [5, 50, 5])
    path = folder / layout.sealed_name(2)
    content = bytearray(path.read_bytes())
    content[offset] ^= 1
    path.write_bytes(content)


def test_damage_is_raised_after_what_is_whole(tmp_path: Path) -> None:
    damaged(tmp_path, -1)
    follower = follow(tmp_path)
    with pytest.raises(JournalDamaged) as damage:
        follower.poll(1000)
    assert damage.value.segment == 2
    follower.close()


def test_a_flipped_byte_of_a_segment_under_way_is_raised_once_it_counts_as_synced(
    tmp_path: Path,
) -> None:
    writer = open_writer(tmp_path)
    append_frames(writer, range(1, 6))
    writer.hand_over()
    path = writer.folder / layout.segment_name(1)
    with path.open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x00")
    follower = follow(tmp_path)
    assert places(follower.poll(10)) == numbered("s1", 1, 4)
    writer.sync()
    with pytest.raises(JournalDamaged) as damage:
        follower.poll(10)
    assert damage.value.last_seq == 4
    follower.close()
    writer.close()


@pytest.mark.parametrize("seed", range(12))
def test_any_interleaving_gives_every_record_once(tmp_path: Path, seed: int) -> None:
    """Polls, commits, restarts of the follower, seals and sessions, in a random order."""
    rng = random.Random(seed)  # noqa: S311 -- a test that can be repeated
    synced_only = seed % 2 == 1
    follower = follow(tmp_path, synced_only=synced_only)
    done: Places = []

    def step() -> bool:
        nonlocal follower
        given = places(follower.poll(rng.choice([1, 3, 20, 1000])))
        if given and rng.random() < 0.7:
            given = given[: rng.randint(1, len(given))] if rng.random() < 0.5 else given
            follower.commit(given[-1][0], Seq(given[-1][1]))
            done.extend(given)
        follower.close()
        follower = follow(tmp_path, synced_only=synced_only)
        return bool(given)

    written: Places = []
    settings = JournalSettings(
        segment_bytes_max=4096,
        emergency_bytes=8192,
        sync_interval_ns=NEVER_SYNCED.sync_interval_ns,
    )
    for session in ("s1", "s2"):
        writer = open_writer(tmp_path, session, settings)
        for _ in range(rng.randint(0, 60)):
            seq = writer.append(Kind.INPUT, stamp(), frame(0, rng.randint(0, 900)))
            written.append((session, seq))
            if rng.random() < 0.5:
                writer.hand_over()
            if rng.random() < 0.2:
                step()
            if writer.seal_due(stamp().at):
                written.append((session, writer.seal(checkpoint(), stamp())))
        writer.close()
    for _ in range(2000):
        step()
        if len(done) == len(written):
            break
    follower.close()
    assert done == written


def test_the_watchdogs_sessions_are_followed_with_the_runtimes(tmp_path: Path) -> None:
    watchdog = Path(layout.watchdog(tmp_path))
    write_session(tmp_path, "s1", [2])
    write_session(watchdog, "s2", [3])
    follower = follow(tmp_path)
    records = follower.poll(10)
    assert places(records) == numbered("s1", 1, 2) + numbered("s2", 1, 3)
    assert follower.poll(10) == []
    follower.commit("s2", Seq(3))
    follower.close()

    write_session(watchdog, "s4", [1])
    write_session(tmp_path, "s3", [1])
    follower = follow(tmp_path)
    assert places(follower.poll(10)) == [("s3", 1), ("s4", 1)]
    follower.close()
