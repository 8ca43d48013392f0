"""The hour that is being recorded, built as far as it has come, so that it can be looked at."""

from pathlib import Path

import dagster as dg
from dagster._core.storage.tags import PARTITION_NAME_TAG

from data_platform.partitions import key_of
from data_platform.resources.data_folder import DataFolder
from data_platform.sensors import hourly_job
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import TABLES
from trading_runtime.records.units import NANOS_PER_SECOND
from trading_runtime.store.hours import Hour, hour_at

EVERY_MINUTES = 5
"""A run takes some seconds of a core; what it shows is that old at the most."""
UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


def has_minutes(data: Path, hour: Hour) -> bool:
    """Say whether a minute of the hour is closed: before that there is nothing to build."""
    lake = Path(layout.lake(data))
    return any(
        next((lake / layout.minute(table, hour.day, hour.of_day, 0)).parent.glob("*.parquet"), None)
        for table in TABLES
    )


@dg.schedule(
    job=hourly_job,
    cron_schedule=f"*/{EVERY_MINUTES} * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def open_hour(
    context: dg.ScheduleEvaluationContext, folder: DataFolder
) -> dg.RunRequest | dg.SkipReason:
    """Every five minutes, build the open hour as partial; nothing reads it as whole.

    Not while such a run still waits or works: on a busy machine they would pile up.
    """
    moment = context.scheduled_execution_time
    hour = hour_at(int(moment.timestamp()) * NANOS_PER_SECOND)
    if not has_minutes(folder.root, hour):
        return dg.SkipReason(f"no minute of {hour.name} is closed yet")
    before = dg.RunsFilter(
        job_name=hourly_job.name, statuses=UNDER_WAY, tags={PARTITION_NAME_TAG: key_of(hour)}
    )
    if context.instance.get_runs(before, limit=1):
        return dg.SkipReason(f"the run of {hour.name} before this one is not over")
    return dg.RunRequest(run_key=moment.isoformat(), partition_key=key_of(hour))
