"""The client of services: emit never waits, critical waits for the disk; what it promised stays."""

import asyncio
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.audit.client.test_log import check_signatures
from tests.audit.streams.rig import (
    DEADLINE_S,
    EmbeddedRig,
    JetStreamRig,
    LittleLog,
    eventually,
    open_log,
)
from tests.journal.disks import fill, tmpfs
from tests.servers.nats import Nats
from trading_runtime.audit.client.asynchronous import AsyncAuditClient
from trading_runtime.audit.client.client import Act, AuditClient, RingSettings
from trading_runtime.audit.client.log import ProducerLog
from trading_runtime.audit.client.segments import NotDurable
from trading_runtime.errors import Halt, Misread, Refused
from trading_runtime.evidence.entry import Submission, read_submission

ROOT = Path(__file__).parents[3]
ROUNDS = 3
SOAK_ROUNDS = 200


@pytest.fixture
def rig(tmp_path: Path) -> EmbeddedRig:
    return EmbeddedRig(tmp_path)


def act(number: int = 0, **state: str) -> Act:
    return Act(
        event_type="KeyChanged",
        operation="change",
        entity_id="key:live",
        after_state=dict(state) or None,
        request_data={"number": number},
    )


@contextmanager
def opened(rig: EmbeddedRig, settings: RingSettings | None = None) -> Iterator[AuditClient]:
    client = AuditClient(open_log(rig), settings)
    try:
        yield client
    finally:
        client.close()


def recorded(rig: EmbeddedRig) -> list[Submission]:
    """Give what is on the disk, as the next run finds it."""
    log = open_log(rig)
    kept = [read_submission(content) for content in log.kept()][:-1]
    log.close()
    return kept


def numbers(found: list[Submission]) -> list[int]:
    return [
        int(str(one.request_data["number"]))
        for one in found
        if one.request_data is not None and "number" in one.request_data
    ]


def test_what_was_emitted_is_recorded_in_order_with_its_beginning_and_end(
    rig: EmbeddedRig,
) -> None:
    with opened(rig) as client:
        for number in range(1000):
            client.emit(act(number))
    found = recorded(rig)
    assert numbers(found) == list(range(1000))
    assert (found[0].event_type, found[-1].event_type) == ("ProducerStarted", "ProducerStopped")
    assert len({one.event_id for one in found}) == 1002


def test_a_state_is_recorded_as_it_was_when_it_was_emitted(rig: EmbeddedRig) -> None:
    state = {"status": "OPEN"}
    with opened(rig) as client:
        client.emit(
            Act(event_type="T", operation="t", entity_id="order:1", after_state=dict(state))
        )
        changing = Act(event_type="T", operation="t", entity_id="order:1", after_state=state)  # type: ignore[arg-type]
        client.emit(changing)
        state["status"] = "FILLED"
    assert [one.after_state for one in recorded(rig)[1:3]] == [{"status": "OPEN"}] * 2


def test_what_the_format_does_not_allow_is_the_callers_to_mend(rig: EmbeddedRig) -> None:
    with opened(rig) as client:
        with pytest.raises(Misread):
            client.emit(
                Act(
                    event_type="T",
                    operation="t",
                    entity_id="order:1",
                    after_state={"price": 1.5},  # type: ignore[dict-item]
                )
            )
        client.emit(act())
    assert len(recorded(rig)) == 3


def test_critical_returns_when_it_is_on_the_disk(rig: EmbeddedRig) -> None:
    with opened(rig) as client:
        client.emit(act(1))
        client.critical(act(2))
        wanted = client.figures().durable_seq
        segment = next(rig.root.rglob("*.wal")).read_bytes()
        assert wanted == 3
        assert b'"number":2' in segment


