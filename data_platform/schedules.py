"""When what is not driven by data runs: the report, each morning for the day before."""

from datetime import timedelta

import dagster as dg

from data_platform.partitions import DAYS

daily_report_job = dg.define_asset_job(
    "daily_report_job",
    selection=dg.AssetSelection.groups("reports"),
    partitions_def=DAYS,
    description="The inspection report of one day.",
)


@dg.schedule(
    job=daily_report_job,
    cron_schedule="0 9 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def daily_report_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """At 09:00 UTC, report on the UTC day that ended at midnight."""
    day = (context.scheduled_execution_time - timedelta(days=1)).strftime("%Y-%m-%d")
    return dg.RunRequest(run_key=day, partition_key=day)
