"""A segment's bytes come alike from the raw and from the compressed file."""

from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_runtime.journal.source import RawSource, SealedSource


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("source")


@settings(max_examples=50, deadline=None)
@given(
    st.integers(0, 5_000_000),
    st.lists(st.tuples(st.integers(0, 2_000_000), st.integers(1, 2_000_000)), max_size=5),
)
def test_reads_that_go_forwards_are_those_of_the_raw_file(
    folder: Path, size: int, steps: list[tuple[int, int]]
) -> None:
    content = bytes(range(256)) * (size // 256) + bytes(size % 256)
    raw, sealed = folder / "raw", folder / "sealed"
    raw.write_bytes(content)
    sealed.write_bytes(zstandard.compress(content, 1))
    one, other = RawSource(raw), SealedSource(sealed)
    offset = 0
    for step, many in steps:
        offset += step
        assert one.read(offset, many) == other.read(offset, many) == content[offset : offset + many]
    one.close()
    other.close()


def test_an_open_raw_file_can_be_read_when_its_name_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "raw"
    path.write_bytes(b"records")
    source = RawSource(path)
    path.unlink()
    assert source.read(3, 100) == b"ords"
    source.close()
