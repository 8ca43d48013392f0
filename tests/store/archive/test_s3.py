"""The archive in a real S3: Ceph's gateway, and what its owner and its network do to it."""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from mypy_boto3_s3 import S3Client

from data_platform.assets.archive import archiving, pruning
from data_platform.assets.archive.settings import DAY_NS, Kept, RetentionSettings
from tests.servers.ceph import Ceph
from tests.servers.faulty import FaultyWay, Trouble
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos
from trading_runtime.store.archive import lifecycle
from trading_runtime.store.archive.archive import Archive, LocalFile, described
from trading_runtime.store.archive.expiry import expire
from trading_runtime.store.archive.restore import restore
from trading_runtime.store.objects import bucket as buckets
from trading_runtime.store.objects import multipart, s3
from trading_runtime.store.objects.bucket import Bucket
from trading_runtime.store.objects.objects import Denied, Differs, Unreachable
from trading_runtime.store.objects.opening import open_archive
from trading_runtime.store.objects.place import Access, place_of

HOUR_NS = 3600 * NANOS_PER_SECOND
HOUR = "2025-11-19T14"
PART = 5 << 20
"""The least that S3 takes for a part."""


def now() -> Nanos:
    return Nanos(time.time_ns())


def opened(endpoint: str, name: str, access: Access) -> Archive:
    objects = open_archive(f"s3://{name}/here", Path("unused"), endpoint, now(), access)
    return Archive(objects, labelled=True)


@pytest.fixture
def name(new_bucket: Callable[[bool], str]) -> str:
    return new_bucket(True)


@pytest.fixture
def archive(ceph: Ceph, name: str, access: Access) -> Archive:
    return opened(ceph.endpoint, name, access)


@pytest.fixture
def way(ceph: Ceph) -> Iterator[FaultyWay]:
    with FaultyWay(ceph.port).open() as it:
        yield it


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multipart, "PART_BYTES", PART)
    monkeypatch.setattr(s3, "PART_BYTES", PART)


def local(data: Path, path: str, content: bytes) -> LocalFile:
    (data / path).write_bytes(content)
    return LocalFile(data, path)


def large(data: Path) -> LocalFile:
    return local(data, "large", os.urandom(2 * PART + 7))


@pytest.mark.usefixtures("small_parts")
def test_files_of_any_size_are_stored_locked_and_read_back(
    archive: Archive, tmp_path: Path
) -> None:
    files = [large(tmp_path), local(tmp_path, "small", b"small")]
    until = Nanos(now() + HOUR_NS)
    done = archive.commit("lake", HOUR, files, until)
    assert archive.commit("lake", HOUR, files, until) == done
    for it in done.files:
        locked = archive.objects.head(it.key).locked_until
        assert locked is not None
        assert locked >= until
    assert restore(archive, tmp_path / "back", ["lake"]).is_equal
    assert (tmp_path / "back" / "large").read_bytes() == (tmp_path / "large").read_bytes()


@pytest.mark.usefixtures("small_parts")
def test_an_upload_that_dies_half_way_counts_for_nothing_and_is_gone_on_with(
    way: FaultyWay, name: str, access: Access, tmp_path: Path
) -> None:
    archive, file = opened(way.endpoint, name, access), large(tmp_path)
    key = described(file).key
    # Answered: the manifests, the versions, the uploads, the beginning, its parts, part one.
    way.fail(*[Trouble.NONE] * 6, *[Trouble.DEAD_BEFORE] * buckets.ATTEMPTS_MAX)
    with pytest.raises(Unreachable):
        archive.commit("lake", HOUR, [file])
    assert list(archive.manifests("lake")) == []
    store = Bucket(place_of(f"s3://{name}/here", way.endpoint), access)
    (upload,) = store.uploads(key)
    assert list(store.parts(key, upload)) == [1]
    done = archive.commit("lake", HOUR, [file])
    assert store.uploads(key) == []
    assert archive.fetch(done.files[0]) == file.place.read_bytes()
    assert archive.objects.head(key).later == 0


@pytest.mark.usefixtures("small_parts")
def test_a_completion_whose_answers_were_lost_is_settled(
    way: FaultyWay, name: str, access: Access, tmp_path: Path
) -> None:
    archive, file = opened(way.endpoint, name, access), large(tmp_path)
    way.fail(*[Trouble.NONE] * 8, Trouble.DEAD_AFTER)
    done = archive.commit("lake", HOUR, [file])
    assert archive.fetch(done.files[0]) == file.place.read_bytes()


