"""Digests go to the archive when it can be reached; one that is no archive ends the service."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from trading_runtime.audit.sequencer.archiving import AGAIN_NS, Archiving
from trading_runtime.errors import Halt, Refused
from trading_runtime.evidence import layout
from trading_runtime.records.units import Nanos
from trading_runtime.store.objects.folder import Folder
from trading_runtime.store.objects.objects import Objects, Unreachable

WITHIN_S = 120.0
NOW = Nanos(1_000)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    for number in (1, 2):
        for path in (layout.heads_path(tmp_path, number), layout.digest_path(tmp_path, number)):
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"{number}\n")
    return tmp_path


def turned(archiving: Archiving, now: Nanos, holds: Callable[[str], bool]) -> str:
    deadline = time.monotonic() + WITHIN_S
    while not holds(reason := archiving.turn(2, now)):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return reason


def test_an_archive_that_is_down_at_the_start_is_opened_later(log: Path) -> None:
    answers: list[Objects | None] = [None, Folder(log / "archive")]

    def opening() -> Objects:
        found = answers.pop(0)
        if found is None:
            raise Unreachable("it does not answer")
        return found

    archiving = Archiving(log, opening, Nanos(1))
    try:
        assert turned(archiving, NOW, bool) == "it does not answer"
        assert archiving.turn(2, NOW) == ""
        assert archiving.left(2) == 2
        later = Nanos(NOW + AGAIN_NS)
        turned(archiving, later, lambda _: archiving.left(2) == 0)
    finally:
        archiving.close()
    kept = {path.name for path in (log / "archive" / "digests").iterdir()}
    assert kept == {"00000001.note", "00000002.note"}


def test_what_is_no_archive_ends_the_service(log: Path) -> None:
    def opening() -> Objects:
        raise Refused("the bucket overwrites")

    archiving = Archiving(log, opening, Nanos(1))
    try:
        with pytest.raises(Halt, match="the archive: the bucket overwrites"):
            turned(archiving, NOW, bool)
    finally:
        archiving.close()
