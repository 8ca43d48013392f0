"""How good an hour of one instrument's table is: whole, growing, silent, missing or bad.

Told by markers, manifests and the quarantine alone; no data is read. Coverage counts the minutes in
which the recorder wrote anything at all, of those that have passed: a quiet instrument in a
recorded minute is no gap.
"""

from enum import Enum
from pathlib import Path

import msgspec

from trading_runtime.records import layout
from trading_runtime.records.lake_schema import (
    CHECKPOINTS,
    DEPTH,
    KLINES,
    TABLES,
    TRADES,
    HourSealed,
    Table,
)
from trading_runtime.records.units import Nanos
from trading_runtime.store import manifest
from trading_runtime.store.commit import Dataset
from trading_runtime.store.hours import MINUTE_NS, Hour

MINUTES_PER_HOUR = 60
DERIVED_FROM = {KLINES.minutes: TRADES, CHECKPOINTS.minutes: DEPTH}


class Condition(Enum):
    """What a reader may believe of an hour."""

    PARTIAL = "partial"
    """It still grows, or it is sealed and not yet published."""
    COMPLETE = "complete"
    EMPTY = "empty"
    """The recorder ran and sealed the hour, and nothing of the instrument came."""
    MISSING = "missing"
    """It is over and has no marker: the recorder did not run, or what it wrote is lost."""
    DEGRADED = "degraded"
    """Published, but minutes are missing or its checks warned of what may mislead."""
    QUARANTINED = "quarantined"
    """It broke a blocking rule; the findings stand in the quarantine."""


class HourCondition(msgspec.Struct, frozen=True, kw_only=True):
    condition: Condition
    minutes_seen: int
    """In which the recorder wrote anything."""
    minutes_passed: int
    """Of the hour, until now."""


def marker(lake: Path, table: Table, hour: Hour) -> HourSealed | None:
    """Give what was sealed of the table's hour; ``None`` where it is open or was not recorded."""
    path = lake / layout.hour_marker(table.minutes, hour.day, hour.of_day)
    return msgspec.json.decode(path.read_bytes(), type=HourSealed) if path.exists() else None


def minutes_seen(lake: Path, hour: Hour) -> frozenset[int]:
    """Give the minutes of the hour in which the recorder wrote a row of any table."""
    seen: set[int] = set()
    for table in TABLES.values():
        sealed = marker(lake, table, hour)
        if sealed is not None:
            seen.update(it.minute for it in sealed.minutes)
            continue
        folder = (lake / layout.hour_marker(table.minutes, hour.day, hour.of_day)).parent
        seen.update(int(it.stem) for it in folder.glob("[0-5][0-9].parquet"))
    return frozenset(seen)


def condition_of(
    lake: Path, table: Table, instrument_id: str, hour: Hour, now: Nanos | None = None
) -> HourCondition:
    """Say how good the hour is at ``now`` (``None``: long after)."""
    seen = minutes_seen(lake, hour)
    passed = MINUTES_PER_HOUR
    if now is not None:
        passed = min(MINUTES_PER_HOUR, max(0, (now - hour.start) // MINUTE_NS))
    is_over = passed == MINUTES_PER_HOUR
    return HourCondition(
        condition=_judge(lake, table, instrument_id, hour, len(seen), is_over=is_over),
        minutes_seen=len(seen),
        minutes_passed=max(passed, len(seen)),
    )


def _judge(
    lake: Path, table: Table, instrument_id: str, hour: Hour, seen: int, *, is_over: bool
) -> Condition:
    venue, _, symbol = instrument_id.partition(":")
    path = layout.dataset(venue, symbol, hour.day, hour.of_day, table.published)
    it = Dataset(lake, path, table)
    findings = Path(layout.quarantine(lake.parent)) / it.path
    if findings.with_suffix(".findings.json").exists():
        return Condition.QUARANTINED
    sealed = marker(lake, DERIVED_FROM.get(table.minutes, table), hour)
    if sealed is None:
        is_here = seen or it.partial.exists() or not is_over
        return Condition.PARTIAL if is_here else Condition.MISSING
    known = manifest.read(it.published)
    if known is None:
        return Condition.PARTIAL if _awaits(lake, table, hour, sealed) else Condition.EMPTY
    is_whole = seen == MINUTES_PER_HOUR and not known.quality.degraded
    return Condition.COMPLETE if is_whole else Condition.DEGRADED


def _awaits(lake: Path, table: Table, hour: Hour, sealed: HourSealed) -> bool:
    """Whether the sealed hour has rows of which some are not published yet.

    The digests of the published files' sources say which minutes were taken.
    """
    if not sealed.minutes:
        return False
    base = DERIVED_FROM.get(table.minutes, table)
    name = layout.dataset("*", "*", hour.day, hour.of_day, base.published)
    found = [manifest.read(path) for path in lake.glob(name)]
    taken = {source.sha256 for it in found if it for source in it.commit.sources}
    return not {it.sha256 for it in sealed.minutes} <= taken
