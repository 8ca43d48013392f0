from pathlib import Path

import msgspec
import pytest

from tests.store.lake_rows import HOUR, Row, depth_rows, seal, table_of, write_minutes
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import DEPTH, KLINES, TABLES, TRADES
from trading_runtime.records.units import Nanos
from trading_runtime.store import commit, durable
from trading_runtime.store.commit import Rows
from trading_runtime.store.condition import Condition, HourCondition, condition_of, marker
from trading_runtime.store.hours import MINUTE_NS
from trading_runtime.store.lake.lake import dataset
from trading_runtime.store.manifest import Made, Quality, RuleResult, Source

BTC = "somewhere-usdm:BTCUSDC"
OTHER = "somewhere-usdm:ETHUSDC"
HALF = Nanos(HOUR.start + 30 * MINUTE_NS)


def told(data: Path, name: str = BTC, now: Nanos | None = None) -> HourCondition:
    return condition_of(Path(layout.lake(data)), DEPTH, name, HOUR, now)


def rows_of_the_hour(step_ns: int) -> list[Row]:
    rows = depth_rows(2_000, step_ns=step_ns)
    return [row for row in rows if int(str(row["ts_recv"])) < HOUR.end]


def publish(data: Path, rows: list[Row], *broken: RuleResult) -> None:
    """Publish rows as made of all the minutes that the marker names."""
    root = Path(layout.lake(data))
    sealed = marker(root, DEPTH, HOUR)
    minutes = sealed.minutes if sealed else ()
    sources = [Source(path=f"{it.minute:02d}", sha256=it.sha256, rows=it.rows) for it in minutes]
    it = dataset(root, DEPTH, BTC, HOUR)
    commit.stage(it, Rows(table_of(rows, DEPTH), sources, sealed is not None, {}, "test/1"))
    digest = durable.sha256(it.candidate)
    commit.judge(it, Quality(file_sha256=digest, expectations=1, broken=broken))
    commit.publish(it, Made(run_id="r", at=Nanos(1)))


def test_an_hour_without_a_trace_is_missing_once_it_is_over(tmp_path: Path) -> None:
    assert told(tmp_path) == HourCondition(
        condition=Condition.MISSING, minutes_seen=0, minutes_passed=60
    )
    assert told(tmp_path, now=HALF) == HourCondition(
        condition=Condition.PARTIAL, minutes_seen=0, minutes_passed=30
    )


def test_an_open_hour_is_partial_with_its_coverage(tmp_path: Path) -> None:
    write_minutes(tmp_path, DEPTH, rows_of_the_hour(10**8), sealed=False)
    assert told(tmp_path, now=HALF) == HourCondition(
        condition=Condition.PARTIAL, minutes_seen=4, minutes_passed=30
    )


def test_a_sealed_hour_is_partial_until_all_of_it_is_published(tmp_path: Path) -> None:
    rows = rows_of_the_hour(2 * 10**9)
    write_minutes(tmp_path, DEPTH, rows)
    assert told(tmp_path).condition is Condition.PARTIAL
    publish(tmp_path, rows)
    assert told(tmp_path) == HourCondition(
        condition=Condition.COMPLETE, minutes_seen=60, minutes_passed=60
    )


def test_an_hour_that_lacks_minutes_is_degraded(tmp_path: Path) -> None:
    rows = rows_of_the_hour(10**8)
    write_minutes(tmp_path, DEPTH, rows)
    publish(tmp_path, rows)
    assert told(tmp_path) == HourCondition(
        condition=Condition.DEGRADED, minutes_seen=4, minutes_passed=60
    )


def test_an_hour_whose_checks_warned_is_degraded(tmp_path: Path) -> None:
    rows = rows_of_the_hour(2 * 10**9)
    write_minutes(tmp_path, DEPTH, rows)
    publish(
        tmp_path,
        rows,
        RuleResult(rule="book_trusted", promise="", blocking=False, found=1, rows=(1,)),
    )
    assert told(tmp_path).condition is Condition.DEGRADED


def test_a_silent_hour_is_empty_and_so_is_a_silent_instrument(tmp_path: Path) -> None:
    for table in TABLES.values():
        seal(tmp_path, table)
    assert told(tmp_path).condition is Condition.EMPTY
    rows = rows_of_the_hour(2 * 10**9)
    write_minutes(tmp_path, DEPTH, rows)
    publish(tmp_path, rows)
    assert told(tmp_path, OTHER).condition is Condition.EMPTY
    klines = condition_of(Path(layout.lake(tmp_path)), KLINES, BTC, HOUR)
    assert klines.condition is Condition.EMPTY


def test_an_hour_with_findings_is_quarantined(tmp_path: Path) -> None:
    write_minutes(tmp_path, DEPTH, rows_of_the_hour(10**8))
    path = dataset(Path(layout.lake(tmp_path)), DEPTH, BTC, HOUR).path
    findings = (Path(layout.quarantine(tmp_path)) / path).with_suffix(".findings.json")
    durable.write(findings, b"{}")
    assert told(tmp_path).condition is Condition.QUARANTINED


def test_what_is_derived_waits_for_what_it_is_made_of(tmp_path: Path) -> None:
    write_minutes(tmp_path, TRADES, [])
    write_minutes(tmp_path, DEPTH, rows_of_the_hour(10**8))
    root = Path(layout.lake(tmp_path))
    assert condition_of(root, KLINES, BTC, HOUR).condition is Condition.EMPTY


def test_a_damaged_marker_is_no_condition(tmp_path: Path) -> None:
    path = Path(layout.lake(tmp_path)) / layout.hour_marker("depth", HOUR.day, HOUR.of_day)
    durable.write(Path(path), b"{")
    with pytest.raises(msgspec.DecodeError):
        told(tmp_path)
