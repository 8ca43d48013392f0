import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_runtime.errors import Misread
from trading_runtime.evidence import frames, layout
from trading_runtime.evidence.frames import BLOCK, FrameReader, Header

ORIGIN = "log.example/tapedeck"
ENTRIES = [b'{"entry":%d}' % number for number in range(20)]
HEAD = frames.header(0, ORIGIN)
FILE = HEAD + frames.frames(0, ENTRIES)
ENDS = [len(HEAD + frames.frames(0, ENTRIES[:count])) for count in range(21)]


def written(log: Path, data: bytes, block: int = 0) -> Path:
    path = layout.frames_path(log, block)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def full(block: int) -> bytes:
    return frames.header(block, ORIGIN) + frames.frames(block * BLOCK, [b"{}"] * BLOCK)


def test_a_file_is_as_the_format_says() -> None:
    content = b'{"block":3,"origin":"log.example/tapedeck"}'
    sizes = struct.pack("<II", len(content), zlib.crc32(content))
    assert frames.header(3, ORIGIN) == b"TDAUDIT1" + sizes + content
    rest = struct.pack("<Q", 196_608) + b"{}"
    assert frames.frame(196_608, b"{}") == struct.pack("<II", 2, zlib.crc32(rest)) + rest
    assert frames.read_header(frames.header(3, ORIGIN)) == (Header(3, ORIGIN), 16 + len(content))


def test_whole_frames_read_as_they_were_written(tmp_path: Path) -> None:
    read = frames.read_frames(written(tmp_path, FILE))
    assert (read.header, list(read.entries), read.tail) == (Header(0, ORIGIN), ENTRIES, None)
    reader = FrameReader(tmp_path, ORIGIN)
    assert (reader.size, reader.first, reader.tail, reader.blocks) == (20, 0, None, [0])
    assert [reader.entry(index) for index in range(20)] == ENTRIES
    assert list(reader.entries(3, 17)) == ENTRIES[3:17]
    assert list(reader.entries(5, 5)) == []
    for index in (-1, 20, 21, BLOCK):
        with pytest.raises(Misread, match="missing"):
            reader.entry(index)


def test_an_empty_log_has_no_entries(tmp_path: Path) -> None:
    reader = FrameReader(tmp_path, ORIGIN)
    assert (reader.size, reader.first, reader.tail, reader.blocks) == (0, 0, None, [])
    with pytest.raises(Misread, match="missing"):
        reader.entry(0)


@given(st.integers(len(HEAD), len(FILE) - 1))
def test_a_cut_file_ends_before_the_frame_that_is_cut(length: int) -> None:
    _, begin = frames.read_header(FILE)
    offsets, tail = frames.scan(FILE[:length], begin, 0)
    count = max(count for count in range(21) if ENDS[count] <= length)
    assert len(offsets) == count + 1
    if length == ENDS[count]:
        assert tail is None
    else:
        assert tail is not None
        assert (tail.index, tail.offset, tail.size) == (count, ENDS[count], length - ENDS[count])
        assert not tail.followed


@given(st.integers(len(HEAD), len(FILE) - 1), st.integers(1, 255))
def test_a_changed_byte_ends_the_frames_and_is_told_from_a_crash(place: int, change: int) -> None:
    data = FILE[:place] + bytes([FILE[place] ^ change]) + FILE[place + 1 :]
    offsets, tail = frames.scan(data, len(HEAD), 0)
    frame = max(count for count in range(21) if ENDS[count] <= place)
    assert len(offsets) == frame + 1
    assert tail is not None
    assert (tail.index, tail.offset) == (frame, ENDS[frame])
    assert tail.followed is (frame < 19)


@pytest.mark.parametrize(
    "garbage", [bytes(5), bytes(100_000), b"\xff" * 300, FILE[ENDS[3] : ENDS[4]]]
)
def test_what_a_power_cut_leaves_behind_the_last_frame_is_a_tail(
    tmp_path: Path, garbage: bytes
) -> None:
    written(tmp_path, FILE + garbage)
    reader = FrameReader(tmp_path, ORIGIN)
    assert reader.size == 20
    assert reader.tail is not None
    assert (reader.tail.offset, reader.tail.size) == (len(FILE), len(garbage))
    assert not reader.tail.followed
    assert list(reader.entries(0, 20)) == ENTRIES


