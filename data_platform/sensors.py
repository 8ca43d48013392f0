"""What is driven by data and by what befalls: sealed and late hours, models, failures, the disk.

A sensor takes each hour, day or line by itself: one that is bad is told and holds up no other.
"""

from collections.abc import Iterator
from datetime import timedelta

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluation
from dagster._core.definitions.asset_checks.asset_check_factories.utils import (
    LAST_UPDATED_TIMESTAMP_METADATA_KEY,
    LOWER_BOUND_TIMESTAMP_METADATA_KEY,
)
from dagster._core.storage.tags import WILL_RETRY_TAG

from data_platform.assets.archive.assets import archive_job
from data_platform.assets.maintenance import disk
from data_platform.assets.maintenance.disk import Condition
from data_platform.assets.models.assets import due as models_due
from data_platform.assets.models.assets import models_job
from data_platform.assets.reports.due import due as reports_due
from data_platform.assets.reports.record import iso, utc_days
from data_platform.days import span_of
from data_platform.notified import (
    LOOK_BACK_S,
    Failed,
    Failure,
    audit_lines,
    audit_logs,
    of_audit,
    of_checks,
    of_run,
    tell,
)
from data_platform.partitions import HOURS, key_of
from data_platform.resources.clock import Clock
from data_platform.resources.configuration import Configuration
from data_platform.resources.data_folder import DataFolder
from data_platform.schedules import daily_report_job, disk_job
from data_platform.sealed import sealed_since
from trading_runtime.records.units import NANOS_PER_SECOND
from trading_runtime.store.hours import hour_at

RUNNING = dg.DefaultSensorStatus.RUNNING
HOURS_PER_TICK_MAX = 24
"""A backlog is worked off day by day, not as one queue of thousands of runs."""
MEASURE_S = 900
"""Between two entries of the disk's history."""

hourly_job = dg.define_asset_job(
    "hourly_job",
    selection=dg.AssetSelection.groups("logs", "lake"),
    partitions_def=HOURS,
    description="All that is built from one recorded hour.",
)


@dg.sensor(job=hourly_job, minimum_interval_seconds=30, default_status=RUNNING)
def sealed_hours(context: dg.SensorEvaluationContext, folder: DataFolder) -> dg.SensorResult:
    """Fire once for each sealed hour, and again when late rows have changed it."""
    mark_ns = int(context.cursor or 0)
    found = sealed_since(folder.root, mark_ns, HOURS_PER_TICK_MAX)
    for it in found.unreadable:
        context.log.warning("left out: %s", it)
    keys = [(key_of(it.hour), it) for it in found.hours]
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(run_key=f"{it.hour.name}-{it.digest[:16]}", partition_key=key)
            for key, it in keys
            if HOURS.has_partition_key(key)
        ],
        cursor=str(max((it.marked_ns for it in found.hours), default=mark_ns)),
    )


@dg.sensor(job=models_job, minimum_interval_seconds=600, default_status=RUNNING)
def models_behind(
    context: dg.SensorEvaluationContext, folder: DataFolder, clock: Clock
) -> dg.SensorResult:
    """Build the marts of days whose lines are other ones now; each day once an hour at the most."""
    del context
    hour = hour_at(clock.now()).name
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(run_key=f"{day}-{hour}", partition_key=day)
            for day in models_due(folder.root)
        ]
    )


@dg.sensor(
    jobs=[daily_report_job, archive_job], minimum_interval_seconds=300, default_status=RUNNING
)
def late_data(
    context: dg.SensorEvaluationContext,
    folder: DataFolder,
    configuration: Configuration,
    clock: Clock,
) -> dg.SensorResult:
    """Report anew on days that are over and have other data now, and archive them again."""
    del context
    name = configuration.settings.platform.business_tz
    requests = []
    for day, digest in reports_due(folder.root, name, clock.now()).items():
        key = f"{day}-{digest[:16]}"
        requests.append(
            dg.RunRequest(run_key=f"report-{key}", partition_key=day, job_name="daily_report_job")
        )
        requests += [
            dg.RunRequest(
                run_key=f"archive-{key}-{utc_day}", partition_key=utc_day, job_name="archive_job"
            )
            for utc_day in utc_days(span_of(day, name))
        ]
    return dg.SensorResult(run_requests=requests)


@dg.sensor(job=disk_job, minimum_interval_seconds=60, default_status=RUNNING)
def disk_ahead(
    context: dg.SensorEvaluationContext,
    folder: DataFolder,
    configuration: Configuration,
    clock: Clock,
) -> dg.SensorResult:
    """Look at the disk each minute; make room and alarm when it runs short, each hour anew."""
    limits, now = configuration.settings.platform.maintenance, clock.now()
    last = int(context.cursor or 0)
    due = now - last >= MEASURE_S * NANOS_PER_SECOND
    if due:
        space = disk.look(folder.root, limits, now)
    else:
        known = [*disk.history(folder.root), disk.measure(folder.root, now)]
        space = disk.judge(known, limits)
    asked = []
    if space.condition is not Condition.WELL:
        asked = [dg.RunRequest(run_key=f"{space.condition.name}-{hour_at(now).name}")]
    return dg.SensorResult(run_requests=asked, cursor=str(now if due else last))


