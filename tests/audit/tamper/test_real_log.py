"""The watch over a log that the real sequencer writes: nothing that is in order is called out."""

from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.audit.sequencer.rig import ORIGIN, Desk
from trading_runtime.audit import rotation
from trading_runtime.audit.index.opening import INDEX
from trading_runtime.audit.sequencer.opening import Opened
from trading_runtime.audit.tamper.agreement import agrees
from trading_runtime.audit.tamper.watch import Watch
from trading_runtime.evidence import layout
from trading_runtime.journal.alone import alone

SECOND = 1_000_000_000
WITHIN_S = 120.0


class Watched:
    """A desk that is watched; each look is a second after the one before."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.watch = Watch(desk.data, "", ORIGIN)
        self.now = 1_000 * SECOND

    def is_quiet(self, rounds: int = 3) -> bool:
        found = []
        for _ in range(rounds):
            self.now += SECOND
            found += self.watch.look(self.now)
        assert found == []
        return True


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    desk = Desk(tmp_path, period_s=60)
    with desk.witnessed():
        made = Watched(desk)
        yield made
        made.watch.close()


def publish(opened: Opened) -> None:
    deadline = monotonic() + WITHIN_S
    opened.sequencer.checkpoint()
    while opened.sequencer.unreceipted or opened.sequencer.checkpoints.asking:
        assert monotonic() < deadline
        sleep(0.002)
        opened.sequencer.checkpoint()


def test_a_day_of_restarts_digests_and_crashes_passes_quietly(watched: Watched) -> None:
    desk = watched.desk
    assert watched.is_quiet()
    teller = desk.teller()
    desk.pile.waiting += teller.started()
    for number in range(4):
        with alone(desk.audit / rotation.LOCK, "it runs"), desk.open() as opened:
            for _ in range(3):
                desk.pile.waiting += teller.many(50)
                opened.sequencer.turn()
                assert watched.is_quiet()
                publish(opened)
                assert watched.is_quiet()
                desk.hands.advance(61)
            opened.sequencer.turn()
            assert watched.is_quiet(15)
            assert agrees(desk.audit / "watch", opened.index) > 0
        with layout.frames_path(layout.log_folder(desk.audit), 0).open("ab") as file:
            file.write(b"\x99\x01\x00\x00torn" * number)
        assert watched.is_quiet(15)
    assert len(desk.told("TailCut")) == 2


def test_a_rebuilt_index_and_a_new_key_pass_quietly(watched: Watched) -> None:
    desk = watched.desk
    teller = desk.teller()
    with desk.open() as opened:
        desk.pile.waiting += teller.started() + teller.many(200)
        opened.sequencer.turn()
        publish(opened)
        assert watched.is_quiet()
    for suffix in ("", "-wal", "-shm"):
        (desk.audit / (INDEX + suffix)).unlink(missing_ok=True)
    assert watched.is_quiet()
    with alone(desk.audit / rotation.LOCK, "it runs"), desk.open(rebuild_index=True) as opened:
        opened.sequencer.turn()
        publish(opened)
        assert watched.is_quiet(15)
        assert agrees(desk.audit / "watch", opened.index) > 0
    rotation.rotate_log_key(desk.audit)
    assert watched.is_quiet(15)
    with alone(desk.audit / rotation.LOCK, "it runs"), desk.open() as opened:
        desk.pile.waiting += teller.many(10)
        opened.sequencer.turn()
        assert watched.is_quiet(15)
    assert len(desk.told("TrustDeclared")) == 2
