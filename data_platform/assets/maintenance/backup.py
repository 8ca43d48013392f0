"""The night's backup: every SQLite database below the data folder, PostgreSQL where it is set.

``data/backups/<UTC day>/`` holds ``sqlite.tar.zst``, a ``.dump`` for each PostgreSQL database and
``backup.json``, which says what they hold. Each is restored and compared before it counts.
"""

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from data_platform.assets.maintenance import postgres, sqlite
from data_platform.assets.maintenance.postgres import Dumped
from data_platform.assets.maintenance.sqlite import Copied, Unrestorable
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos
from trading_runtime.store import durable

LEFT_OUT = ("archive", "backups", "journal", "lake", "logs", "marts", "quarantine", "reports")
"""Folders of many files that hold no database."""
ROOM = 2.2
"""Free bytes that a backup needs, in sizes of the databases: a copy, and its archive."""


class Backup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``at`` is when it was begun, UTC nanoseconds."""

    at: Nanos
    archive: str
    sha256: str
    size: int
    databases: tuple[Copied, ...]
    dumps: tuple[Dumped, ...]

    @property
    def rows(self) -> int:
        return sum(sum(it.rows.values()) for it in self.databases)

    @property
    def source_bytes(self) -> int:
        return sum(it.size for it in self.databases)

    @property
    def unproved(self) -> list[str]:
        return [f"{it.database}: {it.why}" for it in self.dumps if not it.restored]


def root(data: Path) -> Path:
    return data / "backups"


def folder(data: Path, at: Nanos) -> Path:
    day = datetime.fromtimestamp(at // NANOS_PER_SECOND, tz=UTC)
    return root(data) / day.strftime("%Y-%m-%d")


def require_room(data: Path, paths: Sequence[Path]) -> None:
    """Raise :exc:`Unrestorable` where a backup would fill the disk."""
    size = sum(it.stat().st_size for it in paths)
    free = shutil.disk_usage(data).free
    if free < ROOM * size:
        raise Unrestorable(f"{free:,} bytes are free, {ROOM:g} times {size:,} are needed")


def make(data: Path, urls: Sequence[str], now: Nanos) -> Backup:
    """Back up, restore, compare; raise :exc:`Unrestorable` where something does not come back."""
    place = folder(data, now)
    with durable.lock(root(data) / ".lock"):
        durable.sweep(root(data))
        paths = sqlite.databases(data, LEFT_OUT)
        require_room(data, paths)
        archive = place / "sqlite.tar.zst"
        copied = sqlite.back_up(data, paths, archive)
        sqlite.check(archive, copied)
        dumps = [
            postgres.back_up(url, place / f"{number}-{postgres.Place(url).name}.dump")
            for number, url in enumerate(urls, start=1)
        ]
        backup = Backup(
            at=now,
            archive=archive.relative_to(data).as_posix(),
            sha256=durable.sha256(archive),
            size=archive.stat().st_size + sum(it.size for it in dumps),
            databases=tuple(copied),
            dumps=tuple(dumps),
        )
        text = msgspec.json.format(msgspec.json.encode(backup), indent=1)
        durable.write(place / "backup.json", text + b"\n")
        return backup
