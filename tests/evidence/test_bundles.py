import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_runtime.errors import Misread
from trading_runtime.evidence import bundles

ENTRIES = [b'{"a":1}', b'{"b":2}', b"x" * 65_535]


def reason(data: bytes) -> str:
    with pytest.raises(Misread) as caught:
        bundles.read(data)
    return caught.value.reason


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=20))
def test_entries_read_as_they_were_written_and_always_by_the_same_bytes(
    entries: list[bytes],
) -> None:
    data = bundles.write(entries)
    assert bundles.read(data) == entries
    assert data == bundles.write(entries)


def test_a_bundle_is_lengths_and_entries_big_endian() -> None:
    assert gzip.decompress(bundles.write(ENTRIES[:2])) == b'\x00\x07{"a":1}\x00\x07{"b":2}'


@pytest.mark.parametrize("more", [b"\0", b"x", gzip.compress(b"", mtime=0), bundles.write(ENTRIES)])
def test_whatever_stands_behind_the_member_is_refused(more: bytes) -> None:
    assert reason(bundles.write(ENTRIES) + more) == "trailing"


def test_what_is_cut_or_changed_is_refused() -> None:
    data = bundles.write(ENTRIES)
    for end in (0, 1, 10, len(data) // 2, len(data) - 1):
        assert reason(data[:end]) == "gzip"
    for place in (0, 20, len(data) - 6):
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        assert reason(changed) in ("gzip", "bundle")


@pytest.mark.parametrize("plain", [b"\x00", b"\x00\x05abc", b"\x00\x01a\x00"])
def test_a_cut_entry_is_refused(plain: bytes) -> None:
    assert reason(gzip.compress(plain)) == "bundle"


def test_more_entries_than_a_block_has_are_refused() -> None:
    assert len(bundles.read(gzip.compress(b"\x00\x01a" * 65_536))) == 65_536
    assert reason(gzip.compress(b"\x00\x01a" * 65_537)) == "bundle"