@pytest.mark.parametrize("length", range(len(HEAD)))
def test_a_cut_header_is_an_empty_block(tmp_path: Path, length: int) -> None:
    written(tmp_path, full(0))
    written(tmp_path, frames.header(1, ORIGIN)[:length], 1)
    reader = FrameReader(tmp_path, ORIGIN)
    assert reader.size == BLOCK
    assert reader.tail is not None
    assert (reader.tail.index, reader.tail.size) == (BLOCK, length)


@pytest.mark.parametrize(
    "data",
    [
        b"TDAUDIT2" + FILE[8:],
        frames.header(1, ORIGIN),
        frames.header(0, "other.example"),
        FILE[:20] + b"x" + FILE[21:],
        FILE[:12] + bytes([FILE[12] ^ 1]) + FILE[13:],
        b"TDAUDIT1" + struct.pack("<II", 2, zlib.crc32(b"{}")) + b"{}",
        b"TDAUDIT1" + struct.pack("<II", 2**31, 0) + bytes(5000),
        b"TDAUDIT1" + struct.pack("<II", 3, zlib.crc32(b"{ }")) + b"{ }",
    ],
)
def test_a_wrong_header_is_refused(tmp_path: Path, data: bytes) -> None:
    written(tmp_path, data)
    with pytest.raises(Misread):
        FrameReader(tmp_path, ORIGIN)


def test_blocks_follow_one_another_and_the_first_may_be_gone(tmp_path: Path) -> None:
    written(tmp_path, full(1), 1)
    written(tmp_path, frames.header(2, ORIGIN) + frames.frames(2 * BLOCK, ENTRIES), 2)
    reader = FrameReader(tmp_path, ORIGIN)
    assert (reader.first, reader.size) == (BLOCK, 2 * BLOCK + 20)
    assert list(reader.entries(2 * BLOCK - 2, 2 * BLOCK + 2)) == [b"{}", b"{}", *ENTRIES[:2]]
    with pytest.raises(Misread, match="missing"):
        reader.entry(BLOCK - 1)
    with pytest.raises(Misread, match="missing"):
        list(reader.entries(0, reader.size + 1))


@pytest.mark.parametrize("cut", [1, 18, 100])
def test_a_cut_in_a_block_that_is_not_the_last_is_damage(tmp_path: Path, cut: int) -> None:
    written(tmp_path, full(0)[:-cut])
    written(tmp_path, frames.header(1, ORIGIN), 1)
    reader = FrameReader(tmp_path, ORIGIN)
    assert reader.size == BLOCK
    with pytest.raises(Misread, match="damaged"):
        reader.entry(0)


def test_bytes_behind_a_full_block_are_damage(tmp_path: Path) -> None:
    written(tmp_path, full(0) + frames.frame(BLOCK, b"{}"))
    reader = FrameReader(tmp_path, ORIGIN)
    assert reader.size == BLOCK
    assert reader.tail is not None
    assert (reader.tail.reason, reader.tail.size) == (
        "bytes behind the last entry of the block",
        18,
    )


def test_a_file_that_changed_after_it_was_opened_is_noticed(tmp_path: Path) -> None:
    path = written(tmp_path, FILE)
    reader = FrameReader(tmp_path, ORIGIN)
    path.write_bytes(FILE.replace(b'{"entry":7}', b'{"entry":8}'))
    assert reader.entry(6) == ENTRIES[6]
    with pytest.raises(Misread, match="damaged"):
        reader.entry(7)
    path.write_bytes(FILE[: ENDS[9]])
    with pytest.raises(Misread, match="damaged"):
        list(reader.entries(0, 20))


def test_a_swapped_or_repeated_frame_is_no_frame() -> None:
    swapped = HEAD + frames.frame(0, ENTRIES[0]) + frames.frame(2, ENTRIES[2])
    offsets, tail = frames.scan(swapped, len(HEAD), 0)
    assert len(offsets) == 2
    assert tail is not None
    assert tail.reason == "11 bytes of entry 2 where entry 1 belongs"
    assert tail.followed
    again = HEAD + frames.frame(0, ENTRIES[0]) * 2
    _, tail = frames.scan(again, len(HEAD), 0)
    assert tail is not None
    assert not tail.followed


@pytest.mark.parametrize("length", [0, 65_536, 2**32 - 1])
def test_a_length_that_no_entry_has_is_no_frame(length: int) -> None:
    data = HEAD + struct.pack("<IIQ", length, 0, 0) + bytes(70_000)
    assert len(frames.scan(data, len(HEAD), 0)[0]) == 1
