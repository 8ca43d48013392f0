"""Attack 62: on what a producer keeps until a receipt covers it, with the processes running."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.audit.attacks.forging import Made
from tests.audit.attacks.scenes import Scene, copied, first, second, second_report
from tests.audit.attacks.world import WITNESSES, World, order, until


@pytest.fixture
def running() -> Iterator[World]:
    with World() as world:
        for name in WITNESSES:
            world.witness(name)
        world.log()
        world.producer("runtime")
        world.tell("runtime", *order(1, 4))
        world.settled()
        yield world


def ended(world: World, folder: Path) -> Scene:
    """The log after all has come that comes."""
    until(lambda: world.size() == len(world.forgery().entries), "everything published")
    world.digested()
    world.stop("log")
    world.copy_cold()
    made: Made = world.made()
    return Scene(copied(made, folder).forgery, world.pin, made.now)


def told(world: World, event_type: str) -> bool:
    forgery = world.forgery()
    return any(forgery.value(at)["eventType"] == event_type for at in range(len(forgery.entries)))


def starts(world: World) -> int:
    return len(world.forgery().find(eventType="ProducerStarted"))


def test_a_producers_log_that_was_deleted_is_missed(running: World, tmp_path: Path) -> None:
    running.kill("runtime")
    for path in sorted((running.audit / "wal/runtime").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    running.producer("runtime")
    until(lambda: starts(running) == 2, "the second boot")
    scene = ended(running, tmp_path)
    index = scene.forgery.find(eventType="ProducerStarted")[-1]
    expected = f"exit 1 producer-restart at entry {index}"
    assert (str(second(scene)), str(first(scene))) == (expected, expected)


def test_a_flipped_bit_in_a_producers_log_is_told(running: World, tmp_path: Path) -> None:
    running.kill("log")
    running.tell("runtime", *order(2, 4))
    running.tell("runtime", *order(3, 4))
    running.stop("runtime")
    segment = max((running.audit / "wal/runtime").rglob("*.wal"))
    data = bytearray(segment.read_bytes())
    data[data.index(b"order:0002") + 9] ^= 1
    segment.write_bytes(data)
    running.log()
    until(lambda: told(running, "StreamDamaged"), "the alarm")
    running.producer("runtime")
    until(lambda: starts(running) == 2, "the second boot")
    scene = ended(running, tmp_path)
    # What could not be read was promised to nobody; the alarm stays in the record.
    assert (str(second(scene)), str(first(scene))) == ("exit 0 whole", "exit 0 whole")
    assert any("StreamDamaged" in note for note in second_report(scene).notes)
    assert sum(int(digest["alarms"]) for digest in scene.forgery.digests) == 1
