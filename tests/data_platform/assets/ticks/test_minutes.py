"""Minute files that cannot be taken: one error each, and the rest goes on."""

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_platform.assets.ticks import compaction, minutes
from data_platform.assets.ticks.compaction import HourTask
from tests.data_platform.assets.ticks import chain
from tests.store.lake_rows import (
    HOUR,
    depth_rows,
    seal,
    table_of,
    trade_rows,
    write_minute,
    write_minutes,
)
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import DEPTH, TRADES
from trading_runtime.store import parquet
from trading_runtime.store.hours import MINUTE_NS

BAD = "lake/depth/2025-11-19/14/01.parquet"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def halve(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def without_rows(path: Path) -> None:
    footer = {key: value.decode() for key, value in parquet.metadata(path).items()}
    del footer["lake.schema"]
    parquet.write(path, table_of([], DEPTH), DEPTH, footer)


def of_trades(path: Path) -> None:
    rows = table_of(trade_rows(30), TRADES)
    parquet.write(path, rows, TRADES, {"lake.instruments": "[]"})


def without_a_column(path: Path) -> None:
    rows = parquet.read(path)
    told = pq.read_metadata(path).metadata
    pq.write_table(rows.drop_columns(["px"]).replace_schema_metadata(told), path)


def with_another_type(path: Path) -> None:
    rows = parquet.read(path)
    told = pq.read_metadata(path).metadata
    words = pa.array(["much"] * rows.num_rows)
    place = rows.schema.get_field_index("qty")
    pq.write_table(rows.set_column(place, "qty", words).replace_schema_metadata(told), path)


def of_a_later_schema(path: Path) -> None:
    rows = parquet.read(path)
    told = {**(pq.read_metadata(path).metadata or {}), b"lake.schema": b"depth/2"}
    pq.write_table(rows.replace_schema_metadata(told), path)


def copied(path: Path) -> None:
    shutil.copy(path.with_name("00.parquet"), path)


def without_an_instrument_list(path: Path) -> None:
    rows = parquet.read(path)
    pq.write_table(rows.replace_schema_metadata({b"lake.schema": b"depth/1"}), path)


DAMAGE: list[tuple[Callable[[Path], None], str]] = [
    (cut, "no whole Parquet file"),
    (halve, "no whole Parquet file"),
    (empty, "is empty"),
    (without_rows, "has no row"),
    (of_trades, "is no minute of depth"),
    (without_a_column, "has no column px"),
    (with_another_type, "column qty is string"),
    (of_a_later_schema, "run the hour again with the code that wrote it"),
    (copied, "has the bytes of lake/depth/2025-11-19/14/00.parquet"),
    (without_an_instrument_list, "is no minute of depth"),
]


@pytest.mark.parametrize(("damage", "told"), DAMAGE, ids=[it.__name__ for it, _ in DAMAGE])
@pytest.mark.parametrize("sealed", [True, False], ids=["sealed", "open"])
def test_a_bad_minute_is_named_and_nothing_of_its_hour_is_staged(
    tmp_path: Path, damage: Callable[[Path], None], told: str, *, sealed: bool
) -> None:
    write_minutes(tmp_path, DEPTH, depth_rows(1200), sealed=False)
    damage(tmp_path / BAD)
    if sealed and damage not in {cut, halve, empty}:
        seal(tmp_path, DEPTH)
    elif sealed:
        write_minutes(tmp_path, DEPTH, depth_rows(1200))
        damage(tmp_path / BAD)
    done = compaction.compact(HourTask(tmp_path, "depth", HOUR))
    (problem,) = done.problems
    assert problem.startswith(BAD)
    assert told in problem
    assert "run the hour again" in problem
    assert done.staged == ()
    assert chain.publish(tmp_path, DEPTH) == []


def test_a_bad_minute_of_one_table_does_not_stop_another(tmp_path: Path) -> None:
    write_minutes(tmp_path, DEPTH, depth_rows(1200))
    write_minutes(tmp_path, TRADES, trade_rows(100))
    empty(tmp_path / BAD)
    chain.take_all(tmp_path)
    names = {Path(it).name for it in chain.files(tmp_path)}
    assert names == {"trade.parquet", "kline.parquet"}


def test_one_symbol_with_two_grids_does_not_stop_another(tmp_path: Path) -> None:
    btc, eth = depth_rows(1500), depth_rows(1500, symbol="ETHUSDC")
    rows = sorted([*btc, *eth], key=lambda row: int(str(row["ts_recv"])))
    write_minutes(tmp_path, DEPTH, rows)
    path = tmp_path / BAD
    footer = {"lake.instruments": parquet.metadata(path)["lake.instruments"].decode()}
    wrong = footer["lake.instruments"].replace('"0.1"', '"0.5"', 1)
    parquet.write(path, parquet.read(path), DEPTH, {"lake.instruments": wrong})
    seal(tmp_path, DEPTH)
    done = chain.take(tmp_path, DEPTH)
    assert len(done.problems) == 1
    assert "two grids" in done.problems[0]
    (only,) = chain.files(tmp_path)
    assert only.startswith("somewhere-usdm/ETHUSDC/")


def test_a_repaired_minute_is_taken_by_the_next_run(tmp_path: Path) -> None:
    rows = depth_rows(1200)
    write_minutes(tmp_path, DEPTH, rows)
    good = (tmp_path / BAD).read_bytes()
    cut(tmp_path / BAD)
    assert chain.take(tmp_path, DEPTH).problems
    (tmp_path / BAD).write_bytes(good)
    assert not chain.take(tmp_path, DEPTH).problems
    assert len(chain.files(tmp_path)) == 1


def test_a_damaged_marker_is_named(tmp_path: Path) -> None:
    write_minutes(tmp_path, DEPTH, depth_rows(100))
    minutes.marker_path(tmp_path, DEPTH, HOUR).write_bytes(b'{"table":')
    done = compaction.compact(HourTask(tmp_path, "depth", HOUR))
    assert "_sealed.json is no marker" in done.problems[0]


def test_a_minute_replaced_while_it_is_read_stays_what_was_digested(tmp_path: Path) -> None:
    rows = depth_rows(300)
    write_minutes(tmp_path, DEPTH, rows, sealed=False)
    path = Path(layout.lake(tmp_path)) / layout.minute("depth", HOUR.day, HOUR.of_day, 0)
    with ExitStack() as held:
        found = minutes.open_minute(tmp_path, path, DEPTH, held)
        write_minute(tmp_path, DEPTH, 0, rows[:60])
        assert found.read().num_rows == found.rows > 60


def test_runs_hold_together_what_overlaps(tmp_path: Path) -> None:
    write_minutes(tmp_path, DEPTH, depth_rows(1800), sealed=False)
    with ExitStack() as held:
        found = minutes.open_hour(tmp_path, DEPTH, HOUR, frozenset(), held).present
        assert [len(run) for run in minutes.runs(found)] == [1, 1, 1]
        first, second, third = found
        wide = second._replace(span=(second.span[0], third.span[0]))
        assert [len(run) for run in minutes.runs([third, wide, first])] == [1, 2]
        assert all(it.span[1] - it.span[0] < MINUTE_NS for it in found)
