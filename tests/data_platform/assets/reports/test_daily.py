"""The report over a small recorded day, read as a person reads it."""

from pathlib import Path

import msgspec
import pytest

from data_platform.assets.reports import daily
from data_platform.assets.reports.day import Asked
from data_platform.assets.reports.report import Item, Report, Verdict
from data_platform.assets.reports.settings import ReportSettings
from tests.data_platform import filed, recorded
from tests.store.lake_rows import HOUR, INSTRUMENT, depth_rows, trade_rows
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import DEPTH, TABLES, TRADES, HourSealed, MinuteSealed
from trading_runtime.records.units import Module, Nanos
from trading_runtime.store import durable
from trading_runtime.store.hours import Hour

DAY = "2025-11-19"
LIMITS = ReportSettings()
UTC = Asked(DAY, "UTC", LIMITS)
GOLDEN = """\
=== Daily Quant Ops Report ===
Date: 2025-11-19 (partial: 1 of 24 hours)
Market:   WS reconnects: 1 · Depth lag: p99=3ms (ok, at most 200ms) · \
Trade stream interruptions: 0 · Desynchronised books: 0 · Quarantined frames: 0
Strategy: OnTick average: 1.50ms · Worst turn: 7.5ms · Hedge count: 1 · Max spread: 4 ticks · \
Pauses: 0 · Max grid levels: 3 · Quote changes: 1
Risk:     Inventory peaks: +0.32/-0.28 somewhere-usdm:BTCUSDC · \
MaxInventory triggered: 1 [above 0] · PanicStops: 0 · Limits touched: max_inventory 1
OMS:      Rejects: 0 · Avg order latency: 3.0ms · Order latency: p50=3.0ms p90=3.8ms p99=4.0ms · \
Cancel latency: p50=5.0ms p90=5.0ms p99=5.0ms · API error rate: 0.00 % (ok, at most 1 %) · \
Orders: 2 · Cancel rate: 50.00 % [above 20 %] · Fills: 2
Account:  Balance: 10003.10 USDC · Equity: 10006.35 USDC · \
PnL: +6.35 USDC (ok, loss at most 2 %) · Realized: 3.20 USDC · Fees: 0.10 USDC · \
Funding: 0.00 USDC · Risk rate: no data: the account was not marked
Alerts and operations: Alerts: 0 critical, 0 warning · Operations: pause by anna 1 · \
Parameter changes: 0 · By the audit record: no data: no audit record is kept below the data folder
System:   Module CPU: runtime 61 (max 70) % [above 50 %] · CPU of other modules: no data: \
not measured by watchdog · Memory: max runtime 100 MiB · High resources: 0 · Stalls: 0 · \
Log lines skipped: 0
Record:   Hours of lines: partial: 1 of 24 hours [what is missing is not in the report] · \
Position by the runtime: -0.28 somewhere-usdm:BTCUSDC · \
Equity by the runtime: 10003.00 USDC (-3.35 against ours) · \
Entries against lines: no data: no audit record was read · \
Audit record of 2025-11-19: no data: not verified yet · \
By the marts: no data: the marts of the day are not built · \
Hours of depth somewhere-usdm:BTCUSDC: complete 1, missing 23 [00-13 missing, 15-23 missing] · \
Hours of trade somewhere-usdm:BTCUSDC: complete 1, missing 23 [00-13 missing, 15-23 missing] · \
Data Docs: no data: data/quality/docs/index.html is not built
"""
PREFIX = '{"ts":"2025-11-19T14:30:00.000000Z","module":"system","level":"INFO","event":'
MEASURED = (
    f'{PREFIX}"ServiceStarted","service":"runtime","session":"s1","seq":91}}',
    f'{PREFIX}"ServiceStarted","service":"watchdog","session":"w1","seq":1}}',
    *(
        f'{PREFIX}"LoadMeasured","cpu_percent":{cpu},"memory_bytes":104857600,"turns":2,'
        f'"busy_ms":3.000000,"turn_max_ms":{longest},"session":"s1","seq":{seq}}}'
        for cpu, longest, seq in ((52, "2.500000", 92), (70, "7.500000", 93))
    ),
)


def write_day(data: Path) -> None:
    recorded.write_logs(data)
    filed.file_logs(data, HOUR)
    filed.file_rows(data, DEPTH, INSTRUMENT, HOUR, depth_rows(400))
    filed.file_rows(data, TRADES, INSTRUMENT, HOUR, trade_rows(200))
    for table in TABLES.values():
        minutes = tuple(MinuteSealed(minute=it, rows=1, sha256="0") for it in range(60))
        marker = layout.lake(data) / layout.hour_marker(table.minutes, HOUR.day, HOUR.of_day)
        told = HourSealed(table=table.minutes, hour=HOUR.name, minutes=minutes)
        durable.write(Path(marker), msgspec.json.encode(told))
    filed.file_lines(data, Module.SYSTEM, HOUR, [it.encode() for it in MEASURED])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recorded")
    write_day(folder)
    return folder


