"""One hour, looked at from outside: was it recorded, whole and in time, by processes that are well?

What can only be seen now (disk, witnesses) is told for an hour that has just ended, and of an older
one it is not known any more.
"""

import shutil
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from data_platform.assets.health.settings import HealthSettings
from data_platform.assets.reports import archive, lines, running
from data_platform.assets.reports.lines import Streams
from data_platform.assets.reports.report import Item, Verdict, attention, held, missing, plain
from data_platform.days import Span
from trading_runtime.errors import Misread
from trading_runtime.evidence import checkpoint
from trading_runtime.evidence import layout as evidence_layout
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import DEPTH, TRADES
from trading_runtime.records.units import NANOS_PER_MILLI, NANOS_PER_SECOND, Module, Nanos
from trading_runtime.store import durable, parquet
from trading_runtime.store.hours import HOUR_NS, Hour
from trading_runtime.store.parquet import Int64s, integers

FRESH_NS = 2 * HOUR_NS
"""So long after an hour's end the state of this machine still says something about it."""
QUANTILE = 0.99
NOTHING = "no line of the hour is archived"


class Asked(NamedTuple):
    hour: Hour
    limits: HealthSettings
    now: Nanos

    @property
    def span(self) -> Span:
        return Span(self.hour.start, self.hour.end)

    @property
    def is_fresh(self) -> bool:
        return self.now < self.hour.end + FRESH_NS


class Health(msgspec.Struct, frozen=True, kw_only=True):
    hour: str
    items: tuple[Item, ...]
    critical: tuple[str, ...]
    """Events of level CRITICAL, by name and count."""

    @property
    def anomalies(self) -> list[Item]:
        return [it for it in self.items if it.verdict is Verdict.ATTENTION]

    def text(self) -> str:
        return "".join(f"{shown(it)}\n" for it in self.items)


def shown(item: Item) -> str:
    mark = {Verdict.ATTENTION: "!", Verdict.UNKNOWN: "?"}.get(item.verdict, " ")
    said = f"{item.value} {item.unit}".rstrip()
    why = item.why or item.threshold
    return f"{mark} {item.name}: {said}" + (f" ({why})" if why else "")


def moments(data: Path, asked: Asked) -> Int64s:
    """Give when anything of the hour was recorded: lines and rows, sorted."""
    logs = [it for module in Module for _, it in archive.logs_of(data, [asked.hour], module)]
    rows = [it for table in (DEPTH, TRADES) for it in archive.datasets(data, table, asked.hour)]
    found = [np.zeros(0, dtype=np.int64)]
    found += [integers(parquet.read(it.path, ["ts"]), "ts") for it in logs]
    found += [integers(parquet.read(it.path, ["ts_recv"]), "ts_recv") for it in rows]
    return np.sort(np.concatenate(found))


def silence(data: Path, asked: Asked) -> Item:
    """Find the longest time in which nothing was recorded: then the recorder was not alive."""
    at = moments(data, asked)
    if not len(at):
        return attention(plain("Recorder", "silent"), "nothing of the hour is recorded")
    end = min(asked.hour.end, asked.now)
    ends = np.concatenate([[asked.hour.start], at[at < end], [end]])
    longest_s = float(np.max(np.diff(ends))) / NANOS_PER_SECOND
    item = plain("Recorder, longest silence", f"{longest_s:.1f}", "s")
    return held(item, longest_s, asked.limits.silence_s_max)


def lag(data: Path, asked: Asked) -> Item:
    lags = archive.depth_lags_ns(data, asked.span)[asked.hour]
    if not len(lags):
        return missing("Depth lag", "no depth of the hour is in the lake")
    lag_ms = float(np.quantile(lags, QUANTILE)) / NANOS_PER_MILLI
    return held(plain("Depth lag p99", f"{lag_ms:.0f}", "ms"), lag_ms, asked.limits.lag_ms_max)


