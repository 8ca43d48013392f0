"""The archive over a folder: committed once, read back, right again after any crash."""

from pathlib import Path

import pytest

from trading_runtime.errors import Misread
from trading_runtime.store.archive import lifecycle
from trading_runtime.store.archive.archive import Archive, LocalFile
from trading_runtime.store.objects.folder import Folder
from trading_runtime.store.objects.objects import Differs

HOUR = "2025-11-19T14"


def local(data: Path, path: str, content: bytes) -> LocalFile:
    file = LocalFile(data, path)
    file.place.parent.mkdir(parents=True, exist_ok=True)
    file.place.write_bytes(content)
    return file


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(Folder(tmp_path / "archive"))


def stored(archive: Archive) -> list[str]:
    return [it.key for it in archive.objects.list("data/")]


def test_what_was_committed_is_listed_and_fetched(archive: Archive, tmp_path: Path) -> None:
    files = [local(tmp_path, f"lake/{name}.parquet", name.encode()) for name in ("b", "a")]
    done = archive.commit("lake", HOUR, files)
    assert [it.path for it in done.files] == ["lake/a.parquet", "lake/b.parquet"]
    assert list(archive.manifests("lake")) == [done]
    assert [archive.fetch(it) for it in done.files] == [b"a", b"b"]
    archive.fetch_to(done.files[0], tmp_path / "else" / "a")
    assert (tmp_path / "else" / "a").read_bytes() == b"a"
    assert archive.datasets() == ["lake"]


def test_the_same_files_again_commit_nothing_new(archive: Archive, tmp_path: Path) -> None:
    files = [local(tmp_path, "a", b"a")]
    done = archive.commit("lake", HOUR, files)
    assert archive.commit("lake", HOUR, files) == done


def test_a_next_version_keeps_what_is_pruned_here_and_replaces_what_is_new(
    archive: Archive, tmp_path: Path
) -> None:
    first = archive.commit("lake", HOUR, [local(tmp_path, "a", b"1"), local(tmp_path, "b", b"1")])
    (tmp_path / "a").unlink()
    second = archive.commit("lake", HOUR, [local(tmp_path, "b", b"2"), local(tmp_path, "c", b"1")])
    assert second.version == 2
    assert {it.path: archive.fetch(it) for it in second.files} == {"a": b"1", "b": b"2", "c": b"1"}
    assert archive.newest("lake", HOUR) == second
    assert archive.read(first.key) == first


def test_equal_bytes_are_stored_once(archive: Archive, tmp_path: Path) -> None:
    archive.commit("lake", HOUR, [local(tmp_path, "a", b"1"), local(tmp_path, "b", b"1")])
    archive.commit("minutes", HOUR, [local(tmp_path, "c", b"1")])
    assert len(stored(archive)) == 1


def test_bounds_count_as_far_as_they_go(archive: Archive, tmp_path: Path) -> None:
    file = local(tmp_path, "a", b"1")
    for hour in ("2025-11-18T23", "2025-11-19T00", "2025-11-19T23", "2025-11-20T00"):
        archive.commit("lake", hour, [file])

    def found(first: str, last: str) -> list[str]:
        return [it.partition for it in archive.manifests("lake", first, last)]

    assert found("2025-11-19", "2025-11-19") == ["2025-11-19T00", "2025-11-19T23"]
    assert found("2025-11-19T01", "") == ["2025-11-19T23", "2025-11-20T00"]
    assert found("", "2025-11-18") == ["2025-11-18T23"]


def test_an_object_that_is_damaged_is_noticed_before_it_counts(
    archive: Archive, tmp_path: Path
) -> None:
    file = local(tmp_path, "a", b"good")
    digest = archive.commit("lake", HOUR, [file]).files[0]
    damaged = tmp_path / "archive" / digest.key
    damaged.chmod(0o644)
    damaged.write_bytes(b"evil")
    with pytest.raises(Differs, match="is damaged"):
        archive.fetch(digest)
    with pytest.raises(Differs, match="is damaged"):
        archive.commit("minutes", HOUR, [file])
    assert list(archive.manifests("minutes")) == []
    with pytest.raises(Differs):
        archive.fetch_to(digest, tmp_path / "b")
    assert not archive.mend("lake", digest, damaged)
    assert archive.mend("lake", digest, file.place)
    assert archive.fetch(digest) == b"good"
    assert sorted(it.name for it in tmp_path.iterdir()) == ["a", "archive"]


def test_a_manifest_of_another_partition_is_none(archive: Archive, tmp_path: Path) -> None:
    done = archive.commit("lake", HOUR, [local(tmp_path, "a", b"1")])
    content = archive.objects.get(done.key)
    archive.objects.put_new("manifests/lake/2025-11-19T15/00000001.json", content, None)
    with pytest.raises(Misread, match="holds"):
        list(archive.manifests("lake"))


def test_what_amazon_moves_after_thirty_days_at_the_soonest_is_not_asked_for_sooner() -> None:
    days = {"minutes": 7, "logs": 45, "lake": 0}
    for cold_class, moved in (("STANDARD_IA", (45, 30)), ("GLACIER_IR", (45, 7))):
        rules = lifecycle.rules_of(days, cold_class)
        found = {it.name: it.cold_days for it in rules if it.cold_days}
        assert found == dict(zip(("cold-logs", "cold-minutes"), moved, strict=True))
