"""The verdict: counts where all is whole, the first problem with its place where not."""

from pathlib import Path

import pytest

from tests.journal.written import append_frames, crash, open_writer, write_session
from trading_runtime.journal.verify import verify_session
from trading_runtime.records import layout


def test_a_closed_session_is_whole(tmp_path: Path) -> None:
    verdict = verify_session(write_session(tmp_path, "s1", [3, 4]))
    assert verdict.problem == ""
    assert (verdict.session, verdict.segments, verdict.seals_checked) == ("s1", 2, 2)
    assert (verdict.records, verdict.first_seq, verdict.last_seq) == (8, 1, 8)
    assert verdict.torn_bytes == 0


def test_a_session_under_way_is_whole(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    append_frames(writer, range(1, 4))
    writer.hand_over()
    verdict = verify_session(writer.folder)
    assert (verdict.problem, verdict.records, verdict.seals_checked) == ("", 3, 0)
    writer.close()


def test_torn_bytes_are_told_and_are_no_problem(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    append_frames(writer, range(1, 4))
    writer.hand_over()
    folder = crash(writer, tmp_path / "crashed")
    writer.close()
    path = folder / layout.segment_name(1)
    path.write_bytes(path.read_bytes() + b"stump")
    verdict = verify_session(folder)
    assert (verdict.problem, verdict.records, verdict.torn_bytes) == ("", 3, 5)


def test_damage_is_named_with_what_was_whole_before_it(tmp_path: Path) -> None:
    folder = write_session(tmp_path, "s1", [3, 4])
    path = folder / layout.sealed_name(2)
    path.write_bytes(path.read_bytes()[:-6])
    verdict = verify_session(folder)
    assert "000002.tdj.zst (segment 2)" in verdict.problem
    assert (verdict.segments, verdict.last_seq) == (1, 4)


@pytest.mark.parametrize("wrong", [b'"records":4', b'"last_seq":4', b'"sha256":"0'])
def test_a_seal_that_says_something_else_is_a_problem(tmp_path: Path, wrong: bytes) -> None:
    folder = write_session(tmp_path, "s1", [3])
    path = folder / layout.seal_name(1)
    start = path.read_bytes().index(wrong[:-1])
    content = bytearray(path.read_bytes())
    content[start : start + len(wrong)] = wrong
    path.write_bytes(content)
    assert "its seal says" in verify_session(folder).problem


def test_a_seal_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    folder = write_session(tmp_path, "s1", [3])
    (folder / layout.seal_name(1)).write_bytes(b"{")
    assert "its seal cannot be read" in verify_session(folder).problem
