"""Open a producer by what stands below the data folder: its key, the trust, the settings.

A service of one's own needs a name that the log knows (``tapedeck audit init --producer NAME``, or
``rotate producer --name NAME`` later) and its private key below ``audit/keys``.
"""

import tomllib
from importlib.resources import files
from pathlib import Path

import msgspec

from trading_runtime.audit import keys
from trading_runtime.audit.client.believing import TrustFolder
from trading_runtime.audit.client.client import AuditClient, RingSettings
from trading_runtime.audit.client.log import LogSettings, Producer, ProducerLog
from trading_runtime.audit.settings import AuditSettings
from trading_runtime.audit.streams.opening import open_publisher
from trading_runtime.errors import Refused
from trading_runtime.records import layout
from trading_runtime.records.units import NANOS_PER_SECOND


def settings_of(path: Path | None) -> AuditSettings:
    """Read the table ``[audit]`` of a settings file, of the shipped one where none is named.

    Raises :exc:`Refused` where it is wrong.
    """
    where = files("trading_runtime").joinpath("tapedeck.toml") if path is None else path
    try:
        table = tomllib.loads(where.read_text(encoding="utf-8")).get("audit", {})
        return msgspec.convert(table, AuditSettings)
    except (OSError, UnicodeDecodeError, ValueError) as problem:
        raise Refused(f"the settings {where} say nothing of an audit record: {problem}") from None


def open_client(data: Path, settings: AuditSettings, producer_id: str) -> AuditClient:
    """Open what a service emits with; it closes the producer's log when it is closed.

    Raises:
        Refused: there is no key of this producer, or another process writes under its name.
    """
    return AuditClient(
        open_producer(data, settings, producer_id),
        RingSettings(
            ring_entries=settings.ring_entries,
            batch_entries=settings.batch_entries,
            interval_s=settings.batch_interval_ns / NANOS_PER_SECOND,
        ),
    )


def open_producer(data: Path, settings: AuditSettings, producer_id: str) -> ProducerLog:
    """Open a producer's own log, for who drives it without a thread; raises as above."""
    audit = Path(layout.audit(data))
    key = keys.read_key(keys.key_path(audit, keys.producer_name(producer_id)))
    return ProducerLog.open(
        audit / "wal",
        Producer(producer_id, producer_id, key),
        open_publisher(audit, settings, producer_id),
        TrustFolder(audit / "trust"),
        LogSettings(batch_entries=settings.batch_entries, heartbeat_ns=settings.heartbeat_ns),
    )
