"""Submissions over Kafka.

Rules:
 * A submission is published when all replicas in sync have it (``acks=all``), once, in order
   (idempotence).
 * An offset is committed by hand, after the log has everything before it; not by a group's turns:
   one sequencer reads all partitions.
 * The order of a producer is restored here, for its entities are spread over partitions.
 * Receipts stand in a compacted topic, by producer and boot.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)

from trading_runtime.audit.streams.kafka_topics import (
    MESSAGE_BYTES_MAX,
    RECEIPTS,
    SUBMISSIONS,
    TIMEOUT_S,
    Cluster,
    assure,
    partition_of,
)
from trading_runtime.audit.streams.ordering import Ordering
from trading_runtime.audit.streams.source import (
    Damage,
    Delivery,
    Parcel,
    Place,
    Receipt,
    StreamDown,
)
from trading_runtime.clock import mono_ns

GROUP = "audit-log"
POLL_MAX = 1_000


class KafkaPublisher:
    """A producer's end; looks at the topics when it is first used."""

    passive = False

    def __init__(self, cluster: Cluster, producer_id: str) -> None:
        self._cluster = cluster
        self._producer_id = producer_id
        self._producer: Producer | None = None
        self._consumer: Consumer | None = None
        self._receipts: dict[str, bytes] = {}
        self._failed: list[str] = []

    def publish(self, parcels: Sequence[Parcel]) -> None:
        producer = self._opened()
        self._failed.clear()
        try:
            for parcel in parcels:
                producer.produce(
                    SUBMISSIONS,
                    key=parcel.entity_id.encode(),
                    value=parcel.envelope,
                    partition=partition_of(parcel.entity_id, self._cluster.partitions),
                    on_delivery=self._on_delivery,
                )
            left = producer.flush(TIMEOUT_S)
        except (KafkaException, BufferError) as fault:
            self._forget()
            raise StreamDown(f"Kafka: {fault}") from fault
        if left or self._failed:
            # A producer that gave up has a hole in its own sequence; a new one begins another.
            self._forget()
            why = self._failed[0] if self._failed else f"{left} were not answered"
            raise StreamDown(f"Kafka: {why}")

    def receipts(self) -> list[Receipt]:
        if self._consumer is None:
            self._opened()
            self._consumer = Consumer(_reading(self._cluster, f"receipts-{self._producer_id}"))
            self._consumer.assign([TopicPartition(RECEIPTS, 0, OFFSET_BEGINNING)])
        for message in _consumed(self._consumer, POLL_MAX):
            producer_id, _, boot = (message.key() or b"").decode(errors="replace").rpartition("\n")
            if producer_id == self._producer_id:
                self._receipts[boot] = message.value() or b""
        return [Receipt(boot, text) for boot, text in self._receipts.items()]

    def close(self) -> None:
        self._forget()
        if self._consumer is not None:
            self._consumer.close()

    def _opened(self) -> Producer:
        if self._producer is None:
            assure(self._cluster)
            self._producer = Producer(_writing(self._cluster))
        return self._producer

    def _on_delivery(self, fault: KafkaError | None, _message: Message) -> None:
        if fault is not None:
            self._failed.append(str(fault))

    def _forget(self) -> None:
        if self._producer is not None:
            self._producer.purge()
            self._producer.flush(TIMEOUT_S)
            self._producer = None


class _Arrival(NamedTuple):
    partition: int
    epoch: int
    offset: int


class _Progress:
    """How far one partition is done: offsets come in order and are done in any order.

    Where they begin again, the broker has lost what it had: another epoch.
    """

    def __init__(self) -> None:
        self.epoch = 0
        self.arrived: deque[int] = deque()
        self.done: set[int] = set()
        self._last = -1

    def arrive(self, offset: int) -> None:
        if offset <= self._last:
            self.epoch += 1
            self.arrived.clear()
            self.done.clear()
        self.arrived.append(offset)
        self._last = offset

    def advance(self) -> int | None:
        """Give the offset to go on from, when it has moved."""
        last = None
        while self.arrived and self.arrived[0] in self.done:
            last = self.arrived.popleft()
            self.done.discard(last)
        return None if last is None else last + 1


