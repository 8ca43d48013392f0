"""The watch's own tree against the definition of one."""

import tempfile
from hashlib import sha256
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as some

from trading_runtime.audit.tamper.memory import Memory
from trading_runtime.audit.tamper.tree import Tree
from trading_runtime.records.merkle import root_of

LEAVES = [sha256(b"%d" % number).digest() for number in range(1_100)]


@settings(max_examples=15, deadline=None)
@given(
    parts=some.lists(some.integers(0, 400), min_size=1, max_size=4),
    back=some.integers(0, 1_100),
)
def test_it_gives_the_root_of_every_size_it_had(parts: list[int], back: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        size = 0
        for part in parts:
            memory = Memory(Path(folder), "log")
            tree = Tree(memory)
            assert tree.size == size
            added = LEAVES[size : size + part]
            tree.append(added)
            tree.save()
            size += len(added)
            memory.commit()
            memory.close()
        memory = Memory(Path(folder), "log")
        tree = Tree(memory)
        for asked in {size, max(0, size - back), size // 256 * 256}:
            assert tree.root(asked) == root_of(LEAVES[:asked])
        if size:
            assert tree.leaf(size - 1) == LEAVES[size - 1]
        memory.close()
