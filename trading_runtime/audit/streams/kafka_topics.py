"""The topics of the audit record in Kafka, where each entity's submissions go, and what is refused.

Rules:
 * The key is the entity id. It chooses one of 256 virtual partitions for ever, and these are dealt
   out to the topic's partitions, whose number was agreed on and never changes: a topic that has
   another number is refused, for an entity would continue elsewhere.
 * A topic of fewer replicas than agreed is refused, and one that answers before two have it.
"""

from binascii import crc32
from typing import NamedTuple

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewTopic

from trading_runtime.audit.streams.source import StreamDown
from trading_runtime.errors import Refused

SUBMISSIONS = "audit-submissions"
RECEIPTS = "audit-receipts"
VIRTUAL_PARTITIONS = 256
PARTITIONS = 16
REPLICAS = 3
IN_SYNC = 2
"""Replicas that have a submission before it counts as published."""
MESSAGE_BYTES_MAX = 64 * 1024 * 1024
TIMEOUT_S = 5.0
METADATA_S = 2.0
"""For the first word of a broker that may not be there."""

Setting = str | int | float | bool


class Cluster(NamedTuple):
    """Brokers, and what was agreed about the topics there. Fewer replicas than 3 are for tests."""

    bootstrap: str
    partitions: int = PARTITIONS
    replicas: int = REPLICAS

    def settings(self, **more: Setting) -> dict[str, Setting]:
        """Give the settings of a client, with the names that librdkafka has for them."""
        named = {name.replace("_", "."): value for name, value in more.items()}
        return {"bootstrap.servers": self.bootstrap, "log_level": 0, **named}


def virtual_partition(entity_id: str) -> int:
    """Choose among 256: CRC-32 of the entity id's UTF-8, in its lowest 8 bits."""
    return crc32(entity_id.encode()) % VIRTUAL_PARTITIONS


def partition_of(entity_id: str, partitions: int) -> int:
    """Give the topic's partition that has this entity's virtual one."""
    return virtual_partition(entity_id) * partitions // VIRTUAL_PARTITIONS


def assure(cluster: Cluster) -> None:
    """Look at the topics.

    Raises:
        Refused: they are not what was agreed.
        StreamDown: the brokers do not answer.
    """
    admin = AdminClient(cluster.settings())
    try:
        topics = admin.list_topics(timeout=METADATA_S).topics
    except KafkaException as fault:
        raise StreamDown(f"Kafka: {fault}") from fault
    for name, partitions in ((SUBMISSIONS, cluster.partitions), (RECEIPTS, 1)):
        if name not in topics or topics[name].error is not None:
            raise Refused(f"there is no topic {name}")
        found = topics[name].partitions
        if len(found) != partitions:
            raise Refused(
                f"topic {name} has {len(found)} partitions, and {partitions} were agreed on: "
                "that number cannot change, make another topic and log"
            )
        replicas = min(len(partition.replicas) for partition in found.values())
        if replicas < cluster.replicas:
            raise Refused(f"topic {name} has {replicas} replicas instead of {cluster.replicas}")
    if cluster.replicas >= IN_SYNC:
        _assure_in_sync(admin)


def _assure_in_sync(admin: AdminClient) -> None:
    resource = ConfigResource(ResourceType.TOPIC, SUBMISSIONS)
    try:
        config = admin.describe_configs([resource])[resource].result(TIMEOUT_S)
    except (KafkaException, TimeoutError) as fault:
        raise StreamDown(f"Kafka: {fault}") from fault
    found = int(config["min.insync.replicas"].value)
    if found < IN_SYNC:
        raise Refused(
            f"topic {SUBMISSIONS} has min.insync.replicas={found}: with less than {IN_SYNC}, "
            "one broker's disk may be all that has a submission"
        )


def create_topics(cluster: Cluster) -> None:
    """Make both topics; for an administrator, once. Raises :exc:`StreamDown`."""
    config = {"max.message.bytes": str(MESSAGE_BYTES_MAX)}
    if cluster.replicas >= IN_SYNC:
        config |= {"min.insync.replicas": str(IN_SYNC), "unclean.leader.election.enable": "false"}
    topics = [
        NewTopic(SUBMISSIONS, cluster.partitions, cluster.replicas, config=config),
        NewTopic(RECEIPTS, 1, cluster.replicas, config=config | {"cleanup.policy": "compact"}),
    ]
    admin = AdminClient(cluster.settings())
    for future in admin.create_topics(topics, request_timeout=TIMEOUT_S).values():
        try:
            future.result(TIMEOUT_S)
        except (KafkaException, TimeoutError) as fault:
            raise StreamDown(f"Kafka: {fault}") from fault