def items(report: Report) -> dict[str, Item]:
    return {item.name: item for section in report.sections for item in section.items}


def test_the_report_says_what_was_recorded(data: Path) -> None:
    done = daily.write(data, UTC)
    assert done.text == GOLDEN
    assert (data / "reports" / DAY / "report.txt").read_text() == GOLDEN
    assert (data / "reports" / DAY / "chart.png").read_bytes().startswith(b"\x89PNG")


def test_each_threshold_of_the_inspection_has_a_verdict(data: Path) -> None:
    told = items(daily.make(data, UTC))
    names = ("Module CPU", "Depth lag", "API error rate", "Cancel rate", "MaxInventory triggered")
    for name in (*names, "PnL"):
        assert told[name].verdict in {Verdict.WELL, Verdict.ATTENTION}, name
        assert told[name].threshold, name
    easy = ReportSettings(module_cpu_percent_max=70, cancel_percent_max=60)
    told = items(daily.make(data, UTC._replace(limits=easy)))
    assert told["Module CPU"].verdict is told["Cancel rate"].verdict is Verdict.WELL
    strict = ReportSettings(ws_lag_ms_max=1)
    assert items(daily.make(data, UTC._replace(limits=strict)))["Depth lag"].why == "above 1ms"


def test_the_saved_page_holds_its_chart_and_nothing_from_elsewhere(data: Path) -> None:
    done = daily.write(data, UTC)
    page = done.page.read_text()
    assert 'src="data:image/png;base64,' in page
    assert "http" not in page
    assert "<script" not in page
    assert 'src="cid:chart@tapedeck"' in done.notice.page


def test_a_report_made_again_is_the_same_to_the_byte(data: Path) -> None:
    files = sorted((data / "reports").rglob("*.*"))
    daily.write(data, UTC)
    before = {it: it.read_bytes() for it in files}
    daily.write(data, UTC)
    assert {it: it.read_bytes() for it in files} == before
    assert msgspec.json.decode((data / "reports" / DAY / "report.json").read_bytes(), type=Report)


def test_a_day_without_a_record_says_so_line_by_line_and_shows_no_nought(data: Path) -> None:
    report = daily.make(data, UTC._replace(day="2025-11-18"))
    told = items(report)
    assert told.pop("Hours of lines").value == "partial: 0 of 24 hours"
    assert len(told) > 35
    assert {it.verdict for it in told.values()} == {Verdict.UNKNOWN}
    assert {it.value for it in told.values()} == {"no data"}


def test_a_day_after_the_record_says_what_it_ended_with(data: Path) -> None:
    told = items(daily.make(data, UTC._replace(day="2025-11-20")))
    assert told["Balance"].value == "no data"
    assert "10003.10 USDC after 2025-11-19" in told["Balance"].why
    assert told["PnL"].verdict is Verdict.UNKNOWN


def test_a_day_of_a_zone_begins_at_its_midnight(data: Path) -> None:
    """At 14:00 UTC the day is 19 November in Kolkata still, and 20 November in Auckland."""
    here = daily.make(data, UTC._replace(zone="Asia/Kolkata"))
    assert (here.coverage.told, items(here)["Fills"].value) == ("partial: 1 of 25 hours", "2")
    there = daily.make(data, UTC._replace(zone="Pacific/Auckland"))
    assert items(there)["Fills"].value == "no data"
    later = daily.make(data, Asked("2025-11-20", "Pacific/Auckland", LIMITS))
    assert items(later)["Fills"].value == "2"


def test_lines_outside_a_day_that_cuts_an_hour_are_not_its_lines(tmp_path: Path) -> None:
    """A day in Kolkata ends at 18:30 UTC."""
    lines = [
        f'{{"ts":"2025-11-19T18:{minute}:00.000000Z","module":"oms","level":"INFO",'
        f'"event":"PlaceOrder","session":"s1","seq":{minute}}}'.encode()
        for minute in (10, 20, 29, 30, 31)
    ]
    filed.file_lines(tmp_path, Module.OMS, Hour(DAY, 18), lines)
    ends = daily.make(tmp_path, UTC._replace(zone="Asia/Kolkata"))
    begins = daily.make(tmp_path, Asked("2025-11-20", "Asia/Kolkata", LIMITS))
    assert (items(ends)["Orders"].value, items(begins)["Orders"].value) == ("3", "2")


def test_hours_to_come_are_not_missing(data: Path) -> None:
    now = Nanos(Hour(DAY, 16).start + 1)
    report = daily.make(data, UTC._replace(now=now))
    conditions = report.hours[0].conditions
    assert (conditions[14], conditions[15], conditions[17]) == ("complete", "missing", "to come")
