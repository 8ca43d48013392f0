"""When what is not driven by data runs: each morning, for the day before."""

from datetime import timedelta

import dagster as dg

from data_platform.assets.audit.verification import Believed, is_kept
from data_platform.partitions import DAYS
from data_platform.resources.archive import Archive
from data_platform.resources.data_folder import DataFolder

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


def day_before(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    day = (context.scheduled_execution_time - timedelta(days=1)).strftime("%Y-%m-%d")
    return dg.RunRequest(run_key=day, partition_key=day)


@dg.schedule(
    job=daily_report_job,
    cron_schedule="0 9 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def daily_report_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """At 09:00 UTC, report on the UTC day that ended at midnight."""
    return day_before(context)


@dg.schedule(
    job=audit_job,
    cron_schedule="0 1 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def audit_schedule(
    context: dg.ScheduleEvaluationContext, folder: DataFolder, archive: Archive
) -> dg.RunRequest | dg.SkipReason:
    """At 01:00 UTC, when the day's last digest is there: verify, copy, look at the locks."""
    if not is_kept(folder.root, Believed(archive.pin, archive.trust)):
        return dg.SkipReason("no audit record is kept below the data folder, and none is pinned")
    return day_before(context)
