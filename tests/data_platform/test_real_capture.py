"""Recorded traffic through the runtime and scribe, then through the platform to a report."""

import gzip
import itertools
import threading
from pathlib import Path

import pytest

from data_platform.assets.reports import daily
from data_platform.assets.reports.day import Asked
from data_platform.assets.reports.report import Verdict
from data_platform.assets.reports.settings import ReportSettings
from tests.data_platform.recorded import publish_logs, publish_tables
from trading_runtime.cli.main import main
from trading_runtime.config import SHIPPED, load_settings
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import DEPTH, TRADES
from trading_runtime.scribe import process
from trading_runtime.store.hours import Hour
from trading_runtime.store.lake import lake

pytestmark = pytest.mark.usefixtures("suite_loaded")

CAPTURE = "captures/hftbacktest_binance_20240808/usdm/btcusdt_20240808.gz"
LINES = 8_000
HOUR = Hour("2024-08-08", 23)
BTC = "binance-usdm:BTCUSDT"


@pytest.fixture(scope="module")
def data(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a data folder as a clean stop leaves it."""
    folder = tmp_path_factory.mktemp("real")
    capture, data = folder / "capture", folder / "data"
    with gzip.open(shared_data / CAPTURE, "rb") as whole:
        capture.write_bytes(b"".join(itertools.islice(whole, LINES)))
    market = ["--venue", "binance-usdm", "--symbol", "BTCUSDT", "--tick", "0.10", "--lot", "0.001"]
    assert main(["feed", str(capture), *market, "--trade", "--data", str(data)]) == 0
    process.run(data, load_settings(SHIPPED).scribe, threading.Event(), once=True, finish=True)
    return data


def test_real_ticks_keep_every_blocking_promise_and_are_scanned_back(data: Path) -> None:
    told = {it.commit.schema_id.partition("/")[0]: it for it in publish_tables(data, HOUR)}
    assert set(told) == {"depth", "trades", "ticker"}
    for it in told.values():
        # The recorder's clock ran 1.27 s behind the venue's; nothing else is to be told.
        assert {rule.rule for rule in it.quality.broken} <= {"clock_sane"}
    root = Path(layout.lake(data))
    for table in (DEPTH, TRADES):
        rows = lake.scan(root, table, BTC, HOUR.start, HOUR.end, allow=lake.ANY)
        assert rows.num_rows == told[table.minutes].commit.rows > 500


def test_real_logs_make_a_report_without_a_disagreement(data: Path) -> None:
    publish_logs(data, HOUR)
    publish_tables(data, HOUR)
    report = daily.make(data, Asked(HOUR.day, "UTC", ReportSettings()))
    told = {item.name: item for section in report.sections for item in section.items}
    assert int(told["Fills"].value) > 0
    assert int(told["Quote changes"].value) > 0
    assert told["Position by the runtime"].verdict is Verdict.PLAIN
    assert told["Depth lag"].value.startswith("p99=-1")
    assert told["Depth lag"].verdict is Verdict.ATTENTION
