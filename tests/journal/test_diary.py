"""The journal of a process beside the runtime: kept by a thread, and never in the way."""

import asyncio
from pathlib import Path

import pytest

from tests.journal.written import append_frames, crash, open_writer
from trading_runtime.clock import Clock
from trading_runtime.journal.diary import Diary
from trading_runtime.journal.folder import find_sessions
from trading_runtime.journal.reader import read_session
from trading_runtime.journal.recovery import is_closed
from trading_runtime.records import layout
from trading_runtime.records.envelope import Kind, decode_body
from trading_runtime.records.observations import LeaseEnded

ENDED = LeaseEnded(generation="0x1", reason="no beat")


def test_what_is_written_is_handed_over_when_it_has_settled(tmp_path: Path) -> None:
    diary = Diary(Path(layout.watchdog(tmp_path)), "s1", Clock())
    diary.write(Kind.OBSERVATION, ENDED)
    asyncio.run(diary.settle())
    diary.close()
    (folder,) = find_sessions(Path(layout.watchdog(tmp_path)))
    assert [decode_body(record.body) for record in read_session(folder)] == [ENDED]
    assert is_closed(folder)


def test_a_session_that_a_crash_left_open_is_closed(tmp_path: Path) -> None:
    root = Path(layout.watchdog(tmp_path))
    writer = open_writer(tmp_path / "elsewhere")
    append_frames(writer, [1, 2])
    writer.hand_over()
    crashed = crash(writer, root)
    writer.close()
    assert not is_closed(crashed)
    Diary(Path(layout.watchdog(tmp_path)), "s2", Clock()).close()
    assert all(is_closed(folder) for folder in find_sessions(root))
    assert len(list(read_session(crashed))) == 2


def test_where_there_is_no_room_it_says_so_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(layout.watchdog(tmp_path)).write_text("no folder")
    diary = Diary(Path(layout.watchdog(tmp_path)), "s1", Clock())
    diary.write(Kind.OBSERVATION, ENDED)
    asyncio.run(diary.settle())
    diary.close()
    assert capsys.readouterr().err.startswith("tapedeck: no journal is written: ")