def test_an_object_that_ends_half_way_is_none(
    way: FaultyWay, name: str, access: Access, tmp_path: Path
) -> None:
    archive = opened(way.endpoint, name, access)
    done = archive.commit("lake", HOUR, [local(tmp_path, "a", b"a" * 5000)])
    way.fail(Trouble.NONE, Trouble.DEAD_WITHIN)
    with pytest.raises(Unreachable):
        archive.fetch_to(done.files[0], tmp_path / "back")
    assert not (tmp_path / "back").exists()
    archive.fetch_to(done.files[0], tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"a" * 5000


def test_a_throttled_second_is_ridden_over(
    way: FaultyWay, name: str, access: Access, tmp_path: Path
) -> None:
    archive = opened(way.endpoint, name, access)
    way.fail(*[Trouble.BUSY, Trouble.NONE] * 6)
    done = archive.commit("lake", HOUR, [local(tmp_path, "a", b"a")])
    assert archive.fetch(done.files[0]) == b"a"


def test_a_manifest_whose_answers_were_lost_counts_once(
    way: FaultyWay, name: str, access: Access, tmp_path: Path
) -> None:
    archive, file = opened(way.endpoint, name, access), local(tmp_path, "a", b"a")
    archive.commit("minutes", HOUR, [file])
    # The object is there already; its manifest is listed, locked by nobody, and written.
    way.fail(*[Trouble.NONE] * 5, *[Trouble.DEAD_AFTER] * buckets.ATTEMPTS_MAX)
    try:
        archive.commit("lake", HOUR, [file])
    except Unreachable:
        archive.commit("lake", HOUR, [file])
    (it,) = archive.manifests("lake")
    assert it.version == 1
    assert archive.objects.head(it.key).later == 0


def test_two_who_commit_at_once_both_count(
    ceph: Ceph, name: str, access: Access, tmp_path: Path
) -> None:
    start = Barrier(4)

    def commit(number: int) -> None:
        mine = opened(ceph.endpoint, name, access)
        file = local(tmp_path, f"f{number}", b"%d" % number)
        start.wait()
        mine.commit("lake", HOUR, [file])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(commit, range(4)))
    archive = opened(ceph.endpoint, name, access)
    newest = archive.newest("lake", HOUR)
    assert newest is not None
    assert [it.path for it in newest.files] == ["f0", "f1", "f2", "f3"]
    assert newest.version == 4
    assert archive.problems(newest) == {}


def test_with_wrong_keys_nothing_is_archived_and_nothing_goes(
    ceph: Ceph, archive: Archive, name: str, tmp_path: Path
) -> None:
    file = local(tmp_path, "a", b"a")
    done = archive.commit("backups", "2025-11-19", [file])
    store = Bucket(place_of(f"s3://{name}/here", ceph.endpoint), Access("TAPEDECKTEST", "wrong"))
    wrong = Archive(s3.S3(store, archive.objects.capabilities))
    with pytest.raises(Denied):
        wrong.commit("backups", "2025-11-19", [file])
    with pytest.raises(Denied):
        pruning.remove(tmp_path, wrong, "backups", list(done.files))
    assert file.place.exists()


def test_an_object_that_was_overwritten_is_noticed_where_no_versions_are_kept(
    ceph: Ceph, new_bucket: Callable[[bool], str], access: Access, owner: S3Client, tmp_path: Path
) -> None:
    bucket = new_bucket(False)
    archive, file = opened(ceph.endpoint, bucket, access), local(tmp_path, "a", b"a")
    done = archive.commit("lake", HOUR, [file])
    owner.put_object(Bucket=bucket, Key=f"here/{done.files[0].key}", Body=b"forged")
    (problem,) = archive.problems(done).values()
    assert "is damaged" in problem
    assert pruning.remove(tmp_path, archive, "lake", list(done.files)).files == 0
    with pytest.raises(Differs):
        archive.commit("minutes", HOUR, [file])


