"""Reading back: every record, or the place where that ends."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.journal.written import (
    append_frames,
    checkpoint,
    crash,
    frames_of,
    input_record,
    open_writer,
    stamp,
    write_session,
)
from trading_runtime.journal.folder import read_synced
from trading_runtime.journal.reader import (
    JournalDamaged,
    last_checkpoint,
    read_session,
    records_from_checkpoint,
)
from trading_runtime.journal.writer import JournalWriter
from trading_runtime.records import layout
from trading_runtime.records.segments import Damaged, read_header, read_records


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[JournalWriter]:
    """Ten records on disk, ten more handed over, in one open segment."""
    writer = open_writer(tmp_path)
    append_frames(writer, range(1, 11))
    writer.sync()
    append_frames(writer, range(11, 21))
    writer.hand_over()
    yield writer
    writer.close()


def seqs(folder: Path) -> list[int]:
    return [record.seq for record in read_session(folder)]


def offsets(segment: bytes) -> list[int]:
    """Give where each record of a segment starts, and where the last one ends."""
    start = read_header(segment)[1]
    return [start, *(end for _, end in read_records(segment, start))]


def flip(path: Path, offset: int) -> None:
    content = bytearray(path.read_bytes())
    content[offset] ^= 1
    path.write_bytes(content)


def test_sealed_and_open_segments_are_read_in_order(tmp_path: Path, writer: JournalWriter) -> None:
    writer.seal(checkpoint(), stamp())
    append_frames(writer, range(22, 25))
    writer.hand_over()
    assert seqs(writer.folder) == list(range(1, 25))
    assert frames_of(read_session(writer.folder))[-1] == input_record(24)
    assert seqs(crash(writer, tmp_path / "crashed")) == list(range(1, 25))


def test_an_empty_session_has_no_records(tmp_path: Path) -> None:
    assert seqs(write_session(tmp_path, "s1", [])) == []


def test_a_torn_record_ends_the_records(tmp_path: Path, writer: JournalWriter) -> None:
    folder = crash(writer, tmp_path / "crashed")
    path = folder / layout.segment_name(1)
    whole = path.read_bytes()
    starts = offsets(whole)
    for size in (starts[20] - 1, starts[19] + 1, starts[15] + 40, starts[10]):
        path.write_bytes(whole[:size])
        many = max(place for place, start in enumerate(starts) if start <= size)
        assert seqs(folder) == list(range(1, many + 1))


def test_a_segment_cut_below_the_watermark_is_damage(tmp_path: Path, writer: JournalWriter) -> None:
    folder = crash(writer, tmp_path / "crashed")
    path = folder / layout.segment_name(1)
    whole = path.read_bytes()
    starts = offsets(whole)
    for size in (starts[10] - 1, starts[9], starts[9] + 3, 10):
        path.write_bytes(whole[:size])
        with pytest.raises(JournalDamaged) as damage:
            seqs(folder)
        assert damage.value.segment == 1
        assert damage.value.last_seq == (9 if size > 10 else 0)


def test_a_flipped_byte_below_the_watermark_is_damage_at_its_record(
    tmp_path: Path, writer: JournalWriter
) -> None:
    folder = crash(writer, tmp_path / "crashed")
    path = folder / layout.segment_name(1)
    starts = offsets(path.read_bytes())
    flip(path, starts[4] + 50)
    with pytest.raises(JournalDamaged) as damage:
        seqs(folder)
    assert (damage.value.segment, damage.value.offset) == (1, starts[4])
    assert damage.value.last_seq == 4
    assert isinstance(damage.value, Damaged)
    assert "s1/000001.tdj (segment 1): record checksum" in str(damage.value)


def test_bad_bytes_above_the_watermark_are_what_a_power_cut_leaves(
    tmp_path: Path, writer: JournalWriter
) -> None:
    folder = crash(writer, tmp_path / "crashed")
    path = folder / layout.segment_name(1)
    starts = offsets(path.read_bytes())
    flip(path, starts[14] + 50)
    assert seqs(folder) == list(range(1, 15))
    # Without a watermark there is no such excuse.
    (folder / layout.SYNCED).unlink()
    with pytest.raises(JournalDamaged):
        seqs(folder)


def test_damage_in_a_sealed_segment_is_named(tmp_path: Path) -> None:
    folder = write_session(tmp_path, "s1", [5, 5])
    path = folder / layout.sealed_name(1)
    flip(path, path.stat().st_size // 2)
    with pytest.raises(JournalDamaged, match=r"000001\.tdj\.zst"):
        seqs(folder)


def test_a_missing_segment_is_named(tmp_path: Path) -> None:
    folder = write_session(tmp_path, "s1", [5, 5, 5])
    (folder / layout.sealed_name(2)).unlink()
    (folder / layout.seal_name(2)).unlink()
    with pytest.raises(JournalDamaged, match="segment 2 is missing"):
        seqs(folder)


def test_a_session_whose_first_segments_were_archived_is_read_from_where_it_starts(
    tmp_path: Path,
) -> None:
    folder = write_session(tmp_path, "s1", [5, 5, 5])
    (folder / layout.sealed_name(1)).unlink()
    (folder / layout.seal_name(1)).unlink()
    assert seqs(folder) == list(range(7, 18))


def test_a_segment_of_another_session_is_damage(tmp_path: Path) -> None:
    folder = write_session(tmp_path, "s1", [5])
    folder.rename(folder.with_name("s2"))
    with pytest.raises(JournalDamaged, match="is segment 1 of session s1"):
        seqs(folder.with_name("s2"))


def test_a_hole_in_the_sequence_is_damage(tmp_path: Path, writer: JournalWriter) -> None:
    folder = crash(writer, tmp_path / "crashed")
    path = folder / layout.segment_name(1)
    whole = path.read_bytes()
    starts = offsets(whole)
    path.write_bytes(whole[: starts[3]] + whole[starts[4] :])
    with pytest.raises(JournalDamaged, match="record 5 follows record 3"):
        seqs(folder)


def test_segments_that_do_not_join_are_damage(tmp_path: Path) -> None:
    first = write_session(tmp_path / "a", "s1", [5, 5])
    second = write_session(tmp_path / "b", "s1", [6, 5])
    for name in (layout.sealed_name(2), layout.seal_name(2)):
        shutil.copy(second / name, first / name)
    with pytest.raises(JournalDamaged, match="starts with record 8, not 7"):
        seqs(first)


def test_a_torn_tail_is_damage_once_there_is_a_later_segment(
    tmp_path: Path, writer: JournalWriter
) -> None:
    folder = crash(writer, tmp_path / "crashed")
    writer.seal(checkpoint(), stamp())
    shutil.copy(writer.folder / layout.segment_name(2), folder)
    with pytest.raises(JournalDamaged, match="starts with record 22"):
        seqs(folder)
    path = folder / layout.segment_name(1)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(JournalDamaged, match="of a record"):
        seqs(folder)


def test_a_replay_may_begin_at_any_checkpoint(tmp_path: Path) -> None:
    folder = write_session(tmp_path, "s1", [3, 2, 4])
    assert [record.seq for record in records_from_checkpoint(folder, 0)] == list(range(1, 12))
    assert [record.seq for record in records_from_checkpoint(folder, 1)] == list(range(4, 12))
    assert [record.seq for record in records_from_checkpoint(folder, 2)] == list(range(7, 12))
    assert last_checkpoint(folder) == 2


def test_a_session_without_a_seal_has_no_checkpoint(tmp_path: Path) -> None:
    assert last_checkpoint(write_session(tmp_path, "s1", [3])) == 0


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("crashed")
    writer = open_writer(data / "live")
    append_frames(writer, range(1, 6))
    writer.sync()
    append_frames(writer, range(6, 11))
    writer.hand_over()
    folder = crash(writer, data)
    writer.close()
    return folder


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_flipped_byte_of_a_crashed_session_is_found_or_is_above_the_watermark(
    crashed: Path, data: st.DataObject
) -> None:
    path = crashed / layout.segment_name(1)
    whole = path.read_bytes()
    starts = offsets(whole)
    place = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole)
    changed[place] ^= data.draw(st.integers(1, 255))
    many = max((number for number, start in enumerate(starts) if start <= place), default=0)
    mark = read_synced(crashed)
    assert mark is not None
    try:
        path.write_bytes(changed)
        if place < mark.offset:
            with pytest.raises(JournalDamaged) as damage:
                seqs(crashed)
            assert damage.value.last_seq == many
        else:
            assert seqs(crashed) == list(range(1, many + 1))
    finally:
        path.write_bytes(whole)
