"""Frames go when the archive has them; the log says so, and goes on."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.audit.sequencer.rig import Desk
from tests.audit.sequencer.test_sequencer import VERIFIER, publish
from trading_runtime.audit.sequencer.opening import Order
from trading_runtime.audit.sequencer.pruning import prune
from trading_runtime.clock import Clock
from trading_runtime.evidence import layout
from trading_runtime.journal.diary import Diary
from trading_runtime.store.cold.copying import copy
from trading_runtime.store.objects.folder import Folder

ENTRIES = 66_000
"""One block, and a little of the next."""


@pytest.mark.soak
def test_pruned_frames_are_told_and_not_missed(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    archive = Folder(tmp_path / "archive")
    teller = desk.teller()
    with desk.witnessed():
        with desk.open() as opened:
            desk.pile.waiting = teller.started()
            for _ in range(ENTRIES // 500):
                desk.pile.waiting += teller.many(500, 5000)
            while desk.pile.waiting:
                opened.sequencer.turn()
            publish(opened)
        copy(desk.audit, archive, None, with_partial=True)
        desk.hands.advance(3600)
        with desk.open() as opened:
            opened.sequencer.turn()
            publish(opened)
        diary = Diary(desk.audit, "pruning", Clock())
        order = Order(desk.audit, desk.settings, desk.urls, lambda _: [desk.pile])
        assert prune(order, archive, 1, diary, desk.hands) == range(1)
        diary.close()
        log = layout.log_folder(desk.audit)
        assert layout.frame_blocks(log) == [1]
        with desk.open() as opened:
            desk.pile.waiting += teller.many(100)
            opened.sequencer.turn()
            publish(opened)
            assert opened.sequencer.memory.held("runtime", "b1") == ENTRIES + 101
            # Its digests are brought by the service; here by hand.
            for number in layout.digest_numbers(log):
                for key in (layout.heads_key(number), layout.digest_key(number)):
                    archive.put_new(key, (log / key).read_bytes(), None)
    now = str(int(desk.hands.stamp.wall // 10**9))
    done = subprocess.run(
        [sys.executable, VERIFIER, desk.audit, "--archive", tmp_path / "archive", "--now", now],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "integrity: ok" in done.stdout, done.stdout
    assert "completeness: ok" in done.stdout, done.stdout