def test_where_versions_are_kept_the_first_one_is_what_is_read(
    archive: Archive, owner: S3Client, name: str, tmp_path: Path
) -> None:
    done = archive.commit("lake", HOUR, [local(tmp_path, "a", b"a")])
    owner.put_object(Bucket=name, Key=f"here/{done.key}", Body=b"forged")
    owner.delete_object(Bucket=name, Key=f"here/{done.files[0].key}")
    assert archive.newest("lake", HOUR) == done
    assert archive.fetch(done.files[0]) == b"a"
    assert archive.objects.head(done.key).later == 1


def test_what_is_locked_outlives_its_tombstone_and_the_rest_goes_at_once(
    archive: Archive, owner: S3Client, name: str, tmp_path: Path
) -> None:
    locked = archive.commit(
        "journal", "2025-11-19", [local(tmp_path, "a", b"a")], Nanos(now() + HOUR_NS)
    )
    free = archive.commit("logs", HOUR, [local(tmp_path, "b", b"b")])
    shared = archive.commit("lake", HOUR, [local(tmp_path, "b", b"b")])
    held, gone = expire(archive, [locked, free])
    assert (held.objects, held.locked) == (0, 1)
    assert (gone.objects, gone.locked) == (0, 0)
    assert archive.fetch(shared.files[0]) == b"b"
    assert list(archive.manifests("journal")) == []
    (again,) = expire(archive, [it for it in archive.all_newest("journal") if it.files])
    assert again.locked == 1
    (last,) = expire(archive, [shared])
    assert last.objects == 1
    versions = owner.list_object_versions(Bucket=name, Prefix=f"here/{shared.files[0].key}")
    assert "Versions" not in versions
    assert "DeleteMarkers" not in versions


@pytest.mark.parametrize("lock_days", [60, 14])
def test_a_lock_for_ever_rolls_on(archive: Archive, tmp_path: Path, lock_days: int) -> None:
    row = Kept(local_days=0, hot_days=1, archive_days=0, lock_days=lock_days)
    # A month too short, or half as long as it was where that is sooner.
    until = Nanos(now() + (lock_days // 2) * DAY_NS - HOUR_NS)
    done = archive.commit("marts", "2025-11-19", [local(tmp_path, "a", b"a")], until)
    assert pruning.lengthen(archive, done, row, now()) == 2
    assert pruning.lengthen(archive, done, row, now()) == 0
    held = archive.objects.head(done.key).locked_until
    assert held is not None
    assert held > now() + (lock_days - 1) * DAY_NS


def test_lifecycle_rules_are_set_beside_those_of_others(
    archive: Archive, owner: S3Client, name: str, tmp_path: Path
) -> None:
    other = {
        "ID": "theirs",
        "Status": "Enabled",
        "Filter": {"Prefix": "x/"},
        "Expiration": {"Days": 9},
    }
    owner.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [other]})
    for cold_class, cold in (("STANDARD_IA", ["cold-logs"]), ("", [])):
        rules = lifecycle.rules_of({"logs": 30, "lake": 0}, cold_class)
        assert archive.objects.set_rules(rules) == ()
        told = owner.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
        mine = [f"tapedeck:here/:{it}" for it in (*cold, "probes", "uploads")]
        assert sorted(it["ID"] for it in told) == [*mine, "theirs"]
    done = archive.commit("logs", HOUR, [local(tmp_path, "a", b"a")])
    tags = owner.get_object_tagging(Bucket=name, Key=f"here/{done.files[0].key}")["TagSet"]
    assert tags == [{"Key": "tapedeck", "Value": "logs"}]


# The last one: a gateway that was killed takes half a minute until buckets are made fast again.
def test_while_the_store_is_down_nothing_goes_and_later_all_is_well(
    ceph: Ceph, archive: Archive, tmp_path: Path
) -> None:
    file, after = local(tmp_path, "a", b"a"), RetentionSettings(as_of="2026-01-01")
    archive.commit("backups", "2025-11-19", [file])
    ceph.stop_gateway()
    try:
        with pytest.raises(Unreachable):
            archiving.sweep(tmp_path, archive, after, now(), lambda *_: None)
        with pytest.raises(Unreachable):
            archive.commit("backups", "2025-11-20", [file])
        assert file.place.exists()
    finally:
        ceph.start_gateway()
    archive.commit("backups", "2025-11-20", [file])
    swept = archiving.sweep(tmp_path, archive, after, now(), lambda *_: None)
    assert not file.place.exists()
    assert swept.gone.stayed == []
