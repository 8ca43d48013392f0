"""The writing end: what is numbered, handed over, synced and sealed, and what a full disk does."""

import hashlib
import resource
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import zstandard

from tests.journal.written import (
    HOUR,
    NEVER_SYNCED,
    START,
    append_frames,
    await_until,
    checkpoint,
    crash,
    frame,
    input_record,
    open_writer,
    stamp,
    write_session,
)
from trading_runtime.errors import JournalFull, Refused
from trading_runtime.journal.folder import is_being_written, read_synced
from trading_runtime.journal.reader import is_checkpoint, read_session
from trading_runtime.journal.settings import JournalSettings
from trading_runtime.records import layout
from trading_runtime.records.envelope import LENGTH_MAX, Kind, frame_record
from trading_runtime.records.inputs import FrameReceived
from trading_runtime.records.observations import ClockStepped
from trading_runtime.records.segments import Seal, SegmentHeader, Watermark, header_bytes
from trading_runtime.records.units import Connection, Nanos, Seq

HEADER = header_bytes(SegmentHeader(session="s1", segment=1, first_seq=Seq(1)))


@pytest.fixture
def largest_file() -> Iterator[int]:
    """Let no file of this process grow beyond some bytes: a write there is short, then refused."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    yield 10_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_an_open_session_has_its_header_its_emergency_segment_and_a_watermark(
    tmp_path: Path,
) -> None:
    writer = open_writer(tmp_path)
    assert writer.folder == layout.session(tmp_path, "s1")
    assert (writer.folder / "000001.tdj").read_bytes() == HEADER
    assert (writer.folder / layout.EMERGENCY).read_bytes() == bytes(8192)
    assert read_synced(writer.folder) == Watermark(1, len(HEADER), Seq(0))
    assert is_being_written(writer.folder)
    writer.close()
    assert not is_being_written(writer.folder)


def test_a_session_is_opened_once(tmp_path: Path) -> None:
    write_session(tmp_path, "s1", [1])
    with pytest.raises(Refused, match="s1 exists"):
        open_writer(tmp_path)


def test_inputs_outputs_and_observations_share_one_sequence(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    assert writer.append(Kind.INPUT, stamp(), frame(1)) == 1
    assert writer.append(Kind.OUTPUT, stamp(), checkpoint()) == 2
    assert writer.append(Kind.OBSERVATION, stamp(), ClockStepped(step_ns=Nanos(5))) == 3
    writer.close()
    assert [(record.kind, record.seq) for record in read_session(writer.folder)] == [
        (Kind.INPUT, 1),
        (Kind.OUTPUT, 2),
        (Kind.OBSERVATION, 3),
    ]


def test_records_are_handed_over_together_and_as_the_format_says(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    segment = writer.folder / "000001.tdj"
    append_frames(writer, range(1, 6))
    assert segment.read_bytes() == HEADER
    assert writer.handed_seq == 0
    writer.hand_over()
    assert writer.handed_seq == 5
    expected = b"".join(frame_record(*input_record(number)) for number in range(1, 6))
    assert segment.read_bytes() == HEADER + expected
    writer.hand_over()
    assert segment.read_bytes() == HEADER + expected
    writer.close()


def test_the_watermark_says_what_a_sync_covered(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    append_frames(writer, range(1, 4))
    writer.hand_over()
    assert writer.synced_seq == 0
    writer.sync()
    assert writer.synced_seq == 3
    size = (writer.folder / "000001.tdj").stat().st_size
    assert read_synced(writer.folder) == Watermark(1, size, Seq(3))
    writer.close()


def test_the_timer_syncs_what_was_handed_over(tmp_path: Path) -> None:
    writer = open_writer(tmp_path, settings=JournalSettings(emergency_bytes=8192))
    append_frames(writer, range(1, 4))
    writer.hand_over()
    await_until(lambda: writer.synced_seq == 3)
    writer.close()


def test_a_segment_is_due_by_size(tmp_path: Path) -> None:
    settings = JournalSettings(segment_bytes_max=4096, emergency_bytes=8192)
    writer = open_writer(tmp_path, settings=settings)
    append_frames(writer, [1])
    writer.hand_over()
    assert not writer.seal_due(Nanos(START))
    append_frames(writer, [2], 4000)
    writer.hand_over()
    assert writer.seal_due(Nanos(START))
    writer.seal(checkpoint(), stamp())
    assert not writer.seal_due(Nanos(START))
    writer.close()


def test_a_segment_is_due_when_the_hour_has_changed(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    last_of_hour = START - START % HOUR + HOUR - 1
    assert not writer.seal_due(Nanos(last_of_hour))
    assert writer.seal_due(Nanos(last_of_hour + 1))
    writer.seal(checkpoint(), stamp(last_of_hour + 1 - START))
    assert not writer.seal_due(Nanos(last_of_hour + 1))
    writer.close()


def test_a_sealed_segment_ends_with_the_checkpoint_and_the_next_goes_on(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    append_frames(writer, [1, 2])
    assert writer.seal(checkpoint(), stamp(2)) == 3
    assert writer.synced_seq == 3
    append_frames(writer, [4])
    writer.close()
    records = list(read_session(writer.folder))
    assert [record.seq for record in records] == [1, 2, 3, 4]
    assert [is_checkpoint(record) for record in records] == [False, False, True, False]


def test_sealing_leaves_a_compressed_file_and_a_seal_that_agree(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    append_frames(writer, range(1, 101))
    writer.hand_over()
    writer.sync()
    raw = (writer.folder / "000001.tdj").read_bytes()
    writer.close()
    assert sorted(path.name for path in writer.folder.iterdir()) == [
        "000001.seal.json",
        "000001.tdj.zst",
        layout.SYNCED,
    ]
    compressed = (writer.folder / "000001.tdj.zst").read_bytes()
    assert zstandard.decompress(compressed) == raw
    assert writer.finished_seals() == [
        Seal(
            session="s1",
            segment=1,
            first_seq=Seq(1),
            last_seq=Seq(100),
            records=100,
            size_bytes=len(raw),
            sha256=hashlib.sha256(raw).hexdigest(),
            torn_bytes=0,
        )
    ]


def test_a_seal_is_told_once(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    writer.seal(checkpoint(), stamp())
    writer.seal(checkpoint(), stamp())
    writer.close()
    told = [seal.segment for seal in writer.finished_seals()]
    assert told == [1, 2, 3]
    assert writer.finished_seals() == []


def test_a_record_that_no_reader_would_take_is_refused_and_leaves_no_hole(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    huge = FrameReceived(connection=Connection(1), frame=bytes(LENGTH_MAX))
    with pytest.raises(Refused, match=str(LENGTH_MAX)):
        writer.append(Kind.INPUT, stamp(), huge)
    assert writer.append(Kind.INPUT, stamp(), frame(1)) == 1
    writer.close()


def test_a_journal_that_takes_no_more_is_cut_back_to_its_last_whole_record(
    tmp_path: Path, largest_file: int
) -> None:
    writer = open_writer(tmp_path)
    append_frames(writer, range(1, 101))
    with pytest.raises(JournalFull):
        writer.hand_over()
    whole = writer.handed_seq
    assert 50 < whole < 100
    assert (writer.folder / "000001.tdj").stat().st_size <= largest_file
    assert [record.seq for record in read_session(writer.folder)] == list(range(1, whole + 1))
    assert writer.synced_seq == whole
    for refused in (writer.hand_over, writer.sync, lambda: writer.seal(checkpoint(), stamp())):
        with pytest.raises(JournalFull):
            refused()
    writer.close()


def test_the_emergency_segment_goes_on_without_a_hole(tmp_path: Path, largest_file: int) -> None:
    writer = open_writer(tmp_path)
    append_frames(writer, range(1, 101))
    with pytest.raises(JournalFull):
        writer.hand_over()
    assert writer.handed_seq * 100 < largest_file
    writer.begin_emergency()
    append_frames(writer, [101, 102])
    writer.hand_over()
    assert writer.synced_seq == writer.handed_seq == 102
    writer.begin_emergency()
    append_frames(writer, [103])
    writer.sync()
    expected = [input_record(number) for number in range(1, 104)]
    assert list(read_session(writer.folder)) == expected
    assert list(read_session(crash(writer, tmp_path / "crashed"))) == expected
    with pytest.raises(JournalFull):
        writer.seal(checkpoint(), stamp())
    writer.close()
    assert list(read_session(writer.folder)) == expected


def test_an_emergency_segment_that_is_full_says_so(tmp_path: Path, largest_file: int) -> None:
    writer = open_writer(tmp_path)
    append_frames(writer, [1], largest_file)
    with pytest.raises(JournalFull, match="segment 1"):
        writer.hand_over()
    writer.begin_emergency()
    with pytest.raises(JournalFull, match="emergency segment"):
        writer.hand_over()
    writer.close()


def test_a_sound_journal_has_no_emergency(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    with pytest.raises(Refused):
        writer.begin_emergency()
    writer.close()


def test_a_new_segment_that_cannot_be_made_leaves_the_checkpoint_and_no_stump(
    tmp_path: Path,
) -> None:
    writer = open_writer(tmp_path)
    append_frames(writer, [1])
    (writer.folder / "000002.tdj").mkdir()
    with pytest.raises(JournalFull, match="segment 2"):
        writer.seal(checkpoint(), stamp())
    (writer.folder / "000002.tdj").rmdir()
    assert [record.seq for record in read_session(writer.folder)] == [1, 2]
    writer.begin_emergency()
    append_frames(writer, [3])
    writer.hand_over()
    assert [record.seq for record in read_session(writer.folder)] == [1, 2, 3]
    writer.close()


def test_settings_out_of_their_bounds_and_unknown_ones_are_refused() -> None:
    for wrong in ({"segment_bytes_max": 10}, {"sync_interval_ns": 0}, {"fsync": True}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(wrong, JournalSettings)
    assert msgspec.convert({}, JournalSettings).sync_interval_ns < NEVER_SYNCED.sync_interval_ns
