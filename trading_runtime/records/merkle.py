"""The tree of RFC 6962 over SHA-256: roots, inclusion proofs and consistency proofs.

Pure: hashes come in as ``hash_at(level, i)``, the root of the complete subtree over the
``2**level`` leaves that begin with leaf ``i * 2**level``; where they are kept is the caller's own
affair. A leaf is hashed behind 0x00 and a node behind 0x01, so that neither passes for the other,
and a lonely node on the right is carried up as it is, never paired with itself.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
"""The root of a tree without leaves."""

HashAt = Callable[[int, int], bytes]


class ProofWrong(ValueError):
    """A proof that does not prove what it says; the message tells where it fails."""


def leaf_hash(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(leaf_hashes: Sequence[bytes]) -> bytes:
    """Give the root over ``leaf_hashes``, level by level; of 2**n of them also a subtree's hash."""
    if not leaf_hashes:
        return EMPTY_ROOT
    sha256 = hashlib.sha256
    level = list(leaf_hashes)
    while (count := len(level)) > 1:
        above = [
            sha256(b"\x01" + level[place] + level[place + 1]).digest()
            for place in range(0, count - 1, 2)
        ]
        if count & 1:
            above.append(level[-1])
        level = above
    return level[0]


class CompactRange:
    """The complete subtrees on the left edge of a growing tree: what an append needs, no more.

    ``state`` are their roots from the largest to the smallest, one for each bit set in ``size``.
    """

    __slots__ = ("_hashes", "size")

    def __init__(self, size: int = 0, state: Iterable[bytes] = ()) -> None:
        """Begin empty, or again from ``size`` and ``state``; :exc:`ValueError` if they differ."""
        self.size = size
        self._hashes = list(state)
        if size < 0 or len(self._hashes) != size.bit_count():
            raise ValueError(f"{len(self._hashes)} hashes for a tree of size {size}")

    @property
    def state(self) -> tuple[bytes, ...]:
        return tuple(self._hashes)

    def append(self, leaf: bytes) -> None:
        size = self.size
        hashes = self._hashes
        while size & 1:
            leaf = hashlib.sha256(b"\x01" + hashes.pop() + leaf).digest()
            size >>= 1
        hashes.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        if not self._hashes:
            return EMPTY_ROOT
        found = self._hashes[-1]
        for left in reversed(self._hashes[:-1]):
            found = node_hash(left, found)
        return found


def range_root(first: int, end: int, hash_at: HashAt) -> bytes:
    """Give the root over the leaves ``first`` ≤ i < ``end`` where ``first`` begins a subtree.

    That is so for each node of a proof: ``first`` is a multiple of the power of two that is not
    less than their count.
    """
    if first == end:
        return EMPTY_ROOT
    parts = []
    while first < end:
        level = (end - first).bit_length() - 1
        parts.append(hash_at(level, first >> level))
        first += 1 << level
    found = parts.pop()
    while parts:
        found = node_hash(parts.pop(), found)
    return found


def _split(count: int) -> int:
    """Give the largest power of two below ``count`` (RFC 6962, section 2.1)."""
    return 1 << (count - 1).bit_length() - 1


def inclusion_proof(index: int, size: int, hash_at: HashAt) -> list[bytes]:
    """Give the proof of leaf ``index`` in the tree of ``size``, from its sibling up."""
    if not 0 <= index < size:
        raise ProofWrong(f"no entry {index} in a tree of size {size}")
    proof = []
    first, end = 0, size
    while end - first > 1:
        middle = first + _split(end - first)
        if index < middle:
            proof.append(range_root(middle, end, hash_at))
            end = middle
        else:
            proof.append(range_root(first, middle, hash_at))
            first = middle
    proof.reverse()
    return proof


