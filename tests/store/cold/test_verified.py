"""A log whose archive is a real S3: what was copied verifies, and what its owner does is seen."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from mypy_boto3_s3 import S3Client

from tests.evidence.verify.building import Building, fill
from tests.servers.ceph import Ceph
from trading_runtime.evidence import layout
from trading_runtime.evidence.verify.asked import Question
from trading_runtime.evidence.verify.report import Report
from trading_runtime.evidence.verify.verify import verify_folder
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos
from trading_runtime.store.cold import columns, copying
from trading_runtime.store.objects.objects import Objects, keep
from trading_runtime.store.objects.opening import open_archive, open_for_reading
from trading_runtime.store.objects.place import Access


@pytest.fixture
def name(new_bucket: Callable[[bool], str]) -> str:
    return new_bucket(True)


@pytest.fixture
def archive(ceph: Ceph, name: str, access: Access) -> Objects:
    now = Nanos(time.time_ns())
    return open_archive(f"s3://{name}/log", Path("unused"), ceph.endpoint, now, access)


@pytest.fixture
def log(tmp_path: Path, archive: Objects) -> Building:
    """Give a log that was copied as far as it is, with its digests in the same archive."""
    made = Building(tmp_path)
    fill(made)
    made.objects.clear()
    made.write()
    until = Nanos(time.time_ns() + 3600 * NANOS_PER_SECOND)
    copying.copy(made.audit, archive, until, with_partial=True)
    for number in layout.digest_numbers(made.log):
        heads, note = layout.heads_path(made.log, number), layout.digest_path(made.log, number)
        keep(archive, layout.heads_key(number), heads.read_bytes(), until)
        keep(archive, layout.digest_key(number), note.read_bytes(), until)
    return made


def verified(log: Building, archive: Objects) -> Report:
    question = Question(now=log.now + 60)
    return verify_folder(log.audit, question, archive=archive, columns=columns.check, pin=log.pin)


def test_the_archive_verifies_and_its_lock_is_not_missed(
    ceph: Ceph, log: Building, name: str, access: Access
) -> None:
    reader = open_for_reading(f"s3://{name}/log", Path("unused"), ceph.endpoint, access)
    report = verified(log, reader)
    assert (report.exit_status, report.first) == (0, None)
    assert not [it for it in report.absent if "no retention lock" in it]


def test_a_digest_that_the_owner_deleted_is_read_and_told_of(
    log: Building, archive: Objects, owner: S3Client, name: str
) -> None:
    key = layout.digest_key(2)
    owner.delete_object(Bucket=name, Key=f"log/{key}")
    report = verified(log, archive)
    assert report.exit_status == 1
    assert report.first is not None
    assert (report.first.check.value, report.first.where) == ("archive-later", key)


def test_an_object_that_the_owner_added_is_told_of(
    log: Building, archive: Objects, owner: S3Client, name: str
) -> None:
    key = layout.bundles_key(0, 7)
    owner.put_object(Bucket=name, Key=f"log/{key}", Body=log.bundle(0, 6))
    assert verified(log, archive).exit_status == 1
