"""Where the audit record's cold copy is, how long it is locked, and what its reader believes."""

from pathlib import Path

import dagster as dg

from trading_runtime.records.units import Nanos
from trading_runtime.store.objects.objects import Objects
from trading_runtime.store.objects.opening import open_archive, open_for_reading


class Archive(dg.ConfigurableResource[None]):  # type: ignore[explicit-any]  # Dagster's base
    location: str = ""
    """``s3://bucket/prefix``; empty: the folder ``archive`` below the data folder."""
    endpoint: str = ""
    """Of an S3 that is not Amazon's; whose keys we use is boto3's own affair."""
    retention_days: int = 3650
    pin: str = ""
    """SHA-256 of the ``trust.json`` that is believed; empty: the one beside the log."""
    trust: str = ""
    """A folder with ``trust.json`` and ``policy``; empty: the one beside the log."""

    def to_write(self, data: Path, now: Nanos) -> Objects:
        return open_archive(self.location, data / "archive", self.endpoint, now)

    def to_read(self, data: Path) -> Objects:
        return open_for_reading(self.location, data / "archive", self.endpoint)
