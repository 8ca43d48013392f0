"""What can be set about the audit record."""

from typing import Annotated, Literal

import msgspec

from trading_runtime.records.units import NANOS_PER_MILLI, NANOS_PER_SECOND, Nanos

Count = Annotated[int, msgspec.Meta(ge=1)]
Interval = Annotated[Nanos, msgspec.Meta(ge=NANOS_PER_MILLI)]


class WitnessSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A witness that is asked for cosignatures; its key stands in the policy."""

    name: str
    url: str


class AuditSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    stream: Literal["embedded", "nats", "kafka"] = "embedded"
    servers: str = ""
    """Of the stream: ``nats://host:port``, or ``host:port,host:port`` for Kafka; else empty."""
    database: str = ""
    """A PostgreSQL URL without password (libpq's own environment has it); empty: SQLite."""
    archive: str = ""
    """``s3://bucket/prefix``; empty: the folder ``archive`` below the data folder."""
    archive_endpoint: str = ""
    """Of an S3 that is not Amazon's, as ``http://host:port``."""
    retention_days: Count = 3650
    """For how long objects of the archive are locked from the day that they are written."""
    witnesses: tuple[WitnessSettings, ...] = ()
    """Empty: the witness that ``tapedeck up`` starts on this machine."""
    batch_entries: Count = 100
    """Submissions of one batch: signed once, and brought to disk together."""
    batch_interval_ns: Interval = Nanos(10 * NANOS_PER_MILLI)
    ring_entries: Count = 65_536
    """Submissions that wait in memory for the disk before ``emit`` begins to drop."""
    checkpoint_interval_ns: Interval = Nanos(NANOS_PER_SECOND)
    digest_period_s: Count = 3600
    gap_wait_ns: Interval = Nanos(10 * NANOS_PER_SECOND)
    """How long an entry that came out of order waits for the one before it."""
    witness_lag_max_ns: Interval = Nanos(60 * NANOS_PER_SECOND)
    watch_interval_ns: Interval = Nanos(NANOS_PER_SECOND)
    heartbeat_ns: Interval = Nanos(60 * NANOS_PER_SECOND)
    encrypt_personal: bool = False
    """Encrypt user and address per subject where an entry is made; erasure destroys the key."""