class KafkaSource:
    """The sequencer's end; all calls come from one thread."""

    def __init__(self, cluster: Cluster, place: Place) -> None:
        self._cluster = cluster
        self._ordering = Ordering(place)
        self._consumer: Consumer | None = None
        self._producer: Producer | None = None
        self._progress = [_Progress() for _ in range(cluster.partitions)]
        self._ready: deque[Delivery] = deque()
        self._down = ""

    def poll(self, limit: int) -> list[Delivery]:
        """Give what waits; raises also :exc:`Refused` where the topics are not as agreed.

        Only until a broker has answered for the first time, this waits two seconds for it.
        """
        consumer = self._opened()
        if len(self._ready) < limit:
            for message in _consumed(consumer, min(limit, POLL_MAX)):
                self._take(message)
        if dropped := self._ordering.look(mono_ns()):
            self._done(dropped)
        if not self._ready and self._down:
            why, self._down = self._down, ""
            raise StreamDown(f"Kafka: {why}")
        return [self._ready.popleft() for _ in range(min(limit, len(self._ready)))]

    def damages(self) -> list[Damage]:
        return self._ordering.damages()

    def commit(self, tokens: Iterable[object]) -> None:
        self._done(self._ordering.committed(tokens))

    def receipt(self, producer_id: str, boot: str, text: bytes) -> None:
        if self._producer is None:
            self._producer = Producer(_writing(self._cluster))
        failed: list[str] = []
        try:
            self._producer.produce(
                RECEIPTS,
                key=f"{producer_id}\n{boot}".encode(),
                value=text,
                partition=0,
                on_delivery=lambda fault, _: failed.append(str(fault)) if fault else None,
            )
            left = self._producer.flush(TIMEOUT_S)
        except (KafkaException, BufferError) as fault:
            raise StreamDown(f"Kafka: {fault}") from fault
        if left or failed:
            raise StreamDown(f"Kafka: no receipt was sent: {failed or 'no answer'}")

    def close(self) -> None:
        if self._consumer is not None:
            self._consumer.close()
        if self._producer is not None:
            self._producer.flush(TIMEOUT_S)

    def _opened(self) -> Consumer:
        if self._consumer is None:
            assure(self._cluster)
            consumer = Consumer({**_reading(self._cluster, GROUP), "error_cb": self._on_error})
            wanted = [
                TopicPartition(SUBMISSIONS, partition)
                for partition in range(self._cluster.partitions)
            ]
            try:
                begin = consumer.committed(wanted, timeout=TIMEOUT_S)
            except KafkaException as fault:
                consumer.close()
                raise StreamDown(f"Kafka: {fault}") from fault
            for place in begin:
                if place.offset < 0:
                    place.offset = OFFSET_BEGINNING
            consumer.assign(begin)
            self._consumer = consumer
        return self._consumer

    def _on_error(self, fault: KafkaError) -> None:
        if fault.code() == KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 -- the library names it so
            self._down = str(fault)

    def _take(self, message: Message) -> None:
        partition, offset = message.partition() or 0, message.offset() or 0
        progress = self._progress[partition]
        progress.arrive(offset)
        arrival = _Arrival(partition, progress.epoch, offset)
        self._ready.extend(self._ordering.take(message.value() or b"", arrival))

    def _done(self, arrivals: Iterable[object]) -> None:
        moved = set()
        for arrival in arrivals:
            if isinstance(arrival, _Arrival):
                progress = self._progress[arrival.partition]
                if arrival.epoch == progress.epoch:
                    progress.done.add(arrival.offset)
                    moved.add(arrival.partition)
        offsets = [
            TopicPartition(SUBMISSIONS, partition, offset)
            for partition in sorted(moved)
            if (offset := self._progress[partition].advance()) is not None
        ]
        if not offsets or self._consumer is None:
            return
        try:
            self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as fault:
            raise StreamDown(f"Kafka: {fault}") from fault


def _writing(cluster: Cluster) -> dict[str, str | int | float | bool]:
    return cluster.settings(
        acks="all",
        enable_idempotence=True,
        linger_ms=2,
        message_max_bytes=MESSAGE_BYTES_MAX,
        message_timeout_ms=int(TIMEOUT_S * 1000) - 1000,
    )


def _reading(cluster: Cluster, group: str) -> dict[str, str | int | float | bool]:
    return cluster.settings(
        group_id=group,
        enable_auto_commit=False,
        enable_auto_offset_store=False,
        auto_offset_reset="earliest",
        fetch_message_max_bytes=MESSAGE_BYTES_MAX,
        fetch_max_bytes=MESSAGE_BYTES_MAX,
    )


def _consumed(consumer: Consumer, limit: int) -> list[Message]:
    """Give what has arrived; never wait."""
    try:
        messages = consumer.consume(limit, 0)
    except KafkaException as fault:
        raise StreamDown(f"Kafka: {fault}") from fault
    found = [message for message in messages if message.error() is None]
    if messages and not found:
        raise StreamDown(f"Kafka: {messages[0].error()}")
    return found
