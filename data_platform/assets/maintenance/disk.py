"""How full the disk is, when it will be full as it grows now, and what has to be done about it."""

import shutil
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from data_platform.assets.maintenance.settings import MaintenanceSettings
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos
from trading_runtime.store import durable

DAY_S = 86_400
MEASURES_MAX = 4000
"""A measure each quarter of an hour, over forty days."""
SPAN_S_MIN = 6 * 3600
"""A shorter past says nothing about the days to come."""
GIB = 1 << 30
STILL = 1 << 20
"""Bytes a day: what grows no faster stands still."""


class Measure(msgspec.Struct, frozen=True, array_like=True):
    """Of the disk that holds the data folder; ``at`` in UTC nanoseconds, sizes in bytes."""

    at: Nanos
    total: int
    used: int

    @property
    def free_percent(self) -> float:
        return 100 * (self.total - self.used) / self.total


class Condition(IntEnum):
    """The greater, the worse."""

    WELL = 0
    WARNING = 1
    CRITICAL = 2


class Space(NamedTuple):
    measure: Measure
    growth_bytes_per_day: float | None
    """``None`` where too little of the past is known."""
    full_in_days: float | None
    """``None`` where it does not grow, or nothing is known of it."""
    condition: Condition
    why: str


def history_path(data: Path) -> Path:
    return data / "maintenance" / "disk.json"


def history(data: Path) -> list[Measure]:
    path = history_path(data)
    return msgspec.json.decode(path.read_bytes(), type=list[Measure]) if path.exists() else []


def measure(data: Path, now: Nanos) -> Measure:
    usage = shutil.disk_usage(data)
    return Measure(now, usage.total, usage.total - usage.free)


def remember(data: Path, it: Measure) -> list[Measure]:
    """Add a measure to the history, which keeps its newest ones; give it."""
    with durable.lock(data / "maintenance" / ".lock"):
        known = [*history(data), it][-MEASURES_MAX:]
        durable.write(history_path(data), msgspec.json.encode(known))
    return known


def growth(known: Sequence[Measure], days: int) -> float | None:
    """Give the slope of what is used, in bytes a day, by least squares over the last ``days``."""
    if not known:
        return None
    last = known[-1]
    recent = [it for it in known if last.at - it.at <= days * DAY_S * NANOS_PER_SECOND]
    span_s = (last.at - recent[0].at) / NANOS_PER_SECOND
    # A disk of another size is another disk.
    if span_s < SPAN_S_MIN or any(it.total != last.total for it in recent):
        return None
    at = np.array([(it.at - recent[0].at) / (DAY_S * NANOS_PER_SECOND) for it in recent])
    used = np.array([float(it.used) for it in recent])
    slope, _ = np.polyfit(at, used, 1)
    return float(slope)


def judge(known: Sequence[Measure], limits: MaintenanceSettings) -> Space:
    """Say how it stands, by what is free now and by when nothing will be."""
    last, slope = known[-1], growth(known, limits.growth_days)
    grows = slope is not None and slope > STILL
    left = (last.total - last.used) / slope if slope is not None and grows else None
    soon = "" if left is None else f", full in {left:.1f} days as it grows now"
    why = f"{last.free_percent:.1f} % free{soon}"
    days = float("inf") if left is None else left
    if last.free_percent < limits.disk_free_percent_critical or days < limits.disk_days_critical:
        return Space(last, slope, left, Condition.CRITICAL, why)
    if last.free_percent < limits.disk_free_percent_warn or days < limits.disk_days_warn:
        return Space(last, slope, left, Condition.WARNING, why)
    return Space(last, slope, left, Condition.WELL, why)


def look(data: Path, limits: MaintenanceSettings, now: Nanos) -> Space:
    """Measure, remember and judge."""
    return judge(remember(data, measure(data, now)), limits)


def text(space: Space) -> str:
    it = space.measure
    grown = space.growth_bytes_per_day
    slope = "not known yet" if grown is None else f"{grown / GIB:+.2f} GiB a day"
    return (
        f"{space.condition.name.lower()}: {space.why}\n"
        f"used {it.used / GIB:.1f} of {it.total / GIB:.1f} GiB, growth {slope}\n"
    )
