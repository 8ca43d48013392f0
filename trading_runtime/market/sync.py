"""Snapshot and deltas into one gapless run of updates.

Deltas arrive before, during and after the snapshot that they amend. ``BookSync`` judges each one:
to be held back, dropped, applied, or proof that something is missing. It holds no levels and does
no I/O; whoever owns the book acts on the verdict.

Rules, by the venue's way of numbering (``SequenceRule``):
 * A delta that ends at or before what is known is old and dropped. Under ``PREVIOUS`` one that ends
   exactly at the snapshot may still join it.
 * The first delta kept must straddle the snapshot or begin right after it; else the snapshot is
   stale.
 * Every later delta must link to the last one; else there is a gap.
 * After a gap nothing is applied until a new snapshot has been joined.
 * Deltas held back form one linked run; where it breaks, what came before the break is useless.
"""

from collections.abc import Iterable
from enum import Enum

from trading_runtime.market.events import DepthChanged


class SequenceRule(Enum):
    """How a venue links one delta to the next."""

    OVERLAP = "overlap"
    """``first_id`` is at most one after the last id; overlapping an applied delta is legal."""
    PREVIOUS = "previous"
    """``prev_id`` equals the last id of the delta before; the ids between may have holes."""


class Verdict(Enum):
    """What is to be done with a delta."""

    APPLY = "apply"
    JOIN = "join"
    """Apply it: it is the first one after the snapshot, and makes the book true."""
    HOLD = "hold"
    OLD = "old"
    GAP = "gap"
    """A delta is missing before this one."""
    STALE = "stale"
    """The snapshot is too old for this delta."""


class Stage(Enum):
    """What the book is: nothing, a snapshot that no delta has joined, or true."""

    EMPTY = "empty"
    LOADED = "loaded"
    SYNCED = "synced"


class BookSync:
    """The state of one book's run. ``last_id`` is what the book holds, 0 while ``EMPTY``."""

    __slots__ = ("dropped", "held", "last_id", "overlap", "snapshot_id", "stage")

    def __init__(self, rule: SequenceRule) -> None:
        self.overlap = rule is SequenceRule.OVERLAP
        self.stage = Stage.EMPTY
        self.last_id = 0
        self.snapshot_id = 0
        self.dropped = 0
        """Deltas older than the snapshot, since the last time the book was true."""
        self.held: list[DepthChanged] = []

    def judge(self, delta: DepthChanged) -> Verdict:
        """Say what is to be done with ``delta``; changes nothing."""
        if self.stage is Stage.SYNCED:
            if delta.last_id <= self.last_id:
                return Verdict.OLD
            return Verdict.APPLY if self.links(self.last_id, delta) else Verdict.GAP
        if self.stage is Stage.LOADED:
            return self._judge_first(delta)
        if self.held and delta.last_id <= self.held[-1].last_id:
            return Verdict.OLD
        return Verdict.HOLD

    def _judge_first(self, delta: DepthChanged) -> Verdict:
        last = self.last_id
        if delta.last_id < last or (self.overlap and delta.last_id == last):
            return Verdict.OLD
        straddles = delta.first_id <= last <= delta.last_id
        return Verdict.JOIN if straddles or self.links(last, delta) else Verdict.STALE

    def links(self, last: int, delta: DepthChanged) -> bool:
        return delta.first_id <= last + 1 if self.overlap else delta.prev_id == last

    def advance(self, delta: DepthChanged) -> None:
        """``delta`` has been applied."""
        self.last_id = delta.last_id
        self.stage = Stage.SYNCED
        self.dropped = 0

    def hold(self, delta: DepthChanged) -> None:
        """Keep ``delta`` for the next snapshot."""
        if self.held and not self.links(self.held[-1].last_id, delta):
            self.dropped += len(self.held)
            self.held.clear()
        self.held.append(delta)

    def load(self, snapshot_id: int) -> list[DepthChanged]:
        """The book holds a snapshot now; give the deltas held back, to be judged one by one."""
        self.stage = Stage.LOADED
        self.last_id = self.snapshot_id = snapshot_id
        held, self.held = self.held, []
        return held

    def reset(self) -> None:
        """The book is not to be trusted; deltas that were held back stay."""
        self.stage = Stage.EMPTY
        self.last_id = 0

    def needed_id(self) -> int:
        """Give the least id at which a snapshot joins what is held back; 0 when nothing is."""
        if not self.held:
            return 0
        first = self.held[0]
        return first.first_id - 1 if self.overlap else first.prev_id

    def restore(
        self, stage: Stage, last_id: int, snapshot_id: int, held: Iterable[DepthChanged]
    ) -> None:
        self.stage = stage
        self.last_id = last_id
        self.snapshot_id = snapshot_id
        self.held = list(held)
