"""The heads of a period: one line for each entity that it touched, sorted, under one root.

An entity's lines over all digests continue one another; where a manifest has no line of it, the
two lines between which it would stand show that it is absent.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import final

from msgspec import Struct

from trading_runtime.errors import Misread
from trading_runtime.evidence.checkpoint import parse_number
from trading_runtime.evidence.entry import check_entity_id
from trading_runtime.records.merkle import leaf_hash, root_of

_HASH = re.compile(r"[0-9a-f]{64}")
_MEMBERS = 5


class Head(Struct, frozen=True):
    """What a period did to an entity: versions ``first`` to ``last``, the last with this hash."""

    entity_id: str
    first_version: int
    last_version: int
    count: int
    head_hash: str

    def line(self) -> bytes:
        """Give the line without its newline: a leaf of the manifest's tree."""
        return (
            f"{self.entity_id}\t{self.first_version}\t{self.last_version}"
            f"\t{self.count}\t{self.head_hash}"
        ).encode()


@final
class Manifest:
    """The heads of a period in the order of their entities' bytes."""

    def __init__(self, heads: Sequence[Head]) -> None:
        self.heads = heads
        self._keys = [head.entity_id.encode() for head in heads]

    @classmethod
    def of(cls, heads: Iterable[Head]) -> "Manifest":
        """Take heads in any order."""
        return cls(sorted(heads, key=lambda head: head.entity_id.encode()))

    @classmethod
    def read(cls, data: bytes) -> "Manifest":
        """Read a manifest's file; raise :exc:`Misread` (``heads`` or ``entity_id``)."""
        if data and not data.endswith(b"\n"):
            raise Misread("heads", "the last line has no end")
        manifest = cls([_head(line) for line in data.split(b"\n")[:-1]])
        keys = manifest._keys
        for before, after in pairwise(keys):
            if before >= after:
                raise Misread("heads", f"{after!r} stands behind {before!r}")
        return manifest

    def encode(self) -> bytes:
        return b"".join(head.line() + b"\n" for head in self.heads)

    def root(self) -> bytes:
        """Give the RFC 6962 root over the lines."""
        return root_of([leaf_hash(head.line()) for head in self.heads])

    def find(self, entity_id: str) -> Head | None:
        place, found = self._place(entity_id)
        return self.heads[place] if found else None

    def neighbours(self, entity_id: str) -> tuple[Head | None, Head | None]:
        """Give the lines before and behind where an entity stands, or would stand."""
        place, found = self._place(entity_id)
        behind = place + found
        return (
            self.heads[place - 1] if place else None,
            self.heads[behind] if behind < len(self.heads) else None,
        )

    def _place(self, entity_id: str) -> tuple[int, bool]:
        key = entity_id.encode()
        place = bisect_left(self._keys, key)
        return place, place < len(self._keys) and self._keys[place] == key


def _head(line: bytes) -> Head:
    try:
        parts = line.decode().split("\t")
    except UnicodeDecodeError as fault:
        raise Misread("heads", str(fault)) from None
    if len(parts) != _MEMBERS or not _HASH.fullmatch(parts[4]):
        raise Misread("heads", f"{line[:200]!r} is no head")
    check_entity_id(parts[0])
    first, last, count = (parse_number(part) for part in parts[1:4])
    if first < 1 or last - first + 1 != count or count < 1:
        raise Misread("heads", f"{count} versions from {first} to {last} of {parts[0]!r}")
    return Head(parts[0], first, last, count, parts[4])
