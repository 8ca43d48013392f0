"""The stream that the settings ask for, at either end. A library is loaded by who needs it."""

from pathlib import Path
from urllib.parse import SplitResult, parse_qs, urlsplit

from trading_runtime.audit.settings import AuditSettings
from trading_runtime.audit.streams.embedded import EmbeddedPublisher, EmbeddedSource
from trading_runtime.audit.streams.source import Place, Publisher, Source, StreamDown
from trading_runtime.errors import Refused

WAL = "wal"
RECEIPTS = "receipts"
MONITOR_PORT = 8222


def open_publisher(audit: Path, settings: AuditSettings, producer_id: str) -> Publisher:
    """Give a producer's end; raise :exc:`Refused` for servers that are none."""
    match settings.stream:
        case "embedded":
            return EmbeddedPublisher(audit / RECEIPTS, producer_id)
        case "nats":
            from trading_runtime.audit.streams.jetstream import (  # noqa: PLC0415 -- an extra
                JetStreamPublisher,
            )
            from trading_runtime.audit.streams.jetstream_link import Servers  # noqa: PLC0415 -- too

            return JetStreamPublisher(Servers(*_nats(settings.servers)), producer_id)
        case "kafka":
            from trading_runtime.audit.streams.kafka import KafkaPublisher  # noqa: PLC0415 -- an extra
            from trading_runtime.audit.streams.kafka_topics import Cluster  # noqa: PLC0415 -- too

            return KafkaPublisher(Cluster(_brokers(settings.servers)), producer_id)


def open_sources(audit: Path, settings: AuditSettings, place: Place) -> list[Source]:
    """Give the sequencer's ends; raise :exc:`Refused` for servers that are none."""
    match settings.stream:
        case "embedded":
            return [EmbeddedSource(audit / WAL, audit / RECEIPTS, place)]
        case "nats":
            from trading_runtime.audit.streams.jetstream import (  # noqa: PLC0415 -- an extra
                JetStreamSource,
            )
            from trading_runtime.audit.streams.jetstream_link import Servers  # noqa: PLC0415 -- too

            return [JetStreamSource(Servers(*_nats(settings.servers)), place)]
        case "kafka":
            from trading_runtime.audit.streams.kafka import KafkaSource  # noqa: PLC0415 -- an extra
            from trading_runtime.audit.streams.kafka_topics import Cluster  # noqa: PLC0415 -- too

            return [KafkaSource(Cluster(_brokers(settings.servers)), place)]


def make_streams(stream: str, servers: str, replicas: int) -> None:
    """Make the streams or topics as their administrator, once.

    Raises:
        Refused: the embedded stream has none, or ``servers`` are none.
        StreamDown: the servers do not answer, or do not make them.
    """
    match stream:
        case "nats":
            import asyncio  # noqa: PLC0415 -- the others need none

            from nats.errors import Error  # noqa: PLC0415 -- an extra

            from trading_runtime.audit.streams.jetstream_link import (  # noqa: PLC0415 -- too
                create_streams,
            )

            urls, _ = _nats(servers)
            try:
                asyncio.run(create_streams(urls[0], replicas))
            except (Error, OSError) as fault:
                raise StreamDown(f"JetStream: {fault!r}") from fault
        case "kafka":
            from trading_runtime.audit.streams.kafka_topics import (  # noqa: PLC0415 -- an extra
                PARTITIONS,
                Cluster,
                create_topics,
            )

            create_topics(Cluster(_brokers(servers), PARTITIONS, replicas))
        case _:
            raise Refused("the embedded stream needs no server: set audit.stream to nats or kafka")


def _nats(servers: str) -> tuple[tuple[str, ...], int]:
    """Read ``nats://user:password@host:port,…``; ``?monitor=8222`` is the monitoring port."""
    urls, monitors = [], set()
    for text in servers.split(","):
        url = urlsplit(text.strip())
        if url.scheme not in {"nats", "tls"} or not _has_port(url):
            raise Refused(f"servers: {text!r} is not nats://host:port")
        monitors |= set(parse_qs(url.query).get("monitor", [str(MONITOR_PORT)]))
        urls.append(url._replace(query="").geturl())
    if len(monitors) != 1 or not (monitor := monitors.pop()).isdecimal():
        raise Refused("servers: all of them need one and the same monitor=PORT")
    return tuple(urls), int(monitor)


def _brokers(servers: str) -> str:
    for text in servers.split(","):
        url = urlsplit(f"//{text.strip()}")
        if not _has_port(url) or url.path:
            raise Refused(f"servers: {text!r} is not host:port")
    return servers


def _has_port(url: SplitResult) -> bool:
    try:
        return bool(url.hostname and url.port)
    except ValueError:
        return False
