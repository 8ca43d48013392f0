import base64
import json
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_runtime.records.merkle import (
    EMPTY_ROOT,
    CompactRange,
    ProofWrong,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    range_root,
    root_of,
    verify_consistency,
    verify_inclusion,
)

LEAVES = [leaf_hash(b"entry %d" % number) for number in range(300)]


def by_the_definition(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962, section 2.1, word by word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    left, right = by_the_definition(leaves[:half]), by_the_definition(leaves[half:])
    return sha256(b"\x01" + left + right).digest()


def hash_at(level: int, number: int) -> bytes:
    assert (number + 1) << level <= len(LEAVES)
    return root_of(LEAVES[number << level : (number + 1) << level])


def raw(coded: str | None) -> bytes:
    return base64.b64decode(coded or "")


def other_than(root: bytes, size: int) -> bytes:
    """Give a root of the same size that is wrong."""
    return sha256(root + bytes([size % 256])).digest()


def is_refused(check: Callable[[], None]) -> bool:
    try:
        check()
    except ProofWrong:
        return True
    return False


def test_all_inclusion_vectors_of_others_are_judged_as_they_say(shared_data: Path) -> None:
    paths = sorted((shared_data / "vectors" / "rfc6962" / "inclusion").rglob("*.json"))
    assert len(paths) > 90
    wrong = []
    for path in paths:
        vector = json.loads(path.read_text())
        proof = [raw(step) for step in vector["proof"] or []]
        refused = is_refused(
            lambda vector=vector, proof=proof: verify_inclusion(  # type: ignore[misc]
                vector["leafIdx"],
                vector["treeSize"],
                raw(vector["leafHash"]),
                proof,
                raw(vector["root"]),
            )
        )
        if refused != vector["wantErr"]:
            wrong.append(path.name)
    assert wrong == []


def test_all_consistency_vectors_of_others_are_judged_as_they_say(shared_data: Path) -> None:
    paths = sorted((shared_data / "vectors" / "rfc6962" / "consistency").rglob("*.json"))
    assert len(paths) > 70
    wrong = []
    for path in paths:
        vector = json.loads(path.read_text())
        proof = [raw(step) for step in vector["proof"] or []]
        refused = is_refused(
            lambda vector=vector, proof=proof: verify_consistency(  # type: ignore[misc]
                vector["size1"], vector["size2"], proof, raw(vector["root1"]), raw(vector["root2"])
            )
        )
        if refused != vector["wantErr"]:
            wrong.append(path.name)
    assert wrong == []


@pytest.mark.parametrize("size", [*range(35), 63, 64, 65, 255, 256, 257, 300])
def test_a_root_is_that_of_the_definition_however_it_is_made(size: int) -> None:
    growing = CompactRange()
    for leaf in LEAVES[:size]:
        growing.append(leaf)
    assert growing.root() == root_of(LEAVES[:size]) == by_the_definition(LEAVES[:size])
    assert growing.size == size
    assert range_root(0, size, hash_at) == growing.root()


def test_a_tree_goes_on_from_its_state() -> None:
    growing = CompactRange()
    for size, leaf in enumerate(LEAVES[:70]):
        again = CompactRange(size, growing.state)
        again.append(leaf)
        growing.append(leaf)
        assert again.root() == growing.root()


@pytest.mark.parametrize(("size", "count"), [(0, 1), (5, 1), (5, 3), (-1, 0)])
def test_a_state_of_another_size_is_refused(size: int, count: int) -> None:
    with pytest.raises(ValueError, match="for a tree of size"):
        CompactRange(size, LEAVES[:count])


def test_the_empty_tree_has_the_root_of_nothing() -> None:
    assert CompactRange().root() == root_of([]) == EMPTY_ROOT == sha256(b"").digest()


def test_a_lonely_node_is_not_paired_with_itself() -> None:
    a, b, c = LEAVES[:3]
    assert root_of([a, b, c]) == node_hash(node_hash(a, b), c)
    assert root_of([a, b, c]) != root_of([a, b, c, c])


def test_a_node_does_not_pass_for_a_leaf() -> None:
    a, b, c, d = LEAVES[:4]
    left, right = node_hash(a, b), node_hash(c, d)
    assert leaf_hash(left + right) != node_hash(left, right)
    # A tree of two whose leaves are the nodes of the tree of four has its root, not its size.
    assert root_of([left, right]) == root_of([a, b, c, d])
    with pytest.raises(ProofWrong, match="hashes where 2 belong"):
        verify_inclusion(0, 4, left, [right], root_of([a, b, c, d]))


def test_every_leaf_of_every_small_tree_is_proven() -> None:
    for size in range(1, 40):
        root = root_of(LEAVES[:size])
        for index in range(size):
            proof = inclusion_proof(index, size, hash_at)
            verify_inclusion(index, size, LEAVES[index], proof, root)


def test_every_small_tree_is_proven_to_begin_every_larger_one() -> None:
    for size2 in range(1, 40):
        for size1 in range(1, size2 + 1):
            proof = consistency_proof(size1, size2, hash_at)
            verify_consistency(
                size1, size2, proof, root_of(LEAVES[:size1]), root_of(LEAVES[:size2])
            )


def changed(proof: list[bytes], change: int, place: int) -> list[bytes]:
    """Change a proof in one of the ways that an attacker would try."""
    place = place % len(proof) if proof else 0
    match change:
        case 0:
            return [*proof, LEAVES[0]]
        case 1:
            return [LEAVES[0], *proof]
        case 2 if proof:
            return [*proof[:place], *proof[place + 1 :]]
        case 3 if proof:
            flipped = bytes([proof[place][0] ^ 1]) + proof[place][1:]
            return [*proof[:place], flipped, *proof[place + 1 :]]
        case 4 if proof:
            return [*proof[:place], proof[place][:-1], *proof[place + 1 :]]
        case _:
            return [*proof, b""]


@given(st.integers(1, 300), st.data(), st.integers(0, 5), st.integers(0, 20))
def test_no_changed_inclusion_proof_passes(
    size: int, data: st.DataObject, change: int, place: int
) -> None:
    index = data.draw(st.integers(0, size - 1))
    root = root_of(LEAVES[:size])
    proof = inclusion_proof(index, size, hash_at)
    with pytest.raises(ProofWrong):
        verify_inclusion(index, size, LEAVES[index], changed(proof, change, place), root)
    other = data.draw(st.integers(0, size + 1).filter(lambda other: other != index))
    with pytest.raises(ProofWrong):
        verify_inclusion(other, size, LEAVES[index], proof, root)


@given(st.integers(2, 300), st.data(), st.integers(0, 5), st.integers(0, 20))
def test_no_changed_consistency_proof_passes(
    size2: int, data: st.DataObject, change: int, place: int
) -> None:
    size1 = data.draw(st.integers(1, size2 - 1))
    root1, root2 = root_of(LEAVES[:size1]), root_of(LEAVES[:size2])
    proof = consistency_proof(size1, size2, hash_at)
    with pytest.raises(ProofWrong):
        verify_consistency(size1, size2, changed(proof, change, place), root1, root2)
    # A tree of a power of two is itself a part of the path to the new root.
    with pytest.raises(ProofWrong, match="old root" if size1 & (size1 - 1) else "new root"):
        verify_consistency(size1, size2, proof, other_than(root1, size1), root2)
    with pytest.raises(ProofWrong, match="new root"):
        verify_consistency(size1, size2, proof, root1, other_than(root2, size2))
    with pytest.raises(ProofWrong):
        verify_consistency(size1, size2, proof, root2, root1)
    with pytest.raises(ProofWrong):
        verify_consistency(size2, size1, proof, root2, root1)


def test_nothing_is_proven_from_size_zero() -> None:
    root = root_of(LEAVES[:3])
    with pytest.raises(ProofWrong, match="cannot be"):
        verify_consistency(0, 3, [], EMPTY_ROOT, root)
    assert consistency_proof(0, 3, hash_at) == []


def test_one_size_has_one_root_and_no_proof() -> None:
    root = root_of(LEAVES[:3])
    verify_consistency(3, 3, [], root, root)
    with pytest.raises(ProofWrong, match="two roots"):
        verify_consistency(3, 3, [], root, root_of(LEAVES[:2]))
    with pytest.raises(ProofWrong, match="where 0 belong"):
        verify_consistency(3, 3, [root], root, root)


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_no_proof_is_made_of_what_is_not_there(index: int, size: int) -> None:
    with pytest.raises(ProofWrong, match="no entry"):
        inclusion_proof(index, size, hash_at)
    with pytest.raises(ProofWrong, match="is not within"):
        consistency_proof(size + 1, size, hash_at)
