import json
from pathlib import Path

import pytest

from trading_runtime.evidence import layout

LOG = Path("log")


def test_tiles_have_the_names_of_the_vectors(shared_data: Path) -> None:
    vectors = json.loads((shared_data / "vectors" / "tile_paths.json").read_text())
    number, text = vectors["c2sp_index_example"]
    assert layout.tile_number(number) == text
    for index, size, path in vectors["entries_for_index"]:
        tile = index // layout.TILE_WIDTH
        width = min(layout.TILE_WIDTH, size - tile * layout.TILE_WIDTH)
        assert layout.tile_name(0, tile, width) == path.replace("entries", "0")


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "000"), (999, "999"), (1000, "x001/000"), (10**6, "x001/x000/000"), (2999, "x002/999")],
)
def test_a_tile_number_is_in_parts_of_three_digits(number: int, text: str) -> None:
    assert layout.tile_number(number) == text


@pytest.mark.parametrize(
    ("level", "number", "width"), [(-1, 0, 1), (64, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)]
)
def test_what_is_no_tile_has_no_name(level: int, number: int, width: int) -> None:
    with pytest.raises(ValueError, match="no tile"):
        layout.tile_name(level, number, width)


def test_everything_stands_where_the_format_says() -> None:
    audit = Path("audit")
    assert layout.log_folder(audit) == audit / "log"
    assert layout.trust_path(audit) == audit / "trust/trust.json"
    assert layout.policy_path(audit) == audit / "trust/policy"
    assert layout.checkpoint_path(LOG) == LOG / "checkpoint"
    assert layout.frames_path(LOG, 7) == LOG / "frames/000007.frames"
    assert layout.tile_path(LOG, 1, 1234067) == LOG / "tile/1/x001/x234/067"
    assert layout.tile_path(LOG, 0, 5, 9) == LOG / "tile/0/005.p/9"
    assert layout.blob_path(LOG, "ab" * 32) == LOG / "blobs/ab" / ("ab" * 32)
    assert layout.digest_path(LOG, 12) == LOG / "digests/00000012.note"
    assert layout.heads_path(LOG, 12) == LOG / "heads/00000012.heads"
    assert layout.bundles_key(3) == "blocks/000003/entries.bundles.gz"
    assert layout.parquet_key(3) == "blocks/000003/entries.parquet"
    assert layout.bundles_key(1, 1234) == "blocks/000001.p/1234/entries.bundles.gz"
    assert layout.parquet_key(1, 1234) == "blocks/000001.p/1234/entries.parquet"


def test_only_files_with_the_one_name_of_a_number_are_listed(tmp_path: Path) -> None:
    assert layout.frame_blocks(tmp_path) == []
    assert layout.digest_numbers(tmp_path) == []
    for name in ("000002.frames", "000000.frames", "1000000.frames"):
        (tmp_path / "frames").mkdir(exist_ok=True)
        (tmp_path / "frames" / name).touch()
    for name in (
        "00003.frames",
        "0000001.frames",
        "000004.frames.tmp",
        "x.frames",
        "00000٣.frames",
    ):
        (tmp_path / "frames" / name).touch()
    assert layout.frame_blocks(tmp_path) == [0, 2, 1_000_000]
    (tmp_path / "digests").mkdir()
    for name in ("00000010.note", "00000009.note", "9.note", "00000008.heads"):
        (tmp_path / "digests" / name).touch()
    assert layout.digest_numbers(tmp_path) == [9, 10]
