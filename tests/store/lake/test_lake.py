import shutil
from pathlib import Path

import pytest

from tests.store.lake.published import ID, START, later, publish, publish_all, seal
from tests.store.lake_rows import depth_rows, trade_rows
from trading_runtime.errors import Refused
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import DEPTH, TRADES
from trading_runtime.store import manifest
from trading_runtime.store.condition import Condition
from trading_runtime.store.hours import HOUR_NS
from trading_runtime.store.lake import lake
from trading_runtime.store.lake.lake import NotWhole
from trading_runtime.store.parquet import integers

HOLES = lake.WHOLE | {Condition.MISSING}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a lake with the hours 0, 1 and 3 of a span of five."""
    root = tmp_path_factory.mktemp("data") / "lake"
    for hours in (0, 1, 3):
        publish(root, DEPTH, depth_rows(100), hours)
        seal(root, hours)
    return root


def test_a_scan_over_several_hours_gives_the_rows_of_the_span(root: Path) -> None:
    whole = lake.scan(root, DEPTH, ID, START, START + 5 * HOUR_NS, allow=HOLES)
    assert whole.num_rows == 3 * len(depth_rows(100))
    times = integers(whole, "ts_recv")
    start, end = int(times[10]), int(times[-10])
    part = integers(lake.scan(root, DEPTH, ID, start, end, allow=HOLES), "ts_recv")
    assert part.tolist() == [it for it in times.tolist() if start <= it < end]
    known = lake.manifests(root, DEPTH, ID, START, START + 5 * HOUR_NS)
    assert [it.commit.dataset[-16:-14] for it in known] == ["14", "15", "17"]


def test_a_scan_gives_the_columns_that_are_named_and_in_their_order(root: Path) -> None:
    found = lake.scan(root, DEPTH, ID, START, START + HOUR_NS, columns=["px", "session"])
    assert found.column_names == ["px", "session"]
    whole = lake.scan(root, DEPTH, ID, START, START + HOUR_NS)
    assert found.column("px") == whole.column("px")


def test_a_span_with_a_missing_hour_is_refused_by_name(root: Path) -> None:
    with pytest.raises(NotWhole, match="2025-11-19T16 is missing") as told:
        lake.scan(root, DEPTH, ID, START, START + 4 * HOUR_NS)
    assert list(told.value.hours) == [later(2)]
    assert (
        lake.conditions(root, DEPTH, ID, START, START + 4 * HOUR_NS)[later(3)].condition
        is Condition.COMPLETE
    )


def test_an_empty_hour_has_no_rows_and_is_whole(tmp_path: Path) -> None:
    seal(tmp_path / "lake", minutes=0)
    assert lake.scan(tmp_path / "lake", DEPTH, ID, START, START + HOUR_NS).num_rows == 0


def test_a_degraded_hour_is_read_where_that_is_allowed(tmp_path: Path) -> None:
    root = tmp_path / "lake"
    publish(root, DEPTH, depth_rows(20))
    seal(root, minutes=52)
    with pytest.raises(NotWhole, match=r"is degraded \(52 minutes recorded\)"):
        lake.scan(root, DEPTH, ID, START, START + HOUR_NS)
    allow = {*lake.WHOLE, Condition.DEGRADED}
    assert lake.scan(root, DEPTH, ID, START, START + HOUR_NS, allow=allow).num_rows > 0


def test_an_hour_that_still_grows_is_read_where_that_is_allowed(tmp_path: Path) -> None:
    root = tmp_path / "lake"
    publish(root, DEPTH, depth_rows(20))
    seal(root)
    it = lake.dataset(root, DEPTH, ID, later(0))
    for path in (it.published, manifest.manifest_path(it.published)):
        there = root / "_partial" / path.relative_to(root)
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, there)
    for marker in root.glob("*/2025-11-19/14/_sealed.json"):
        marker.unlink()
    with pytest.raises(NotWhole, match="is partial"):
        lake.scan(root, DEPTH, ID, START, START + HOUR_NS)
    assert lake.scan(root, DEPTH, ID, START, START + HOUR_NS, allow=lake.ANY).num_rows > 0


def test_an_hour_in_quarantine_is_refused_though_an_older_version_is_there(tmp_path: Path) -> None:
    root = tmp_path / "lake"
    publish(root, TRADES, trade_rows(20))
    seal(root)
    path = lake.dataset(root, TRADES, ID, later(0)).path
    findings = Path(layout.quarantine(tmp_path)) / path
    findings.parent.mkdir(parents=True)
    findings.with_suffix(".findings.json").write_text("{}")
    with pytest.raises(NotWhole, match="is quarantined"):
        lake.scan(root, TRADES, ID, START, START + HOUR_NS)


def test_a_file_without_a_manifest_is_not_read(tmp_path: Path) -> None:
    root = tmp_path / "lake"
    publish_all(root)
    manifest.manifest_path(lake.dataset(root, DEPTH, ID, later(0)).published).unlink()
    assert lake.scan(root, DEPTH, ID, START, START + HOUR_NS, allow=lake.ANY).num_rows == 0


@pytest.mark.parametrize(
    "name", ["BTCUSDC", "a:", ":b", "a:../b", "a/b:c", "a:b/c", ".:x", "a:b\n"]
)
def test_an_id_that_could_leave_the_lake_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Refused, match="names no venue and symbol"):
        lake.dataset(tmp_path, DEPTH, name, later(0))
    with pytest.raises(Refused, match="names no venue and symbol"):
        lake.scan(tmp_path, DEPTH, name, START, START + 1)
