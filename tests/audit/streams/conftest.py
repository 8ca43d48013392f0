"""Each stream once, with its server; a test that asks for ``rig`` runs over all of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.audit.streams.rig import EmbeddedRig, JetStreamRig, KafkaRig, Rig
from tests.servers.kafka import Tansu
from tests.servers.nats import Nats


@pytest.fixture(params=["embedded", "jetstream", "kafka"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    match request.param:
        case "jetstream":
            with Nats(tmp_path) as server:
                yield JetStreamRig(tmp_path, server)
        case "kafka":
            with Tansu(tmp_path) as broker:
                yield KafkaRig(tmp_path, broker)
        case _:
            yield EmbeddedRig(tmp_path)
