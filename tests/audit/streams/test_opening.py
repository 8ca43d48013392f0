"""The stream that the settings ask for."""

from contextlib import closing
from pathlib import Path

import pytest

from tests.audit.streams.rig import LittleLog
from trading_runtime.audit.settings import AuditSettings
from trading_runtime.audit.streams.embedded import EmbeddedPublisher, EmbeddedSource
from trading_runtime.audit.streams.jetstream import JetStreamPublisher
from trading_runtime.audit.streams.kafka import KafkaPublisher, KafkaSource
from trading_runtime.audit.streams.opening import _nats, open_publisher, open_sources
from trading_runtime.errors import Refused

NATS = AuditSettings(stream="nats", servers="nats://u:p@127.0.0.1:4222?monitor=8333")
KAFKA = AuditSettings(stream="kafka", servers="127.0.0.1:9092,127.0.0.1:9093")


@pytest.mark.parametrize(
    ("settings", "publisher"),
    [
        (AuditSettings(), EmbeddedPublisher),
        (NATS, JetStreamPublisher),
        (KAFKA, KafkaPublisher),
    ],
)
def test_a_producer_gets_its_end(
    tmp_path: Path, settings: AuditSettings, publisher: type[object]
) -> None:
    with closing(open_publisher(tmp_path, settings, "console")) as found:
        assert type(found) is publisher


def test_the_log_gets_its_end(tmp_path: Path) -> None:
    place = LittleLog().place
    assert [type(found) for found in open_sources(tmp_path, AuditSettings(), place)] == [
        EmbeddedSource
    ]
    assert [type(found) for found in open_sources(tmp_path, KAFKA, place)] == [KafkaSource]


@pytest.mark.parametrize(
    ("stream", "servers"),
    [
        *(
            ("nats", text)
            for text in ("", "127.0.0.1:4222", "nats://host", "nats://h:x", "http://h:1")
        ),
        ("nats", "nats://h:1?monitor=1,nats://h:2?monitor=2"),
        ("nats", "nats://h:1?monitor=x"),
        *(("kafka", text) for text in ("", "host", "host:9092,", "host:x", "h:1/p")),
    ],
)
def test_servers_that_are_none_are_refused_by_their_text(
    tmp_path: Path, stream: str, servers: str
) -> None:
    settings = AuditSettings(stream=stream, servers=servers)  # type: ignore[arg-type]
    with pytest.raises(Refused, match="servers: "):
        open_publisher(tmp_path, settings, "console")
    with pytest.raises(Refused, match="servers: "):
        open_sources(tmp_path, settings, LittleLog().place)


def test_the_monitoring_port_stands_behind_the_url() -> None:
    assert _nats(NATS.servers) == (("nats://u:p@127.0.0.1:4222",), 8333)
    assert _nats("nats://a:1, nats://b:2") == (("nats://a:1", "nats://b:2"), 8222)
