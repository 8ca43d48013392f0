"""What the watch takes of each entry: its leaf, the head of its entity, and what the log declares.

The log's own words (producer ``log``, entity ``log:<origin>``) say beforehand or at once what would
else look like tampering: that blocks were pruned, the index was rebuilt, the trust is another one.
"""

from collections.abc import Sequence
from typing import final

import msgspec

from trading_runtime.audit.index.index import Head
from trading_runtime.audit.tamper.finding import Finding
from trading_runtime.audit.tamper.memory import Memory
from trading_runtime.audit.tamper.tree import Tree
from trading_runtime.evidence import entry
from trading_runtime.records.merkle import leaf_hash

STATE = "declared"
LOG = "log"
HEADS_KEPT = 100_000
"""Entities whose head is not looked up again: those that move now."""


class _Told(msgspec.Struct):
    id: str


class _Read(msgspec.Struct, rename="camel"):
    entity_id: str
    event_type: str
    previous_hash: str
    version: int
    producer: _Told
    request_data: msgspec.Raw


class _Pinned(msgspec.Struct):
    pin: str


class _Pruned(msgspec.Struct, rename="camel"):
    from_block: int
    to_block: int


class _Rebuilt(msgspec.Struct):
    identity: str


class Declared(msgspec.Struct):
    """What the log said of itself; ``pruned`` are ranges of blocks, the end not inside."""

    pin: str = ""
    pruned: list[tuple[int, int]] = []
    identities: list[str] = []


_READ = msgspec.json.Decoder(_Read)


@final
class Entries:
    """Owned by the watch; ``tree`` is over all entries that were taken."""

    def __init__(self, origin: str, memory: Memory) -> None:
        self.tree = Tree(memory)
        self.declared = memory.state(STATE, Declared) or Declared()
        self._origin = origin
        self._memory = memory
        self._known: dict[str, Head] = {}
        self._moved: dict[str, Head] = {}
        self._findings: list[Finding] = []

    def take(self, entries: Sequence[bytes]) -> None:
        """Take entries in their order, the first one being number ``tree.size``."""
        for index, data in enumerate(entries, self.tree.size):
            try:
                self._follow(index, data)
            except msgspec.DecodeError as error:
                self._find("entry", index, "an entry", str(error))
        self.tree.append([leaf_hash(data) for data in entries])

    def findings(self) -> list[Finding]:
        """Give what was wrong with the entries since the last call."""
        found, self._findings = self._findings, []
        return found

    def is_pruned(self, block: int) -> bool:
        return any(first <= block < end for first, end in self.declared.pruned)

    def save(self) -> None:
        self.tree.save()
        self._memory.set_heads(self._moved)
        self._moved.clear()
        self._memory.set_state(STATE, self.declared)
        if len(self._known) > HEADS_KEPT:
            self._known.clear()

    def _follow(self, index: int, data: bytes) -> None:
        read = _READ.decode(data)
        before = self._known.get(read.entity_id) or self._memory.head(read.entity_id)
        version, previous = (
            (before.version, before.current_hash)
            if before
            else (0, entry.genesis(self._origin, read.entity_id))
        )
        if (read.version, read.previous_hash) != (version + 1, previous):
            self._find(
                "chain",
                index,
                f"version {version + 1} of {read.entity_id} after {previous}",
                f"version {read.version} after {read.previous_hash}",
            )
        head = Head(read.version, entry.current_hash(data), index)
        self._known[read.entity_id] = self._moved[read.entity_id] = head
        if read.producer.id == LOG and read.entity_id == f"{LOG}:{self._origin}":
            self._hear(read)

    def _hear(self, read: _Read) -> None:
        declared = self.declared
        match read.event_type:
            case "TrustDeclared":
                declared.pin = msgspec.json.decode(read.request_data, type=_Pinned).pin
            case "FramesPruned":
                pruned = msgspec.json.decode(read.request_data, type=_Pruned)
                declared.pruned.append((pruned.from_block, pruned.to_block))
            case "IndexRebuilt":
                rebuilt = msgspec.json.decode(read.request_data, type=_Rebuilt)
                declared.identities.append(rebuilt.identity)
            case _:
                pass

    def _find(self, check: str, index: int, expected: str, found: str) -> None:
        self._findings.append(Finding(check, "frames", expected, found, index))
