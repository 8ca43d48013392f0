"""How many lines there were when, by level: the chart of errors over time."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import msgspec

from trading_runtime.records.units import Level, Nanos
from trading_runtime.store.hours import HOUR_NS, MINUTE_NS
from trading_runtime.store.search.line import UNREADABLE, Entry

SPANS: Mapping[str, int] = {"minute": MINUTE_NS, "hour": HOUR_NS}
LEVELS = (*(it.name for it in Level), UNREADABLE)
BAR_WIDTH = 40
EMPTY_SHOWN_MAX = 3
"""A longer silence is one row that says how long."""


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """The lines of one minute or hour."""

    ts: str
    total: int
    levels: dict[str, int]


def level_of(entry: Entry) -> str:
    return entry.read.level if entry.read is not None else UNREADABLE


def count(entries: Iterable[Entry], span: int) -> list[Bucket]:
    """Count by span of so many nanoseconds, the oldest first; a span without a line has none."""
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    for entry in entries:
        counts[entry.at // span][level_of(entry)] += 1
    return [
        Bucket(
            ts=moment(number * span), total=counts[number].total(), levels=_by_level(counts[number])
        )
        for number in sorted(counts)
    ]


def _by_level(counted: Counter[str]) -> dict[str, int]:
    known = [it for it in LEVELS if it in counted]
    return {it: counted[it] for it in (*known, *sorted(counted.keys() - set(known)))}


def moment(at: int) -> str:
    return datetime.fromtimestamp(at // 10**9, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def drawn(buckets: list[Bucket], span: int) -> str:
    """Draw the counts as bars, with what is not INFO beside them."""
    most = max((it.total for it in buckets), default=1)
    rows = []
    last = ""
    for it in buckets:
        if last:
            rows += _silence(last, it.ts, span)
        last = it.ts
        bar = "#" * max(1, round(it.total * BAR_WIDTH / most))
        told = "  ".join(f"{level} {number:,}" for level, number in it.levels.items())
        rows.append(f"{it.ts[:16]}  {it.total:>9,}  {bar:<{BAR_WIDTH}}  {told}")
    return "".join(f"{row}\n" for row in rows)


def _silence(before: str, now: str, span: int) -> list[str]:
    start = datetime.fromisoformat(before)
    between = int((datetime.fromisoformat(now) - start).total_seconds() * 10**9) // span - 1
    if between > EMPTY_SHOWN_MAX:
        return [f"{'':16}  {'':>9}  ({between:,} without a line)"]
    first = Nanos(int(start.timestamp()) * 10**9)
    return [f"{moment(first + span * it)[:16]}  {0:>9,}" for it in range(1, between + 1)]
