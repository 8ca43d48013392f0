"""Segments of a producer's log: what is a crash, and what is damage."""

from binascii import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_runtime.audit.streams import wal
from trading_runtime.errors import Misread

HEADER = wal.Header(boot="b", chain="0" * 64, first=1, producer="p")
ENVELOPES = [b'{"number":%d}' % number for number in range(1, 6)]
FRAMES = [wal.frame_bytes(seq, envelope) for seq, envelope in enumerate(ENVELOPES, 1)]
DATA = b"".join(FRAMES)


def test_what_was_written_reads_again() -> None:
    header, start = wal.read_header(wal.header_bytes(HEADER) + DATA)
    assert header == HEADER
    scanned = wal.scan(wal.header_bytes(HEADER) + DATA, start, 1)
    assert scanned.frames == [wal.Framed(seq, text) for seq, text in enumerate(ENVELOPES, 1)]
    assert scanned.end == start + len(DATA)


def test_the_bytes_are_those_of_the_document() -> None:
    checksum = crc32(b"\x01" + bytes(7) + b"{}").to_bytes(4, "little")
    assert wal.frame_bytes(1, b"{}") == b"\x02\0\0\0" + checksum + b"\x01" + bytes(7) + b"{}"
    assert wal.header_bytes(HEADER)[:8] == b"TDAUDWAL"
    assert wal.header_bytes(HEADER)[16:].startswith(b'{"boot":"b","chain":"0000')


@given(st.integers(0, len(DATA) - 1))
def test_a_tail_cut_anywhere_is_the_tail_of_a_crash(size: int) -> None:
    scanned = wal.scan(DATA[:size], 0, 1)
    assert DATA.startswith(b"".join(FRAMES[: len(scanned.frames)]))
    assert scanned.end == sum(map(len, FRAMES[: len(scanned.frames)])) <= size


@given(st.integers(0, len(DATA) - len(FRAMES[-1]) - 1), st.integers(1, 255))
def test_a_byte_changed_before_the_last_frame_is_damage(place: int, change: int) -> None:
    changed = bytearray(DATA)
    changed[place] ^= change
    with pytest.raises(Misread) as misread:
        wal.scan(bytes(changed), 0, 1)
    assert misread.value.reason in {"damaged", "missing"}


@given(st.integers(0, len(FRAMES) - 2))
def test_a_frame_taken_out_is_missed(place: int) -> None:
    with pytest.raises(Misread) as misread:
        wal.scan(b"".join(FRAMES[:place] + FRAMES[place + 1 :]), 0, 1)
    assert misread.value.reason == "missing"


def test_frames_that_changed_places_are_missed() -> None:
    with pytest.raises(Misread):
        wal.scan(FRAMES[1] + FRAMES[0], 0, 1)


def test_zeroes_at_the_end_are_the_tail_of_a_crash() -> None:
    assert len(wal.scan(DATA + bytes(8192), 0, 1).frames) == len(FRAMES)


@given(st.binary(max_size=200))
def test_whatever_is_no_header_is_refused(data: bytes) -> None:
    with pytest.raises(Misread):
        wal.read_header(data)


def test_a_header_with_a_changed_byte_is_refused() -> None:
    data = wal.header_bytes(HEADER)
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1
        with pytest.raises(Misread):
            wal.read_header(bytes(changed))
