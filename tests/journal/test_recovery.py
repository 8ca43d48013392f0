"""After a crash: what was whole is sealed, once, whatever interrupts it."""

import shutil
from pathlib import Path

import pytest

from tests.journal.written import (
    append_frames,
    checkpoint,
    crash,
    input_record,
    open_writer,
    stamp,
    write_session,
)
from trading_runtime.errors import Refused
from trading_runtime.journal.folder import OPENING, Form, segment_files
from trading_runtime.journal.reader import JournalDamaged, is_checkpoint, read_session
from trading_runtime.journal.recovery import is_closed, recover_last, recover_session
from trading_runtime.journal.sealing import Extent, seal_segment
from trading_runtime.journal.verify import verify_session
from trading_runtime.records import layout
from trading_runtime.records.envelope import Kind, frame_record
from trading_runtime.records.segments import SegmentHeader, header_bytes
from trading_runtime.records.units import Seq


def crashed(data: Path, session: str = "s1", torn: bytes = b"") -> Path:
    """Give a session of two segments, three records and five, cut off with ``torn`` behind."""
    writer = open_writer(data / "live", session)
    append_frames(writer, [1, 2])
    writer.seal(checkpoint(), stamp())
    append_frames(writer, range(4, 9))
    writer.hand_over()
    folder = crash(writer, data)
    writer.close()
    path = folder / layout.segment_name(2)
    path.write_bytes(path.read_bytes() + torn)
    return folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_crashed_session_is_sealed_and_its_torn_bytes_are_kept(tmp_path: Path) -> None:
    torn = frame_record(*input_record(9))[:-1]
    folder = crashed(tmp_path, torn=torn)
    recovered = recover_session(folder)
    assert recovered.session == "s1"
    assert (recovered.checkpoint, recovered.last_seq) == (1, 8)
    assert recovered.torn_bytes == len(torn)
    assert (folder / "000002.torn").read_bytes() == torn
    assert {file.form for file in segment_files(folder)} == {Form.SEALED}
    assert is_closed(folder)
    verdict = verify_session(folder)
    assert (verdict.problem, verdict.records, verdict.seals_checked) == ("", 8, 2)
    assert verdict.torn_bytes == len(torn)


def test_records_come_from_the_last_checkpoint_on(tmp_path: Path) -> None:
    records = list(recover_session(crashed(tmp_path)).records())
    assert is_checkpoint(records[0])
    assert [record.seq for record in records] == list(range(3, 9))


def test_without_a_checkpoint_records_come_from_the_start(tmp_path: Path) -> None:
    recovered = recover_session(write_session(tmp_path, "s1", [4]))
    assert recovered.checkpoint == 0
    assert [record.seq for record in recovered.records()] == [1, 2, 3, 4]


def test_recovering_twice_changes_nothing_more(tmp_path: Path) -> None:
    folder = crashed(tmp_path, torn=b"stump")
    first = recover_session(folder)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert recover_session(folder) == first
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_an_orderly_session_needs_nothing(tmp_path: Path) -> None:
    folder = write_session(tmp_path, "s1", [3, 4])
    before = names(folder)
    assert is_closed(folder)
    assert recover_session(folder).last_seq == 8
    assert names(folder) == before


