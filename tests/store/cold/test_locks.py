"""Locks that have become too short are lengthened; where there are none, that is said."""

import time
from collections.abc import Callable
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from mypy_boto3_s3 import S3Client

from tests.servers.ceph import Ceph
from trading_runtime.records.units import Nanos
from trading_runtime.store.cold import locks
from trading_runtime.store.cold.locks import DAY_NS, SLACK_NS
from trading_runtime.store.objects.folder import Folder
from trading_runtime.store.objects.objects import Head
from trading_runtime.store.objects.opening import open_archive
from trading_runtime.store.objects.place import Access

YEAR = Nanos(365 * DAY_NS)
BLOCK = "blocks/000000/entries.parquet"
DIGEST = "digests/00000001.note"
TIMES = st.integers(0, 100 * YEAR)


def head(key: str, written: int, locked_until: int | None) -> Head:
    until = None if locked_until is None else Nanos(locked_until)
    return Head(key, 1, Nanos(written), until, 0)


def test_a_block_is_locked_from_the_day_that_it_was_written() -> None:
    written = 10 * YEAR
    assert locks.target(head(BLOCK, written, written + YEAR), Nanos(written), YEAR) is None
    short = head(BLOCK, written, written + YEAR - 1)
    assert locks.target(short, Nanos(written + DAY_NS), YEAR) == written + YEAR
    assert locks.target(short, Nanos(written + YEAR), YEAR) is None


def test_a_digest_is_locked_on_for_as_long_as_the_log_goes_on() -> None:
    old = head(DIGEST, 0, 5 * YEAR)
    assert locks.target(old, Nanos(4 * YEAR + SLACK_NS), YEAR) is None
    later = Nanos(4 * YEAR + SLACK_NS + 1)
    assert locks.target(old, later, YEAR) == later + YEAR


@given(st.sampled_from([BLOCK, DIGEST]), TIMES, TIMES, TIMES | st.none(), TIMES)
def test_a_lock_is_never_made_shorter_and_once_is_enough(
    key: str, written: int, now: int, locked: int | None, retention: int
) -> None:
    it = head(key, written, locked)
    until = locks.target(it, Nanos(now), Nanos(retention))
    if until is not None:
        assert until > now
        assert locked is None or until > locked
        after = it._replace(locked_until=until)
        assert locks.target(after, Nanos(now), Nanos(retention)) is None
        assert not locks.is_short(after, Nanos(now), Nanos(retention))


def test_a_folder_is_looked_at_and_its_objects_are_said_to_be_unlocked(tmp_path: Path) -> None:
    archive = Folder(tmp_path)
    archive.put_new(DIGEST, b"first", None)
    archive.put_new("other/1", b"none of ours", None)
    seen = locks.extend(archive, Nanos(time.time_ns()), YEAR)
    assert seen == locks.Seen(objects=1, extended=0, unlocked=(DIGEST,), meddled=())


def test_locks_in_a_real_s3_are_lengthened_and_a_deleted_name_is_told(
    ceph: Ceph, new_bucket: Callable[[bool], str], access: Access, owner: S3Client
) -> None:
    name = new_bucket(True)
    now = Nanos(time.time_ns())
    archive = open_archive(f"s3://{name}", Path("unused"), ceph.endpoint, now, access)
    archive.put_new(DIGEST, b"first", Nanos(now + DAY_NS))
    archive.put_new("heads/00000001.heads", b"", Nanos(now + 2 * YEAR))
    archive.put_new(BLOCK, b"block", None)
    owner.delete_object(Bucket=name, Key=BLOCK)
    now = Nanos(time.time_ns())  # behind what was written, as it is where locks are looked at
    seen = locks.extend(archive, now, YEAR)
    assert seen == locks.Seen(objects=3, extended=2, unlocked=(), meddled=(BLOCK,))
    for key in (DIGEST, BLOCK):
        told = archive.head(key)
        assert told.locked_until is not None
        assert told.locked_until >= told.written + YEAR
    assert locks.extend(archive, now, YEAR).extended == 0
    assert archive.get(BLOCK) == b"block"
