"""Killed at any step on a real S3, throttled, cut off: nothing is lost, and the next run heals."""

import itertools
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import boto3
import pytest

from data_platform.assets.archive import archiving
from data_platform.assets.archive.holdings import HOLDINGS
from data_platform.assets.archive.settings import RetentionSettings
from tests.data_platform.assets.archive.dying import RESTORE
from tests.data_platform.assets.archive.runs import PRUNES, Runs
from tests.data_platform.assets.archive.small_day import DAY, TABLE, contents, everything, write_day
from tests.servers.ceph import Ceph
from tests.servers.faulty import FaultyWay, Trouble
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos
from trading_runtime.store.archive.archive import Archive
from trading_runtime.store.archive.restore import restore
from trading_runtime.store.objects.objects import Denied, Unreachable
from trading_runtime.store.objects.opening import open_archive
from trading_runtime.store.objects.place import Access
from trading_runtime.store.settings import ArchiveSettings

pytestmark = pytest.mark.soak

EXPIRES = "2027-01-01"
KEPT_FOR_EVER = {"critical", "lake", "marts", "reports"}
STATE = ("scribe/", "platform/", "logs/sealed/", "lake/_", "journal/.")
TEN_MINUTES_NS = 600 * NANOS_PER_SECOND
DEADLINE_S = 120
RUNS_MAX = 60
"""Through a store that throttles every fourth request."""


class Ground(NamedTuple):
    """A day that is written, and where it is archived."""

    written: Path
    ceph: Ceph
    bucket: str
    access: Access
    folder: Path

    def location(self, prefix: str) -> str:
        return f"s3://{self.bucket}/{prefix}@{self.ceph.endpoint}"

    def archive(self, prefix: str) -> Archive:
        place, now = f"s3://{self.bucket}/{prefix}", Nanos(time.time_ns())
        return Archive(open_archive(place, self.folder, self.ceph.endpoint, now, self.access))

    def copy(self, name: str) -> Path:
        return Path(shutil.copytree(self.written, self.folder / name))

    @property
    def day(self) -> dict[str, bytes]:
        return contents(self.written, *STATE)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("day")
    write_day(data)
    return data


