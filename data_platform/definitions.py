"""All that Dagster loads, listed by hand; the one place that names the environment."""

from pathlib import Path

import dagster as dg

from data_platform.assets.archive import assets as archive
from data_platform.assets.audit import assets as audit
from data_platform.assets.health import assets as health
from data_platform.assets.lake import assets as lake
from data_platform.assets.logs import assets as logs
from data_platform.assets.maintenance import assets as maintenance
from data_platform.assets.models import assets as models
from data_platform.assets.quality import assets as quality
from data_platform.assets.reports import assets as reports
from data_platform.assets.ticks import assets as ticks
from data_platform.open_hour import open_hour
from data_platform.resources.archive import Archive
from data_platform.resources.clock import Clock
from data_platform.resources.configuration import Configuration
from data_platform.resources.data_folder import DataFolder
from data_platform.resources.deeds import Deeds
from data_platform.resources.engine import Engine
from data_platform.schedules import JOBS, schedules
from data_platform.sensors import FRESHNESS, SENSORS, hourly_job
from data_platform.settings import load_settings


def setting(name: str) -> str:
    """Read what may be left unset, and then is empty."""
    return dg.EnvVar(name).get_value("") or ""


named = setting("TAPEDECK_SETTINGS")
settings = load_settings(Path(named) if named else None)
definitions = dg.Definitions(
    assets=[
        *ticks.ASSETS,
        *lake.ASSETS,
        *logs.ASSETS,
        *reports.ASSETS,
        *health.ASSETS,
        *maintenance.ASSETS,
        audit.audit_verified,
        audit.audit_archived,
        audit.audit_locked,
        *archive.ASSETS,
        *models.ASSETS,
        *quality.ASSETS,
    ],
    asset_checks=[
        *ticks.CHECKS,
        *logs.CHECKS,
        *FRESHNESS,
        *quality.CHECKS,
    ],
    jobs=[hourly_job, *JOBS, *archive.JOBS, *models.JOBS],
    schedules=[*schedules(settings.platform.business_tz), open_hour],
    sensors=[*SENSORS, *archive.SENSORS],
    resources={
        "folder": DataFolder(path=dg.EnvVar("TAPEDECK_DATA")),
        "clock": Clock(),
        "configuration": Configuration(path=named),
        "deeds": Deeds(settings=named),
        "engine": Engine(
            kind=settings.platform.engine.kind, address=settings.platform.engine.address
        ),
        "archive": Archive(
            location=settings.audit.archive,
            endpoint=settings.audit.archive_endpoint,
            retention_days=settings.audit.retention_days,
            pin=setting("TAPEDECK_AUDIT_PIN"),
            trust=setting("TAPEDECK_AUDIT_TRUST"),
        ),
    },
    # Steps in the run's own process: the default imports the whole location again for each step.
    executor=dg.in_process_executor,
)
