import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_runtime.errors import Misread
from trading_runtime.evidence.heads import Head, Manifest
from trading_runtime.records.merkle import EMPTY_ROOT, leaf_hash, root_of

HASH = "ab" * 32
ONE = Head("order:1", 1, 3, 3, HASH)
TWO = Head("order:2", 7, 7, 1, HASH)
LAST = Head("user:José", 2, 2, 1, HASH)
FILE = f"order:1\t1\t3\t3\t{HASH}\norder:2\t7\t7\t1\t{HASH}\nuser:José\t2\t2\t1\t{HASH}\n".encode()


def test_a_manifest_is_sorted_lines_under_one_root() -> None:
    manifest = Manifest.of([LAST, TWO, ONE])
    assert manifest.encode() == FILE
    assert manifest.root() == root_of([leaf_hash(line) for line in FILE.split(b"\n")[:-1]])
    assert list(Manifest.read(FILE).heads) == [ONE, TWO, LAST]


def test_an_empty_period_has_an_empty_manifest() -> None:
    manifest = Manifest.read(b"")
    assert (manifest.encode(), manifest.root(), list(manifest.heads)) == (b"", EMPTY_ROOT, [])
    assert manifest.neighbours("a") == (None, None)


def test_an_entity_is_found_or_its_neighbours_show_that_it_is_absent() -> None:
    manifest = Manifest.read(FILE)
    assert manifest.find("order:2") == TWO
    assert manifest.neighbours("order:2") == (ONE, LAST)
    assert manifest.find("order:10") is None
    assert manifest.neighbours("order:10") == (ONE, TWO)
    assert manifest.neighbours("a") == (None, ONE)
    assert manifest.neighbours("z") == (LAST, None)


@given(st.sets(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=5)))
def test_entities_are_sorted_by_their_bytes(names: set[str]) -> None:
    manifest = Manifest.of(Head(name, 1, 1, 1, HASH) for name in names)
    keys = [head.entity_id.encode() for head in manifest.heads]
    assert keys == sorted(keys)
    for name in names:
        assert manifest.find(name) == Head(name, 1, 1, 1, HASH)


@pytest.mark.parametrize(
    "data",
    [
        FILE[:-1],
        FILE + b"\n",
        b"\n" + FILE,
        FILE + FILE,
        b"".join(reversed(FILE.splitlines(keepends=True))),
        FILE.replace(b"\t1\t3\t3\t", b" 1 3 3 "),
        FILE.replace(b"\t1\t3\t3\t", b"\t\t1\t3\t3\t"),
        FILE.replace(b"\t1\t3\t3\t", b"\t01\t3\t3\t"),
        FILE.replace(b"\t1\t3\t3\t", b"\t+1\t3\t3\t"),
        FILE.replace(b"\t1\t3\t3\t", b"\t1\t3\t2\t"),
        FILE.replace(b"\t1\t3\t3\t", b"\t3\t1\t3\t"),
        FILE.replace(b"\t1\t3\t3\t", b"\t1\t0\t0\t"),
        FILE.replace(b"\t1\t3\t3\t", b"\t0\t2\t3\t"),
        FILE.replace(b"\t1\t3\t3\t", b"\t1\t3\t"),
        FILE.replace(HASH.encode(), HASH.upper().encode()),
        FILE.replace(HASH.encode(), HASH[:-1].encode()),
        FILE.replace(b"order:1", b""),
        FILE.replace(b"order:1", b"order\xff"),
        FILE.replace(b"order:1", b"order\r"),
        FILE.replace("é".encode(), "e\u0301".encode()),
    ],
)
def test_what_is_no_manifest_is_refused(data: bytes) -> None:
    with pytest.raises(Misread):
        Manifest.read(data)
