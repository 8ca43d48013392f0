import os
from pathlib import Path

from data_platform.sealed import sealed_since
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import TABLES
from trading_runtime.store import durable
from trading_runtime.store.hours import Hour


def mark(data: Path, hour: Hour, content: bytes = b"{}", tables: int = 3) -> int:
    """Write the hour's markers; give when the last of them came to its place."""
    last = 0
    for table in list(TABLES)[:tables]:
        path = Path(layout.lake(data) / layout.hour_marker(table, hour.day, hour.of_day))
        durable.write(path, content)
        last = path.stat().st_ctime_ns
    return last


def names(data: Path, mark_ns: int = 0, limit: int = 24) -> list[str]:
    return [it.hour.name for it in sealed_since(data, mark_ns, limit).hours]


def test_an_hour_counts_when_all_its_tables_are_sealed(tmp_path: Path) -> None:
    first = mark(tmp_path, Hour("2025-11-19", 14))
    mark(tmp_path, Hour("2025-11-19", 15), tables=2)
    assert names(tmp_path) == ["2025-11-19T14"]
    mark(tmp_path, Hour("2025-11-19", 15))
    assert names(tmp_path, first) == ["2025-11-19T15"]


def test_a_backlog_is_given_in_the_order_of_sealing_and_bounded(tmp_path: Path) -> None:
    marks = [mark(tmp_path, Hour("2025-11-19", of_day)) for of_day in (4, 3, 2, 1, 0)]
    first = names(tmp_path, limit=2)
    assert first[:2] == ["2025-11-19T04", "2025-11-19T03"]
    mark_ns = marks[len(first) - 1]
    rest = ["2025-11-19T02", "2025-11-19T01", "2025-11-19T00"]
    assert names(tmp_path, mark_ns) == rest[len(first) - 2 :]


def test_a_marker_that_late_rows_rewrote_counts_again_with_another_digest(tmp_path: Path) -> None:
    hour = Hour("2025-11-19", 14)
    at = mark(tmp_path, hour)
    (first,) = sealed_since(tmp_path, 0, 24).hours
    assert sealed_since(tmp_path, at, 24).hours == []
    mark(tmp_path, hour, b'{"more":1}')
    (second,) = sealed_since(tmp_path, first.marked_ns, 24).hours
    assert second.digest != first.digest


def test_an_hour_restored_with_its_old_times_counts(tmp_path: Path) -> None:
    newest = mark(tmp_path, Hour("2025-11-19", 14))
    mark(tmp_path, Hour("2025-11-01", 3))
    for table in TABLES:
        os.utime(layout.lake(tmp_path) / layout.hour_marker(table, "2025-11-01", 3), ns=(10, 10))
    assert names(tmp_path, newest) == ["2025-11-01T03"]


def test_what_is_no_hour_holds_up_no_other(tmp_path: Path) -> None:
    mark(tmp_path, Hour("2025-11-19", 14))
    lake = Path(layout.lake(tmp_path))
    for place in ("depth/2025-11-19/25", "depth/2025-11-19/late", "depth/tomorrow/01"):
        durable.write(lake / place / "_sealed.json", b"{}")
    found = sealed_since(tmp_path, 0, 24)
    assert [it.hour.name for it in found.hours] == ["2025-11-19T14"]
    assert len(found.unreadable) == 3


def test_no_lake_is_no_hour(tmp_path: Path) -> None:
    assert sealed_since(tmp_path, 0, 24).hours == []