@pytest.fixture(params=[True, False], ids=["with locks", "without"])
def ground(
    written: Path,
    ceph: Ceph,
    new_bucket: Callable[[bool], str],
    access: Access,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Ground:
    return Ground(written, ceph, new_bucket(request.param), access, tmp_path)


without_locks = pytest.mark.parametrize("ground", [False], indirect=True, ids=["without locks"])
with_locks = pytest.mark.parametrize("ground", [True], indirect=True, ids=["with locks"])


@pytest.fixture
def runs(access: Access) -> Iterator[Runs]:
    process = Runs(CEPH_KEYS=":".join(access))
    yield process
    process.close()


def hold(ground: Ground, archive: Archive, data: Path) -> None:
    """What is here and what a restore adds to it are the day."""
    together = ground.folder / "together"
    shutil.copytree(data, together)
    assert restore(archive, together, archive.datasets()).is_equal
    assert contents(together, *STATE) == ground.day
    shutil.rmtree(together)


def is_whole(ground: Ground, archive: Archive, data: Path) -> None:
    """Each partition was archived once, nothing lies about, and what was pruned comes back."""
    living = everything(archive)
    assert {it.version for it in living} == {1}
    named = {file.key for it in living for file in it.files}
    assert {it.key for it in archive.objects.list("data/")} == named
    assert contents(data, *STATE).keys() < ground.day.keys()
    hold(ground, archive, data)


def archived(ground: Ground) -> dict[str, bytes]:
    """Give what the archive below ``here`` holds of the day, as it is there."""
    files = [file for it in everything(ground.archive("here")) for file in it.files]
    return {it.path: ground.day[it.path] for it in files}


def die_and_heal(runs: Runs, ground: Ground, step: int) -> None:
    prefix, data = str(step), ground.copy(str(step))
    runs.kill(step, ground.location(prefix), data)
    archive = ground.archive(prefix)
    hold(ground, archive, data)
    runs.finish(ground.location(prefix), data)
    is_whole(ground, archive, data)
    shutil.rmtree(data)


def test_killed_at_every_step_nothing_is_lost(runs: Runs, ground: Ground) -> None:
    steps = int(runs.run(0, ground.location("whole"), ground.copy("whole")))
    # The even ones on a bucket with locks, the odd ones on one without.
    first = 2 if ground.archive("whole").objects.capabilities.retention_lock else 1
    for step in range(first, steps + 1, 2):
        die_and_heal(runs, ground, step)


@without_locks
def test_killed_while_it_expires_it_is_gone_on_with(runs: Runs, ground: Ground) -> None:
    pruned = int(runs.run(0, ground.location("pruned"), ground.copy("pruned")))
    steps = int(runs.run(0, ground.location("whole"), ground.copy("whole"), EXPIRES))
    for step in range(pruned, steps + 1, 3):
        prefix, data = str(step), ground.copy(str(step))
        runs.kill(step, ground.location(prefix), data, EXPIRES)
        runs.finish(ground.location(prefix), data, EXPIRES)
        archive = ground.archive(prefix)
        living = everything(archive)
        assert {it.dataset for it in living} == KEPT_FOR_EVER | {"journal"}
        named = {file.key for it in living for file in it.files}
        assert {it.key for it in archive.objects.list("data/")} == named
        back = ground.folder / "back"
        assert restore(archive, back, sorted(KEPT_FOR_EVER)).is_equal
        assert contents(back).items() <= ground.day.items()
        shutil.rmtree(back)
        shutil.rmtree(data)


@with_locks
def test_killed_at_any_step_of_a_restore_it_is_gone_on_with(runs: Runs, ground: Ground) -> None:
    data, place = ground.copy("data"), ground.location("here")
    runs.finish(place, data)
    steps, held = int(runs.run(0, place, ground.folder / "whole", RESTORE)), archived(ground)
    for step in range(1, steps + 1, 2):
        back = ground.folder / str(step)
        runs.kill(step, place, back, RESTORE)
        # What has its name is whole; what was cut off has another.
        there = {path: it for path, it in contents(back).items() if path in held}
        assert there.items() <= held.items()
        runs.finish(place, back, RESTORE)
        assert contents(back) == held
        shutil.rmtree(back)


def test_two_who_archive_at_once_of_whom_one_is_killed_archive_once(
    runs: Runs, ground: Ground
) -> None:
    other = Runs(CEPH_KEYS=":".join(ground.access))
    try:
        for step in range(4, 100, 12):
            # Of two folders, which know nothing of one another's lock.
            place, mine, theirs = ground.location(str(step)), *map(ground.copy, "mt")
            other.ask(step, place, theirs)
            runs.ask(0, place, mine)
            assert int(runs.answer()) > 0
            assert other.answer() == "killed"
            other.finish(place, theirs)
            for data in (mine, theirs):
                is_whole(ground, ground.archive(str(step)), data)
                shutil.rmtree(data)
    finally:
        other.close()


@pytest.mark.parametrize("objects", [1, 12, 24])
@with_locks
def test_a_gateway_killed_amid_a_run_fails_it_and_the_next_one_heals(
    runs: Runs, ground: Ground, objects: int
) -> None:
    data, archive = ground.copy("data"), ground.archive("here")
    runs.ask(0, ground.location("here"), data)
    until(lambda: len(list(archive.objects.list("data/"))) >= objects)
    ground.ceph.stop_gateway()
    try:
        assert runs.answer() == "failed"
        assert contents(data, *STATE) == ground.day
    finally:
        ground.ceph.start_gateway()
    runs.finish(ground.location("here"), data)
    is_whole(ground, archive, data)


@with_locks
def test_a_gateway_killed_amid_a_restore_fails_it_and_the_next_one_goes_on(
    runs: Runs, ground: Ground
) -> None:
    data, back = ground.copy("data"), ground.folder / "back"
    runs.finish(ground.location("here"), data)
    runs.ask(0, ground.location("here"), back, RESTORE)
    until(lambda: len(contents(back)) > 1)
    ground.ceph.stop_gateway()
    try:
        # It may have been through.
        assert runs.answer() != "killed"
    finally:
        ground.ceph.start_gateway()
    runs.finish(ground.location("here"), back, RESTORE)
    assert contents(back) == archived(ground)


@pytest.fixture
def sign_in(access: Access, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Give what sets whose keys this process has, as another process would find them."""

    def with_secret(secret: str) -> None:
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", access.key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)

    return with_secret


@pytest.fixture
def as_user(sign_in: Callable[[str], None], access: Access) -> None:
    sign_in(access.secret)


def run_once(settings: ArchiveSettings, data: Path, now: Nanos) -> None:
    """Do what the day's runs do."""
    archive = archiving.open_to_write(settings, data, now)
    for it in HOLDINGS:
        archiving.archive_day(data, archive, it, TABLE, DAY, now)
    archiving.sweep(data, archive, RetentionSettings(as_of=PRUNES), now, lambda *_: None)


@with_locks
@pytest.mark.usefixtures("as_user")
def test_while_the_store_is_down_for_an_hour_every_run_fails_and_nothing_goes(
    ground: Ground,
) -> None:
    data, now = ground.copy("data"), Nanos(time.time_ns())
    settings = ArchiveSettings(location=f"s3://{ground.bucket}/here", endpoint=ground.ceph.endpoint)
    ground.ceph.stop_gateway()
    try:
        for tenth in range(7):
            with pytest.raises(Unreachable):
                run_once(settings, data, Nanos(now + tenth * TEN_MINUTES_NS))
            with pytest.raises(Unreachable):
                restore(ground.archive("here"), ground.folder / "back", ["journal"])
            assert contents(data, *STATE) == ground.day
    finally:
        ground.ceph.start_gateway()
    run_once(settings, data, Nanos(now + 7 * TEN_MINUTES_NS))
    is_whole(ground, ground.archive("here"), data)


@with_locks
@pytest.mark.usefixtures("as_user")
def test_through_a_store_that_throttles_all_gets_there_and_past_bearing_nothing_goes(
    ground: Ground,
) -> None:
    data, now = ground.copy("data"), Nanos(time.time_ns())
    with FaultyWay(ground.ceph.port).open() as way:
        settings = ArchiveSettings(location=f"s3://{ground.bucket}/here", endpoint=way.endpoint)
        way.fail(*[Trouble.BUSY] * 500)
        with pytest.raises(Unreachable, match="SlowDown"):
            run_once(settings, data, now)
        assert contents(data, *STATE) == ground.day
        while way.next_trouble() is not Trouble.NONE:
            pass
        way.fail(*[Trouble.BUSY, *[Trouble.NONE] * 3] * 5000)
        for attempt in itertools.count(1):
            assert attempt < RUNS_MAX
            try:
                run_once(settings, data, now)
            except Unreachable:
                continue
            break
    is_whole(ground, ground.archive("here"), data)


@with_locks
def test_with_wrong_keys_nothing_is_archived_or_restored_and_nothing_goes(
    ground: Ground, sign_in: Callable[[str], None]
) -> None:
    data, now = ground.copy("data"), Nanos(time.time_ns())
    settings = ArchiveSettings(location=f"s3://{ground.bucket}/here", endpoint=ground.ceph.endpoint)
    sign_in("wrong")
    with pytest.raises(Denied):
        run_once(settings, data, now)
    assert contents(data, *STATE) == ground.day
    assert list(ground.archive("here").objects.list("manifests/")) == []
    sign_in(ground.access.secret)
    run_once(settings, data, now)
    is_whole(ground, ground.archive("here"), data)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline
        os.sched_yield()
