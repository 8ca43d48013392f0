"""When what is not driven by data runs (DP-6): times of the user's zone, partitions of UTC.

``business_tz`` is read where Dagster loads its definitions; so :func:`schedules` makes them.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg

from data_platform.assets.archive.assets import archive_job, retention_job
from data_platform.assets.audit.verification import Believed, is_kept
from data_platform.days import day_at, day_before, zone
from data_platform.partitions import DAYS, HOURS, key_of
from data_platform.resources.archive import Archive
from data_platform.resources.data_folder import DataFolder
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos
from trading_runtime.store.hours import HOUR_NS, hour_at

RUNNING = dg.DefaultScheduleStatus.RUNNING
HEALTH_MINUTE = 12
"""After the hour: it is sealed then, compacted and published."""

daily_report_job = dg.define_asset_job(
    "daily_report_job",
    selection=dg.AssetSelection.groups("reports"),
    partitions_def=DAYS,
    description="The inspection report of one day.",
)

audit_job = dg.define_asset_job(
    "audit_job",
    selection=dg.AssetSelection.groups("audit"),
    partitions_def=DAYS,
    description="One day of the audit record: verified, archived, its locks looked at.",
)

health_job = dg.define_asset_job(
    "health_job",
    selection=dg.AssetSelection.groups("health"),
    partitions_def=HOURS,
    description="Whether an hour was recorded whole, in time and without errors.",
)

maintenance_job = dg.define_asset_job(
    "maintenance_job",
    selection=dg.AssetSelection.groups("maintenance") | dg.AssetSelection.assets("models_docs"),
    description="Backup and its restore, disk, what waits, Dagster's own past, the models' pages.",
)

disk_job = dg.define_asset_job(
    "disk_job",
    selection=dg.AssetSelection.assets("disk_space"),
    description="Room on the disk: archives early and alarms; asked for when it runs short.",
)

critical_job = dg.define_asset_job(
    "critical_job",
    selection=dg.AssetSelection.groups("critical"),
    partitions_def=DAYS,
    description="The lines of level CRITICAL of one day, which are kept for ever.",
)

quality_job = dg.define_asset_job(
    "quality_job",
    selection=dg.AssetSelection.groups("quality"),
    partitions_def=DAYS,
    description="Data Docs and what is judged over a whole day.",
)

JOBS = (
    critical_job,
    quality_job,
    daily_report_job,
    audit_job,
    health_job,
    maintenance_job,
    disk_job,
)


def moment(context: dg.ScheduleEvaluationContext) -> Nanos:
    return Nanos(int(context.scheduled_execution_time.timestamp()) * NANOS_PER_SECOND)


def utc_day_before(at: Nanos) -> str:
    """Give the last UTC day that is over."""
    today = datetime.fromtimestamp(at // NANOS_PER_SECOND, tz=UTC)
    return (today - timedelta(days=1)).strftime("%Y-%m-%d")


def of_day(day: str) -> dg.RunRequest:
    return dg.RunRequest(run_key=day, partition_key=day)


def by_data(name: str) -> Sequence[dg.ScheduleDefinition]:
    """Give the schedules of the record's days, in the zone ``name``."""

    @dg.schedule(
        job=daily_report_job,
        cron_schedule="0 9 * * *",
        execution_timezone=name,
        default_status=RUNNING,
    )
    def daily_report_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        """At 09:00, report on the day of business that ended at midnight."""
        return of_day(day_before(day_at(moment(context), name)))

    @dg.schedule(
        job=audit_job,
        cron_schedule="0 1 * * *",
        execution_timezone=name,
        default_status=RUNNING,
    )
    def audit_schedule(
        context: dg.ScheduleEvaluationContext, folder: DataFolder, archive: Archive
    ) -> dg.RunRequest | dg.SkipReason:
        """At 01:00, verify the last UTC day of the audit record, copy it, look at its locks."""
        if not is_kept(folder.root, Believed(archive.pin, archive.trust)):
            return dg.SkipReason(
                "no audit record is kept below the data folder, and none is pinned"
            )
        return of_day(utc_day_before(moment(context)))

    @dg.schedule(
        job=quality_job,
        cron_schedule="30 2 * * *",
        execution_timezone=name,
        default_status=RUNNING,
    )
    def quality_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        """At 02:30, judge the last UTC day as a whole and build its Data Docs."""
        return of_day(utc_day_before(moment(context)))

    @dg.schedule(
        job=archive_job,
        cron_schedule="30 3 * * *",
        execution_timezone=name,
        default_status=RUNNING,
    )
    def archive_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        """At 03:30, bring the last UTC day of every data set to the object storage."""
        return of_day(utc_day_before(moment(context)))

    return daily_report_schedule, audit_schedule, quality_schedule, archive_schedule


def by_clock(name: str) -> Sequence[dg.ScheduleDefinition]:
    """Give the schedules of care, in the zone ``name``, and the hourly look."""

    @dg.schedule(
        job=health_job,
        cron_schedule=f"{HEALTH_MINUTE} * * * *",
        execution_timezone="UTC",
        default_status=RUNNING,
    )
    def health_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        """Each hour, look at the hour that is over; an anomaly is told at once."""
        key = key_of(hour_at(moment(context) - HOUR_NS))
        return dg.RunRequest(run_key=key, partition_key=key)

    @dg.schedule(
        job=critical_job,
        cron_schedule=f"{HEALTH_MINUTE + 3} * * * *",
        execution_timezone="UTC",
        default_status=RUNNING,
    )
    def critical_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        """Each hour, extract the CRITICAL lines of the day that the last hour was of."""
        at = moment(context)
        day = hour_at(at - HOUR_NS).day
        return dg.RunRequest(run_key=hour_at(at).name, partition_key=day)

    maintenance = dg.ScheduleDefinition(
        name="maintenance_schedule",
        job=maintenance_job,
        cron_schedule="0 3 * * *",
        execution_timezone=name,
        default_status=RUNNING,
        description="At 03:00, back up and restore, guard the disk, say what waits, purge.",
    )
    retention = dg.ScheduleDefinition(
        name="retention_schedule",
        job=retention_job,
        cron_schedule="30 4 * * *",
        execution_timezone=name,
        default_status=RUNNING,
        description="At 04:30, after the archive, let go what is past its time here and there.",
    )
    return health_schedule, critical_schedule, maintenance, retention


def schedules(name: str) -> tuple[dg.ScheduleDefinition, ...]:
    """Give all schedules for ``business_tz``; raise ``Refused`` where there is no such zone."""
    zone(name)
    return (*by_data(name), *by_clock(name))
