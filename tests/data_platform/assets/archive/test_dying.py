"""Killed at any step of archive and retention, and run again: nothing is lost, nothing doubled."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.data_platform.assets.archive.runs import PRUNES, Runs
from tests.data_platform.assets.archive.small_day import contents, everything, write_day
from trading_runtime.store.archive.archive import Archive
from trading_runtime.store.archive.manifest import ArchiveManifest
from trading_runtime.store.archive.restore import restore
from trading_runtime.store.objects.folder import Folder

EXPIRES = "2027-01-01"
KEPT_FOR_EVER = {"critical", "lake", "marts", "reports"}
STATE = ("scribe/", "platform/", "logs/sealed/", "lake/_", "journal/.")


@pytest.fixture(scope="module")
def runs() -> Iterator[Runs]:
    process = Runs()
    yield process
    process.close()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("day")
    write_day(data)
    return data


def held(archive: Archive, data: Path, at: Path) -> dict[str, bytes]:
    """Give what is here, and what a restore adds to it."""
    shutil.copytree(data, at)
    done = restore(archive, at, archive.datasets())
    assert done.is_equal, done
    return contents(at, *STATE)


def die_and_heal(runs: Runs, written: Path, folder: Path, step: int) -> None:
    """Kill a run at a step; hold what is left, and what the next run makes of it, to the day."""
    data, objects = folder / "data", folder / "objects"
    shutil.copytree(written, data)
    before, archive = contents(data, *STATE), Archive(Folder(objects))
    runs.kill(step, str(objects), data)
    assert held(archive, data, folder / "first") == before
    runs.finish(str(objects), data)
    assert held(archive, data, folder / "second") == before
    assert {it.version for it in everything(archive)} == {1}
    assert objects_of(archive) == named_by(everything(archive))
    assert contents(data, *STATE).keys() < before.keys()


def objects_of(archive: Archive) -> set[str]:
    return {it.key for it in archive.objects.list("data/")}


def named_by(manifests: list[ArchiveManifest]) -> set[str]:
    return {file.key for it in manifests for file in it.files}


def steps_of(runs: Runs, written: Path, folder: Path, as_of: str) -> int:
    shutil.copytree(written, folder / "data")
    return int(runs.run(0, str(folder / "objects"), folder / "data", as_of))


def test_a_run_that_is_killed_loses_nothing_and_the_next_one_heals(
    runs: Runs, written: Path, tmp_path: Path
) -> None:
    steps = steps_of(runs, written, tmp_path / "whole", PRUNES)
    # Amid the archiving, and amid the files that go.
    for step in (steps // 2, steps - 4):
        die_and_heal(runs, written, tmp_path / str(step), step)


@pytest.mark.soak
def test_killed_at_every_step_nothing_is_lost(runs: Runs, written: Path, tmp_path: Path) -> None:
    steps = steps_of(runs, written, tmp_path / "whole", PRUNES)
    for step in range(1, steps + 1):
        die_and_heal(runs, written, tmp_path / str(step), step)
        shutil.rmtree(tmp_path / str(step))


def expire_and_die(runs: Runs, written: Path, folder: Path, step: int) -> None:
    """Kill a run that expires; what is kept for ever is there, the rest goes in the next run."""
    data, objects = folder / "data", folder / "objects"
    shutil.copytree(written, data)
    runs.kill(step, str(objects), data, EXPIRES)
    runs.finish(str(objects), data, EXPIRES)
    archive = Archive(Folder(objects))
    living = everything(archive)
    # Of the journal what a start may need.
    assert {it.dataset for it in living} == KEPT_FOR_EVER | {"journal"}
    assert objects_of(archive) == named_by(living)
    restore(archive, folder / "back", sorted(KEPT_FOR_EVER))
    for path, content in contents(folder / "back").items():
        assert (written / path).read_bytes() == content


def test_a_run_that_expires_and_is_killed_is_gone_on_with(
    runs: Runs, written: Path, tmp_path: Path
) -> None:
    steps = steps_of(runs, written, tmp_path / "whole", EXPIRES)
    expire_and_die(runs, written, tmp_path / "died", steps - 20)


@pytest.mark.soak
def test_killed_at_every_step_of_expiring_nothing_kept_is_lost(
    runs: Runs, written: Path, tmp_path: Path
) -> None:
    pruned = steps_of(runs, written, tmp_path / "pruned", PRUNES)
    steps = steps_of(runs, written, tmp_path / "whole", EXPIRES)
    for step in range(pruned - 40, steps + 1, 2):
        expire_and_die(runs, written, tmp_path / str(step), step)
        shutil.rmtree(tmp_path / str(step))


def test_two_who_archive_at_once_do_it_once(runs: Runs, written: Path, tmp_path: Path) -> None:
    data, objects = tmp_path / "data", tmp_path / "objects"
    shutil.copytree(written, data)
    before, archive = contents(data, *STATE), Archive(Folder(objects))
    other = Runs()
    try:
        for it in (runs, other):
            it.ask(0, str(objects), data)
        # One may have come so late that it finds nothing to do; neither failed.
        assert max(int(it.answer()) for it in (runs, other)) > 0
    finally:
        other.close()
    assert held(archive, data, tmp_path / "held") == before
    assert {it.version for it in everything(archive)} == {1}
