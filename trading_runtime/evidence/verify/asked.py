"""What a verification is given, and what it is asked."""

from pathlib import Path

import msgspec

from trading_runtime.evidence.submission import event_time
from trading_runtime.evidence.verify import hot
from trading_runtime.evidence.verify.archive import Archive, Columns
from trading_runtime.evidence.verify.checks import ALL_CHECKS, Check
from trading_runtime.records.units import NANOS_PER_SECOND


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to verify, and whom to believe.

    ``log`` is the folder ``log``, None where only the archive is at hand; ``trust`` the folder with
    ``trust.json`` and ``policy``. ``checkpoints`` are notes from elsewhere, a witness's own copy
    first of all, by what to call them.
    """

    log: Path | None
    trust: Path
    archive: Archive | None = None
    columns: Columns | None = None
    index: hot.Rows | None = None
    pin: str | None = None
    checkpoints: tuple[tuple[str, bytes], ...] = ()


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What to ask: ``now``, ``since`` and ``until`` in seconds since 1970, UTC.

    ``fresh_within`` None: one digest period. ``entity`` or ``receipt`` asks for these alone; a
    receipt is for ``entry``, or for what the log holds at its index.
    """

    now: int
    since: int | None = None
    until: int | None = None
    fresh_within: int | None = None
    entity: str | None = None
    receipt: bytes | None = None
    entry: bytes | None = None
    checks: frozenset[Check] = ALL_CHECKS

    @property
    def ranged(self) -> bool:
        return self.since is not None or self.until is not None

    @property
    def scope(self) -> str:
        if self.entity is not None:
            return self.entity
        if self.receipt is not None:
            return "a receipt"
        if not self.ranged:
            return "all"
        first, last = (
            None if at is None else event_time(at * NANOS_PER_SECOND)
            for at in (self.since, self.until)
        )
        return f"from {first or 'the beginning'} to {last or 'the end'}"
