"""What can be set about the platform.

These are the tables ``[platform]``, ``[archive]`` and some of ``[audit]`` of the one settings file,
which the environment variable ``TAPEDECK_SETTINGS`` names; the shipped one where it names none.
Each room declares its own part beside its code and gives it a field here. ``python -m
data_platform.settings FILE`` says what is wrong with a file, before anything is started on it.
"""

import sys
import tomllib
from importlib.resources import files
from pathlib import Path
from zoneinfo import available_timezones

import msgspec

from data_platform.assets.archive.settings import RetentionSettings
from data_platform.assets.health.settings import HealthSettings
from data_platform.assets.maintenance.settings import MaintenanceSettings
from data_platform.assets.reports.settings import ReportSettings
from data_platform.checks.settings import QualitySettings
from data_platform.errors import Refused
from data_platform.notices.settings import NoticeSettings
from data_platform.resources.engine import EngineSettings
from trading_runtime.store.settings import ArchiveSettings


class AuditPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where the audit record is and for how long its copy is locked; the rest is the runtime's."""

    database: str = ""
    archive: str = ""
    archive_endpoint: str = ""
    retention_days: int = 3650


class PlatformSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table ``[platform]``."""

    business_tz: str = "UTC"
    """The zone of crons and of a report's day; partitions are UTC always."""
    engine: EngineSettings = EngineSettings()
    health: HealthSettings = HealthSettings()
    maintenance: MaintenanceSettings = MaintenanceSettings()
    notices: NoticeSettings = NoticeSettings()
    quality: QualitySettings = QualitySettings()
    reports: ReportSettings = ReportSettings()
    retention: RetentionSettings = RetentionSettings()

    def __post_init__(self) -> None:
        if self.business_tz not in available_timezones():
            raise ValueError(f"there is no time zone {self.business_tz!r}")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The platform's view of the settings file; the runtime refuses tables that nobody knows."""

    platform: PlatformSettings = PlatformSettings()
    archive: ArchiveSettings = ArchiveSettings()
    audit: AuditPlace = AuditPlace()


def load_settings(path: Path | None) -> Settings:
    """Read the settings file, the shipped one where none is named.

    Raises :exc:`Refused` with file and field where it is wrong.
    """
    where = files("trading_runtime").joinpath("tapedeck.toml") if path is None else path
    try:
        return msgspec.convert(tomllib.loads(where.read_text(encoding="utf-8")), Settings)
    except OSError as error:
        raise Refused(f"cannot read settings {where}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refused(f"{where} is no TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise Refused(f"{where}: {error}") from error


if __name__ == "__main__":
    try:
        load_settings(Path(sys.argv[1]))
    except Refused as refused:
        sys.exit(str(refused))
