import os
from pathlib import Path

from data_platform.sealed import sealed_since
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import TABLES
from trading_runtime.store import durable
from trading_runtime.store.hours import Hour


def mark(data: Path, hour: Hour, at_ns: int, content: bytes = b"{}", tables: int = 3) -> None:
    for table in list(TABLES)[:tables]:
        path = Path(layout.lake(data) / layout.hour_marker(table, hour.day, hour.of_day))
        durable.write(path, content)
        os.utime(path, ns=(at_ns, at_ns))


def names(data: Path, mark_ns: int = 0, limit: int = 24) -> list[str]:
    return [it.hour.name for it in sealed_since(data, mark_ns, limit)]


def test_an_hour_counts_when_all_its_tables_are_sealed(tmp_path: Path) -> None:
    mark(tmp_path, Hour("2025-11-19", 14), 10)
    mark(tmp_path, Hour("2025-11-19", 15), 20, tables=2)
    assert names(tmp_path) == ["2025-11-19T14"]
    mark(tmp_path, Hour("2025-11-19", 15), 30)
    assert names(tmp_path, 10) == ["2025-11-19T15"]


def test_a_backlog_is_given_in_the_order_of_sealing_and_bounded(tmp_path: Path) -> None:
    for of_day in range(5):
        mark(tmp_path, Hour("2025-11-19", of_day), 100 - of_day)
    assert names(tmp_path, limit=2) == ["2025-11-19T04", "2025-11-19T03"]
    assert names(tmp_path, 97) == ["2025-11-19T02", "2025-11-19T01", "2025-11-19T00"]


def test_a_marker_that_late_rows_rewrote_counts_again_with_another_digest(tmp_path: Path) -> None:
    hour = Hour("2025-11-19", 14)
    mark(tmp_path, hour, 10)
    (first,) = sealed_since(tmp_path, 0, 24)
    assert sealed_since(tmp_path, 10, 24) == []
    mark(tmp_path, hour, 20, b'{"more":1}')
    (second,) = sealed_since(tmp_path, 10, 24)
    assert second.digest != first.digest


def test_no_lake_is_no_hour(tmp_path: Path) -> None:
    assert names(tmp_path) == []
