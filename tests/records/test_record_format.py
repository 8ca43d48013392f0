"""The page on the format says what is: its own reader reads what the journal writes."""

import re
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.journal.written import (
    append_frames,
    checkpoint,
    crash,
    open_writer,
    stamp,
)
from tests.records.golden import make_golden
from trading_runtime.errors import JournalFull
from trading_runtime.journal.reader import read_session
from trading_runtime.records import layout
from trading_runtime.records.envelope import encode_body

PAGE = Path(__file__).parents[2] / "docs" / "record-format.md"


def records_by_the_page(folder: Path) -> list[tuple[Any, ...]]:
    names: dict[str, Any] = {}
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    exec(program, names)  # noqa: S102 -- our own page
    return list(names["records"](folder))


def records_by_the_reader(folder: Path) -> list[tuple[Any, ...]]:
    return [
        (
            folder.name,
            record.seq,
            record.kind,
            record.stamp.at,
            record.stamp.wall,
            msgspec.msgpack.decode(record.body),
        )
        for record in read_session(folder)
    ]


def test_the_pages_reader_reads_a_session_in_every_state(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    append_frames(writer, range(1, 40))
    writer.seal(checkpoint(), stamp())
    append_frames(writer, range(41, 60))
    writer.hand_over()
    torn = crash(writer, tmp_path / "torn")
    path = torn / layout.segment_name(2)
    path.write_bytes(path.read_bytes()[:-5])
    (writer.folder / layout.segment_name(3)).mkdir()
    with pytest.raises(JournalFull):
        writer.seal(checkpoint(), stamp())
    (writer.folder / layout.segment_name(3)).rmdir()
    writer.begin_emergency()
    append_frames(writer, [61, 62])
    writer.hand_over()
    writer.close()
    for folder, last in ((torn, 58), (writer.folder, 62)):
        found = records_by_the_page(folder)
        assert found == records_by_the_reader(folder)
        assert found[-1][1] == last
    shutil.rmtree(tmp_path)


def test_bodies_hold_what_the_page_says_and_nothing_else() -> None:
    instrument = {"revision", "venue", "symbol", "base_asset", "quote_asset"}

    def check(value: object) -> None:
        assert not isinstance(value, float)
        if isinstance(value, dict):
            assert instrument <= set(value)
        if isinstance(value, list):
            for item in value:
                check(item)

    for _, _, _, body in make_golden.records():
        check(msgspec.msgpack.decode(encode_body(body)))
