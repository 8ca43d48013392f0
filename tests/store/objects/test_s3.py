"""An archive in a real S3: Ceph's gateway, with what its owner and its network do to it."""

import hashlib
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from botocore.exceptions import ClientError
from mypy_boto3_s3 import S3Client

from tests.servers.ceph import Ceph, Keys
from tests.servers.faulty import FaultyWay, Trouble
from trading_runtime.errors import Refused
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos
from trading_runtime.store.objects import bucket as buckets
from trading_runtime.store.objects.objects import (
    AlreadyThere,
    Denied,
    Differs,
    NotThere,
    Objects,
    Unreachable,
    keep,
)
from trading_runtime.store.objects.opening import open_archive, open_for_reading
from trading_runtime.store.objects.place import Access

HOUR_NS = 3600 * NANOS_PER_SECOND
KEY = "digests/00000001.note"
FOLDER = Path("unused")


def now() -> Nanos:
    return Nanos(time.time_ns())


def opened(endpoint: str, name: str, access: Access) -> Objects:
    return open_archive(f"s3://{name}/logs/one", FOLDER, endpoint, now(), access)


@pytest.fixture
def name(new_bucket: Callable[[bool], str]) -> str:
    return new_bucket(True)


@pytest.fixture
def archive(ceph: Ceph, name: str, access: Access) -> Objects:
    return opened(ceph.endpoint, name, access)


@pytest.fixture
def way(ceph: Ceph) -> Iterator[FaultyWay]:
    with FaultyWay(ceph.port).open() as it:
        yield it


def version_of(owner: S3Client, name: str) -> str:
    listed = owner.list_object_versions(Bucket=name, Prefix=f"logs/one/{KEY}")
    return listed["Versions"][-1]["VersionId"]


def test_an_object_is_locked_from_the_request_that_writes_it(archive: Objects) -> None:
    until = Nanos(now() + HOUR_NS)
    archive.put_new(KEY, b"first", until)
    told = archive.head(KEY)
    assert archive.get(KEY) == b"first"
    assert told.size == 5
    assert told.locked_until is not None
    assert 0 <= told.locked_until - until < NANOS_PER_SECOND
    assert archive.capabilities.retention_lock


