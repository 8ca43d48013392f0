"""The watchdog against a real venue over real sockets, beside a runtime that is really stalled."""

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.watch.world import DEADLINE_S, Venue, World, a_venue, stop_all_of, until
from trading_runtime.journal.folder import find_sessions
from trading_runtime.journal.recovery import is_closed
from trading_runtime.journal.verify import verify_session
from trading_runtime.records.commands import AskVenue, CancelOrder
from trading_runtime.records.inputs import AnswerReceived
from trading_runtime.records.observations import LeaseEnded, OrdersSwept, OrderWithdrawn
from trading_runtime.watch.latch import LATCH, open_latch, read_latch

OWN, FOREIGN, ALMOST = "tdk3jd81x9", "web-", "td-hand-"


@pytest.fixture(scope="module")
def venue() -> Iterator[Venue]:
    with a_venue() as running:
        yield running


@pytest.fixture
def world(tmp_path: Path, venue: Venue) -> Iterator[World]:
    made = World(tmp_path, venue)
    yield made
    made.close()
    venue.clear()


def test_a_stalled_runtimes_orders_are_withdrawn_and_it_never_sends_again(world: World) -> None:
    watchdog, runtime = world.watched(length_ms=2_000)
    own = {world.venue.place(OWN) for _ in range(12)}
    foreign = {world.venue.place(FOREIGN), world.venue.place(ALMOST)}
    assert runtime.say("send") == "sent"
    stop_all_of(runtime)
    watchdog.read_until("fired: no beat of the runtime for")
    watchdog.read_until("withdrew")
    assert world.venue.resting() & (own | foreign) == foreign
    runtime.child.send_signal(signal.SIGCONT)
    assert runtime.say("send") == "the watchdog has fired"

    until(lambda: (fired := read_latch(world.data)) and own <= set(fired.cancelled), "the latch")
    assert watchdog.end() == (0, "")
    told = world.journal()
    assert [type(each) for each in told].count(LeaseEnded) == 1
    withdrawn = [each for each in told if isinstance(each, OrderWithdrawn)]
    assert own <= {each.order for each in withdrawn}
    assert {each.outcome for each in withdrawn} == {"cancelled"}
    assert {each.order for each in told if isinstance(each, CancelOrder)} == {
        each.order for each in withdrawn
    }
    swept = next(each for each in told if isinstance(each, OrdersSwept))
    assert swept.withdrawn == len(withdrawn)
    assert swept.foreign >= 2
    asked = sum(isinstance(each, AskVenue | CancelOrder) for each in told)
    assert sum(isinstance(each, AnswerReceived) for each in told) >= asked - 1, "one under way"
    (folder,) = find_sessions(world.data / "watchdog")
    assert verify_session(folder).problem == ""
    assert is_closed(folder)
    assert find_sessions(world.data) == [], "no trading session's folder is touched"


def test_on_spot_it_does_the_same(world: World) -> None:
    text = world.settings.read_text().replace("binance-usdm", "binance-spot")
    text = text.replace('tick_size = "0.10"', 'tick_size = "0.01"')
    text = text.replace('lot_size = "0.001"', 'lot_size = "0.00001"')
    world.settings = world.data / "spot.toml"
    world.settings.write_text(text)
    watchdog, runtime = world.watched()
    own, foreign = world.venue.place(OWN, "spot"), world.venue.place(FOREIGN, "spot")
    stop_all_of(runtime)
    watchdog.read_until("withdrew")
    assert world.venue.resting("spot") & {own, foreign} == {foreign}


def test_a_runtime_that_ended_in_order_is_not_fired_at(world: World) -> None:
    watchdog, runtime = world.watched(length_ms=2_000)
    order = world.venue.place(OWN)
    assert runtime.say("release") == "released"
    run_out = time.monotonic() + 3.0
    watchdog.read_until("lease absent")
    until(lambda: time.monotonic() > run_out, "the lease would have run out")
    second = world.runtime(length_ms=20_000)
    watchdog.read_until("lease alive")
    assert read_latch(world.data) is None
    assert order in world.venue.resting()
    assert second.say("release") == "released"


def test_a_runtime_that_is_started_again_in_time_is_not_fired_at(world: World) -> None:
    watchdog = world.watchdog()
    runtime = world.runtime(length_ms=20_000)
    watchdog.read_until("lease alive")
    runtime.kill()
    world.runtime(length_ms=20_000)
    watchdog.read_until("lease unarmed")
    watchdog.read_until("lease alive")
    assert read_latch(world.data) is None


