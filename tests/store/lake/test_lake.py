from pathlib import Path

import pytest

from tests.store.lake_rows import HOUR, Row, depth_rows, table_of
from tests.store.test_commit import passed
from trading_runtime.errors import Refused
from trading_runtime.records.lake_schema import DEPTH
from trading_runtime.records.units import Nanos
from trading_runtime.store import commit, manifest
from trading_runtime.store.commit import Rows
from trading_runtime.store.hours import HOUR_NS, hour_at
from trading_runtime.store.lake import lake
from trading_runtime.store.manifest import Made, Source
from trading_runtime.store.parquet import integers

ID = "somewhere-usdm:BTCUSDC"


def publish_hour(root: Path, rows: list[Row], later_hours: int) -> None:
    moved = [{**row, "ts_recv": int(str(row["ts_recv"])) + later_hours * HOUR_NS} for row in rows]
    it = lake.dataset(root, DEPTH, ID, hour_at(HOUR.start + later_hours * HOUR_NS))
    source = Source(path=f"{later_hours}", sha256=f"{later_hours}", rows=len(rows))
    commit.stage(it, Rows(table_of(moved, DEPTH), [source], True, {}, "test/1"))
    commit.judge(it, passed(it))
    commit.publish(it, Made(run_id="r", at=Nanos(1)))


def test_a_scan_over_several_hours_gives_the_rows_of_the_span(tmp_path: Path) -> None:
    rows = depth_rows(100)
    for later in (0, 1, 3):
        publish_hour(tmp_path, rows, later)
    whole = lake.scan(tmp_path, DEPTH, ID, HOUR.start, HOUR.start + 5 * HOUR_NS)
    assert whole.num_rows == 3 * len(rows)
    times = integers(whole, "ts_recv")
    start, end = int(times[10]), int(times[-10])
    part = integers(lake.scan(tmp_path, DEPTH, ID, start, end), "ts_recv")
    assert part.tolist() == [it for it in times.tolist() if start <= it < end]
    known = lake.manifests(tmp_path, DEPTH, ID, HOUR.start, HOUR.start + 5 * HOUR_NS)
    assert [it.commit.dataset[-16:-14] for it in known] == ["14", "15", "17"]


def test_a_file_without_a_manifest_is_not_read(tmp_path: Path) -> None:
    publish_hour(tmp_path, depth_rows(10), 0)
    manifest.manifest_path(lake.dataset(tmp_path, DEPTH, ID, HOUR).published).unlink()
    assert lake.scan(tmp_path, DEPTH, ID, HOUR.start, HOUR.end).num_rows == 0


@pytest.mark.parametrize(
    "name", ["BTCUSDC", "a:", ":b", "a:../b", "a/b:c", "a:b/c", ".:x", "a:b\n"]
)
def test_an_id_that_could_leave_the_lake_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Refused, match="names no venue and symbol"):
        lake.dataset(tmp_path, DEPTH, name, HOUR)
