"""Checks of what spans more than one dataset: the orders of an hour, and its tables together."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from data_platform.checks import lake_hour, orders, own_fills
from data_platform.checks.expectations import encoded, rule_result, validate_metrics
from data_platform.checks.findings import Finding, Subject
from data_platform.checks.settings import QualitySettings
from trading_runtime.records import layout
from trading_runtime.records.units import Module
from trading_runtime.store import durable, parquet
from trading_runtime.store.hours import Hour
from trading_runtime.store.manifest import RuleResult


class Told(NamedTuple):
    """What one hour's validation said; ``where`` names the dataset of each broken rule."""

    hour: Hour
    expectations: int
    broken: Sequence[RuleResult]
    where: Sequence[str]


def concluded(data: Path, name: str, hour: Hour, found: Iterable[tuple[str, Finding]]) -> Told:
    """Validate findings of several datasets in one suite, and keep the results for the pages."""
    found = list(found)
    if not found:
        return Told(hour, 0, (), ())
    many = Counter(finding.rule.name for _, finding in found)
    numbered = [
        finding if many[finding.rule.name] == 1 else renamed(finding, where)
        for where, finding in found
    ]
    outcome = validate_metrics(f"{name} {hour.name}", numbered)
    folder = f"results/{name}/{hour.day.replace('-', '/')}/{hour.of_day:02d}.json"
    durable.write(Path(layout.quality(data), folder), encoded([outcome]))
    broken = [(where, rule_result(finding)) for where, finding in found if finding.broken]
    return Told(
        hour, outcome.expectations, [rule for _, rule in broken], [where for where, _ in broken]
    )


def renamed(finding: Finding, where: str) -> Finding:
    """Name one of several findings of one rule by its dataset: a suite asks a name once."""
    return finding._replace(rule=finding.rule._replace(name=f"{finding.rule.name} {where}"))


def orders_file(data: Path, hour: Hour) -> Path:
    below = f"{Module.OMS.value}/{hour.day.replace('-', '/')}/{hour.of_day:02d}.parquet"
    return Path(layout.log_tables(data)) / below


def orders_of(data: Path, hour: Hour, settings: QualitySettings) -> Iterable[tuple[str, Finding]]:
    path = orders_file(data, hour)
    if path.exists():
        subject = Subject(hour, (), settings.thresholds)
        rows = parquet.read(path, ["ts", "event", "seq", "line"])
        fills = own_fills.inspect(rows, Path(layout.lake(data)), hour, settings.numbered)
        for it in [*orders.inspect(rows, subject).findings, *fills]:
            if settings.asks("orders", it.rule.name):
                yield path.relative_to(data).as_posix(), it


def checked_orders(data: Path, hour: Hour, settings: QualitySettings) -> Told:
    """Follow the orders of the hour through the published lines of the OMS."""
    return concluded(data, "orders", hour, orders_of(data, hour, settings))


def checked_lake(data: Path, hour: Hour, settings: QualitySettings) -> Told:
    """Hold the published tables of the hour against each other and their manifests."""
    found = lake_hour.inspect(Path(layout.lake(data)), hour, settings)
    return concluded(data, "lake", hour, [(it.dataset, it.finding) for it in found])


def table(told: Sequence[Told]) -> str:
    """Show each broken rule with the first rows that break it, in Markdown."""
    lines = ["| hour | dataset | rule | measured | limit | rows | promise |", "|" + "---|" * 7]
    lines += [
        f"| {it.hour.name} | {where} | {rule.rule} | {rule.measured} | {rule.limit} "
        f"| {', '.join(map(str, rule.rows))} | {rule.promise} |"
        for it in told
        for rule, where in zip(it.broken, it.where, strict=True)
    ]
    return "\n".join(lines)