def test_a_session_that_is_being_written_is_refused(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    with pytest.raises(Refused, match="being written"):
        recover_session(writer.folder)
    writer.close()


def test_a_segment_whose_header_was_not_whole_is_removed(tmp_path: Path) -> None:
    folder = crashed(tmp_path)
    for content in (
        b"",
        header_bytes(SegmentHeader(session="s1", segment=3, first_seq=Seq(9)))[:9],
    ):
        (folder / layout.segment_name(3)).write_bytes(content)
        assert recover_session(folder).last_seq == 8
        assert not (folder / layout.segment_name(3)).exists()


def test_a_used_emergency_segment_becomes_the_last_one(tmp_path: Path) -> None:
    folder = crashed(tmp_path)
    header = header_bytes(SegmentHeader(session="s1", segment=3, first_seq=Seq(9)))
    whole = header + b"".join(frame_record(*input_record(number)) for number in (9, 10))
    (folder / layout.EMERGENCY).write_bytes(whole + b"half a record" + bytes(500))
    before = list(read_session(folder))
    recovered = recover_session(folder)
    assert recovered.last_seq == 10
    assert list(read_session(folder)) == before
    assert (folder / "000003.torn").read_bytes() == b"half a record"
    assert not (folder / layout.EMERGENCY).exists()
    assert is_closed(folder)


def test_damage_is_not_recovered_from(tmp_path: Path) -> None:
    folder = crashed(tmp_path)
    path = folder / layout.segment_name(2)
    content = bytearray(path.read_bytes())
    # The header of a segment is on disk before the segment is used.
    content[3] ^= 1
    path.write_bytes(content)
    with pytest.raises(JournalDamaged):
        recover_session(folder)
    assert path.read_bytes() == content


def test_recovery_goes_on_from_any_step_at_which_it_was_killed(tmp_path: Path) -> None:
    """Each state that a kill between two steps leaves, made from the files of both ends."""
    torn = b"stump"
    before = crashed(tmp_path / "before", torn=torn)
    after = crashed(tmp_path / "after", torn=torn)
    expected = recover_session(after)
    steps = [
        ["000002.torn.tmp"],
        ["000002.torn"],
        ["000002.torn", "000002.tdj.zst.tmp"],
        ["000002.torn", "000002.tdj.zst"],
        ["000002.torn", "000002.tdj.zst", "000002.seal.json.tmp"],
        ["000002.torn", "000002.tdj.zst", "000002.seal.json"],
    ]
    for place, there in enumerate(steps):
        folder = tmp_path / str(place) / "journal" / "s1"
        shutil.copytree(before, folder)
        for name in there:
            content = (after / name.removesuffix(".tmp")).read_bytes()
            (folder / name).write_bytes(content[: len(content) // 2] if ".tmp" in name else content)
        assert recover_session(folder)._replace(folder=after) == expected
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
            path.name: path.read_bytes() for path in after.iterdir()
        }


def test_sealing_that_was_interrupted_is_completed(tmp_path: Path) -> None:
    folder = crashed(tmp_path)
    raw = folder / layout.segment_name(2)
    content = raw.read_bytes()
    extent = Extent("s1", 2, Seq(4), Seq(8), len(content), 0)
    seal_segment(raw, extent)
    raw.write_bytes(content)
    assert recover_session(folder).last_seq == 8
    assert not raw.exists()


def begun(data: Path, session: str) -> None:
    """Write a session as a start does: its header, which is any frame here, then its state."""
    writer = open_writer(data, session)
    append_frames(writer, [1])
    writer.append(Kind.INPUT, stamp(2), checkpoint())
    append_frames(writer, [3])
    writer.close()


def test_the_newest_session_that_has_its_state_is_carried_on(tmp_path: Path) -> None:
    begun(tmp_path, "s1")
    begun(tmp_path, "s2")
    # One that was cut off after its header knows nothing: what it should carry is in s2.
    write_session(tmp_path, "s3", [1])
    write_session(tmp_path, "s4", [])
    newest = recover_last(tmp_path)
    assert newest is not None
    assert newest.session == "s2"


def test_every_crashed_session_is_closed_and_living_ones_are_left_alone(tmp_path: Path) -> None:
    oldest, older = crashed(tmp_path, "s1"), crashed(tmp_path, "s2")
    begun(tmp_path, "s3")
    living = open_writer(tmp_path, "s4")
    append_frames(living, [1])
    living.hand_over()
    stump = Path(layout.sessions(tmp_path)) / f"{OPENING}s5"
    stump.mkdir()
    newest = recover_last(tmp_path)
    assert newest is not None
    assert newest.session == "s3"
    assert is_closed(oldest)
    assert is_closed(older)
    assert not is_closed(living.folder)
    assert not stump.exists()
    living.close()


def test_a_first_start_has_nothing_to_recover(tmp_path: Path) -> None:
    assert recover_last(tmp_path) is None
    Path(layout.sessions(tmp_path)).mkdir()
    assert recover_last(tmp_path) is None
