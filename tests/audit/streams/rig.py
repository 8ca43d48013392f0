"""What the tests of streams and of the client share: producers, a log in little, each stream."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import pytest

from tests.servers.kafka import Tansu
from tests.servers.nats import Nats
from trading_runtime.audit.client.believing import Believing, Nobody
from trading_runtime.audit.client.log import LogSettings, Producer, ProducerLog
from trading_runtime.audit.streams.embedded import EmbeddedPublisher, EmbeddedSource
from trading_runtime.audit.streams.jetstream import JetStreamPublisher, JetStreamSource
from trading_runtime.audit.streams.kafka import KafkaPublisher, KafkaSource
from trading_runtime.audit.streams.source import Delivery, Place, Publisher, Source, StreamDown
from trading_runtime.clock import wall_ns
from trading_runtime.evidence.entry import Submission, read_submission
from trading_runtime.evidence.notes import Kind, SigningKey
from trading_runtime.evidence.submission import Deed, open_envelope

DEADLINE_S = 120


def deed(entity_id: str = "user:ann", **request: str | int) -> Deed:
    return Deed(
        event_id=str(uuid4()),
        event_time_ns=wall_ns(),
        service_name="console",
        event_type="LoginFailed",
        trace_id=None,
        user_id=None,
        entity_id=entity_id,
        client_ip=None,
        operation="login",
        before_state=None,
        after_state=None,
        request_data=dict(request) or None,
    )


def deeds(count: int) -> list[Deed]:
    return [deed(f"user:{number % 7}", number=number) for number in range(count)]


def eventually(true: Callable[[], bool], what: str = "it") -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not true():
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(0.005)


def read(delivery: Delivery) -> Submission:
    return read_submission(open_envelope(delivery.envelope)[0])


def key_of(producer_id: str) -> SigningKey:
    return SigningKey("producer", Kind.ED25519, producer_id[:1].encode() * 32)


class LittleLog:
    """A sequencer in little: takes each submission once, in order, and remembers its place."""

    def __init__(self) -> None:
        self.taken: list[Submission] = []
        self.again = 0
        self._place: dict[tuple[str, str], int] = {}

    def place(self, producer_id: str, boot: str) -> int:
        return self._place.get((producer_id, boot), 0)

    def take(self, source: Source, *, commit: bool = True) -> int:
        """Take what waits in ``source``; give how much of it was new."""
        try:
            delivered = source.poll(1000)
        except StreamDown:
            return 0
        found = [read(delivery) for delivery in delivered]
        if not commit:
            return len(found)
        new = 0
        for submission in found:
            producer = submission.producer
            last = self.place(producer.id, producer.boot)
            if producer.seq <= last:
                self.again += 1
                continue
            assert producer.seq == last + 1, f"{producer} after {last}"
            self._place[producer.id, producer.boot] = producer.seq
            self.taken.append(submission)
            new += 1
        with suppress(StreamDown):
            source.commit([delivery.token for delivery in delivered])
        return new

    def numbers(self) -> list[int]:
        return [
            int(str(submission.request_data["number"]))
            for submission in self.taken
            if submission.event_type == "LoginFailed" and submission.request_data is not None
        ]


class Rig(Protocol):
    """One stream, with whatever server it needs."""

    root: Path
    keeps: bool
    """What the server took outlives its death."""

    def publisher(self, producer_id: str) -> Publisher: ...

    def source(self, place: Place) -> Source: ...

    def kill(self) -> None: ...

    def start(self) -> None: ...


class EmbeddedRig:
    keeps = True

    def __init__(self, folder: Path) -> None:
        self.root = folder / "wal"
        self._receipts = folder / "receipts"

    def publisher(self, producer_id: str) -> Publisher:
        return EmbeddedPublisher(self._receipts, producer_id)

    def source(self, place: Place) -> Source:
        return EmbeddedSource(self.root, self._receipts, place)

    def kill(self) -> None:
        pytest.skip("no server takes part in the embedded stream")

    def start(self) -> None:
        pytest.skip("no server takes part in the embedded stream")


class JetStreamRig:
    keeps = True

    def __init__(self, folder: Path, server: Nats) -> None:
        self.root = folder / "wal"
        self._server = server
        self.kill, self.start = server.kill, server.start

    def publisher(self, producer_id: str) -> Publisher:
        return JetStreamPublisher(self._server.servers("producers"), producer_id)

    def source(self, place: Place) -> Source:
        return JetStreamSource(self._server.servers("log"), place)


class KafkaRig:
    keeps = False

    def __init__(self, folder: Path, broker: Tansu) -> None:
        self.root = folder / "wal"
        self._broker = broker
        self.kill, self.start = broker.kill, broker.start

    def publisher(self, producer_id: str) -> Publisher:
        return KafkaPublisher(self._broker.cluster, producer_id)

    def source(self, place: Place) -> Source:
        return KafkaSource(self._broker.cluster, place)


def open_log(
    rig: Rig,
    producer_id: str = "console",
    believing: Believing | None = None,
    settings: LogSettings | None = None,
) -> ProducerLog:
    return ProducerLog.open(
        rig.root,
        Producer(producer_id, "console", key_of(producer_id)),
        rig.publisher(producer_id),
        believing or Nobody(),
        settings,
    )


def until_sent(log: ProducerLog) -> None:
    """Turn until the stream has all that is durable."""

    def is_done() -> bool:
        sent = log.turn(wall_ns())
        return sent == 0 and not log.sending.down

    eventually(is_done, "the stream")
