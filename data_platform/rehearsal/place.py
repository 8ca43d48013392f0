"""Where the days are archived: the folder below the data folder, another one, or any S3."""

import json
import time
from pathlib import Path
from typing import NamedTuple

from data_platform.errors import Refused
from data_platform.rehearsal.story import WRITTEN
from trading_runtime.records.units import Nanos
from trading_runtime.store.archive.archive import Archive
from trading_runtime.store.objects.opening import is_folder, open_archive

SETTINGS = "rehearsal.toml"
COLD_CLASS = "STANDARD_IA"
"""Every S3 knows it, and it answers at once."""


class ArchivePlace(NamedTuple):
    """As ``[archive]`` has it; who we are there is boto3's own affair."""

    location: str
    """``s3://bucket/prefix``, or a folder."""
    endpoint: str

    @property
    def words(self) -> tuple[str, ...]:
        """Arguments of a command that reads the archive."""
        endpoint = ("--endpoint", self.endpoint) if self.endpoint else ()
        return ("--archive", self.location, *endpoint)


def look(data: Path, place: ArchivePlace) -> None:
    """Open the archive before days are made for it, and see that it is nobody else's.

    Raises :exc:`Refused`, and what a bucket raises.
    """
    folder, now = Path(place.location), Nanos(time.time_ns())
    store = Archive(open_archive(place.location, folder, place.endpoint, now))
    if not (data / WRITTEN).exists() and store.datasets():
        raise Refused(f"{store.objects.capabilities.store} holds another folder's days")


def write_settings(data: Path, base: Path, place: ArchivePlace) -> Path:
    """Write the platform's settings of this rehearsal into the data folder; give the file."""
    cold = "" if is_folder(place.location) else COLD_CLASS
    told = {"location": place.location, "endpoint": place.endpoint, "cold_class": cold}
    # A string of JSON is one of TOML.
    lines = [f"{name} = {json.dumps(value)}" for name, value in told.items()]
    path = data / SETTINGS
    path.write_text(f"{base.read_text()}\n[archive]\n" + "\n".join(lines) + "\n")
    return path
