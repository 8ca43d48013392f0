"""The hour of a venue whose clock is off is degraded; where nobody asked, nothing is said."""

from pathlib import Path

from data_platform.assets import batch
from data_platform.assets.logs import archive
from data_platform.assets.ticks import compaction
from data_platform.checks import clocks, verdict
from data_platform.checks.settings import QualitySettings
from tests.data_platform.recorded import MADE, opened, write_logs
from tests.store.lake_rows import HOUR, depth_rows, trade_rows, write_hour
from trading_runtime.records import layout
from trading_runtime.records.facts_market import ClockOffsetMoved
from trading_runtime.records.lake_schema import LOGS, TRADES
from trading_runtime.records.units import Nanos
from trading_runtime.store import commit, durable
from trading_runtime.store.commit import Dataset
from trading_runtime.store.manifest import DEGRADING, Quality

MILLISECOND = 10**6


def moved(milliseconds: int, venue: str = "somewhere-usdm") -> ClockOffsetMoved:
    return ClockOffsetMoved(
        venue=venue, offset_ns=Nanos(milliseconds * MILLISECOND), round_trip_ns=Nanos(10)
    )


def measured(data: Path, path: str) -> list[tuple[int, bool]]:
    """Give what the rule measured of the staged hour, and whether that breaks it; or nothing."""
    dataset = Dataset(Path(layout.lake(data)), path, TRADES)
    candidate = verdict.opened(data, dataset, HOUR, QualitySettings())
    findings, _ = verdict.of_rows(candidate)
    return [(it.measured, it.broken) for it in findings if it.rule == clocks.OFFSET]


def publish_lines(data: Path) -> None:
    """Publish the lines of the hour without asking what they promise."""
    root, name = archive.archive_root(data), archive.batch_name(HOUR)
    archive.stage_hour(data, HOUR)
    for it in batch.to_judge(root, name, LOGS):
        digest = durable.sha256(it.candidate)
        commit.judge(it, Quality(file_sha256=digest, expectations=0, broken=()))
    batch.publish(root, name, LOGS, MADE)


def test_a_venue_whose_clock_is_off_makes_its_hour_degraded(tmp_path: Path) -> None:
    write_hour(tmp_path, depth_rows(20), trade_rows(20))
    (path,) = compaction.stage_hour(tmp_path, TRADES, HOUR).staged
    assert measured(tmp_path, path) == []
    write_logs(tmp_path, (opened(), moved(900, "elsewhere-usdm")))
    assert measured(tmp_path, path) == []
    write_logs(tmp_path, (opened(), moved(4), moved(900, "elsewhere-usdm")))
    assert measured(tmp_path, path) == [(4_000, False)]
    write_logs(tmp_path, (opened(), moved(4), moved(-6)))
    assert measured(tmp_path, path) == [(6_000, True)]
    assert not clocks.OFFSET.blocking
    assert clocks.OFFSET.name in DEGRADING
    # The same, when the lines are archived and the files that scribe sealed are gone.
    publish_lines(tmp_path)
    for sealed in Path(layout.sealed_logs(tmp_path)).glob("*.jsonl"):
        sealed.unlink()
    assert measured(tmp_path, path) == [(6_000, True)]
