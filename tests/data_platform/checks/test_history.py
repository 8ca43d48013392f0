from pathlib import Path

from data_platform.checks import history
from data_platform.checks.settings import QualitySettings
from trading_runtime.records.lake_schema import DEPTH
from trading_runtime.store.commit import Dataset
from trading_runtime.store.hours import Hour

SETTINGS = QualitySettings()
METRICS = {"messages": 36_000, "spread_ppm_median": 5, "bytes_per_krow": 4_000}


def dataset(root: Path, hour: Hour) -> Dataset:
    day = hour.day.replace("-", "/")
    return Dataset(root / "lake", f"somewhere-usdm/BTCUSDC/{day}/14/depth.parquet", DEPTH)


def fill(data: Path, days: int) -> None:
    for day in range(1, days + 1):
        hour = Hour(f"2025-11-{day:02d}", 14)
        row = {**METRICS, "messages": 36_000 + 100 * (day % 5)}
        history.record(data, dataset(data, hour), hour, row)


def unusual(data: Path, messages: int) -> list[str]:
    hour = Hour("2025-11-15", 14)
    row = {**METRICS, "messages": messages}
    found = history.unusual(data, dataset(data, hour), hour, row, SETTINGS)
    assert len(found) == 3
    return [it.rule.name for it in found if it.broken]


def test_an_hour_like_the_days_before_is_usual(tmp_path: Path) -> None:
    fill(tmp_path, 14)
    assert unusual(tmp_path, 36_500) == []


def test_an_hour_far_off_the_days_before_is_told(tmp_path: Path) -> None:
    fill(tmp_path, 14)
    assert unusual(tmp_path, 9_000) == ["messages_as_usual"]


def test_with_too_few_days_nothing_is_unusual(tmp_path: Path) -> None:
    fill(tmp_path, SETTINGS.history_days_min - 1)
    assert unusual(tmp_path, 9_000) == []


def test_the_first_hours_of_a_year_are_held_against_the_last_ones_of_the_year_before(
    tmp_path: Path,
) -> None:
    for day in range(20, 32):
        before = Hour(f"2025-12-{day}", 14)
        history.record(tmp_path, dataset(tmp_path, before), before, METRICS)
    hour = Hour("2026-01-01", 14)
    row = {**METRICS, "messages": 1}
    found = history.unusual(tmp_path, dataset(tmp_path, hour), hour, row, SETTINGS)
    assert [it.rule.name for it in found if it.broken] == ["messages_as_usual"]


def test_an_hour_judged_again_replaces_its_row_and_may_know_more(tmp_path: Path) -> None:
    hour = Hour("2025-11-19", 14)
    of_day = dataset(tmp_path, hour)
    history.record(tmp_path, of_day, hour, {"rows": 1})
    history.record(tmp_path, of_day, Hour(hour.day, 9), {"rows": 7})
    history.record(tmp_path, of_day, hour, {"rows": 2, "messages": 3})
    path = history.place(tmp_path, of_day, hour.day)
    assert path.relative_to(tmp_path).as_posix() == (
        "quality/metrics/depth/somewhere-usdm/BTCUSDC/2025-11-19.parquet"
    )
    assert history.read(path) == [
        {"hour": 9, "rows": 7, "messages": None},
        {"hour": 14, "rows": 2, "messages": 3},
    ]