def consistency_proof(size1: int, size2: int, hash_at: HashAt) -> list[bytes]:
    """Give the proof that the tree of ``size1`` begins the tree of ``size2``; empty for 0."""
    if not 0 <= size1 <= size2:
        raise ProofWrong(f"size {size1} is not within size {size2}")
    if size1 in (0, size2):
        return []
    proof = []
    first, end = 0, size2
    while size1 != end:
        middle = first + _split(end - first)
        if size1 <= middle:
            proof.append(range_root(middle, end, hash_at))
            end = middle
        else:
            proof.append(range_root(first, middle, hash_at))
            first = middle
    if first:
        # The old tree is not a subtree that the verifier knows by its root: name it.
        proof.append(range_root(first, end, hash_at))
    proof.reverse()
    return proof


def verify_inclusion(
    index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes
) -> None:
    """Check that ``leaf`` is number ``index`` under ``root``; raise :exc:`ProofWrong` if not."""
    if not 0 <= index < size:
        raise ProofWrong(f"no entry {index} in a tree of size {size}")
    inner, border = _steps(index, size)
    what = f"the inclusion proof of entry {index} in size {size}"
    _check_hashes(what, inner + border, proof, (leaf, root))
    found = _up_border(_up_inner(leaf, proof[:inner], index), proof[inner:])
    if found != root:
        raise ProofWrong(f"{what} leads to another root")


def verify_consistency(
    size1: int, size2: int, proof: Sequence[bytes], root1: bytes, root2: bytes
) -> None:
    """Check that the tree under ``root1`` begins that under ``root2``; else :exc:`ProofWrong`.

    From size 0 there is no proof, for it would show nothing: who has seen no tree asks for none.
    """
    what = f"the consistency proof from size {size1} to {size2}"
    if not 0 < size1 <= size2:
        raise ProofWrong(f"{what} cannot be")
    if size1 == size2:
        if proof:
            raise ProofWrong(f"{what} has {len(proof)} hashes where 0 belong")
        if root1 != root2:
            raise ProofWrong(f"two roots for size {size1}")
        return
    # The largest complete subtree at the old tree's right edge: both walks begin there.
    shift = (size1 & -size1).bit_length() - 1
    inner, border = _steps(size1 - 1, size2)
    inner -= shift
    # A tree of a power of two is that subtree itself, and its proof leaves the hash out.
    path = [root1, *proof] if size1 == 1 << shift else list(proof)
    missing = len(path) - len(proof)
    _check_hashes(what, 1 - missing + inner + border, proof, (root1, root2))
    seed, within, above = path[0], path[1 : 1 + inner], path[1 + inner :]
    place = size1 - 1 >> shift
    lefts = [step for level, step in enumerate(within) if place >> level & 1]
    if _up_border(_up_border(seed, lefts), above) != root1:
        raise ProofWrong(f"{what} leads to another old root")
    if _up_border(_up_inner(seed, within, place), above) != root2:
        raise ProofWrong(f"{what} leads to another new root")


def _steps(index: int, size: int) -> tuple[int, int]:
    """Give how many steps of a leaf's path turn either way, and how many only come from the left.

    The former end where the path meets the right edge of the tree.
    """
    inner = (index ^ (size - 1)).bit_length()
    return inner, (index >> inner).bit_count()


def _up_inner(found: bytes, steps: Sequence[bytes], place: int) -> bytes:
    for level, step in enumerate(steps):
        found = node_hash(step, found) if place >> level & 1 else node_hash(found, step)
    return found


def _up_border(found: bytes, steps: Sequence[bytes]) -> bytes:
    for step in steps:
        found = node_hash(step, found)
    return found


def _check_hashes(what: str, count: int, proof: Sequence[bytes], others: Iterable[bytes]) -> None:
    if len(proof) != count:
        raise ProofWrong(f"{what} has {len(proof)} hashes where {count} belong")
    for found in (*others, *proof):
        if len(found) != HASH_BYTES:
            raise ProofWrong(f"{what} holds a hash of {len(found)} bytes")
