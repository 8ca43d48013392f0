"""A session's folder is whole before it has its name."""

import os
from pathlib import Path

import pytest

from tests.journal.written import NEVER_SYNCED, open_writer, write_session
from trading_runtime.journal.folder import OPENING, find_sessions, lock_writing
from trading_runtime.journal.opening import open_session, sweep_openings
from trading_runtime.records import layout


def test_nobody_sees_a_session_that_has_no_name_yet(tmp_path: Path) -> None:
    write_session(tmp_path, "s1", [1])
    (Path(layout.sessions(tmp_path)) / f"{OPENING}s2").mkdir()
    assert [folder.name for folder in find_sessions(tmp_path)] == ["s1"]


def test_what_a_crash_left_of_an_opening_is_swept(tmp_path: Path) -> None:
    write_session(tmp_path, "s1", [1])
    left = Path(layout.sessions(tmp_path)) / f"{OPENING}s2"
    left.mkdir()
    (left / "000001.tdj").write_bytes(b"TAPE")
    sweep_openings(tmp_path)
    assert not left.exists()
    assert [folder.name for folder in find_sessions(tmp_path)] == ["s1"]


def test_an_opening_under_way_is_not_swept(tmp_path: Path) -> None:
    write_session(tmp_path, "s1", [1])
    opening = Path(layout.sessions(tmp_path)) / f"{OPENING}s2"
    opening.mkdir()
    descriptor = os.open(opening, os.O_RDONLY)
    lock_writing(descriptor)
    sweep_openings(tmp_path)
    assert opening.exists()
    os.close(descriptor)
    sweep_openings(tmp_path)
    assert not opening.exists()


def test_two_sessions_can_be_open_at_once(tmp_path: Path) -> None:
    writers = [open_writer(tmp_path, session) for session in ("s1", "s2")]
    assert [folder.name for folder in find_sessions(tmp_path)] == ["s1", "s2"]
    for writer in writers:
        writer.close()


def test_a_stump_of_the_same_name_is_in_the_way_until_it_is_swept(tmp_path: Path) -> None:
    sessions = Path(layout.sessions(tmp_path))
    (sessions / f"{OPENING}s1").mkdir(parents=True)
    with pytest.raises(FileExistsError):
        open_session(tmp_path, "s1", NEVER_SYNCED)
    sweep_openings(tmp_path)
    open_writer(tmp_path).close()