@dg.sensor(minimum_interval_seconds=30, default_status=RUNNING)
def audit_tampering(
    context: dg.SensorEvaluationContext,
    folder: DataFolder,
    configuration: Configuration,
    clock: Clock,
) -> dg.SensorResult:
    """Tell at once, as Critical, what those who watch the audit record have found."""
    now, settings = clock.now(), configuration.settings.platform.notices
    since = context.cursor or iso(now - LOOK_BACK_S * NANOS_PER_SECOND)
    for line, text in audit_lines(audit_logs(folder.root, since), since):
        outcome = tell(folder.root, settings, of_audit(line, text, now), now)
        context.log.info("%s of %s: %s", line.event, line.ts, outcome.state)
    return dg.SensorResult(cursor=iso(now - LOOK_BACK_S * NANOS_PER_SECOND))


def partition_of(run: dg.DagsterRun) -> str:
    tags = run.tags
    first = tags.get("dagster/asset_partition_range_start", "")
    last = tags.get("dagster/asset_partition_range_end", "")
    return tags.get("dagster/partition", f"{first} to {last}" if first else "")


def failed_steps(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Iterator[Failure]:
    records = instance.get_records_for_run(
        run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE
    ).records
    for record in records:
        event = record.event_log_entry.dagster_event
        if event is None:
            continue
        error = event.step_failure_data.error
        cause = error.cause or error if error else None
        yield Failure(event.step_key or "", cause.message.strip() if cause else "")


def is_too_early(instance: dg.DagsterInstance, told: AssetCheckEvaluation) -> bool:
    """Say of a freshness check whether its asset was never made, in a folder too new for it."""
    bound = told.metadata.get(LOWER_BOUND_TIMESTAMP_METADATA_KEY)
    if bound is None or LAST_UPDATED_TIMESTAMP_METADATA_KEY in told.metadata:
        return False
    (first,) = instance.get_run_records(limit=1, ascending=True)
    return first.create_timestamp.timestamp() > float(str(bound.value))


def failed_checks_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Iterator[Failure]:
    """Give the checks of severity ERROR that did not pass, with what they tell."""
    kind = dg.DagsterEventType.ASSET_CHECK_EVALUATION
    for record in instance.get_records_for_run(run.run_id, of_type=kind).records:
        event = record.event_log_entry.dagster_event
        told = event.asset_check_evaluation_data if event else None
        if (
            told
            and not told.passed
            and told.severity is dg.AssetCheckSeverity.ERROR
            and not is_too_early(instance, told)
        ):
            said = "; ".join(f"{name}: {it.value}" for name, it in sorted(told.metadata.items()))
            yield Failure(f"{told.asset_key.to_user_string()}.{told.check_name}", said)


@dg.run_failure_sensor(default_status=RUNNING, minimum_interval_seconds=15)
def failed_runs(
    context: dg.RunFailureSensorContext,
    folder: DataFolder,
    configuration: Configuration,
    clock: Clock,
) -> None:
    """Tell of every run that failed: which steps and checks, and what they said.

    One that only lost its process is started again by itself, and is told of where that fails.
    """
    run, now = context.dagster_run, clock.now()
    failures = [
        *failed_steps(context.instance, run),
        *failed_checks_of(context.instance, run),
    ]
    if not failures and run.tags.get(WILL_RETRY_TAG) == "true":
        return
    failed = Failed(run.job_name, run.run_id, partition_of(run), failures)
    tell(folder.root, configuration.settings.platform.notices, of_run(failed, now), now)


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS, default_status=RUNNING, minimum_interval_seconds=15
)
def failed_checks(
    context: dg.RunStatusSensorContext,
    folder: DataFolder,
    configuration: Configuration,
    clock: Clock,
) -> None:
    """Tell of checks that failed in a run that went through: a quarantine, an asset gone stale."""
    run, now = context.dagster_run, clock.now()
    failures = list(failed_checks_of(context.instance, run))
    if failures:
        failed = Failed(run.job_name, run.run_id, partition_of(run), failures)
        tell(folder.root, configuration.settings.platform.notices, of_checks(failed, now), now)


FRESH = dg.build_last_update_freshness_checks(
    assets=["log_lines", "depth", "trades"],
    lower_bound_delta=timedelta(hours=2, minutes=15),
    severity=dg.AssetCheckSeverity.ERROR,
)
FRESH_DAILY = dg.build_last_update_freshness_checks(
    assets=["daily_report", "database_backup"],
    lower_bound_delta=timedelta(hours=26),
    severity=dg.AssetCheckSeverity.ERROR,
)
FRESHNESS = (*FRESH, *FRESH_DAILY)

freshness = dg.build_sensor_for_freshness_checks(
    freshness_checks=FRESHNESS,
    name="freshness",
    minimum_interval_seconds=600,
    default_status=RUNNING,
)

SENSORS = (
    sealed_hours,
    models_behind,
    late_data,
    disk_ahead,
    audit_tampering,
    failed_runs,
    failed_checks,
    freshness,
)
