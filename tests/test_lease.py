"""The lease: who may send, when the watchdog fires, and that the two never meet."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_runtime import lease as leases
from trading_runtime.errors import Refused
from trading_runtime.lease import (
    AccountLock,
    Condition,
    Lease,
    Watched,
    account_folder,
    fired_generation,
    forgive,
    lease_path,
)
from trading_runtime.records.units import Nanos

LENGTH, MARGIN = Nanos(100), Nanos(30)
START = Nanos(1_000)

HOLDER = """
import sys
from pathlib import Path
from trading_runtime.lease import Lease
lease = Lease.take(Path(sys.argv[1]), 100, 1000)
print("held", flush=True)
sys.stdin.read()
"""


def armed(data: Path, now: int = START) -> Watched:
    watched = Watched(data, MARGIN)
    watched.look(Nanos(now))
    assert watched.look(Nanos(now)).condition is Condition.ALIVE
    return watched


def test_a_fresh_lease_may_send_until_it_is_longer_silent_than_long(tmp_path: Path) -> None:
    lease = Lease.take(tmp_path, LENGTH, START)
    assert lease.may_send(Nanos(START + LENGTH)) == ""
    assert "ran out 101 ns" in lease.may_send(Nanos(START + LENGTH + 1))
    lease.close()


def test_a_beat_keeps_it_and_no_beat_brings_it_back(tmp_path: Path) -> None:
    lease = Lease.take(tmp_path, LENGTH, START)
    lease.beat(Nanos(1_100))
    assert lease.may_send(Nanos(1_200)) == ""
    lease.beat(Nanos(1_201))
    assert "ran out" in lease.may_send(Nanos(1_201))
    lease.close()


def test_a_second_living_process_is_refused_and_a_dead_one_is_not_in_the_way(
    tmp_path: Path,
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(Refused, match="another runtime trades in"):
            Lease.take(tmp_path, LENGTH, START)
        holder.kill()
        holder.wait()
    lease = Lease.take(tmp_path, LENGTH, START)
    assert lease.may_send(START) == ""
    lease.close()


def test_each_session_is_a_generation_of_its_own(tmp_path: Path) -> None:
    first = Lease.take(tmp_path, LENGTH, START)
    first.close()
    second = Lease.take(tmp_path, LENGTH, START)
    assert second.generation not in (0, first.generation)
    second.close()


def test_one_account_is_traded_by_one_process_whatever_its_data_folder(tmp_path: Path) -> None:
    lock = AccountLock(tmp_path, "a1b2")
    with pytest.raises(Refused, match="trades on this account"):
        AccountLock(tmp_path, "a1b2")
    AccountLock(tmp_path, "c3d4").close()
    lock.close()
    AccountLock(tmp_path, "a1b2").close()


def test_account_locks_stand_in_a_folder_of_this_user_alone() -> None:
    folder = account_folder()
    assert folder == account_folder()
    assert folder.stat().st_mode & 0o077 == 0


def test_nobody_is_watched_before_a_first_beat_and_after_a_release(tmp_path: Path) -> None:
    watched = Watched(tmp_path, MARGIN)
    assert watched.look(START).condition is Condition.ABSENT
    lease = Lease.take(tmp_path, LENGTH, START)
    assert watched.look(START).condition is Condition.UNARMED
    assert watched.look(START).condition is Condition.ALIVE
    lease.release()
    assert watched.look(Nanos(9_999)).condition is Condition.ABSENT
    watched.close()


def test_it_is_late_for_the_margin_and_then_dead(tmp_path: Path) -> None:
    lease = Lease.take(tmp_path, LENGTH, START)
    watched = armed(tmp_path)
    assert watched.look(Nanos(1_100)).condition is Condition.ALIVE
    assert watched.look(Nanos(1_101)).condition is Condition.LATE
    assert watched.look(Nanos(1_130)).condition is Condition.LATE
    look = watched.look(Nanos(1_131))
    assert (look.condition, look.silent_ns) == (Condition.DEAD, 131)
    assert watched.fire(look.generation)
    assert watched.look(Nanos(1_131)).condition is Condition.FIRED
    assert lease.may_send(START) == "the watchdog has fired"
    watched.close()
    lease.close()


def test_a_runtime_that_died_before_we_watched_is_not_fired_at(tmp_path: Path) -> None:
    Lease.take(tmp_path, LENGTH, START).close()
    watched = Watched(tmp_path, MARGIN)
    looks = [watched.look(Nanos(now)).condition for now in (1_000, 1_001, 5_000, 5_001)]
    assert looks == [Condition.UNARMED] * 4
    watched.close()


def test_a_runtime_that_lives_and_is_stalled_is_fired_at_by_a_watchdog_that_comes_late(
    tmp_path: Path,
) -> None:
    lease = Lease.take(tmp_path, LENGTH, START)
    watched = Watched(tmp_path, MARGIN)
    looks = [watched.look(Nanos(now)).condition for now in (5_000, 5_001)]
    assert looks == [Condition.UNARMED, Condition.DEAD]
    watched.close()
    lease.close()


def test_a_beat_of_an_earlier_boot_lies_in_the_future_and_is_nobodys(tmp_path: Path) -> None:
    Lease.take(tmp_path, LENGTH, Nanos(10**15)).close()
    watched = Watched(tmp_path, MARGIN)
    looks = [watched.look(Nanos(now)).condition for now in (1_000, 1_001)]
    assert looks == [Condition.UNARMED] * 2
    watched.close()


def test_who_takes_the_lease_in_time_is_not_fired_at(tmp_path: Path) -> None:
    first = Lease.take(tmp_path, LENGTH, START)
    watched = armed(tmp_path)
    first.close()
    dead = watched.look(Nanos(2_000))
    assert dead.condition is Condition.DEAD
    second = Lease.take(tmp_path, LENGTH, Nanos(2_000))
    assert not watched.fire(dead.generation)
    assert second.may_send(Nanos(2_000)) == ""
    watched.close()
    second.close()


def test_a_firing_outlives_the_runtime_until_it_is_forgiven(tmp_path: Path) -> None:
    assert fired_generation(tmp_path) == 0
    first = Lease.take(tmp_path, LENGTH, START)
    watched = armed(tmp_path)
    assert watched.fire(first.generation)
    forgive(tmp_path)
    assert fired_generation(tmp_path) == first.generation, "it still stands at the door"
    first.close()
    second = Lease.take(tmp_path, LENGTH, START)
    assert fired_generation(tmp_path) == first.generation
    forgive(tmp_path)
    assert fired_generation(tmp_path) == 0
    assert second.may_send(START) == ""
    watched.close()
    second.close()


def test_a_file_that_is_no_lease_is_nobodys_and_is_made_one(tmp_path: Path) -> None:
    path = lease_path(tmp_path)
    path.parent.mkdir()
    path.write_bytes(b"\xff" * leases.SIZE)
    watched = Watched(tmp_path, MARGIN)
    assert watched.look(START).condition is Condition.ABSENT
    assert fired_generation(tmp_path) == 0
    lease = Lease.take(tmp_path, LENGTH, START)
    assert lease.may_send(START) == ""
    assert fired_generation(tmp_path) == 0
    assert watched.look(START).condition is Condition.UNARMED
    watched.close()
    lease.close()


ACTIONS = ("wait", "runtime reads", "beats", "sends", "watchdog reads", "looks", "fires", "dies")
STEPS = st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 80)), max_size=60)


class Pair:
    """One runtime after another and a watchdog: each acts on the clock as it read it some time ago.

    A reading may be as old as one likes: the process was held up after it.
    """

    def __init__(self, data: Path) -> None:
        self.data = data
        self.now = START
        self.runtime_now = self.watchdog_now = START
        self.lease = Lease.take(data, LENGTH, START)
        self.watched = Watched(data, MARGIN)
        self.look = self.watched.look(START)
        self.sent: dict[int, list[int]] = {self.lease.generation: []}
        self.fired: list[int] = []

    def do(self, action: str, wait: int) -> None:
        match action:
            case "wait":
                self.now = Nanos(self.now + wait)
            case "runtime reads":
                self.runtime_now = self.now
            case "beats":
                self.lease.beat(self.runtime_now)
            case "sends":
                self.send()
            case "watchdog reads":
                self.watchdog_now = self.now
            case "looks":
                self.look = self.watched.look(self.watchdog_now)
            case "fires":
                self.fire()
            case "dies":
                self.lease.close()
                self.runtime_now = self.now
                self.lease = Lease.take(self.data, LENGTH, self.now)
                self.sent[self.lease.generation] = []

    def send(self) -> None:
        if not self.lease.may_send(self.runtime_now):
            assert self.lease.generation not in self.fired
            self.sent[self.lease.generation].append(self.runtime_now)

    def fire(self) -> None:
        generation = self.look.generation
        if self.look.condition is Condition.DEAD and self.watched.fire(generation):
            assert generation == self.lease.generation
            assert all(sent + MARGIN < self.watchdog_now for sent in self.sent[generation])
            self.fired.append(generation)


@given(STEPS)
def test_nothing_is_sent_after_a_firing_nor_within_the_margin_before(
    steps: list[tuple[str, int]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        pair = Pair(Path(folder))
        for action, wait in steps:
            pair.do(action, wait)
        # Whatever was left undone, the runtime cannot send once it was fired at.
        pair.do("fires", 0)
        for now in (START, pair.runtime_now, pair.now):
            pair.runtime_now = Nanos(now)
            pair.do("beats", 0)
            pair.do("sends", 0)
        pair.watched.close()
        pair.lease.close()


@given(STEPS)
def test_a_runtime_that_beats_in_time_is_never_fired_at(steps: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        pair = Pair(Path(folder))
        for action, wait in steps:
            pair.do(action, wait)
            if action == "wait":
                # At most 80 pass between two of these, and the lease is 100 long.
                pair.do("runtime reads", 0)
                pair.do("beats", 0)
        assert pair.fired == []
        pair.watched.close()
        pair.lease.close()
