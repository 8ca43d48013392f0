"""What happens to honest logs is no alarm: both verifiers find them whole, wherever they stand."""

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.audit.attacks.forging import Made
from tests.audit.attacks.scenes import Scene, copied, first, second, second_report
from tests.audit.attacks.world import USERS, WITNESSES, World, order, own, until
from trading_runtime.audit import rotation
from trading_runtime.clock import wall_ns

Snapshots = dict[str, Made]


class Story:
    """One log and what befalls it; after each chapter a copy is kept somewhere else."""

    def __init__(self, world: World, place: Path) -> None:
        self.world, self.place = world, place
        self.kept: Snapshots = {}
        self.number = 0

    def begin(self) -> None:
        for name in WITNESSES:
            self.world.witness(name)
        self.world.log()
        self.world.producer("runtime")
        self.work()

    def work(self, count: int = 3) -> None:
        for _ in range(count):
            self.number += 1
            self.world.tell("runtime", *order(self.number, 4))

    def rest(self) -> None:
        """Publish all, close a period, stop the log."""
        self.world.settled()
        self.world.digested()
        self.world.stop("log")
        self.world.copy_cold()

    def keep(self, name: str) -> None:
        made = self.world.made()
        folder = self.place / name.replace(" ", "-")
        scene = copied(made, folder)
        self.kept[name] = Made(scene.forgery, self.world.pin, made.now)


def killed_and_restarted(story: Story) -> None:
    world = story.world
    world.settled()
    world.digested()
    story.work(5)
    world.kill("log")
    story.keep("a log that was killed")
    world.log()
    story.rest()
    story.keep("a log that was started again after a kill")


def producer_killed(story: Story) -> None:
    world = story.world
    world.log()
    story.work()
    world.kill("runtime")
    world.producer("runtime")
    story.work()
    story.rest()
    story.keep("a producer that was killed and started again")


def empty_periods(story: Story) -> None:
    world = story.world
    world.log()
    count = world.digests() + 2
    until(lambda: world.digests() >= count, "two periods")
    story.rest()
    story.keep("periods without entries")


def torn_tail(story: Story) -> None:
    world = story.world
    with (world.audit / "log/frames/000000.frames").open("ab") as frames:
        frames.write(b"\x80\x02\x00\x00\x01\x02\x03\x04torn")
    story.keep("a torn last frame")
    world.log()
    story.work()
    story.rest()
    story.keep("a torn frame that was cut")


def index_rebuilt(story: Story) -> None:
    world = story.world
    for path in world.audit.glob("index.sqlite*"):
        path.unlink()
    story.keep("an index that is gone")
    world.log(rebuild=True)
    story.work()
    story.rest()
    story.keep("an index that was made anew")


def keys_rotated(story: Story) -> None:
    world, audit = story.world, story.world.audit
    world.stop("runtime")
    world.log()
    world.settled()
    story.rest()
    rotation.rotate_log_key(audit)
    rotation.rotate_digest_key(audit)
    rotation.rotate_producer_key(audit, "log", wall_ns())
    world.pin = rotation.change_policy(audit, (audit / "trust/policy").read_bytes() + b"# ours\n")
    if world.apart:
        own(audit / "keys", "log")
        os.chown(audit / "sequencer.lock", USERS["log"], USERS["log"])
    for name in WITNESSES:
        world.running[name].send_signal(signal.SIGHUP)
        assert world.heard(name, "trust was read again")
    world.log()
    world.producer("runtime")
    story.work()
    story.rest()
    story.keep("keys of log, digests and producer that were rotated")


CHAPTERS = (
    killed_and_restarted,
    producer_killed,
    empty_periods,
    torn_tail,
    index_rebuilt,
    keys_rotated,
)
NAMES = (
    "a log that was killed",
    "a log that was started again after a kill",
    "a producer that was killed and started again",
    "periods without entries",
    "a torn last frame",
    "a torn frame that was cut",
    "an index that is gone",
    "an index that was made anew",
    "keys of log, digests and producer that were rotated",
)


@pytest.fixture(scope="module")
def snapshots() -> Iterator[Snapshots]:
    with tempfile.TemporaryDirectory(prefix="snapshots-") as place, World() as world:
        story = Story(world, Path(place))
        story.begin()
        for chapter in CHAPTERS:
            chapter(story)
        yield story.kept


@pytest.mark.parametrize("name", NAMES)
def test_no_alarm_is_raised_by(name: str, snapshots: Snapshots) -> None:
    made = snapshots[name]
    scene = Scene(made.forgery, made.pin, made.now)
    assert str(second(scene)) == "exit 0 whole", second_report(scene).findings[:3]
    assert str(first(scene)) == "exit 0 whole"


def test_all_chapters_are_told(snapshots: Snapshots) -> None:
    assert tuple(snapshots) == NAMES
