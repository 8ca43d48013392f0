"""Blocks put together in the order of the log: what no block can know by itself.

It holds the roots at every size that was asked for, the last version of every entity, where every
boot of a producer stands, and what each digest's period took in. Blocks that nobody holds are
skipped by their hash in the tiles, so that the rest of the tree can still be proven.
"""

from array import array
from collections.abc import Callable, Iterator, Sequence

import msgspec

from trading_runtime.evidence.layout import BLOCK
from trading_runtime.evidence.verify.block import ID_BYTES, BlockRead
from trading_runtime.evidence.verify.boots import Boots
from trading_runtime.evidence.verify.checks import Check
from trading_runtime.evidence.verify.findings import Finding
from trading_runtime.evidence.verify.spans import First, Last, Span, Word, link
from trading_runtime.records.merkle import EMPTY_ROOT, CompactRange, node_hash


class Period(msgspec.Struct):
    """What entries ``first`` ≤ index < ``end`` of a digest say; ``whole``: all were read."""

    first: int
    end: int
    number: int
    firsts: dict[str, First] = msgspec.field(default_factory=dict)
    lasts: dict[str, Last] = msgspec.field(default_factory=dict)
    runs: dict[tuple[str, str], tuple[int, int]] = msgspec.field(default_factory=dict)
    dropped: dict[tuple[str, str], int] = msgspec.field(default_factory=dict)
    alarms: int = 0
    oldest: str | None = None
    newest: str | None = None
    whole: bool = True

    def add(self, span: Span) -> None:
        self.firsts = span.firsts | self.firsts
        self.lasts |= span.lasts
        for piece in span.pieces:
            key = (piece.producer_id, piece.boot)
            first, last = self.runs.get(key, (piece.first_seq, piece.last_seq))
            self.runs[key] = min(first, piece.first_seq), max(last, piece.last_seq)
        for key, count in span.dropped.items():
            self.dropped[key] = self.dropped.get(key, 0) + count
        self.alarms += span.alarms
        if span.oldest is not None and span.newest is not None:
            self.oldest = min(self.oldest or span.oldest, span.oldest)
            self.newest = max(self.newest or span.newest, span.newest)


class Stitch:
    """Takes blocks in order, from ``begin`` on (a multiple of 65,536)."""

    def __init__(
        self,
        boots: Boots,
        periods: Sequence[Period],
        on_period: Callable[[Period], Iterator[Finding]],
        begin: int = 0,
    ) -> None:
        """``periods`` are those of the digests, in order, each beginning where one ends."""
        self.size = begin
        """Entries up to here were taken, or skipped."""
        self.roots: dict[int, bytes] = {0: EMPTY_ROOT}
        self.words: list[Word] = []
        self.findings: list[Finding] = []
        self.complete = begin == 0
        self.rooted = begin == 0
        self.dropped: dict[tuple[str, str], int] = {}
        self.subtrees: dict[tuple[int, int], bytes] = {}
        """Roots over the entries of one block, from its beginning to a cut: what segments name."""
        self._boots = boots
        self._blocks = CompactRange()
        self._heads: dict[str, Last] = {}
        self._periods = list(periods)
        self._on_period = on_period
        self._ids: list[tuple[int, bytes]] = []

    def take(self, read: BlockRead) -> None:
        """Take the next block that is held; ``read.block`` begins at :attr:`size`."""
        first = read.block * BLOCK
        self.findings += read.findings
        self._ids.append((first, read.event_ids))
        for size, edge in read.edges.items():
            self.subtrees[first, size] = fold(edge)
            if self.rooted:
                self.roots[size] = fold((*self._blocks.state, *edge))
        for span in read.spans:
            self._join(span)
        self.size = first + read.count
        if read.count == BLOCK:
            self._blocks.append(read.edges[self.size][0])
        elif read.count:
            self.rooted = False
        self._close()

    def skip(self, end: int, block_hash: bytes | None) -> None:
        """Leave out the rest of a block up to ``end``, its root being ``block_hash`` if known."""
        self.complete = False
        self._heads.clear()
        self._boots.forget_chains()
        for period in self._periods:
            if period.first < end and period.end > self.size:
                period.whole = False
        self.size = end
        self.rooted = block_hash is not None and self._blocks.size * BLOCK == end - BLOCK
        if block_hash is not None and self.rooted:
            self._blocks.append(block_hash)
        self._close()

    def _join(self, span: Span) -> None:
        self._close()  # periods before the first entry, or without one
        heads = self._heads
        for entity, first in span.firsts.items():
            last = heads.get(entity)
            if last is None:
                if first.version != 1 and self.complete:
                    self._note(link(None, first, entity, None))
            elif first.version != last[0] + 1 or first.previous_hash != last[1]:
                self._note(link(last, first, entity, None))
        heads |= span.lasts
        for word in span.words:
            self._boots.hear(word)  # first: a fork says where boots go on
        for piece in span.pieces:
            self.findings += self._boots.take(piece)
        self.words += span.words
        for key, count in span.dropped.items():
            self.dropped[key] = self.dropped.get(key, 0) + count
        self.size = span.end
        if self._periods and span.first >= self._periods[0].first:
            self._periods[0].add(span)
        self._close()

    def _note(self, finding: Finding | None) -> None:
        if finding is not None:
            self.findings.append(finding)

    def _close(self) -> None:
        while self._periods and self._periods[0].end <= self.size:
            self.findings += self._on_period(self._periods.pop(0))

    def head(self, entity_id: str) -> Last | None:
        return self._heads.get(entity_id)

    def repeated_events(self) -> Iterator[Finding]:
        """Find event ids that stand twice; 16 bytes an entry are held for it, and no more."""
        low: set[int] = set()
        count = 0
        for _, ids in self._ids:
            low.update(array("Q", ids)[1::2])
            count += len(ids) // ID_BYTES
        if len(low) == count:
            return
        seen: set[bytes] = set()
        for first, ids in self._ids:
            for place in range(0, len(ids), ID_BYTES):
                found = ids[place : place + ID_BYTES]
                if found in seen:
                    index = first + place // ID_BYTES
                    said = "its eventId stands in the log before"
                    yield Finding(check=Check.EVENT_ID, said=said, index=index, found=found.hex())
                seen.add(found)


def fold(edge: Sequence[bytes]) -> bytes:
    """Give the root over complete subtrees, the largest first."""
    if not edge:
        return EMPTY_ROOT
    found = edge[-1]
    for left in reversed(edge[:-1]):
        found = node_hash(left, found)
    return found
