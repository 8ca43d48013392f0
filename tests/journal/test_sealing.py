"""Sealing by itself: nothing is removed before what replaces it has been read back."""

import hashlib
import os
from pathlib import Path

import pytest
import zstandard

from trading_runtime.journal.sealing import (
    CHUNK_BYTES,
    Extent,
    Unsealable,
    chunks_of_sealed,
    read_seal,
    seal_segment,
    sha256_of_sealed,
)
from trading_runtime.records.units import Seq


def extent(size: int) -> Extent:
    return Extent(
        session="s1",
        segment=1,
        first_seq=Seq(4),
        last_seq=Seq(9),
        size_bytes=size,
        torn_bytes=3,
    )


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES - 1])
def test_the_first_bytes_of_the_raw_file_are_what_is_sealed(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    raw = tmp_path / "000001.tdj"
    raw.write_bytes(content + b"torn")
    seal = seal_segment(raw, extent(size))
    assert seal == read_seal(tmp_path, 1)
    assert (seal.records, seal.size_bytes, seal.torn_bytes) == (6, size, 3)
    assert seal.sha256 == hashlib.sha256(content).hexdigest()
    assert b"".join(chunks_of_sealed(tmp_path / "000001.tdj.zst")) == content
    assert not raw.exists()


def test_sealing_again_after_any_step_gives_the_same(tmp_path: Path) -> None:
    raw = tmp_path / "000001.tdj"
    content = b"records" * 1000
    raw.write_bytes(content)
    first = seal_segment(raw, extent(len(content)))
    raw.write_bytes(content)
    (tmp_path / "000001.tdj.zst.tmp").write_bytes(b"a stump")
    assert seal_segment(raw, extent(len(content))) == first


def test_a_raw_file_that_is_too_short_stays(tmp_path: Path) -> None:
    raw = tmp_path / "000001.tdj"
    for content in (b"", b"short", bytes(CHUNK_BYTES)):
        raw.write_bytes(content)
        with pytest.raises(Unsealable):
            seal_segment(raw, extent(CHUNK_BYTES + 5))
        assert raw.read_bytes() == content


def test_a_compressed_file_carries_a_checksum_of_its_own(tmp_path: Path) -> None:
    raw = tmp_path / "000001.tdj"
    raw.write_bytes(os.urandom(5000))
    seal_segment(raw, extent(5000))
    sealed = tmp_path / "000001.tdj.zst"
    content = bytearray(sealed.read_bytes())
    content[2500] ^= 1
    sealed.write_bytes(content)
    with pytest.raises(zstandard.ZstdError):
        sha256_of_sealed(sealed)
