"""JetStream: where it is no safe place, and what it does with what comes twice or not at all."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import nats
import pytest

from tests.audit.streams.rig import (
    JetStreamRig,
    LittleLog,
    deed,
    deeds,
    eventually,
    open_log,
    until_sent,
)
from tests.servers.nats import Nats
from trading_runtime.audit.streams.jetstream import JetStreamPublisher, JetStreamSource
from trading_runtime.audit.streams.jetstream_link import STREAM, token
from trading_runtime.audit.streams.source import Parcel, StreamDown
from trading_runtime.clock import wall_ns
from trading_runtime.errors import Refused
from trading_runtime.evidence.submission import envelope

PARCEL = Parcel("console", "boot", 1, "user:ann", b"rubbish")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Nats]:
    with Nats(tmp_path) as server:
        yield server


def refusal(act: Callable[[], object]) -> str:
    """Do it until it is refused, and give why: a busy server may not answer in time."""
    told: list[str] = []

    def is_refused() -> bool:
        try:
            act()
        except Refused as refused:
            told.append(str(refused))
        except StreamDown:
            pass
        return bool(told)

    eventually(is_refused, "a refusal")
    return told[0]


def held(server: Nats) -> int:
    """Give how many submissions the server has."""

    async def ask() -> int:
        client = await nats.connect(server.url("admin"))
        try:
            return (await client.jetstream().stream_info(STREAM)).state.messages
        finally:
            await client.close()

    return asyncio.run(ask())


def test_a_server_that_does_not_sync_each_write_is_refused_at_both_ends(tmp_path: Path) -> None:
    with Nats(tmp_path, sync='sync_interval: "1s"') as server:
        with closing(JetStreamPublisher(server.servers("producers"), "console")) as publisher:
            assert "sync_interval" in refusal(lambda: publisher.publish([PARCEL]))
        with closing(JetStreamSource(server.servers("log"), LittleLog().place)) as source:
            assert "sync_interval" in refusal(lambda: source.poll(1))


def test_a_user_who_may_delete_the_stream_is_refused(server: Nats) -> None:
    with closing(JetStreamPublisher(server.servers("admin"), "console")) as publisher:
        assert "STREAM.DELETE" in refusal(lambda: publisher.publish([PARCEL]))
    assert held(server) == 0, "the stream was asked about, and is there"


def test_a_server_that_is_refused_keeps_nobody_from_appending(tmp_path: Path) -> None:
    with Nats(tmp_path, sync='sync_interval: "1s"') as server:
        log = open_log(JetStreamRig(tmp_path, server))
        log.append(deeds(3))
        eventually(lambda: log.turn(wall_ns()) == 0 and "sync_interval" in log.sending.down)
        log.close()


def test_the_server_drops_what_is_sent_again(server: Nats, tmp_path: Path) -> None:
    log = open_log(JetStreamRig(tmp_path, server))
    log.append(deeds(20))
    until_sent(log)
    log.sending.resend()
    until_sent(log)
    assert held(server) == 21
    log.close()


def test_two_submissions_with_one_event_id_both_reach_the_log(server: Nats, tmp_path: Path) -> None:
    taken = LittleLog()
    rig = JetStreamRig(tmp_path, server)
    log = open_log(rig)
    same = deed(number=1)
    log.append([same, same])
    until_sent(log)
    with closing(rig.source(taken.place)) as source:
        eventually(lambda: taken.take(source) >= 0 and taken.numbers() == [1, 1])
    log.close()


def test_a_full_server_loses_nothing(tmp_path: Path) -> None:
    taken = LittleLog()
    with Nats(tmp_path, bytes_max=20_000) as server:
        rig = JetStreamRig(tmp_path, server)
        log = open_log(rig)
        log.append(deeds(200))
        eventually(lambda: log.turn(wall_ns()) == 0 and log.sending.down != "")
        assert 0 < held(server) < 201
        asyncio.run(_enlarge(server))
        until_sent(log)
        with closing(rig.source(taken.place)) as source:
            eventually(lambda: taken.take(source) >= 0 and len(taken.taken) == 201)
        log.close()


async def _enlarge(server: Nats) -> None:
    client = await nats.connect(server.url("admin"))
    config = (await client.jetstream().stream_info(STREAM)).config
    await client.jetstream().update_stream(config.evolve(max_bytes=-1))
    await client.close()


def test_a_value_beyond_the_servers_bound_is_told(server: Nats) -> None:
    large = Parcel("console", "boot", 1, "user:ann", envelope(b"{}", [bytes(9 << 20)]))
    with closing(JetStreamPublisher(server.servers("producers"), "console")) as publisher:
        assert "max_payload" in refusal(lambda: publisher.publish([large]))


def test_what_was_not_acknowledged_comes_again_by_itself(server: Nats, tmp_path: Path) -> None:
    taken = LittleLog()
    rig = JetStreamRig(tmp_path, server)
    log = open_log(rig)
    log.append(deeds(5))
    until_sent(log)
    with closing(rig.source(taken.place)) as source:
        seen = []

        def look() -> bool:
            seen.extend(source.poll(10))
            return len(seen) == 6

        eventually(look)
        # Killed, so to say: this connection gives nothing back.
        source._link.call(source._link._shut(), 5)  # type: ignore[attr-defined]  # noqa: SLF001
        source._ordering.__init__(taken.place)  # type: ignore[attr-defined]  # noqa: SLF001
        eventually(lambda: taken.take(source) >= 0 and len(taken.taken) == 6)
    log.close()


def test_names_are_one_part_of_a_subject_each() -> None:
    names = ["a.b", "a b", "a*", "a>", "a/b", "\N{SNOWMAN}", "a%2Eb"]
    tokens = [token(name) for name in names]
    assert len(set(tokens)) == len(names)
    assert not set("".join(tokens)) & set(". *>/")
