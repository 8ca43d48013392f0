"""What is driven by data: a run of the hour's assets for each hour that scribe seals."""

import dagster as dg

from data_platform.partitions import HOURS, key_of
from data_platform.resources.data_folder import DataFolder
from data_platform.sealed import sealed_since

HOURS_PER_TICK_MAX = 24
"""A backlog is worked off day by day, not as one queue of thousands of runs."""

hourly_job = dg.define_asset_job(
    "hourly_job",
    selection=dg.AssetSelection.groups("logs", "lake"),
    partitions_def=HOURS,
    description="All that is built from one recorded hour.",
)


@dg.sensor(
    job=hourly_job,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def sealed_hours(context: dg.SensorEvaluationContext, folder: DataFolder) -> dg.SensorResult:
    """Fire once for each sealed hour, and again when late rows have changed it."""
    mark_ns = int(context.cursor or 0)
    found = sealed_since(folder.root, mark_ns, HOURS_PER_TICK_MAX)
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(run_key=f"{it.hour.name}-{it.digest[:16]}", partition_key=key_of(it.hour))
            for it in found
        ],
        cursor=str(max((it.marked_ns for it in found), default=mark_ns)),
    )
