"""What was measured of each hour, kept: one Parquet a day for each instrument of a table.

``quality/metrics/<table>/<venue>/<symbol>/YYYY-MM-DD.parquet`` has one row an hour: the metrics of
the hour and, as ``rule_<name>``, what each rule measured. An hour that is judged again replaces its
row. The same hour of the days before says what is usual: the median, and the median absolute
deviation from it (a measure that one odd day does not move).
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from statistics import median

import pyarrow as pa
import pyarrow.parquet as pq

from data_platform.checks.findings import NO_ROWS, Finding, Rule
from data_platform.checks.settings import QualitySettings
from trading_runtime.records import layout
from trading_runtime.store import durable
from trading_runtime.store.commit import Dataset
from trading_runtime.store.hours import Hour

YEAR = re.compile(r"/\d{4}/", re.ASCII)
Metrics = Mapping[str, int]
Row = dict[str, int | None]

BANDS: Mapping[str, tuple[Rule, ...]] = {
    table: tuple(
        Rule(
            f"{metric}_as_usual",
            f"{metric} is what this hour of the days before would let expect",
            blocking=False,
            limit="band_deviations_max",
        )
        for metric in metrics
    )
    for table, metrics in {
        "depth": ("messages", "spread_ppm_median", "bytes_per_krow"),
        "trades": ("rows", "bytes_per_krow"),
        "ticker": ("rows",),
    }.items()
}
"""Rules by table; a rule's metric is its name without the end."""
BAND_FLOOR = 20
"""A band is never narrower than the median over this: five per cent are no anomaly."""


def place(data: Path, dataset: Dataset, day: str) -> Path:
    """Name the file of one day: below the table, as the dataset's own folders before its date."""
    owner = YEAR.split(dataset.path)[0]
    return Path(layout.quality(data), "metrics", dataset.table.minutes, owner, f"{day}.parquet")


def read(path: Path) -> list[Row]:
    if not path.exists():
        return []
    rows: list[Row] = pq.read_table(path).to_pylist()
    return rows


def record(data: Path, dataset: Dataset, hour: Hour, row: Metrics) -> None:
    """Put the hour's row into its day."""
    path = place(data, dataset, hour.day)
    with durable.lock(path.with_suffix(".lock")):
        others = [it for it in read(path) if it["hour"] != hour.of_day]
        now: Row = {"hour": hour.of_day, **row}
        rows = sorted([*others, now], key=lambda it: it["hour"] or 0)
        names = ["hour", *sorted({name for it in rows for name in it} - {"hour"})]
        table = pa.table(
            {name: pa.array([it.get(name) for it in rows], pa.int64()) for name in names}
        )
        beside = durable.temporary(path)
        pq.write_table(table, beside, compression="zstd", store_schema=False)
        durable.move(beside, path)


def before(data: Path, dataset: Dataset, hour: Hour, days: int) -> list[Row]:
    """Give the rows of the same hour of the days before, the newest first."""
    day = date.fromisoformat(hour.day)
    names = ((day - timedelta(days=n)).isoformat() for n in range(1, days + 1))
    rows = (it for name in names for it in read(place(data, dataset, name)))
    return [it for it in rows if it["hour"] == hour.of_day]


def deviations(value: int, usual: Sequence[int]) -> int:
    """Give how many median absolute deviations ``value`` is off the median, rounded down."""
    middle = median(usual)
    spread = median(abs(it - middle) for it in usual)
    return int(abs(value - middle) / max(spread, middle / BAND_FLOOR, 1))


def unusual(
    data: Path, dataset: Dataset, hour: Hour, metrics: Metrics, settings: QualitySettings
) -> list[Finding]:
    """Hold the hour's metrics against the days before; with too few days nothing is unusual."""
    rules = BANDS.get(dataset.table.minutes, ())
    known = before(data, dataset, hour, settings.history_days) if rules else []
    findings = []
    for rule in rules:
        metric = rule.name.removesuffix("_as_usual")
        usual = [value for it in known if (value := it.get(metric)) is not None]
        now = metrics.get(metric)
        judged = now is not None and len(usual) >= settings.history_days_min
        measured = deviations(now, usual) if now is not None and judged else 0
        limit = settings.thresholds.band_deviations_max
        findings.append(Finding(rule, measured, NO_ROWS, limit))
    return findings
