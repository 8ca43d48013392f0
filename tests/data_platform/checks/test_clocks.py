"""The hour of a venue whose clock is off is degraded; where nobody asked, nothing is said."""

from pathlib import Path

import pytest

from data_platform.assets.logs import archive
from data_platform.assets.ticks import compaction
from data_platform.checks import verdict
from data_platform.checks.settings import QualitySettings
from tests.data_platform.recorded import opened, publish_logs, write_logs
from tests.store.lake_rows import HOUR, depth_rows, trade_rows, write_hour
from trading_runtime.records import layout
from trading_runtime.records.facts_market import ClockOffsetMoved
from trading_runtime.records.lake_schema import TRADES
from trading_runtime.records.units import Nanos
from trading_runtime.store.commit import Dataset

pytestmark = pytest.mark.usefixtures("suite_loaded")

MILLISECOND = 10**6
OFF = QualitySettings(off=("trade_jump",))


def moved(milliseconds: int, venue: str = "somewhere-usdm") -> ClockOffsetMoved:
    return ClockOffsetMoved(
        venue=venue, offset_ns=Nanos(milliseconds * MILLISECOND), round_trip_ns=Nanos(10)
    )


def judged(data: Path, path: str) -> dict[str, int]:
    """Give what the staged hour breaks, with what was measured."""
    quality = verdict.judge(Dataset(Path(layout.lake(data)), path, TRADES), HOUR, OFF)
    assert quality.passed
    broken = {it.rule: it.measured for it in quality.broken}
    assert quality.degraded is bool(broken)
    return broken


def test_a_venue_whose_clock_is_off_makes_its_hour_degraded(tmp_path: Path) -> None:
    write_hour(tmp_path, depth_rows(20), trade_rows(20))
    (path,) = compaction.stage_hour(tmp_path, TRADES, HOUR).staged
    assert judged(tmp_path, path) == {}
    write_logs(tmp_path, (opened(), moved(4), moved(900, "elsewhere-usdm")))
    assert judged(tmp_path, path) == {}
    write_logs(tmp_path, (opened(), moved(4), moved(-6)))
    assert judged(tmp_path, path) == {"clock_offset_small": 6_000}
    # The same, when the lines are archived and the files that scribe sealed are gone.
    publish_logs(tmp_path)
    for sealed in Path(layout.sealed_logs(tmp_path)).glob("*.jsonl"):
        sealed.unlink()
    assert archive.archive_root(tmp_path).exists()
    assert judged(tmp_path, path) == {"clock_offset_small": 6_000}
