"""The report's line about the processes: CPU, memory, lines that were left out."""

from collections import defaultdict
from typing import NamedTuple

import numpy as np

from data_platform.assets.reports import lines
from data_platform.assets.reports.day import NOTHING, Day
from data_platform.assets.reports.lines import Loaded, Measured, Streams
from data_platform.assets.reports.report import Item, Section, attention, held, missing, plain
from trading_runtime.records.units import Module

MIB = 1 << 20
UNNAMED = "runtime"
"""Whose session began before the span: only the runtime measures itself."""


class Usage(NamedTuple):
    """Of one process: CPU in percent of one core, as averaged and at most; bytes at most."""

    cpu_percent: float
    cpu_percent_max: int
    memory_bytes_max: int


def usage(streams: Streams) -> dict[str, Usage]:
    """Give what each process measured of itself, by its name."""
    system = streams[Module.SYSTEM]
    names = lines.services(system)
    measured: list[Measured | Loaded] = [
        *system.read(Loaded, "LoadMeasured"),
        *system.read(Measured, "ResourcesMeasured"),
    ]
    by_name: dict[str, list[Measured | Loaded]] = defaultdict(list)
    for it in measured:
        by_name[names.get(it.session, UNNAMED)].append(it)
    return {
        name: Usage(
            float(np.mean([it.cpu_percent for it in of_one])),
            max(it.cpu_percent for it in of_one),
            max(it.memory_bytes for it in of_one),
        )
        for name, of_one in sorted(by_name.items())
    }


def untold(streams: Streams, known: dict[str, Usage]) -> list[str]:
    """Name the processes that ran and measured nothing of themselves."""
    return sorted(set(lines.services(streams[Module.SYSTEM]).values()) - set(known))


def cpu(day: Day) -> Item:
    known = usage(day.streams)
    if not known:
        why = "no process measured itself" if day.is_recorded else NOTHING
        return missing("Module CPU", why)
    shown = ", ".join(
        f"{name} {it.cpu_percent:.0f} (max {it.cpu_percent_max})" for name, it in known.items()
    )
    most = max(it.cpu_percent for it in known.values())
    return held(plain("Module CPU", shown, "%"), most, day.asked.limits.module_cpu_percent_max)


def cpu_untold(day: Day) -> tuple[Item, ...]:
    names = untold(day.streams, usage(day.streams))
    if not names or not day.is_recorded:
        return ()
    return (missing("CPU of other modules", f"not measured by {', '.join(names)}"),)


def memory(day: Day) -> Item:
    known = usage(day.streams)
    if not known:
        return missing("Memory", "no process measured itself" if day.is_recorded else NOTHING)
    shown = ", ".join(f"{name} {it.memory_bytes_max // MIB}" for name, it in known.items())
    return plain("Memory", f"max {shown}", "MiB")


def skipped(day: Day) -> Item:
    if not day.is_recorded:
        return missing("Log lines skipped", NOTHING)
    count = lines.gaps(day.streams)
    item = plain("Log lines skipped", count)
    return attention(item, "the log writer was behind") if count else item


def section(day: Day) -> Section:
    return Section(
        "System",
        (
            cpu(day),
            *cpu_untold(day),
            memory(day),
            day.counted("High resources", Module.SYSTEM, "ResourceHigh"),
            day.counted("Stalls", Module.SYSTEM, "Stalled"),
            skipped(day),
        ),
    )
