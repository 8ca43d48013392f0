"""The tree that grows: its roots are RFC 6962's, and its tiles those of C2SP at every size."""

import json
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evidence.tiling import tiles_of
from trading_runtime.audit.sequencer.tree import Tree
from trading_runtime.errors import Halt
from trading_runtime.evidence import layout
from trading_runtime.evidence.tiles import TileReader
from trading_runtime.records.merkle import EMPTY_ROOT, CompactRange


def leaves(first: int, end: int) -> list[bytes]:
    return [sha256(str(number).encode()).digest() for number in range(first, end)]


def root_at(size: int) -> bytes:
    found = CompactRange()
    for leaf in leaves(0, size):
        found.append(leaf)
    return found.root()


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(0, 600), max_size=4))
def test_whatever_the_steps_root_and_tiles_are_those_of_the_size(steps: list[int]) -> None:
    tree = Tree()
    with TemporaryDirectory() as folder:
        log = Path(folder)
        for step in steps:
            tree.append(leaves(tree.size, tree.size + step))
            tree.write(log)
            tree.prune()
            assert tree.root() == root_at(tree.size)
            assert TileReader(log, tree.size).root() == tree.root()
            again = Tree(tree.size, tree.levels)
            assert again.root() == tree.root()
        for tile in tiles_of(tree.size):
            assert (log / tile.name()).exists()


def test_a_tree_of_more_than_a_block_has_three_levels(tmp_path: Path) -> None:
    tree = Tree()
    tree.append(leaves(0, 70_000))
    tree.write(tmp_path)
    assert [len(level) for level in tree.levels] == [112, 17, 1]
    assert TileReader(tmp_path, 70_000).root() == tree.root() == root_at(70_000)


@pytest.mark.parametrize("size", [256, 70_000])
def test_a_size_has_the_tiles_of_the_specification(
    tmp_path: Path, shared_data: Path, size: int
) -> None:
    tree = Tree()
    tree.append(leaves(0, size))
    tree.write(tmp_path)
    found: dict[str, int] = {}
    for path in (it for it in tmp_path.rglob("*") if it.is_file()):
        width = path.stat().st_size // 32
        level = path.relative_to(tmp_path / "tile").parts[0]
        if width == 256:
            found[f"level{level}_full"] = found.get(f"level{level}_full", 0) + 1
        else:
            found[f"level{level}_partial"] = width
    vectors = json.loads((shared_data / "vectors" / "tile_paths.json").read_text())
    assert found == vectors[f"c2sp_size_{size}"]


def test_an_empty_tree_has_the_root_of_nothing() -> None:
    assert Tree().root() == EMPTY_ROOT


def test_hashes_of_another_size_are_refused() -> None:
    tree = Tree()
    tree.append(leaves(0, 300))
    with pytest.raises(ValueError, match="do not make a tree of size 301"):
        Tree(301, tree.levels)


def test_a_tile_that_somebody_changed_is_not_written_over(tmp_path: Path) -> None:
    tree = Tree()
    tree.append(leaves(0, 5))
    path = layout.tile_path(tmp_path, 0, 0, 5)
    path.parent.mkdir(parents=True)
    path.write_bytes(bytes(160))
    with pytest.raises(Halt, match="holds other hashes"):
        tree.write(tmp_path)
    assert path.read_bytes() == bytes(160)


def test_partial_tiles_go_when_the_full_one_is_there(tmp_path: Path) -> None:
    tree = Tree()
    tree.append(leaves(0, 255))
    tree.write(tmp_path)
    tree.append(leaves(255, 256))
    tree.write(tmp_path)
    partial = layout.tile_path(tmp_path, 0, 0, 255)
    assert partial.exists()
    tree.prune()
    assert not partial.parent.exists()
    assert TileReader(tmp_path, 255).root() == root_at(255)