UNWILLING: tuple[dict[str, object], ...] = (
    {"kind": "status", "route": "GET */openOrders", "status": 503, "count": 2},
    {"kind": "status", "status": 429, "code": -1003, "retry_after_s": 1, "count": 2},
    {"kind": "status", "route": "DELETE */order", "status": 503, "count": 4, "acted": True},
    {"kind": "lost_answer", "route": "DELETE */order", "how": "close", "count": 4},
    {"kind": "lost_answer", "route": "DELETE */order", "how": "close", "acted": False, "count": 2},
)


def test_it_does_not_give_up_on_a_venue_that_does_not_answer(world: World) -> None:
    watchdog = world.watchdog()
    for fault in UNWILLING:
        runtime = world.runtime()
        watchdog.read_until("lease alive")
        own = {world.venue.place(OWN) for _ in range(3)}
        world.venue.fault(**fault)
        stop_all_of(runtime)
        until(lambda own=own: not world.venue.resting() & own, f"all are gone, after {fault}")
        runtime.kill()
        world.venue.clear()
    assert len([each for each in world.journal() if isinstance(each, LeaseEnded)]) == 5


def test_a_clock_that_is_wrong_by_a_minute_is_learnt(world: World) -> None:
    _, runtime = world.watched()
    order = world.venue.place(OWN)
    world.venue.call("POST", "clock", {"skew_ms": 60_000})
    try:
        stop_all_of(runtime)
        until(lambda: order not in world.venue.resting(), "it is gone")
    finally:
        world.venue.call("POST", "clock", {"skew_ms": 0})


def test_an_order_that_arrives_late_is_withdrawn_too_until_a_person_resumes(world: World) -> None:
    watchdog, runtime = world.watched()
    first = world.venue.place(OWN)
    stop_all_of(runtime)
    watchdog.read_until("withdrew")
    late = world.venue.place(OWN)
    watchdog.read_until("withdrew")
    assert not world.venue.resting() & {first, late}
    runtime.kill()

    second = world.runtime(length_ms=20_000)
    watchdog.read_until("lease alive")
    assert (fired := read_latch(world.data)) is not None
    assert "no beat" in fired.reason
    open_latch(world.data)
    assert read_latch(world.data) is None
    kept = world.venue.place(OWN)
    assert second.say("send") == "sent"
    assert second.say("release") == "released"
    watchdog.read_until("lease absent")
    assert kept in world.venue.resting()


def test_a_watchdog_that_was_killed_while_it_fired_is_gone_on_with_by_the_next(
    world: World,
) -> None:
    watchdog, runtime = world.watched()
    order = world.venue.place(OWN)
    world.venue.fault(kind="status", status=503)
    stop_all_of(runtime)
    watchdog.read_until("fired")
    watchdog.kill()
    assert order in world.venue.resting()
    world.venue.clear()
    runtime.kill()
    second = world.watchdog()
    second.read_until("lease fired")
    second.read_until("withdrew")
    assert order not in world.venue.resting()
    until((world.data / LATCH).exists, "the latch")
    assert second.end() == (0, "")
    assert all(is_closed(folder) for folder in find_sessions(world.data / "watchdog"))


def test_without_room_for_a_journal_it_fires_all_the_same(world: World) -> None:
    (world.data / "watchdog").write_text("no folder")
    watchdog, runtime = world.watched()
    order = world.venue.place(OWN)
    stop_all_of(runtime)
    watchdog.read_until("withdrew")
    assert order not in world.venue.resting()
    status, errors = watchdog.end()
    assert status == 0
    assert errors.startswith("tapedeck: no journal is written")


def test_one_watchdog_watches_a_folder(world: World) -> None:
    watchdog = world.watchdog()
    second = world.start(*world.watchdog_command())
    second.child.wait(DEADLINE_S)
    assert second.child.returncode == 2
    assert second.child.stderr is not None
    assert second.child.stderr.read() == (f"tapedeck: another watchdog watches {world.data}\n")
    assert watchdog.end() == (0, "")


def test_without_a_key_of_its_own_it_does_not_start(world: World) -> None:
    command = world.watchdog_command()[:-2]
    environment = {"TAPEDECK_KEY": "k", "TAPEDECK_SECRET": "s"}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=DEADLINE_S
    )
    assert done.returncode == 2
    assert "another key than the runtime's" in done.stderr


def test_it_ends_in_order_while_it_cannot_reach_the_venue(world: World) -> None:
    watchdog, runtime = world.watched()
    world.venue.place(OWN)
    world.venue.fault(kind="status", status=503)
    stop_all_of(runtime)
    watchdog.read_until("fired")
    assert watchdog.end() == (0, "")
