from pathlib import Path

import pytest

from tests.store.lake.published import ID, START, later, publish, publish_all, seal
from tests.store.lake_rows import trade_rows
from trading_runtime.records.lake_schema import TRADES
from trading_runtime.store import manifest
from trading_runtime.store.hours import HOUR_NS, hours_between
from trading_runtime.store.lake import index, lake

HOURS = hours_between(START, START + 40 * HOUR_NS)
"""So many that the index is asked."""
YEAR = "2025"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "lake"
    for hours in (0, 5, 9):
        publish(root, TRADES, trade_rows(10), hours)
        seal(root, hours)
    assert index.rebuild(root, ID, YEAR) == 3
    return root


def versions(root: Path) -> dict[int, int]:
    """Give, by the hours after the first, the version that a reader is told."""
    found = index.entries(root, TRADES, ID, HOURS)
    return {HOURS.index(hour): it.version for hour, it in found.items()}


def test_an_index_tells_what_the_manifests_tell(root: Path) -> None:
    by_index = index.entries(root, TRADES, ID, HOURS)
    for hour, entry in by_index.items():
        assert index.entries(root, TRADES, ID, [hour]) == {hour: entry}
        told = manifest.read(lake.dataset(root, TRADES, ID, hour).published)
        assert told is not None
        assert (entry.file_sha256, entry.rows) == (told.file_sha256, told.commit.rows)
    assert versions(root) == {0: 1, 5: 1, 9: 1}


def test_late_rows_a_new_hour_and_a_lost_manifest_are_noticed(root: Path) -> None:
    publish(root, TRADES, trade_rows(12), 5)
    publish(root, TRADES, trade_rows(10), 7)
    manifest.manifest_path(lake.dataset(root, TRADES, ID, later(9)).published).unlink()
    assert versions(root) == {0: 1, 5: 2, 7: 1}
    assert index.rebuild(root, ID, YEAR) == 3
    assert versions(root) == {0: 1, 5: 2, 7: 1}


@pytest.mark.parametrize("content", [None, b"", b"PAR1 and no more"])
def test_a_lost_or_broken_index_costs_time_and_nothing_else(
    root: Path, content: bytes | None
) -> None:
    path = index.index_path(root, ID, YEAR)
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    assert versions(root) == {0: 1, 5: 1, 9: 1}
    assert index.rebuild(root, ID, YEAR) == 3


def test_an_unchanged_lake_has_an_index_of_the_same_bytes(root: Path) -> None:
    path = index.index_path(root, ID, YEAR)
    before = path.read_bytes()
    index.rebuild(root, ID, YEAR)
    assert path.read_bytes() == before


def test_all_tables_and_years_are_found(tmp_path: Path) -> None:
    publish_all(tmp_path / "lake")
    assert index.years(tmp_path / "lake") == [(ID, YEAR)]
    assert index.rebuild(tmp_path / "lake", ID, YEAR) == 3
