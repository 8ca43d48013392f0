from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store.lake_rows import Row, depth_rows, table_of
from trading_runtime.records.lake_schema import DEPTH
from trading_runtime.records.units import Nanos
from trading_runtime.store import commit, durable, manifest, parquet
from trading_runtime.store.commit import Dataset, NotPublished, Rows
from trading_runtime.store.manifest import Made, Quality, RuleResult, Source

MADE = Made(run_id="run", at=Nanos(1))


def dataset(root: Path) -> Dataset:
    return Dataset(root, "somewhere/X/2025/11/19/14/depth.parquet", DEPTH)


def gathered(rows: list[Row], *names: str, sealed: bool = True) -> Rows:
    sources = [
        Source(path=name, sha256=f"digest of {name}", rows=len(rows) if place == 0 else 0)
        for place, name in enumerate(names)
    ]
    return Rows(table_of(rows, DEPTH), sources, sealed, {}, "test/1")


def passed(it: Dataset) -> Quality:
    return Quality(file_sha256=durable.sha256(it.candidate), expectations=1, broken=())


def publish(it: Dataset, rows: Rows) -> None:
    if commit.stage(it, rows):
        commit.judge(it, passed(it))
        commit.publish(it, MADE)


def test_what_is_published_holds_its_rows_and_says_where_they_came_from(tmp_path: Path) -> None:
    it, rows = dataset(tmp_path), depth_rows(30)
    publish(it, gathered(rows, "a"))
    known = manifest.read(it.published)
    assert known is not None
    assert known.commit == manifest.read_commit(it.published)
    assert (known.commit.version, known.commit.rows) == (1, len(rows))
    assert [source.path for source in known.commit.sources] == ["a"]
    assert known.file_sha256 == durable.sha256(it.published)
    assert parquet.read(it.published).cast(table_of(rows, DEPTH).schema) == table_of(rows, DEPTH)


def test_a_second_run_over_the_same_sources_changes_no_byte(tmp_path: Path) -> None:
    it, rows = dataset(tmp_path), gathered(depth_rows(30), "a")
    publish(it, rows)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert not commit.stage(it, rows)
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert after == before


def test_a_rebuild_is_byte_identical(tmp_path: Path) -> None:
    rows = gathered(depth_rows(30), "a", "b")
    for place in ("one", "two"):
        publish(dataset(tmp_path / place), rows)
    assert (
        dataset(tmp_path / "one").published.read_bytes()
        == dataset(tmp_path / "two").published.read_bytes()
    )


@given(late=st.sets(st.integers(0, 40), min_size=1, max_size=20))
@settings(max_examples=20, deadline=None)
def test_late_messages_make_version_two_as_if_they_had_been_there(
    tmp_path_factory: pytest.TempPathFactory, late: set[int]
) -> None:
    folder = tmp_path_factory.mktemp("late")
    rows = depth_rows(40)
    numbers = sorted({row["seq"] for row in rows}, key=str)
    held = {numbers[place] for place in late}
    early = [row for row in rows if row["seq"] not in held]
    it, whole = dataset(folder / "late"), dataset(folder / "whole")
    publish(it, gathered(early or rows[:1], "a"))
    first = durable.sha256(it.published)
    publish(it, gathered([row for row in rows if row["seq"] in held] + early, "b"))
    publish(whole, gathered(rows, "c"))
    second, ideal = manifest.read(it.published), manifest.read(whole.published)
    assert second is not None
    assert ideal is not None
    assert second.commit.content_sha256 == ideal.commit.content_sha256
    assert second.commit.version == 2
    assert (folder / "late" / commit.VERSIONS / f"{first}.parquet").exists()


def test_rows_of_a_source_that_is_gone_stay(tmp_path: Path) -> None:
    it, rows = dataset(tmp_path), depth_rows(40)
    publish(it, gathered(rows[:60], "a"))
    publish(it, gathered(rows[60:], "b"))
    assert parquet.read(it.published).num_rows == len(rows)
    told = manifest.read_commit(it.published)
    assert told is not None
    assert [source.path for source in told.sources] == ["a", "b"]


def test_what_was_not_checked_is_not_published(tmp_path: Path) -> None:
    it = dataset(tmp_path)
    commit.stage(it, gathered(depth_rows(5), "a"))
    with pytest.raises(NotPublished, match="was not checked"):
        commit.publish(it, MADE)
    assert not it.published.exists()


def test_what_changed_after_its_check_is_not_published(tmp_path: Path) -> None:
    it = dataset(tmp_path)
    commit.stage(it, gathered(depth_rows(5), "a"))
    commit.judge(it, passed(it))
    parquet.write(it.staged, table_of(depth_rows(6), DEPTH), DEPTH, {})
    with pytest.raises(NotPublished, match="changed after it was checked"):
        commit.publish(it, MADE)


def test_a_broken_rule_that_blocks_is_named_and_nothing_is_published(tmp_path: Path) -> None:
    it = dataset(tmp_path)
    commit.stage(it, gathered(depth_rows(5), "a"))
    rule = RuleResult(rule="px_positive", promise="", blocking=True, found=2, rows=(3, 4))
    commit.judge(it, msgspec.structs.replace(passed(it), broken=(rule,)))
    with pytest.raises(NotPublished, match=r"px_positive \(2\)"):
        commit.publish(it, MADE)
    assert it.staged.exists()
    assert not it.published.exists()


def test_a_lost_manifest_is_made_again_from_the_file(tmp_path: Path) -> None:
    it, rows = dataset(tmp_path), gathered(depth_rows(5), "a")
    publish(it, rows)
    content, path = it.published.read_bytes(), manifest.manifest_path(it.published)
    before = path.read_bytes()
    path.unlink()
    publish(it, rows)
    assert it.published.read_bytes() == content
    assert path.read_bytes() == before


def test_an_open_hour_is_partial_until_it_is_sealed(tmp_path: Path) -> None:
    it, rows = dataset(tmp_path), depth_rows(20)
    publish(it, gathered(rows[:50], "a", sealed=False))
    assert it.partial.exists()
    assert not it.published.exists()
    publish(it, gathered(rows, "b"))
    assert it.published.exists()
    assert not it.partial.exists()
    assert manifest.read(it.partial) is None


def test_publishing_twice_gives_the_same_manifest(tmp_path: Path) -> None:
    it = dataset(tmp_path)
    commit.stage(it, gathered(depth_rows(5), "a"))
    commit.judge(it, passed(it))
    assert commit.publish(it, MADE) == commit.publish(it, Made(run_id="again", at=Nanos(2)))