def test_neither_its_owner_nor_a_bypass_deletes_or_shortens(
    archive: Objects, owner: S3Client, name: str
) -> None:
    archive.put_new(KEY, b"first", Nanos(now() + HOUR_NS))
    version, path = version_of(owner, name), f"logs/one/{KEY}"
    before = archive.head(KEY)
    with pytest.raises(ClientError, match="AccessDenied"):
        owner.delete_object(
            Bucket=name, Key=path, VersionId=version, BypassGovernanceRetention=True
        )
    refused = owner.delete_objects(
        Bucket=name, Delete={"Objects": [{"Key": path, "VersionId": version}]}
    )
    assert refused["Errors"][0]["Code"] == "AccessDenied"
    for retention in ({"Mode": "GOVERNANCE"}, {"Mode": "COMPLIANCE"}):
        with pytest.raises(ClientError, match="AccessDenied"):
            owner.put_object_retention(
                Bucket=name,
                Key=path,
                VersionId=version,
                Retention={**retention, "RetainUntilDate": time.time() + 60},
                BypassGovernanceRetention=True,
            )
    with pytest.raises(Denied):
        archive.extend_lock(KEY, Nanos(now() + HOUR_NS // 2))
    with pytest.raises(ClientError, match="BucketNotEmpty"):
        owner.delete_bucket(Bucket=name)
    assert archive.head(KEY) == before
    assert archive.get(KEY) == b"first"


def test_a_lock_can_be_extended(archive: Objects) -> None:
    archive.put_new(KEY, b"first", Nanos(now() + HOUR_NS))
    until = Nanos(now() + 2 * HOUR_NS)
    archive.extend_lock(KEY, until)
    told = archive.head(KEY).locked_until
    assert told is not None
    assert told >= until
    assert archive.get(KEY) == b"first"


def test_a_name_that_was_deleted_or_overwritten_still_gives_its_first_version_and_tells(
    archive: Objects, owner: S3Client, name: str
) -> None:
    archive.put_new(KEY, b"first", Nanos(now() + HOUR_NS))
    owner.delete_object(Bucket=name, Key=f"logs/one/{KEY}")
    assert archive.get(KEY) == b"first"
    assert archive.head(KEY).later == 1
    with pytest.raises(AlreadyThere):
        archive.put_new(KEY, b"other", None)
    owner.put_object(Bucket=name, Key=f"logs/one/{KEY}", Body=b"forged")
    assert archive.get(KEY) == b"first"
    assert [(it.key, it.later) for it in archive.list("digests/")] == [(KEY, 2)]


def test_a_second_writer_is_refused(archive: Objects) -> None:
    archive.put_new(KEY, b"first", None)
    with pytest.raises(AlreadyThere):
        archive.put_new(KEY, b"other", None)
    keep(archive, KEY, b"first", None)
    with pytest.raises(Differs):
        keep(archive, KEY, b"other", None)
    assert archive.get(KEY) == b"first"
    assert archive.head(KEY).later == 0


@pytest.mark.parametrize("is_lockable", [True, False], ids=["with versions", "without"])
def test_of_many_who_race_for_a_key_one_wins_and_is_what_all_read(
    ceph: Ceph, new_bucket: Callable[[bool], str], access: Access, *, is_lockable: bool
) -> None:
    archive = opened(ceph.endpoint, new_bucket(is_lockable), access)
    start = Barrier(8)

    def attempt(number: int) -> bool:
        start.wait()
        try:
            archive.put_new(KEY, b"%d" % number, None)
        except AlreadyThere:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(attempt, range(8)))
    assert won.count(True) == 1
    assert archive.get(KEY) == b"%d" % won.index(True)


def test_a_bucket_without_object_lock_is_used_and_says_so(
    ceph: Ceph, new_bucket: Callable[[bool], str], access: Access
) -> None:
    archive = opened(ceph.endpoint, new_bucket(False), access)
    assert not archive.capabilities.retention_lock
    assert "no retention lock" in archive.capabilities.absent[0]
    archive.put_new(KEY, b"first", Nanos(now() + HOUR_NS))
    assert archive.head(KEY).locked_until is None
    with pytest.raises(Refused, match="cannot be locked"):
        archive.extend_lock(KEY, Nanos(now() + HOUR_NS))
    assert [it.key for it in archive.list("")] == [KEY]


@pytest.mark.parametrize("days_off", [-400, 400])
def test_locks_are_tried_by_the_clock_of_the_store_however_far_off_ours_is(
    ceph: Ceph, owner: S3Client, name: str, access: Access, days_off: int
) -> None:
    ours = Nanos(now() + days_off * 24 * HOUR_NS)
    archive = open_archive(f"s3://{name}", FOLDER, ceph.endpoint, ours, access)
    assert archive.capabilities.retention_lock
    (probe,) = owner.list_object_versions(Bucket=name, Prefix="probe/")["Versions"]
    told = owner.head_object(Bucket=name, Key=probe["Key"], VersionId=probe["VersionId"])
    assert told["ObjectLockRetainUntilDate"].timestamp() < time.time() + 3600


def test_a_governance_lock_counts_as_none(archive: Objects, owner: S3Client, name: str) -> None:
    owner.put_object(
        Bucket=name,
        Key=f"logs/one/{KEY}",
        Body=b"first",
        ContentMD5=b64encode(hashlib.md5(b"first", usedforsecurity=False).digest()).decode(),
        ObjectLockMode="GOVERNANCE",
        ObjectLockRetainUntilDate=time.time() + 3600,
    )
    assert archive.head(KEY).locked_until is None


def test_who_may_only_read_is_not_asked_to_write(
    ceph: Ceph, archive: Objects, owner: S3Client, name: str, access: Access
) -> None:
    archive.put_new(KEY, b"first", Nanos(now() + HOUR_NS))
    before = owner.list_object_versions(Bucket=name)["Versions"]
    reader = open_for_reading(f"s3://{name}/logs/one", FOLDER, ceph.endpoint, access)
    assert reader.get(KEY) == b"first"
    assert reader.head(KEY).locked_until is not None
    assert owner.list_object_versions(Bucket=name)["Versions"] == before


@pytest.mark.parametrize(
    "wrong", [Access("NOBODY", "a-secret-of-the-tests"), Access("TAPEDECKTEST", "wrong")], ids=str
)
def test_wrong_keys_are_denied(ceph: Ceph, name: str, wrong: Access) -> None:
    with pytest.raises(Denied, match="403"):
        opened(ceph.endpoint, name, wrong)


def test_keys_are_taken_from_the_environment_and_missed_where_there_are_none(
    ceph: Ceph, name: str, access: Access, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    location = f"s3://{name}"
    with pytest.raises(Denied, match="set AWS_ACCESS_KEY_ID"):
        open_archive(location, FOLDER, ceph.endpoint, now())
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", access.key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", access.secret)
    assert open_archive(location, FOLDER, ceph.endpoint, now()).capabilities.retention_lock


def test_another_user_of_the_store_is_denied(ceph: Ceph, archive: Objects, name: str) -> None:
    archive.put_new(KEY, b"first", None)
    stranger = Keys("STRANGER", "a-secret-of-a-stranger")
    ceph.add_user("stranger", stranger)
    reader = open_for_reading(f"s3://{name}/logs/one", FOLDER, ceph.endpoint, Access(*stranger))
    with pytest.raises(Denied):
        reader.get(KEY)
    with pytest.raises(Denied):
        opened(ceph.endpoint, name, Access(*stranger))


def test_a_bucket_that_is_not_there_is_named(ceph: Ceph, access: Access) -> None:
    with pytest.raises(Refused, match=r"NoSuchBucket.*make the bucket, with Object Lock"):
        opened(ceph.endpoint, "none-such", access)


def test_what_is_not_there_is_not_there(archive: Objects) -> None:
    with pytest.raises(NotThere):
        archive.get(KEY)
    with pytest.raises(NotThere):
        archive.head("digests")


def test_a_throttled_second_is_ridden_over(way: FaultyWay, name: str, access: Access) -> None:
    archive = opened(way.endpoint, name, access)
    way.fail(Trouble.BUSY, Trouble.FAILED)
    archive.put_new(KEY, b"first", None)
    way.fail(Trouble.BUSY, Trouble.FAILED)
    assert archive.get(KEY) == b"first"


@pytest.mark.parametrize("trouble", [Trouble.BUSY, Trouble.FAILED, Trouble.DEAD_BEFORE], ids=str)
def test_an_outage_is_said_and_nothing_was_written(
    way: FaultyWay, name: str, access: Access, trouble: Trouble
) -> None:
    archive = opened(way.endpoint, name, access)
    way.fail(*[trouble] * buckets.ATTEMPTS_MAX)
    with pytest.raises(Unreachable):
        archive.put_new(KEY, b"first", None)
    assert list(archive.list("digests/")) == []


def test_a_write_whose_answers_were_lost_is_settled(
    way: FaultyWay, name: str, access: Access
) -> None:
    archive = opened(way.endpoint, name, access)
    # The look before the write is answered; the write arrives each time and is not.
    way.fail(Trouble.NONE, *[Trouble.DEAD_AFTER] * buckets.ATTEMPTS_MAX)
    with pytest.raises(Unreachable):
        archive.put_new(KEY, b"first", Nanos(now() + HOUR_NS))
    keep(archive, KEY, b"first", Nanos(now() + HOUR_NS))
    assert archive.get(KEY) == b"first"
    assert archive.head(KEY).later == 0


def test_an_answer_that_ends_half_way_is_no_object(
    way: FaultyWay, name: str, access: Access
) -> None:
    archive = opened(way.endpoint, name, access)
    archive.put_new(KEY, b"first" * 1000, None)
    way.fail(Trouble.NONE, Trouble.DEAD_WITHIN)
    with pytest.raises(Unreachable):
        archive.get(KEY)
    assert archive.get(KEY) == b"first" * 1000


def test_a_gateway_that_is_killed_and_comes_back_has_all_that_it_acknowledged(
    ceph: Ceph, archive: Objects
) -> None:
    content = bytes(4 << 20)
    archive.put_new("blocks/000000/entries.bundles.gz", content, Nanos(now() + HOUR_NS))
    ceph.stop_gateway()
    try:
        with pytest.raises(Unreachable):
            archive.get("blocks/000000/entries.bundles.gz")
        with pytest.raises(Unreachable):
            archive.put_new(KEY, b"first", None)
    finally:
        ceph.start_gateway()
    assert archive.get("blocks/000000/entries.bundles.gz") == content
    keep(archive, KEY, b"first", None)
    assert archive.get(KEY) == b"first"
