"""Which file of a session is to be read, in whatever state sealing was interrupted."""

from pathlib import Path

import pytest

from tests.journal.written import open_writer, write_session
from trading_runtime.journal.folder import (
    Form,
    find_sessions,
    is_being_written,
    read_synced,
    segment_files,
)
from trading_runtime.records import layout
from trading_runtime.records.segments import SegmentHeader, header_bytes
from trading_runtime.records.units import Seq


@pytest.mark.parametrize(
    ("names", "read"),
    [
        (["000001.tdj"], "000001.tdj"),
        (["000001.tdj", "000001.tdj.zst.tmp"], "000001.tdj"),
        (["000001.tdj", "000001.tdj.zst"], "000001.tdj"),
        (["000001.tdj", "000001.tdj.zst", "000001.seal.json.tmp"], "000001.tdj"),
        (["000001.tdj", "000001.tdj.zst", "000001.seal.json"], "000001.tdj.zst"),
        (["000001.tdj.zst", "000001.seal.json"], "000001.tdj.zst"),
    ],
)
def test_each_step_of_sealing_leaves_one_file_to_read(
    tmp_path: Path, names: list[str], read: str
) -> None:
    for name in [*names, layout.SYNCED, "000001.torn"]:
        (tmp_path / name).touch()
    assert [file.path.name for file in segment_files(tmp_path)] == [read]


def test_segments_come_in_the_order_of_their_numbers_and_the_emergency_last(
    tmp_path: Path,
) -> None:
    for name in ("000010.tdj", "000009.seal.json", "000009.tdj.zst", "000002.tdj"):
        (tmp_path / name).touch()
    header = SegmentHeader(session=tmp_path.name, segment=11, first_seq=Seq(5))
    (tmp_path / layout.EMERGENCY).write_bytes(header_bytes(header) + bytes(100))
    found = [(file.number, file.form) for file in segment_files(tmp_path)]
    assert found == [
        (2, Form.OPEN),
        (9, Form.SEALED),
        (10, Form.OPEN),
        (11, Form.EMERGENCY),
    ]


@pytest.mark.parametrize("content", [bytes(4096), b"TAPEDECK" + bytes(4088), b""])
def test_an_emergency_segment_without_a_whole_header_was_never_used(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / layout.EMERGENCY).write_bytes(content)
    assert segment_files(tmp_path) == []


def test_where_there_is_no_journal_there_are_no_sessions(tmp_path: Path) -> None:
    assert find_sessions(tmp_path) == []


def test_sessions_are_found_oldest_first(tmp_path: Path) -> None:
    for session in ("20251120T000000Z-b", "20251119T000000Z-c", "20251119T000000Z-a"):
        write_session(tmp_path, session, [])
    assert [folder.name for folder in find_sessions(tmp_path)] == [
        "20251119T000000Z-a",
        "20251119T000000Z-c",
        "20251120T000000Z-b",
    ]


def test_asking_whether_a_session_is_written_does_not_disturb_its_writer(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    assert is_being_written(writer.folder)
    assert is_being_written(writer.folder)
    writer.close()
    assert not is_being_written(writer.folder)


def test_a_watermark_that_is_missing_or_half_written_is_none(tmp_path: Path) -> None:
    assert read_synced(tmp_path) is None
    (tmp_path / layout.SYNCED).write_bytes(bytes(24))
    assert read_synced(tmp_path) is None
