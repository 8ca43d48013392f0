"""One wrong cell of a minute, through staging, the suite and the refusal to publish."""

from pathlib import Path

import pytest

from data_platform.assets import batch
from data_platform.assets.ticks import compaction
from data_platform.checks import verdict
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
from trading_runtime.store import parquet
from trading_runtime.store.commit import NotPublished

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
