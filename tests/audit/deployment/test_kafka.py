"""Desk and log on two hosts: a broker that speaks Kafka's protocol between them, SQLite behind."""

from collections.abc import Iterator

import pytest

from tests.audit.deployment.premises import Premises, until
from tests.servers.kafka import Tansu
from trading_runtime.audit.streams.kafka_topics import PARTITIONS, REPLICAS

pytestmark = pytest.mark.soak


@pytest.fixture(scope="module")
def premises(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Premises]:
    with (
        Tansu(tmp_path_factory.mktemp("kafka"), PARTITIONS, REPLICAS) as broker,
        Premises() as ours,
    ):
        servers = broker.cluster.bootstrap
        ours.configure("log", stream="kafka", servers=servers)
        ours.configure("desk", stream="kafka", servers=servers)
        ours.configure("watch")
        ours.begin()
        ours.everybody()
        ours.traded(1)
        yield ours
        for name in list(ours.running):
            ours.stop(name)


def test_it_is_whole_and_the_watch_is_silent(premises: Premises) -> None:
    assert premises.metrics()["audit_alarms_total"] == 0
    assert premises.alarms() == 0
    premises.whole()
    premises.service()
    premises.ready("log")


def test_a_killed_log_goes_on_and_nothing_comes_twice(premises: Premises) -> None:
    premises.trade(2)
    premises.kill("log")
    premises.trade(3)
    premises.service()
    premises.arrived(3)
    assert premises.metrics()["audit_alarms_total"] == 0
    premises.whole()
    premises.service()
    premises.ready("log")
    until(premises.is_witnessed, "a witnessed checkpoint of all")
