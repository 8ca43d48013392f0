"""The segment of last resort, by itself: over zeros, to disk, and no further than its size."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from trading_runtime.errors import JournalFull
from trading_runtime.journal.emergency import EmergencySegment
from trading_runtime.records.segments import SegmentHeader, header_bytes
from trading_runtime.records.units import Seq

HEADER = SegmentHeader(session="s1", segment=2, first_seq=Seq(8))
SIZE = 500


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "emergency.tdj"
    path.write_bytes(bytes(SIZE))
    return path


@pytest.fixture
def emergency(path: Path) -> Iterator[EmergencySegment]:
    segment = EmergencySegment(os.open(path, os.O_RDWR))
    yield segment
    segment.close()


def test_the_header_is_written_once_and_records_follow_each_other(
    emergency: EmergencySegment, path: Path
) -> None:
    header = header_bytes(HEADER)
    assert emergency.write(HEADER, b"first") == len(header) + 5
    assert emergency.write(HEADER, b"second") == len(header) + 11
    written = header + b"firstsecond"
    assert path.read_bytes() == written + bytes(SIZE - len(written))


def test_room_for_the_end_always_stays(emergency: EmergencySegment, path: Path) -> None:
    room = SIZE - len(header_bytes(HEADER)) - 8
    with pytest.raises(JournalFull):
        emergency.write(HEADER, bytes(room + 1))
    assert path.read_bytes() == bytes(SIZE)
    emergency.write(HEADER, b"x" * room)
    assert path.read_bytes()[-9:] == b"x" + bytes(8)


def test_a_disk_that_refuses_even_this_is_told(path: Path) -> None:
    unwritable = EmergencySegment(os.open(path, os.O_RDONLY))
    with pytest.raises(JournalFull):
        unwritable.write(HEADER, b"records")
    unwritable.close()