def test_threads_may_emit_together(rig: EmbeddedRig) -> None:
    with opened(rig) as client:
        threads = [
            threading.Thread(
                target=lambda first=first: [client.emit(act(first + n)) for n in range(500)]
            )
            for first in (0, 500, 1000, 1500)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(numbers(recorded(rig))) == list(range(2000))


def test_nothing_goes_in_after_the_end(rig: EmbeddedRig) -> None:
    with opened(rig) as client:
        pass
    client.close()
    with pytest.raises(Refused):
        client.emit(act())
    with pytest.raises(Refused):
        client.critical(act())


def test_an_event_loop_waits_for_the_disk_without_standing_still(rig: EmbeddedRig) -> None:
    async def session() -> None:
        client = AsyncAuditClient(AuditClient(open_log(rig)))
        client.emit(act(0))
        await asyncio.gather(*(client.critical(act(number)) for number in range(1, 50)))
        await client.close()

    asyncio.run(session())
    assert sorted(numbers(recorded(rig))) == list(range(50))


def test_a_full_disk_drops_the_newest_and_tells_how_many(tmp_path: Path) -> None:
    with tmpfs(tmp_path) as disk:
        rig = EmbeddedRig(disk)
        client = AuditClient(open_log(rig), RingSettings(ring_entries=50))
        client.critical(act(0))
        ballast = disk / "ballast"
        fill(ballast, leave=0)
        with pytest.raises(NotDurable):
            client.critical(act(1, text="more than is left of a page" * 300), deadline_s=0.2)
        for number in range(2, 102):
            client.emit(act(number))
        assert client.figures().dropped == 50
        assert client.figures().disk
        ballast.unlink()
        eventually(lambda: not client.figures().disk and client.figures().waiting == 0)
        client.close()
        found = recorded(rig)
        assert numbers(found) == list(range(52))
        dropped = [one.request_data for one in found if one.event_type == "AuditDropped"]
        assert [told["count"] for told in dropped if told is not None] == [50]


def test_a_client_that_failed_says_so_to_who_waits_and_to_who_comes(rig: EmbeddedRig) -> None:
    log = open_log(rig)
    client = AuditClient(log)
    log.append_drafts = None  # type: ignore[method-assign, assignment]  # a defect of ours
    with pytest.raises(Halt):
        client.critical(act())
    eventually(lambda: client.figures().ended != "")
    client.emit(act())
    assert client.figures().dropped == 1
    with pytest.raises(Halt):
        client.critical(act())
    del log.append_drafts
    client.close()


def test_a_stream_that_is_down_holds_up_nobody(tmp_path: Path) -> None:
    with Nats(tmp_path) as server:
        rig = JetStreamRig(tmp_path, server)
        taken = LittleLog()
        with (
            closing(AuditClient(open_log(rig))) as client,
            closing(rig.source(taken.place)) as source,
        ):
            client.critical(act(0))
            eventually(lambda: taken.take(source) >= 0 and len(taken.taken) == 2)
            server.kill()
            eventually(lambda: client.figures().stream != "" or client.emit(act(1)) is not None)
            # It would wait for ever: the server comes back only after it.
            client.critical(act(2), deadline_s=DEADLINE_S)
            server.start()
            last = client.figures().durable_seq
            eventually(lambda: taken.take(source) >= 0 and len(taken.taken) >= last)
            eventually(lambda: client.figures().stream == "")


def child(folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "tests.audit.client.dying", str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def kill_and_judge(folder: Path, rounds: int, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 -- a test that can be repeated
    promised: list[tuple[str, int]] = []
    rig = EmbeddedRig(folder)
    for _ in range(rounds):
        process = child(folder)
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(chance.randrange(1, 60))]
        threading.Event().wait(chance.random() / 50)
        process.kill()
        lines += process.stdout.read().splitlines(keepends=True)
        process.stdout.close()
        process.wait()
        told = [line.split() for line in lines if line.endswith("\n")]
        promised += [(boot, int(number)) for boot, number in told]
    log = open_log(rig)
    kept = [read_submission(content) for content in log.kept()]
    found = {
        (one.producer.boot, int(str(one.request_data["number"])))
        for one in kept
        if one.event_type == "KeyChanged" and one.request_data is not None
    }
    assert len(promised) >= rounds
    assert set(promised) <= found
    check_signatures(log.kept())
    check_boots(log, kept)
    taken = LittleLog()
    with closing(rig.source(taken.place)) as source:
        eventually(lambda: taken.take(source) >= 0 and len(taken.taken) == len(kept))
        assert source.damages() == []
    log.close()


def check_boots(log: ProducerLog, kept: list[Submission]) -> None:
    """Each boot names the one before, with the last submission that is there."""
    last: Submission | None = None
    for one in kept:
        if one.event_type == "ProducerStarted" and last is not None:
            assert one.request_data is not None
            assert one.request_data["previousBoot"] == last.producer.boot
            assert one.request_data["previousSeq"] == last.producer.seq
        last = one
    assert last is not None
    assert last.producer.boot == log.boot


def test_a_kill_at_any_moment_loses_nothing_that_critical_returned_for(tmp_path: Path) -> None:
    kill_and_judge(tmp_path, ROUNDS, 1)


@pytest.mark.soak
def test_many_kills_lose_nothing_that_critical_returned_for(tmp_path: Path) -> None:
    kill_and_judge(tmp_path, SOAK_ROUNDS, 2)
