"""A fork: the old log stays as it is, the new one goes on with what producers still hold."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.audit.sequencer.rig import BEGAN_S, Desk
from tests.audit.sequencer.test_sequencer import VERIFIER, publish
from trading_runtime.audit.sequencer.believed import believed
from trading_runtime.audit.sequencer.fork import Asked, fork
from trading_runtime.errors import Refused
from trading_runtime.evidence import entry, layout
from trading_runtime.evidence.frames import FrameReader

NEW = "desk.example/tape-2"


def lost(desk: Desk) -> list[object]:
    """Make a log whose last batch was witnessed and is lost; give what its producer still has."""
    teller = desk.teller()
    with desk.witnessed(), desk.open() as opened:
        desk.pile.waiting += teller.started() + teller.many(10)
        opened.sequencer.turn()
        publish(opened)
        size = layout.frames_path(layout.log_folder(desk.audit), 0).stat().st_size
        last = teller.many(5)
        desk.pile.waiting += last
        opened.sequencer.turn()
        publish(opened)
    os.truncate(layout.frames_path(layout.log_folder(desk.audit), 0), size)
    with pytest.raises(Refused, match="tapedeck audit fork"), desk.open():
        pass
    return [*last, *teller.many(4)]


@pytest.mark.parametrize("cut_after", [None, "log", "trust", "keys"])
def test_a_fork_goes_on_under_a_new_origin(tmp_path: Path, cut_after: str | None) -> None:
    desk = Desk(tmp_path)
    held = lost(desk)
    old_pin = believed(desk.audit)[1]
    asked = Asked(NEW, "the disk of 14 May was lost", "ada")
    if cut_after is not None:
        half_way(desk, asked, cut_after)
    pin = fork(desk.audit, asked, desk.hands.stamp.wall)
    trusted, found = believed(desk.audit)
    assert (trusted.trust.origin, found) == (NEW, pin)
    assert (desk.audit / "forked" / old_pin / "log" / "checkpoint").exists()
    with desk.witnessed(), desk.open() as opened:
        assert desk.pile.place("runtime", "b1") == 11
        desk.pile.waiting += held
        opened.sequencer.turn()
        publish(opened)
    reader = FrameReader(layout.log_folder(desk.audit), NEW)
    entries = [entry.read(data) for data in reader.entries(0, reader.size)]
    assert [it.event_type for it in entries[:3]] == ["LogOpened", "ForkDeclared", "TrustDeclared"]
    assert [it.producer.seq for it in entries[3:]] == list(range(12, 21))
    told = entries[1].request_data
    assert told is not None
    assert (told["previousPin"], told["previousSize"]) == (old_pin, 13)
    assert str(told["checkpoint"]).startswith("desk.example/tape\n18\n")
    done = subprocess.run(
        [sys.executable, VERIFIER, desk.audit, "--now", str(BEGAN_S + 100)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "integrity: ok" in done.stdout, done.stdout
    with desk.witnessed(), desk.open() as opened:
        opened.sequencer.turn()
        assert opened.sequencer.memory.held("runtime", "b1") == 20


def half_way(desk: Desk, asked: Asked, after: str) -> None:
    """Leave what a crash leaves right after the files of one kind were moved."""
    folder = desk.data / "copy"
    shutil.copytree(desk.audit, folder)
    pin = fork(folder, asked, desk.hands.stamp.wall)
    old = believed(desk.audit)[1]
    assert pin != old
    (desk.audit / "forking").mkdir()
    for name in ("trust", "sequencer"):
        shutil.move(folder / name, desk.audit / "forking" / name)
    (desk.audit / "forking" / "keys").mkdir()
    for name in ("log.key", "digest.key"):
        shutil.move(folder / "keys" / name, desk.audit / "forking" / "keys" / name)
    kept = desk.audit / "forked" / old
    kept.mkdir(parents=True)
    for name in {"log": ("log",), "trust": ("log", "trust"), "keys": ("log", "trust")}[after]:
        shutil.move(desk.audit / name, kept / name)
    if after == "keys":
        (kept / "keys").mkdir()
        shutil.move(desk.audit / "keys" / "log.key", kept / "keys" / "log.key")


def test_a_fork_needs_an_origin_of_its_own(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    with pytest.raises(Refused, match="needs an origin of its own"):
        fork(desk.audit, Asked("desk.example/tape", "why not", "ada"), desk.hands.stamp.wall)
