from pathlib import Path

from data_platform.assets.lake import indexing
from tests.store.lake.published import ID, publish, publish_all
from tests.store.lake_rows import trade_rows
from trading_runtime.records.lake_schema import TRADES
from trading_runtime.store.lake import index


def test_the_index_of_a_named_year_is_made_again_and_its_version_follows_the_hours(
    tmp_path: Path,
) -> None:
    publish_all(tmp_path / "lake")
    assert indexing.rebuild(tmp_path, {"2024"}) == []
    first = indexing.rebuild(tmp_path, {"2025"})
    assert [(it.instrument_id, it.year, it.hours) for it in first] == [(ID, "2025", 3)]
    index.index_path(tmp_path / "lake", ID, "2025").unlink()
    again = indexing.rebuild(tmp_path, {"2025"})
    assert indexing.version(again) == indexing.version(first)
    publish(tmp_path / "lake", TRADES, trade_rows(500))
    assert indexing.version(indexing.rebuild(tmp_path, {"2025"})) != indexing.version(first)
    assert f"| {ID} | 2025 | 3 |" in indexing.table(first)
