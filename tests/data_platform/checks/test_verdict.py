"""One wrong cell of a minute, through staging, the suite and the refusal to publish."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from data_platform.assets import batch
from data_platform.assets.quality import pages
from data_platform.assets.ticks import compaction
from data_platform.checks import quarantine, verdict
from data_platform.checks.settings import QualitySettings
from tests.data_platform.recorded import MADE, publish_tables
from tests.store.lake_rows import (
    HOUR,
    depth_rows,
    seal,
    trade_rows,
    write_hour,
    write_minute,
    write_minutes,
)
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import DEPTH, KEY_SCHEMA, TRADES, Table
from trading_runtime.store import commit, parquet
from trading_runtime.store.commit import Dataset, NotPublished

pytestmark = pytest.mark.usefixtures("suite_loaded")


def test_a_good_hour_passes_all_expectations_and_is_published(tmp_path: Path) -> None:
    write_hour(tmp_path, depth_rows(300), trade_rows(200))
    told = publish_tables(tmp_path)
    assert [it.commit.dataset.rpartition("/")[2] for it in told] == [
        "depth.parquet",
        "trade.parquet",
    ]
    for it in told:
        assert it.quality.expectations > 12
        assert it.quality.broken == ()


CELLS: tuple[tuple[Table, str, dict[str, int | str]], ...] = (
    (DEPTH, "px_positive", {"px": 0}),
    (DEPTH, "chain_whole", {"prev_id": 12}),
    (DEPTH, "ts_recv_in_hour", {"ts_recv": HOUR.end + 5}),
    (DEPTH, "instrument_known", {"instrument_id": "elsewhere:BTCUSDC"}),
    (TRADES, "px_positive", {"px": 0}),
    (TRADES, "trade_id_rising", {"trade_id": 5_050}),
    (TRADES, "instrument_known", {"instrument_rev": 3}),
)


@pytest.mark.parametrize(
    ("table", "rule", "cells"), CELLS, ids=[f"{it.minutes}-{rule}" for it, rule, _ in CELLS]
)
def test_one_wrong_cell_is_named_and_keeps_the_hour_out(
    tmp_path: Path, table: Table, rule: str, cells: dict[str, int | str]
) -> None:
    rows = depth_rows(100) if table is DEPTH else trade_rows(100)
    place = next(n for n in range(60, 100) if rows[n]["seq"] != rows[n - 1]["seq"])
    rows[place] = {**rows[place], **cells}
    if "ts_recv" in cells:
        rows.append(rows.pop(place))  # the hour is stored in the order of its times
        place = len(rows) - 1
    # All in one minute: the damaged cell does not move the row into another file.
    write_minute(tmp_path, table, 0, rows)
    seal(tmp_path, table)
    compaction.stage_hour(tmp_path, table, HOUR)
    root, name = Path(layout.lake(tmp_path)), compaction.batch_name(table, HOUR)
    named = {
        row
        for dataset in batch.to_judge(root, name, table)
        for broken in verdict.judge(dataset, HOUR).broken
        if broken.rule == rule
        for row in broken.rows
    }
    # A row of another symbol stands in a file of its own, as its first row.
    assert (0 if "instrument_id" in cells else place) in named
    with pytest.raises(NotPublished, match=rule):
        batch.publish(root, name, table, MADE)
    assert not list(root.glob("somewhere-usdm/**/*.parquet"))


def test_a_file_that_has_lost_a_row_since_it_was_staged_is_found(tmp_path: Path) -> None:
    write_minutes(tmp_path, TRADES, trade_rows(50))
    compaction.stage_hour(tmp_path, TRADES, HOUR)
    root, name = Path(layout.lake(tmp_path)), compaction.batch_name(TRADES, HOUR)
    (dataset,) = batch.to_judge(root, name, TRADES)
    footer = {key: value.decode() for key, value in parquet.metadata(dataset.staged).items()}
    del footer[KEY_SCHEMA]
    parquet.write(dataset.staged, parquet.read(dataset.staged).slice(1), TRADES, footer)
    broken = {it.rule for it in verdict.judge(dataset, HOUR).broken}
    assert broken == {"rows_of_sources", "content_as_committed"}


def judged(data: Path, table: Table) -> list[verdict.Judged]:
    """Stage, judge and publish the hour of a table as a run does; give what was judged."""
    root, name = Path(layout.lake(data)), compaction.batch_name(table, HOUR)
    compaction.stage_hour(data, table, HOUR)
    with commit.locked(root, name):
        told = [
            verdict.judge_or_quarantine(verdict.task(data, it, HOUR, QualitySettings()))
            for it in batch.to_judge(root, name, table)
        ]
        batch.set_aside(root, name, [it.path for it in told if it.quarantined])
    batch.publish(root, name, table, MADE)
    return told


def two_symbols(data: Path, *, bad: bool) -> None:
    rows = trade_rows(100) + trade_rows(100, symbol="ETHUSDC", seed=2)
    if bad:
        rows[40] = {**rows[40], "px": 0}
        rows[60] = {**rows[60], "px": 0, "trade_id": 5_001}
    write_minute(data, TRADES, 0, sorted(rows, key=lambda it: (it["ts_recv"], it["seq"])))
    seal(data, TRADES)


def test_a_bad_symbol_is_quarantined_with_its_rows_and_the_others_go_on(tmp_path: Path) -> None:
    two_symbols(tmp_path, bad=True)
    bad, good = judged(tmp_path, TRADES)
    assert good.quarantined is None
    told = bad.quarantined
    assert told is not None
    root = Path(layout.lake(tmp_path))
    assert not (root / bad.path).exists()
    assert (root / good.path).exists()
    assert told.file == f"quarantine/{bad.path}"
    offenders = pq.read_table(tmp_path / told.rows).to_pylist()
    named = {(it["rule"], it["row"]) for it in offenders}
    assert {("px_positive", 40), ("px_positive", 60), ("trade_id_rising", 60)} <= named
    assert all(it["px"] == 0 for it in offenders if it["rule"] == "px_positive")
    assert pq.read_table(tmp_path / told.file).num_rows == 100
    of_bad, of_good = (Dataset(root, it.path, TRADES) for it in (bad, good))
    assert quarantine.read(tmp_path, of_bad) == told
    assert quarantine.read(tmp_path, of_good) is None
    assert not told.quality.passed


def test_a_repaired_hour_is_published_and_leaves_the_quarantine(tmp_path: Path) -> None:
    two_symbols(tmp_path, bad=True)
    judged(tmp_path, TRADES)
    again = judged(tmp_path, TRADES)  # nothing was repaired: the same again
    assert [it.quarantined is not None for it in again] == [True]
    two_symbols(tmp_path, bad=False)
    # The repaired minute is a late version of the good symbol's rows too.
    assert all(it.quarantined is None for it in judged(tmp_path, TRADES))
    assert not [it for it in Path(layout.quarantine(tmp_path)).rglob("*") if it.is_file()]
    published = sorted(Path(layout.lake(tmp_path)).glob("somewhere-usdm/*/2025/11/19/14/*.parquet"))
    assert len(published) == 2


def test_bad_late_rows_leave_the_version_before_where_it_is(tmp_path: Path) -> None:
    write_minute(tmp_path, TRADES, 0, trade_rows(100))
    seal(tmp_path, TRADES)
    (first,) = judged(tmp_path, TRADES)
    place = Path(layout.lake(tmp_path)) / first.path
    before = place.read_bytes()
    late = [{**it, "trade_id": 1, "seq": 10_000} for it in trade_rows(1)]
    write_minute(tmp_path, TRADES, 59, late)
    seal(tmp_path, TRADES)
    (second,) = judged(tmp_path, TRADES)
    assert second.quarantined is not None
    assert place.read_bytes() == before


def test_the_results_of_all_datasets_become_pages_that_need_no_network(tmp_path: Path) -> None:
    two_symbols(tmp_path, bad=True)
    judged(tmp_path, TRADES)
    built = pages.build(tmp_path, days=14)
    assert [(it.owner, it.hour, it.colour) for it in built.pages] == [
        ("somewhere-usdm/BTCUSDC", 14, "bad"),
        ("somewhere-usdm/ETHUSDC", 14, "good"),
    ]
    docs = pages.docs_folder(tmp_path)
    front = built.front.read_text()
    for it in built.pages:
        assert f'href="{it.path}"' in front
        text = (docs / it.path).read_text()
        assert "px_positive" in text
        assert "a trade has a price above zero" in text
        assert "<script" not in text
        assert "http" not in text
    assert pages.build(tmp_path, days=14).written == 0
    judged(tmp_path, TRADES)
    assert pages.build(tmp_path, days=14).written == 1
