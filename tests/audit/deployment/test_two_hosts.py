"""Desk and log on two hosts: NATS between them, the index in PostgreSQL, the archive in S3.

Each role is a user of its own; what goes down here comes back, and nothing is lost.
"""

from collections.abc import Iterator
from typing import NamedTuple

import boto3
import pytest

from tests.audit.deployment.premises import Premises, until
from tests.servers import postgres
from tests.servers.ceph import Ceph
from tests.servers.nats import Nats
from tests.servers.postgres import OWNER, WATCH, WRITER, Database, Postgres

BUCKET = "tape"


class Servers(NamedTuple):
    nats: Nats
    postgres: Postgres
    ceph: Ceph


@pytest.fixture(scope="module")
def servers(ceph: Ceph, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    keys = {"aws_access_key_id": ceph.keys.access, "aws_secret_access_key": ceph.keys.secret}
    owner = boto3.client("s3", endpoint_url=ceph.endpoint, **keys)
    owner.create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True)
    owner.close()
    folder = tmp_path_factory.mktemp("nats")
    with postgres.running() as database, Nats(folder, bytes_max=None) as nats:
        yield Servers(nats, database, ceph)


@pytest.fixture(scope="module")
def premises(servers: Servers) -> Iterator[Premises]:
    """Give one whose four processes run, and that has traded once."""
    nats, database, ceph = servers
    keys = {"AWS_ACCESS_KEY_ID": ceph.keys.access, "AWS_SECRET_ACCESS_KEY": ceph.keys.secret}
    with postgres.made_in(database.port) as made, Premises(keys) as ours:
        ours.configure(
            "log",
            stream="nats",
            servers=f"{nats.url('log')}?monitor={nats.monitor}",
            database=made.url(WRITER),
            archive=f"s3://{BUCKET}/tape",
            archive_endpoint=ceph.endpoint,
            retention_days=1,
        )
        producers = f"{nats.url('producers')}?monitor={nats.monitor}"
        ours.configure("desk", stream="nats", servers=producers)
        ours.configure("watch", database=made.url(WATCH))
        ours.begin()
        admin = ("--servers", nats.url("admin"), "--replicas", 1)
        ours.ok("log", "audit", "streams", *ours.here("log"), *admin)
        make_tables(ours, made)
        ours.everybody()
        ours.traded(1)
        yield ours
        for name in list(ours.running):
            ours.stop(name)


def make_tables(premises: Premises, made: Database) -> None:
    roles = ("--writer", WRITER, "--watcher", WATCH)
    premises.ok(
        *("log", "audit", "tables", *premises.here("log")),
        *("--database", made.url(OWNER), *roles),
    )


def archived(servers: Servers) -> tuple[str, ...]:
    return ("--archive", f"s3://{BUCKET}/tape", "--endpoint", servers.ceph.endpoint)


def test_it_is_whole_with_its_archive_and_the_watch_is_silent(
    premises: Premises, servers: Servers
) -> None:
    until(lambda: premises.digests() > 0, "a digest")
    until(lambda: premises.metrics()["audit_archive_behind_digests"] == 0, "it is archived")
    premises.ok("log", "audit", "archive", *premises.here("log"))
    digests = premises.digests()
    until(lambda: premises.digests() > digests, "a digest that names the cold copy")
    until(lambda: premises.metrics()["audit_archive_behind_digests"] == 0, "it is archived too")
    assert premises.metrics()["audit_alarms_total"] == 0
    assert premises.alarms() == 0
    assert "checkpoint_size" in premises.ok("log", "audit", "status", *premises.here("log"))
    premises.whole(*archived(servers))
    premises.service()
    premises.ready("log")


@pytest.mark.soak
def test_a_database_that_is_down_is_refused_and_nothing_is_lost(
    premises: Premises, servers: Servers
) -> None:
    premises.stop("log")
    servers.postgres.stop()
    done = premises.refused()
    assert done.code == 1
    assert "PostgreSQL" in done.err
    assert "PostgreSQL" in premises.told(premises.audit)[-1]
    assert premises.metrics() == {"audit_refused": 1}
    premises.trade(2)
    servers.postgres.start()
    premises.service()
    premises.arrived(2)
    premises.whole(*archived(servers))
    premises.service()
    premises.ready("log")


@pytest.mark.soak
def test_a_database_that_goes_ends_the_service_and_nothing_is_lost(
    premises: Premises, servers: Servers
) -> None:
    servers.postgres.stop()
    premises.trade(3)
    process = premises.running.pop("log")
    assert process.wait(60) == 1
    assert "PostgreSQL" in premises.told(premises.audit)[-1]
    servers.postgres.start()
    premises.service()
    premises.arrived(3)
    premises.whole(*archived(servers))
    premises.service()
    premises.ready("log")


@pytest.mark.soak
def test_entries_wait_for_a_stream_that_is_down(premises: Premises, servers: Servers) -> None:
    servers.nats.kill()
    until(lambda: premises.metrics()["audit_streams_down"] == 1, "the stream is seen to be down")
    kept = premises.kept()
    premises.trade(4)
    until(lambda: premises.kept() > kept, "the relay keeps what the stream does not take")
    assert "relay: JetStream" in premises.said("desk").read_text()
    premises.stop("log")
    premises.service()
    premises.ready("log")
    servers.nats.start()
    premises.arrived(4)
    premises.whole(*archived(servers))
    premises.service()
    premises.ready("log")


@pytest.mark.soak
def test_an_archive_that_is_down_at_the_start_holds_nothing_up(
    premises: Premises, servers: Servers
) -> None:
    premises.stop("log")
    servers.ceph.stop_gateway()
    premises.service()
    premises.ready("log")
    premises.traded(5)
    assert premises.metrics()["audit_refused"] == 0
    servers.ceph.start_gateway()
    premises.stop("log")
    premises.service()
    premises.ready("log")
    until(lambda: premises.metrics()["audit_archive_behind_digests"] == 0, "all is archived")
    premises.whole(*archived(servers))
    premises.service()
    premises.ready("log")
