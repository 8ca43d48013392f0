"""The group sync: never ahead of the disk, and a failed sync is never forgotten."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journal.written import await_until
from trading_runtime.errors import JournalFull
from trading_runtime.journal.syncing import GroupSync
from trading_runtime.records.segments import Watermark, read_watermark
from trading_runtime.records.units import NANOS_PER_MILLI, Nanos, Seq

START = Watermark(1, 64, Seq(0))
NEXT = Watermark(1, 100, Seq(3))


@pytest.fixture
def segment(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path / "segment", os.O_RDWR | os.O_CREAT)
    yield descriptor
    os.close(descriptor)


@pytest.fixture
def watermark(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path / "synced", os.O_RDWR | os.O_CREAT)
    yield descriptor
    os.close(descriptor)


@pytest.fixture
def unsyncable() -> Iterator[int]:
    """A pipe takes writes and refuses to be synced: a disk that fails at the worst moment."""
    reading, writing = os.pipe()
    yield writing
    os.close(reading)
    os.close(writing)


def published(descriptor: int) -> Watermark:
    return read_watermark(os.pread(descriptor, 100, 0))


def test_a_sync_publishes_what_had_been_handed_over(segment: int, watermark: int) -> None:
    group = GroupSync(segment, watermark, START)
    group.handed = NEXT
    group.sync()
    assert group.synced == published(watermark) == NEXT


def test_nothing_is_published_that_was_not_handed_over(segment: int, watermark: int) -> None:
    group = GroupSync(segment, watermark, START)
    group.sync()
    assert group.synced == START
    assert os.pread(watermark, 100, 0) == b""


def test_the_timer_publishes_by_itself_until_it_is_stopped(segment: int, watermark: int) -> None:
    group = GroupSync(segment, watermark, START)
    group.start(Nanos(NANOS_PER_MILLI))
    group.handed = NEXT
    await_until(lambda: group.synced == NEXT)
    group.stop()
    group.handed = Watermark(1, 200, Seq(9))
    assert group.synced == NEXT


def test_a_failed_sync_publishes_nothing_and_is_raised_for_ever(
    segment: int, watermark: int, unsyncable: int
) -> None:
    group = GroupSync(unsyncable, watermark, START)
    group.handed = NEXT
    for _ in range(2):
        with pytest.raises(JournalFull, match="sync of segment 1"):
            group.sync()
    # Pages that the kernel gave up would sync without a complaint the next time.
    group.switch(segment, Watermark(2, 64, Seq(3)))
    with pytest.raises(JournalFull):
        group.sync()


def test_a_sync_that_fails_on_the_timer_ends_the_timer(unsyncable: int, watermark: int) -> None:
    group = GroupSync(unsyncable, watermark, START)
    group.start(Nanos(NANOS_PER_MILLI))
    group.handed = NEXT
    await_until(lambda: group.failure is not None)
    assert group.synced == START
    group.stop()


def test_a_watermark_that_cannot_be_published_fails_like_a_sync(segment: int) -> None:
    closed = os.open("/dev/null", os.O_RDONLY)
    group = GroupSync(segment, closed, START)
    group.handed = NEXT
    with pytest.raises(JournalFull):
        group.sync()
    os.close(closed)


def test_a_failure_told_from_outside_syncs_once_more_what_can_be(
    segment: int, watermark: int
) -> None:
    group = GroupSync(segment, watermark, START)
    group.handed = NEXT
    group.fail(JournalFull("no space"))
    assert published(watermark) == NEXT
    with pytest.raises(JournalFull, match="no space"):
        group.sync()
