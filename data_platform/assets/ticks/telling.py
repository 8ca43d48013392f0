"""What the catalog shows about an hour: conditions with their coverage, and rows by minute."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from data_platform.assets.told import Plain
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import Table
from trading_runtime.records.units import Nanos
from trading_runtime.store import condition
from trading_runtime.store.condition import Condition, HourCondition
from trading_runtime.store.hours import Hour
from trading_runtime.store.lake import lake
from trading_runtime.store.manifest import Manifest

MINUTES_PER_HOUR = 60
SHADES = " .:-=+*#%@"
"""From no row in the minute to as many as in the busiest one."""
WORST_FIRST = (
    Condition.QUARANTINED,
    Condition.MISSING,
    Condition.DEGRADED,
    Condition.PARTIAL,
    Condition.COMPLETE,
    Condition.EMPTY,
)


def instruments(root: Path) -> list[str]:
    """Give the instruments that anything was ever published or held back of."""
    tops = (root, root / "_partial", Path(layout.quarantine(root.parent)))
    found = (
        it.relative_to(top).parts for top in tops for it in top.glob("*/*/[0-9][0-9][0-9][0-9]")
    )
    return sorted({f"{venue}:{symbol}" for venue, symbol, _ in found})


def conditions(root: Path, table: Table, hour: Hour, now: Nanos) -> dict[str, HourCondition]:
    return {it: condition.condition_of(root, table, it, hour, now) for it in instruments(root)}


def worst(found: Sequence[HourCondition]) -> Plain:
    """Say how good the hour is as a whole: as its worst instrument."""
    if not found:
        return {}
    kinds = {it.condition for it in found}
    seen, passed = found[0].minutes_seen, found[0].minutes_passed
    return {
        "condition": next(it.value for it in WORST_FIRST if it in kinds),
        "coverage": f"{seen} of {passed} minutes",
    }


def conditions_table(root: Path, table: Table, hour: Hour, now: Nanos) -> str:
    """Show each instrument's condition, and the file that a person can open."""
    lines = ["| instrument | condition | minutes seen | minutes passed | file |", "|" + "---|" * 5]
    for name, it in conditions(root, table, hour, now).items():
        dataset = lake.dataset(root, table, name, hour)
        paths = [path for path in (dataset.published, dataset.partial) if path.exists()]
        shown = paths[0].relative_to(root.parent).as_posix() if paths else "-"
        lines.append(
            f"| {name} | {it.condition.value} | {it.minutes_seen} | {it.minutes_passed} | {shown} |"
        )
    return "\n".join(lines)


def by_minute(told: Manifest) -> list[int]:
    """Count the rows of each minute, as the sources tell."""
    counts = [0] * MINUTES_PER_HOUR
    for it in told.commit.sources:
        counts[int(PurePosixPath(it.path).stem)] += it.rows
    return counts


def plot(manifests: Sequence[Manifest]) -> str:
    """Draw the rows of each minute, a line an instrument, in Markdown."""
    lines = []
    for it in manifests:
        counts = by_minute(it)
        top = max(counts)
        shades = "".join(SHADES[-(-count * (len(SHADES) - 1) // max(top, 1))] for count in counts)
        venue, symbol, *_ = PurePosixPath(it.commit.dataset).parts
        lines.append(f"|{shades}| {venue}:{symbol}, up to {top} rows a minute")
    return "\n".join(["```", *lines, "```"])
