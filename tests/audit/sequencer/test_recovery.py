"""The start-up rule: what a crash leaves is mended and told; all else is refused, untouched."""

import os
import shutil
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from tests.audit.sequencer.rig import Desk
from tests.audit.sequencer.test_sequencer import check_whole, publish
from trading_runtime.audit.keys import key_path
from trading_runtime.errors import Refused
from trading_runtime.evidence import layout
from trading_runtime.evidence.notes import SigningKey


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Give a log of two checkpoints, the first at 13 entries."""
    desk = Desk(tmp_path / "now")
    with desk.witnessed():
        teller = desk.teller()
        with desk.open() as opened:
            desk.pile.waiting += teller.started() + teller.many(10)
            opened.sequencer.turn()
            publish(opened)
            shutil.copytree(desk.audit, tmp_path / "before")
            desk.pile.waiting += teller.many(10)
            opened.sequencer.turn()
            publish(opened)
        yield desk


def frames(desk: Desk) -> Path:
    return layout.frames_path(layout.log_folder(desk.audit), 0)


def tree(folder: Path) -> dict[str, str]:
    """Give the hashes of all evidence, to see that a refusal changes nothing."""
    return {
        str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest()
        for path in sorted((folder / "log").rglob("*"))
        if path.is_file()
    }


def put_back(desk: Desk, *names: str) -> None:
    """Put older files in the place of the newest ones."""
    before = desk.data.parent / "before"
    for name in names:
        for path in desk.audit.glob(f"{name}*"):
            path.unlink()
        for path in before.glob(f"{name}*"):
            shutil.copy(path, desk.audit / path.relative_to(before))


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def all_but_the_witness(desk: Desk) -> None:
    for name in ("log", "sequencer"):
        shutil.rmtree(desk.audit / name)
        shutil.copytree(desk.data.parent / "before" / name, desk.audit / name)
    put_back(desk, "index.sqlite")


REFUSALS: dict[str, tuple[Callable[[Desk], object], str]] = {
    "frames cut": (lambda desk: os.truncate(frames(desk), 6000), "the frames hold"),
    "frames put back": (lambda desk: put_back(desk, "log/frames/000000"), "the frames hold 13"),
    "frames gone": (lambda desk: frames(desk).unlink(), "the frames hold 0"),
    "index put back": (lambda desk: put_back(desk, "index.sqlite"), "the index holds 13"),
    "index gone": (lambda desk: (desk.audit / "index.sqlite").unlink(), "the index holds 0"),
    "an entry changed": (lambda desk: flip(frames(desk), 3000), "the frames hold"),
    "all but the witness put back": (all_but_the_witness, "a witness has seen 23"),
    "checkpoint changed": (
        lambda desk: flip(desk.audit / "log" / "checkpoint", 40),
        "is not what this log signed|is no checkpoint",
    ),
    "trust changed": (lambda desk: flip(desk.audit / "trust" / "policy", 10), "does not hold"),
    "memory changed": (
        lambda desk: (desk.audit / "sequencer" / "memory.json").write_text("{}"),
        "memory.json",
    ),
    "another key": (
        lambda desk: key_path(desk.audit, "log").write_text(
            SigningKey.generate("desk.example/tape").text()
        ),
        "is not the one that trust.json names",
    ),
    "a key for all to read": (lambda desk: key_path(desk.audit, "log").chmod(0o644), "chmod 600"),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_a_log_that_does_not_agree_is_refused_and_left_alone(desk: Desk, what: str) -> None:
    meddle, reason = REFUSALS[what]
    meddle(desk)
    if what == "index gone":
        for path in desk.audit.glob("index.sqlite-*"):
            path.unlink()
    before = tree(desk.audit)
    with pytest.raises(Refused, match=reason), desk.open():
        pass
    assert tree(desk.audit) == before


def test_frames_ahead_of_the_index_are_put_into_it(desk: Desk) -> None:
    """A power cut takes unsettled rows; here all rows behind the checkpoint."""
    teller = desk.teller("b9")
    with desk.open() as opened:
        opened.sequencer.turn()
        publish(opened)
    for path in desk.audit.glob("index.sqlite*"):
        shutil.copy(path, desk.data.parent / path.name)
    with desk.open() as opened:
        desk.pile.waiting += teller.many(7)
        opened.sequencer.turn()
    for path in desk.audit.glob("index.sqlite*"):
        path.unlink()
    for path in desk.data.parent.glob("index.sqlite*"):
        shutil.copy(path, desk.audit / path.name)
    with desk.open() as opened:
        assert opened.index.size() == opened.sequencer.memory.tree.size == 32
        assert opened.sequencer.memory.held("runtime", "b9") == 7


@pytest.mark.parametrize("torn", [b"\x01", b"\0" * 5000, b"\x10\0\0\0torn", b"x" * 40])
def test_a_torn_tail_is_kept_cut_and_told(desk: Desk, torn: bytes) -> None:
    with frames(desk).open("ab") as file:
        file.write(torn)
    with desk.open() as opened:
        opened.sequencer.turn()
        publish(opened)
    (found,) = desk.told("TailCut")
    assert (found["index"], found["bytes"]) == (23, len(torn))
    assert [path.read_bytes() for path in (desk.audit / "rejected").iterdir()] == [torn]
    check_whole(desk)


def test_an_entry_behind_the_checkpoint_that_was_never_indexed_may_be_torn(desk: Desk) -> None:
    size = frames(desk).stat().st_size
    with desk.open() as opened:
        opened.sequencer.turn()
    os.truncate(frames(desk), size + 100)
    # The index has the entry: it was durable, and is lost now.
    with pytest.raises(Refused, match="the frames hold 23 entries and the index 24"), desk.open():
        pass


def test_an_index_is_rebuilt_when_asked_and_the_log_says_so(desk: Desk) -> None:
    for path in desk.audit.glob("index.sqlite*"):
        path.unlink()
    with desk.open(rebuild_index=True) as opened:
        opened.sequencer.turn()
        identity = opened.index.identity()
        publish(opened)
        assert opened.index.size() == 25
    assert [it["identity"] for it in desk.told("IndexRebuilt")] == [identity]
    check_whole(desk)


def test_a_clock_that_stands_still_or_goes_back_makes_no_boot_twice(desk: Desk) -> None:
    for seconds in (-0.001, -0.001, -7200):
        desk.hands.advance(seconds)
        with desk.open() as opened:
            opened.sequencer.turn()
            publish(opened)
    boots = [it.producer.boot for it in desk.entries() if it.event_type == "LogOpened"]
    assert boots == sorted(set(boots))
    assert len(boots) == 4
    check_whole(desk)


def test_each_boot_names_the_one_before(desk: Desk) -> None:
    for _ in range(2):
        with desk.open() as opened:
            opened.sequencer.turn()
            publish(opened)
    first, second, third = desk.told("LogOpened")
    assert first["previousBoot"] is None
    assert [it["previousSeq"] for it in (second, third)] == [2, 1]
    check_whole(desk)


def test_what_is_remembered_over_a_digest_is_what_the_frames_say(desk: Desk) -> None:
    teller = desk.teller("b5")
    with desk.open() as opened:
        desk.pile.waiting += teller.many(300)
        opened.sequencer.turn()
        desk.hands.advance(3600)
        desk.pile.waiting += teller.many(40)
        opened.sequencer.turn()
        live = opened.sequencer.memory
        chains, levels, root = dict(live.chains), live.tree.levels, live.tree.root()
        touched = dict(live.period.touched)
    for remove in (False, True):
        if remove:
            (desk.audit / "sequencer" / "memory.json").unlink()
        with desk.open() as opened:
            memory = opened.sequencer.memory
            assert memory.chains == chains
            assert (memory.tree.levels, memory.tree.root()) == (levels, root)
            assert memory.period.touched == touched
