from pathlib import Path

import pytest

from tests.evidence.tiling import Tile, tiles_of
from trading_runtime.errors import Misread
from trading_runtime.evidence import layout
from trading_runtime.evidence.tiles import TileReader
from trading_runtime.records.merkle import (
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)

SIZE = 70_000
LEAVES = [leaf_hash(b"%d" % number) for number in range(SIZE)]


def content(tile: Tile) -> bytes:
    span = 256**tile.level
    first = tile.number * 256
    return b"".join(
        root_of(LEAVES[at * span : (at + 1) * span]) for at in range(first, first + tile.width)
    )


def write(log: Path, tile: Tile) -> Path:
    path = log / tile.name()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content(tile))
    return path


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("log")
    for tile in tiles_of(SIZE):
        write(folder, tile)
    return folder


def test_the_hashes_of_tiles_prove_what_the_entries_prove(log: Path) -> None:
    reader = TileReader(log, SIZE)
    root = root_of(LEAVES)
    assert reader.root() == root
    for index in (0, 255, 256, 65_535, 65_536, SIZE - 1):
        proof = inclusion_proof(index, SIZE, reader.hash_at)
        verify_inclusion(index, SIZE, LEAVES[index], proof, root)
    for size in (1, 256, 65_536, 65_537, SIZE - 1):
        proof = consistency_proof(size, SIZE, reader.hash_at)
        verify_consistency(size, SIZE, proof, root_of(LEAVES[:size]), root)


def test_a_smaller_tree_is_read_out_of_wider_tiles(log: Path) -> None:
    for size in (0, 1, 255, 256, 257, 65_535, 65_536, 69_999):
        assert TileReader(log, size).root() == root_of(LEAVES[:size])


def test_a_block_is_one_hash_of_a_level_two_tile(log: Path) -> None:
    assert TileReader(log, SIZE).hash_at(16, 0) == root_of(LEAVES[:65_536])
    assert TileReader(log, SIZE).tile(2, 0) == root_of(LEAVES[:65_536])


def test_a_hash_beyond_the_size_is_not_given(log: Path) -> None:
    reader = TileReader(log, 300)
    for level, number in ((0, 300), (8, 1), (9, 0), (-1, 0), (0, -1)):
        with pytest.raises(ValueError, match="beyond size"):
            reader.hash_at(level, number)
    with pytest.raises(ValueError, match="beyond size"):
        reader.tile(0, 2)


def test_a_tile_that_is_not_there_is_missing(tmp_path: Path) -> None:
    with pytest.raises(Misread, match="missing"):
        TileReader(tmp_path, 5).root()
    write(tmp_path, Tile(0, 0, 4))
    with pytest.raises(Misread, match="missing"):
        TileReader(tmp_path, 5).root()


def test_a_partial_tile_does_not_pass_for_a_full_one(tmp_path: Path) -> None:
    path = write(tmp_path, Tile(0, 0, 256))
    path.write_bytes(path.read_bytes()[: 200 * 32])
    for size in (100, 256):
        with pytest.raises(Misread, match="damaged"):
            TileReader(tmp_path, size).tile(0, 0)


@pytest.mark.parametrize("change", [-1, 1, 32, -32])
def test_a_tile_of_another_length_is_damaged(tmp_path: Path, change: int) -> None:
    path = write(tmp_path, Tile(0, 0, 7))
    path.write_bytes((path.read_bytes() + bytes(32))[: 7 * 32 + change])
    with pytest.raises(Misread, match="damaged"):
        TileReader(tmp_path, 7).root()


def test_a_full_tile_serves_in_the_place_of_a_partial_one(tmp_path: Path) -> None:
    write(tmp_path, Tile(0, 0, 256))
    assert TileReader(tmp_path, 9).root() == root_of(LEAVES[:9])
    assert layout.tile_path(tmp_path, 0, 0).exists()
