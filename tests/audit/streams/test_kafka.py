"""Kafka: where each entity goes, what is refused, and what only Apache Kafka can show."""

import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.audit.streams.rig import KafkaRig, LittleLog, deeds, eventually, open_log, until_sent
from tests.servers.kafka import Tansu, apache
from trading_runtime.audit.streams.kafka import KafkaPublisher, KafkaSource, _Progress
from trading_runtime.audit.streams.kafka_topics import (
    PARTITIONS,
    VIRTUAL_PARTITIONS,
    assure,
    partition_of,
    virtual_partition,
)
from trading_runtime.audit.streams.source import Parcel, StreamDown
from trading_runtime.errors import Refused

PARCEL = Parcel("console", "boot", 1, "user:ann", b"rubbish")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Tansu]:
    with Tansu(tmp_path) as broker:
        yield broker


def test_an_entity_has_one_virtual_partition_for_ever() -> None:
    assert [virtual_partition(name) for name in ("order:1", "user:ann", "account:x")] == [
        0x79,
        0xC9,
        0x92,
    ]
    for partitions in (1, 4, PARTITIONS, VIRTUAL_PARTITIONS):
        found = {partition_of(f"order:{number}", partitions) for number in range(5000)}
        assert found == set(range(partitions))


def test_another_number_of_partitions_is_refused_at_both_ends(broker: Tansu) -> None:
    other = broker.cluster._replace(partitions=8)
    refusal = "has 4 partitions, and 8 were agreed on"
    with (
        closing(KafkaPublisher(other, "console")) as publisher,
        pytest.raises(Refused, match=refusal),
    ):
        publisher.publish([PARCEL])
    with (
        closing(KafkaSource(other, LittleLog().place)) as source,
        pytest.raises(Refused, match=refusal),
    ):
        source.poll(1)


def test_fewer_replicas_than_agreed_are_refused(broker: Tansu) -> None:
    with pytest.raises(Refused, match="1 replicas instead of 3"):
        assure(broker.cluster._replace(replicas=3))


def test_a_broker_that_is_not_there_is_down(tmp_path: Path) -> None:
    with (
        closing(KafkaPublisher(Tansu(tmp_path).cluster, "console")) as publisher,
        pytest.raises(StreamDown),
    ):
        publisher.publish([PARCEL])


def test_entities_are_spread_and_a_producers_order_is_restored(
    broker: Tansu, tmp_path: Path
) -> None:
    taken = LittleLog()
    rig = KafkaRig(tmp_path, broker)
    log = open_log(rig)
    log.append(deeds(300))
    until_sent(log)
    partitions = {partition_of(f"user:{number}", 4) for number in range(7)}
    assert len(partitions) > 1
    with closing(rig.source(taken.place)) as source:
        eventually(lambda: taken.take(source) >= 0 and taken.numbers() == list(range(300)))
    log.close()


def test_an_offset_moves_only_over_what_is_done() -> None:
    progress = _Progress()
    for offset in (5, 6, 8, 9):
        progress.arrive(offset)
    progress.done |= {6, 8}
    assert progress.advance() is None
    progress.done.add(5)
    assert progress.advance() == 9
    progress.arrive(0)
    progress.done.add(9)
    assert (progress.epoch, progress.advance()) == (1, None)


def test_apache_kafka_keeps_what_it_answered_for_when_a_broker_is_killed(tmp_path: Path) -> None:
    cluster = apache()
    taken = LittleLog()
    with closing(KafkaSource(cluster, taken.place)) as source:
        publisher = KafkaPublisher(cluster, tmp_path.name)
        publisher.publish([PARCEL._replace(producer_id=tmp_path.name)])
        subprocess.run(["docker", "kill", "--signal=KILL", "audit-kafka-1"], check=True)
        found = []

        def look() -> bool:
            found.extend(source.poll(100))
            return any(one.envelope == PARCEL.envelope for one in found)

        eventually(look)
        publisher.publish([PARCEL._replace(producer_id=tmp_path.name, seq=2)])
        publisher.close()


def test_apache_kafka_takes_nothing_with_one_replica_in_sync(tmp_path: Path) -> None:
    cluster = apache()
    with closing(KafkaPublisher(cluster, tmp_path.name)) as publisher:
        publisher.publish([PARCEL])
        for name in ("audit-kafka-1", "audit-kafka-2"):
            subprocess.run(["docker", "kill", "--signal=KILL", name], check=True)
        with pytest.raises(StreamDown):
            publisher.publish([PARCEL._replace(seq=2)])