def counts(streams: Streams, limits: HealthSettings) -> Iterator[Item]:
    """Count what should not happen, of events of a level that every stream writes."""
    market = streams[Module.MARKETDATA]
    if not any(it.counts for it in streams.values()):
        yield from (missing(it, NOTHING) for it in ("Gaps", "Reconnects", "Errors"))
        return
    missed, skipped = market.count("TradesMissed"), lines.gaps(streams)
    gaps = plain("Gaps", f"{missed} in trades, {skipped} lines skipped")
    yield held(gaps, missed + skipped, limits.gaps_max)
    lost = market.count("ConnectionLost")
    yield held(plain("Reconnects", lost), lost, limits.reconnects_max)
    errors = sum((it.at_level("ERROR", "CRITICAL") for it in streams.values()), start=NONE)
    shown_errors = f"{errors.total()}: {lines.named(errors)}" if errors else "0"
    yield held(plain("Errors", shown_errors), errors.total(), limits.errors_max)


NONE: Counter[str] = Counter()


def resources(streams: Streams, limits: HealthSettings) -> Iterator[Item]:
    known = running.usage(streams)
    high = streams[Module.SYSTEM].count("ResourceHigh")
    if high:
        yield attention(plain("High resources", high), "see the lines ResourceHigh")
    if not known:
        yield missing("CPU", "no process measured itself")
        yield missing("Memory", "no process measured itself")
        return
    cpu = ", ".join(f"{name} {it.cpu_percent:.0f}" for name, it in known.items())
    most = max(it.cpu_percent for it in known.values())
    yield held(plain("CPU", cpu, "%"), most, limits.cpu_percent_max)
    mib = {name: it.memory_bytes_max // running.MIB for name, it in known.items()}
    memory = ", ".join(f"{name} {it}" for name, it in mib.items())
    yield held(plain("Memory", memory, "MiB"), max(mib.values()), limits.memory_mib_max)


def disk(data: Path, asked: Asked) -> Item:
    if not asked.is_fresh:
        return missing("Disk", "it is not known any more")
    usage = shutil.disk_usage(data)
    percent = Fraction(100 * (usage.total - usage.free), usage.total)
    item = plain("Disk used", f"{float(percent):.1f}", "%")
    return held(item, percent, asked.limits.disk_used_percent_max)


def witness(data: Path, asked: Asked) -> Item:
    """Give the age of the newest cosignature; whether it is genuine the verifier says."""
    name, path = "Audit witness lag", checkpoint_of(data)
    if not path.parent.is_dir():
        return missing(name, "no audit record is kept below the data folder")
    if not asked.is_fresh:
        return missing(name, "it is not known any more")
    try:
        _, signatures = checkpoint.unverified(path.read_bytes())
    except (OSError, Misread) as error:
        return attention(plain(name, "unreadable"), str(error))
    seen = [it.time for it in signatures if 0 < it.time <= asked.now // NANOS_PER_SECOND + 60]
    if not seen:
        return attention(plain(name, "never"), "no witness has cosigned the checkpoint")
    lag_s = max(asked.now // NANOS_PER_SECOND - max(seen), 0)
    return held(plain(name, lag_s, "s"), lag_s, asked.limits.witness_lag_s_max)


def checkpoint_of(data: Path) -> Path:
    return evidence_layout.checkpoint_path(evidence_layout.log_folder(Path(layout.audit(data))))


def look(data: Path, asked: Asked) -> Health:
    streams = archive.streams(data, asked.span)
    critical = sum((it.at_level("CRITICAL") for it in streams.values()), start=NONE)
    return Health(
        hour=asked.hour.name,
        items=(
            silence(data, asked),
            lag(data, asked),
            *counts(streams, asked.limits),
            *resources(streams, asked.limits),
            disk(data, asked),
            witness(data, asked),
        ),
        critical=tuple(f"{name} {count}" for name, count in sorted(critical.items())),
    )


def path_of(data: Path, hour: Hour) -> Path:
    place = f"health/{hour.day}/{hour.of_day:02d}.json"
    return Path(layout.reports(data)) / place


def write(data: Path, asked: Asked) -> Health:
    health = look(data, asked)
    durable.write(path_of(data, asked.hour), msgspec.json.encode(health) + b"\n")
    return health
