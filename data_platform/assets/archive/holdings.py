"""The data sets of the archive: which files of the data folder each is made of, day by day.

A data set is archived in partitions: by the UTC hour ``2025-11-19T14`` where it is recorded by the
hour, else by the day; the journal by the day that a segment began and its session. Only what is
whole and changes no more is taken: sealed, published, closed.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from data_platform.assets.archive import journals
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import TABLES
from trading_runtime.store import commit, durable
from trading_runtime.store.archive.archive import LocalFile

HOURS_OF_DAY = 24
DAY_IN_PATH = re.compile(r"(\d{4})[-/](\d{2})[-/](\d{2})")

MARTS = (
    "dim_instruments",
    "fct_fills",
    "fct_inventory_hourly",
    "fct_latency_hourly",
    "fct_markouts",
    "fct_operator_actions",
    "fct_orders",
    "fct_parameter_performance",
    "fct_pnl_daily",
    "fct_position_agreement",
    "fct_quote_uptime_hourly",
    "fct_rejects",
    "fct_risk_triggers",
)
Parts = dict[str, list[LocalFile]]
"""Files by the partition that they belong to."""


class Holding(NamedTuple):
    """One data set: ``find`` gives what a UTC day ``YYYY-MM-DD`` of it is made of here."""

    name: str
    description: str
    kind: str
    deps: tuple[str, ...]
    """The assets that make it."""
    find: Callable[[Path, str], Parts]


def is_whole(path: Path) -> bool:
    """Whether it is a file under its own name: not one that is being written."""
    return path.is_file() and not path.name.startswith((durable.TEMPORARY, "."))


def local(data: Path, path: Path) -> LocalFile:
    return LocalFile(data, path.relative_to(data).as_posix())


def by_glob(data: Path, partition: str, pattern: str) -> Parts:
    found = [local(data, it) for it in sorted(data.glob(pattern)) if is_whole(it)]
    return {partition: found} if found else {}


def by_hour(data: Path, day: str, pattern: str) -> Parts:
    """Find the files of each hour; ``{day}`` in it is ``Y/M/D``, ``{hour}`` two digits."""
    parts: Parts = {}
    for hour in range(HOURS_OF_DAY):
        wanted = pattern.format(day=day.replace("-", "/"), hour=f"{hour:02d}", name=day)
        parts |= by_glob(data, f"{day}T{hour:02d}", wanted)
    return parts


def journal(data: Path, day: str) -> Parts:
    parts: Parts = {}
    for it in journals.segments(data):
        if journals.day_of(it) == day:
            files = parts.setdefault(f"{day}.{it.session}", [])
            files += [local(data, path) for path in it.files]
    return parts


def logs(data: Path, day: str) -> Parts:
    """Find compressed sealed logs; one without its index is being written."""
    parts: Parts = {}
    for hour in range(HOURS_OF_DAY):
        name = f"{day}T{hour:02d}"
        pattern = f"logs/archive/*/{day.replace('-', '/')}/*-{name}-*.jsonl.gz"
        for path in sorted(data.glob(pattern)):
            index = path.with_suffix(".index")
            if index.exists():
                parts.setdefault(name, []).extend((local(data, path), local(data, index)))
    return parts


def lines(data: Path, day: str) -> Parts:
    return by_hour(data, day, "archive/logs/[a-z]*/{day}/{hour}.*")


def critical(data: Path, day: str) -> Parts:
    return by_glob(data, day, f"archive/critical/{day.replace('-', '/')}.*")


def minutes(data: Path, day: str) -> Parts:
    """Find the minutes of sealed hours."""
    parts: Parts = {}
    lake = Path(layout.lake(data))
    for hour in range(HOURS_OF_DAY):
        for table in TABLES:
            marker = lake / layout.hour_marker(table, day, hour)
            if marker.exists():
                found = [*sorted(marker.parent.glob("*.parquet")), marker]
                files = parts.setdefault(f"{day}T{hour:02d}", [])
                files += [local(data, it) for it in found if is_whole(it)]
    return parts


def lake(data: Path, day: str) -> Parts:
    """Find published hours; and, with a day that has some, named datasets and what only they need.

    Those lie beside the days: each day's partition has them as they are, and equal bytes once.
    """
    parts = by_hour(data, day, "lake/[!_.]*/[!_.]*/{day}/{hour}/[!_.]*")
    beside = ("lake/_datasets/*.json", f"lake/{commit.VERSIONS}/*.parquet")
    named = [file for it in beside for file in by_glob(data, day, it).get(day, [])]
    return {**parts, day: named} if parts and named else parts


def dated(folder: str) -> Callable[[Path, str], Parts]:
    """Give what finds the files below ``folder`` whose path names the day."""

    def find(data: Path, day: str) -> Parts:
        found = []
        for path in sorted((data / folder).rglob("*")):
            named = DAY_IN_PATH.search(path.relative_to(data).as_posix())
            if named and "-".join(named.groups()) == day and is_whole(path):
                found.append(local(data, path))
        return {day: found} if found else {}

    return find


def marts(data: Path, day: str) -> Parts:
    """Find the day's files of the marts, and the record of what they were made of."""
    parts = by_glob(data, day, f"marts/[!_]*/{day.replace('-', '/')}.parquet")
    record = by_glob(data, day, f"marts/_days/{day}.json")
    return {day: [*parts[day], *record.get(day, [])]} if parts else {}


HOLDINGS: tuple[Holding, ...] = (
    Holding(
        "journal",
        "Sealed segments of every session's journal, with their seals: the record itself.",
        "zstd",
        (),
        journal,
    ),
    Holding(
        "logs",
        "The six log streams as scribe sealed them, in gzip members, each with its index.",
        "gzip",
        ("compressed_logs",),
        logs,
    ),
    Holding(
        "lines",
        "Log lines typed, a Parquet file a module and hour.",
        "parquet",
        ("log_lines",),
        lines,
    ),
    Holding(
        "critical",
        "Lines of level CRITICAL, kept for ever.",
        "parquet",
        ("critical_lines",),
        critical,
    ),
    Holding(
        "minutes",
        "Minutes of ticks as scribe wrote them, of sealed hours, with the hours' markers.",
        "parquet",
        ("minute_files",),
        minutes,
    ),
    Holding(
        "lake",
        "Published hours of the backtest lake: tables and manifests of each symbol.",
        "parquet",
        ("depth", "trades", "ticker", "klines", "checkpoints"),
        lake,
    ),
    Holding(
        "reports",
        "Inspection, health and audit reports as sent.",
        "html",
        ("daily_report", "hourly_health"),
        dated("reports"),
    ),
    Holding(
        "backups",
        "Backups of databases and places.",
        "zstd",
        ("database_backup",),
        dated("backups"),
    ),
    Holding(
        "marts",
        "The day's orders, trades, results and latencies as the marts have them.",
        "parquet",
        MARTS,
        marts,
    ),
)
