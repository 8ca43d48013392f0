"""Sealed hours in gzip: nothing lost, wherever the run is killed and whenever scribe rolls."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory

import pytest

from data_platform.assets.logs.compression import LogHour, compress_hour, parts_of
from tests.scribe.journals import NOON, SECOND, sample
from tests.store.search.lines import HOUR, found, joined, sealed, some
from trading_runtime.records import layout
from trading_runtime.records.commands import PlaceOrder
from trading_runtime.records.envelope import Kind
from trading_runtime.records.units import Module, Nanos, Seq
from trading_runtime.scribe.entry import Entry
from trading_runtime.scribe.logs import Logs
from trading_runtime.scribe.settings import ScribeSettings
from trading_runtime.store.hours import Hour, hour_at
from trading_runtime.store.search import members

DEEDS = frozenset({"os.rename", "os.remove", "os.mkdir", "os.truncate"})
"""What changes a folder, as Python's audit hooks name it; opening to write does too."""
TO_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """Give a folder where a sync costs nothing; what is killed is the process, not the power."""
    shared = Path("/dev/shm")  # noqa: S108 -- for speed alone
    with TemporaryDirectory(dir=shared if shared.is_dir() else tmp_path) as folder:
        yield Path(folder)


def files_of(data: Path) -> dict[str, bytes]:
    """Give the whole content of the archive, without its locks."""
    root = Path(layout.log_archive(data))
    return {
        it.relative_to(root).as_posix(): it.read_bytes()
        for it in sorted(root.rglob("*"))
        if it.is_file() and it.name != ".lock"
    }


def killed_at(number: int, data: Path, hour: Hour) -> bool:
    """Compress in a process that is killed at its ``number``-th deed; false if it came through."""
    child = os.fork()
    if child == 0:
        left = number

        def count(deed: str, told: tuple[object, ...]) -> None:
            nonlocal left
            if deed in DEEDS or (deed == "open" and int(str(told[2])) & TO_WRITE):
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        compress_hour(LogHour(data, hour))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return status != 0


def test_killed_at_any_step_the_next_run_ends_as_one_that_was_not(memory: Path) -> None:
    first = memory / "whole"
    sealed(first, some(200))
    sealed(first, some(50, first=3_000), part=2)
    lines = found(first)
    compress_hour(LogHour(first, HOUR))  # also loads whatever is loaded late
    wanted = files_of(first)
    number, went_on = 1, True
    while went_on:
        data = memory / str(number)
        copytree(Path(layout.logs(first)) / "sealed", Path(layout.logs(data)) / "sealed")
        went_on = killed_at(number, data, HOUR)
        assert found(data) == lines
        compress_hour(LogHour(data, HOUR))
        assert files_of(data) == wanted
        assert found(data) == lines
        number += 1
    assert number > 12


def test_plain_files_stay_and_are_whole_in_their_compressed_form(tmp_path: Path) -> None:
    plain = sealed(tmp_path, [*some(5), b"\xff\xfe"])
    plain.write_bytes(plain.read_bytes() + b'{"cut')
    done = compress_hour(LogHour(tmp_path, HOUR))
    (part,) = parts_of(tmp_path, Module.OMS, HOUR)
    assert members.is_whole(plain, part.gz)
    (told,) = done.files
    assert (told.lines, told.unreadable) == (7, 2)
    assert told.path == "logs/archive/oms/2025/11/19/oms-2025-11-19T14-001.jsonl.gz"


def test_again_it_changes_nothing_also_without_the_plain_files(tmp_path: Path) -> None:
    plain = sealed(tmp_path, some(5))
    done = compress_hour(LogHour(tmp_path, HOUR))
    before = files_of(tmp_path)
    plain.unlink()
    again = compress_hour(LogHour(tmp_path, HOUR))
    assert again.files == done.files
    assert files_of(tmp_path) == before


def entries(first: int, count: int, at: int) -> list[Entry]:
    return [
        Entry("20240808T120000-aa", Kind.OUTPUT, Seq(it), Nanos(at + it), sample(PlaceOrder, it))
        for it in range(first, first + count)
    ]


@pytest.mark.parametrize("settings", [ScribeSettings(), ScribeSettings(log_bytes_max=4_000)])
def test_no_line_is_lost_while_hours_roll_and_files_move(
    tmp_path: Path, settings: ScribeSettings
) -> None:
    """The real scribe writes; behind it hours are compressed and plain files pruned."""
    (tmp_path / "journal" / "20240808T120000-aa").mkdir(parents=True)
    logs = Logs(tmp_path, settings)
    seq, pruned = 1, 0
    for turn in range(12):
        # An hour begins every four turns, and once the clock of another session leads back.
        hour = (turn // 4) - (turn == 6)
        logs.take(entries(seq, 20, NOON + hour * 3600 * SECOND), pressed=False)
        logs.flush()
        seq += 20
        for part_hour in (hour_at(NOON + it * 3600 * SECOND) for it in range(3)):
            compress_hour(LogHour(tmp_path, part_hour))
            for part in parts_of(tmp_path, Module.OMS, part_hour):
                if turn % 3 == 0 and part.plain.exists():
                    assert members.is_whole(part.plain, part.gz)
                    part.plain.unlink()
                    pruned += 1
        lines = found(tmp_path)
        assert sorted(int(it.rpartition(b":")[2][:-1]) for it in lines) == list(range(1, seq))
    logs.close()
    assert pruned >= 3
    plain = joined(found(tmp_path))
    assert len(plain.splitlines()) == seq - 1
