"""What Dagster does by itself: its schedules, its sensors, and the care that they ask for."""

import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

with warnings.catch_warnings():
    # Dagster's own imports use what click and pydantic call deprecated.
    warnings.simplefilter("ignore")
    import dagster as dg
    from dagster._core.storage.tags import PARTITION_NAME_TAG, WILL_RETRY_TAG
    from dagster._core.test_utils import create_run_for_test

    from data_platform import past, sensors
    from data_platform.assets.health.assets import hourly_health
    from data_platform.assets.maintenance.assets import (
        dagster_purged,
        database_backup,
        disk_space,
        machine_state,
    )
    from data_platform.assets.reports.assets import daily_report
    from data_platform.open_hour import open_hour
    from data_platform.partitions import DAYS, HOURS, key_of
    from data_platform.resources.clock import Clock
    from data_platform.resources.configuration import Configuration
    from data_platform.resources.data_folder import DataFolder
    from data_platform.resources.deeds import Deeds
    from data_platform.schedules import schedules

from data_platform.errors import Refused
from data_platform.notices.delivery import Outcome
from tests.data_platform import filed, recorded
from tests.store.lake_rows import HOUR, seal, write_hour
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import DEPTH, TRADES
from trading_runtime.records.units import Module, Nanos
from trading_runtime.store import durable
from trading_runtime.store.hours import Hour

pytestmark = [
    # Dagster forgets to close its event log's connections; Python says so at collection.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:dagster.*"),
]
NOON = Nanos(Hour("2025-11-20", 12).start)
DAY = 86_400 * 10**9


class Stopped(Clock):
    """A clock that stands at a moment."""

    at: int = NOON

    def now(self) -> Nanos:
        return Nanos(self.at)


def resources(data: Path, settings: str = "", at: int = NOON) -> dict[str, object]:
    path = data / "settings.toml"
    path.write_text(settings)
    return {
        "folder": DataFolder(path=str(data)),
        "clock": Stopped(at=at),
        "configuration": Configuration(path=str(path)),
        "deeds": Deeds(),
    }


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def tick(
    sensor: dg.SensorDefinition,
    instance: dg.DagsterInstance,
    given: dict[str, object],
    cursor: str | None = None,
) -> dg.SensorResult:
    context = dg.build_sensor_context(instance=instance, resources=given, cursor=cursor)
    result = sensor(context)
    assert isinstance(result, dg.SensorResult)
    return result


def told(data: Path) -> dict[str, Outcome]:
    """Give what was told, by key."""
    found = (data / "notices").glob("[0-9]*/*.json")
    outcomes = [msgspec.json.decode(it.read_bytes(), type=Outcome) for it in found]
    return {it.key: it for it in outcomes}


def asked_at(zone: str, moment: datetime) -> dict[str, str]:
    """Give which partition each partitioned schedule asks for."""
    found = {}
    for schedule in schedules(zone):
        if schedule.name in {"audit_schedule", "maintenance_schedule", "retention_schedule"}:
            continue
        with dg.build_schedule_context(scheduled_execution_time=moment) as context:
            request = schedule(context)
        assert isinstance(request, dg.RunRequest)
        found[schedule.name] = str(request.partition_key)
    return found


def test_schedules_have_the_zone_of_the_settings() -> None:
    told_ = {it.name: (it.cron_schedule, it.execution_timezone) for it in schedules("Asia/Tokyo")}
    assert told_ == {
        "audit_schedule": ("0 1 * * *", "Asia/Tokyo"),
        "quality_schedule": ("30 2 * * *", "Asia/Tokyo"),
        "maintenance_schedule": ("0 3 * * *", "Asia/Tokyo"),
        "archive_schedule": ("30 3 * * *", "Asia/Tokyo"),
        "retention_schedule": ("30 4 * * *", "Asia/Tokyo"),
        "daily_report_schedule": ("0 9 * * *", "Asia/Tokyo"),
        "health_schedule": ("12 * * * *", "UTC"),
        "critical_schedule": ("15 * * * *", "UTC"),
    }
    with pytest.raises(Refused, match="no time zone 'Mars/Olympus'"):
        schedules("Mars/Olympus")


def test_schedules_ask_for_what_is_over() -> None:
    utc = asked_at("UTC", datetime(2025, 11, 20, 9, 12, tzinfo=UTC))
    assert utc["daily_report_schedule"] == utc["archive_schedule"] == "2025-11-19"
    assert utc["health_schedule"] == "2025-11-20-08:00"
    assert utc["critical_schedule"] == "2025-11-20"
    # Half past three in Kolkata: of the day that ended there, UTC has still two hours to go.
    there = asked_at("Asia/Kolkata", datetime(2025, 11, 19, 22, tzinfo=UTC))
    assert there["daily_report_schedule"] == "2025-11-19"
    assert there["archive_schedule"] == "2025-11-18"
    assert asked_at("UTC", datetime(2025, 11, 20, 0, 15, tzinfo=UTC))["critical_schedule"] == (
        "2025-11-19"
    )
    assert DAYS.has_partition_key(there["archive_schedule"])
    assert HOURS.has_partition_key(utc["health_schedule"])


def test_a_bad_hour_holds_up_no_other(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    write_hour(tmp_path, [], [])
    lake = Path(layout.lake(tmp_path))
    durable.write(lake / "depth" / "2025-11-19" / "xx" / "_sealed.json", b"{}")
    for table in ("depth", "trades", "ticker"):
        durable.write(lake / layout.hour_marker(table, "1999-01-01", 1), b"{}")
    given = resources(tmp_path)
    first = tick(sensors.sealed_hours, instance, given)
    assert [it.partition_key for it in first.run_requests or []] == ["2025-11-19-14:00"]
    again = tick(sensors.sealed_hours, instance, given, first.cursor)
    assert not again.run_requests
    seal(tmp_path, DEPTH)
    resealed = tick(sensors.sealed_hours, instance, given, first.cursor)
    (request,) = resealed.run_requests or []
    assert request.partition_key == "2025-11-19-14:00"


def line(day: str, number: int) -> bytes:
    return (
        f'{{"ts":"{day}T10:00:0{number}.000000Z","module":"oms","level":"INFO",'
        f'"event":"PlaceOrder","session":"s1","seq":{number}}}'
    ).encode()


def test_late_lines_report_and_archive_exactly_the_days_that_they_touch(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    given = resources(tmp_path, '[platform]\nbusiness_tz = "Asia/Kolkata"\n')
    for day in ("2025-11-18", "2025-11-19"):
        filed.file_lines(tmp_path, Module.OMS, Hour(day, 10), [line(day, 1)])
        report(tmp_path, day, instance, given)
    assert not tick(sensors.late_data, instance, given).run_requests
    filed.file_lines(tmp_path, Module.OMS, Hour("2025-11-18", 10), [line("2025-11-18", 2)])
    requests = tick(sensors.late_data, instance, given).run_requests or []
    assert [(it.job_name, it.partition_key) for it in requests] == [
        ("daily_report_job", "2025-11-18"),
        ("archive_job", "2025-11-17"),
        ("archive_job", "2025-11-18"),
    ]
    again = tick(sensors.late_data, instance, given).run_requests or []
    assert [it.run_key for it in again] == [it.run_key for it in requests]
    report(tmp_path, "2025-11-18", instance, given)
    assert not tick(sensors.late_data, instance, given).run_requests


def report(
    data: Path, day: str, instance: dg.DagsterInstance, given: dict[str, object]
) -> dg.ExecuteInProcessResult:
    done = dg.materialize([daily_report], partition_key=day, instance=instance, resources=given)
    assert done.success
    assert (data / "reports" / day / "report.html").exists()
    return done


def test_a_report_is_shown_sent_and_unchanged_when_it_is_made_again(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    recorded.write_logs(tmp_path)
    filed.file_logs(tmp_path, HOUR)
    given = resources(tmp_path)
    first, again = (report(tmp_path, HOUR.day, instance, given) for _ in range(2))
    events = [it.asset_materializations_for_node("daily_report")[0] for it in (first, again)]
    versions = {(it.tags or {})["dagster/data_version"] for it in events}
    assert len(versions) == 1
    assert events[0].metadata["sent"].value == [f"{HOUR.day}: told"]
    assert events[1].metadata["sent"].value == [f"{HOUR.day}: told before"]
    assert (tmp_path / "outbox" / f"daily-report-{HOUR.day}.eml").exists()


def test_an_hour_that_was_not_well_is_told_at_once_and_once(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    given = resources(tmp_path, at=HOUR.end + 12 * 60 * 10**9)
    for hour in ("2025-11-19-13:00", "2025-11-19-14:00"):
        done = dg.materialize(
            [hourly_health], partition_key=hour, instance=instance, resources=given
        )
        (judged,) = done.get_asset_check_evaluations()
        assert not judged.passed
    (outcome,) = told(tmp_path).values()
    assert (outcome.severity, outcome.state) == ("Warning", "told")


def test_a_failed_run_is_told_with_what_it_said(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    @dg.op
    def breaks() -> None:
        raise ValueError("the minute 07 is not what was sealed")

    @dg.job
    def hourly() -> None:
        breaks()

    for _ in range(2):
        done = hourly.execute_in_process(instance=instance, raise_on_error=False)
        context = dg.build_run_status_sensor_context(
            sensor_name="failed_runs",
            dagster_instance=instance,
            dagster_run=done.dagster_run,
            dagster_event=done.get_run_failure_event(),
            resources=resources(tmp_path),
        ).for_run_failure()
        sensors.failed_runs(context)
    (outcome,) = told(tmp_path).values()
    assert outcome.key == "failed-run hourly breaks"
    letter = next((tmp_path / "outbox").glob("*.eml")).read_text()
    assert "the minute 07 is not what was sealed" in letter


def test_a_run_that_lost_its_process_and_is_started_again_is_not_told(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    for again in ("true", "false"):
        run = create_run_for_test(instance, job_name="hourly", tags={WILL_RETRY_TAG: again})
        event = instance.report_run_failed(run)
        failed = instance.get_run_by_id(run.run_id)
        assert failed is not None
        context = dg.build_run_status_sensor_context(
            sensor_name="failed_runs",
            dagster_instance=instance,
            dagster_run=failed,
            dagster_event=event,
            resources=resources(tmp_path),
        ).for_run_failure()
        sensors.failed_runs(context)
        assert len(told(tmp_path)) == (again == "false")


def test_the_open_hour_is_not_built_while_it_is_being_built(
    tmp_path: Path,
) -> None:
    data, instance = tmp_path / "data", dg.DagsterInstance.local_temp(str(tmp_path))
    minute = data / "lake" / layout.minute(TRADES.minutes, HOUR.day, HOUR.of_day, 3)
    minute.parent.mkdir(parents=True)
    minute.touch()
    moment = datetime.fromtimestamp(HOUR.start // 10**9 + 300, tz=UTC)

    def due() -> bool:
        context = dg.build_schedule_context(
            instance=instance,
            scheduled_execution_time=moment,
            resources={"folder": DataFolder(path=str(data))},
        )
        return isinstance(open_hour(context), dg.RunRequest)

    assert due()
    tags = {PARTITION_NAME_TAG: key_of(HOUR)}
    started = dg.DagsterRunStatus.STARTED
    run = create_run_for_test(instance, job_name="hourly_job", status=started, tags=tags)
    assert not due()
    instance.report_run_failed(run)
    assert due()


def tell_checks(data: Path, instance: dg.DagsterInstance, done: dg.ExecuteInProcessResult) -> None:
    context = dg.build_run_status_sensor_context(
        sensor_name="failed_checks",
        dagster_instance=instance,
        dagster_run=done.dagster_run,
        dagster_event=done.get_run_success_event(),
        resources=resources(data),
    )
    sensors.failed_checks(context)


def test_a_failed_check_of_a_run_that_went_through_is_told(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    @dg.asset(check_specs=[dg.AssetCheckSpec(it, asset="depth") for it in ("red", "pale", "green")])
    def depth() -> Iterator[object]:
        yield dg.MaterializeResult()
        severe = dg.AssetCheckSeverity.ERROR
        yield dg.AssetCheckResult(
            check_name="red", passed=False, severity=severe, metadata={"rows": "70"}
        )
        mild = dg.AssetCheckSeverity.WARN
        yield dg.AssetCheckResult(check_name="pale", passed=False, severity=mild)
        yield dg.AssetCheckResult(check_name="green", passed=True)

    done = dg.materialize([depth], instance=instance)
    tell_checks(tmp_path, instance, done)
    (outcome,) = told(tmp_path).values()
    assert outcome.title == "Checks failed: depth.red"


@pytest.mark.filterwarnings("ignore::dagster.SupersessionWarning")  # as the sensors themselves
@pytest.mark.parametrize(
    ("old", "titles"), [("young", []), ("old", ["Checks failed: late.freshness_check"])]
)
def test_what_was_never_made_is_told_once_it_could_have_been(
    tmp_path: Path, instance: dg.DagsterInstance, old: str, titles: list[str]
) -> None:
    late = dg.AssetSpec("late")
    within = timedelta(hours=1) if old == "young" else timedelta(microseconds=1)
    checks = dg.build_last_update_freshness_checks(
        assets=["late"], lower_bound_delta=within, severity=dg.AssetCheckSeverity.ERROR
    )
    looked = dg.define_asset_job("looked", selection=dg.AssetSelection.all_asset_checks())
    location = dg.Definitions(assets=[late], asset_checks=checks, jobs=[looked])
    done = location.resolve_job_def("looked").execute_in_process(instance=instance)
    tell_checks(tmp_path, instance, done)
    assert [it.title for it in told(tmp_path).values()] == titles


def test_tampering_is_told_as_critical_within_a_tick_and_once(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    found = (
        '{"ts":"2025-11-20T11:59:59.000000Z","module":"audit","level":"CRITICAL",'
        '"event":"AuditTampered","check":"root","where":"log/frames/000000.frames","index":7,'
        '"expected":"a","found":"b","session":"w1","seq":9}\n'
    )
    live = Path(layout.live_log(tmp_path, Module.AUDIT))
    durable.write(live, b'{"event":"AuditTampered", cut\n' + found.encode() + b'{"ts":"2025-')
    given = resources(tmp_path)
    first = tick(sensors.audit_tampering, instance, given)
    (outcome,) = told(tmp_path).values()
    assert (outcome.severity, outcome.state) == ("Critical", "told")
    # The hour's file is sealed under another name: the same line is no news.
    sealed = Path(layout.sealed_logs(tmp_path)) / "audit-2025-11-20T11-001.jsonl"
    durable.write(sealed, found.encode())
    live.unlink()
    tick(sensors.audit_tampering, instance, resources(tmp_path, at=NOON + 10**10), first.cursor)
    assert [it.at for it in told(tmp_path).values()] == [NOON]


FULL = "[platform.maintenance]\ndisk_free_percent_warn = 100\ndisk_free_percent_critical = 100\n"


def test_a_disk_that_runs_short_asks_for_room_once_an_hour_and_alarms(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    assert not tick(sensors.disk_ahead, instance, resources(tmp_path)).run_requests
    given = resources(tmp_path, FULL)
    (request,) = tick(sensors.disk_ahead, instance, given).run_requests or []
    later = resources(tmp_path, FULL, NOON + 60 * 10**9)
    (again,) = tick(sensors.disk_ahead, instance, later).run_requests or []
    assert request.run_key == again.run_key
    done = dg.materialize([disk_space], instance=instance, resources=given)
    (judged,) = done.get_asset_check_evaluations()
    assert not judged.passed
    (outcome,) = told(tmp_path).values()
    assert (outcome.key, outcome.severity) == ("disk CRITICAL", "Critical")


def test_backup_and_state_are_assets_with_checks(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    given = resources(tmp_path, "[platform.maintenance]\nupdates = false\n")
    done = dg.materialize([database_backup, machine_state], instance=instance, resources=given)
    assert {it.check_name for it in done.get_asset_check_evaluations()} == {
        "backup_restores",
        "nothing_waits",
    }
    assert (tmp_path / "backups" / "2025-11-20" / "backup.json").exists()


def test_old_runs_go_but_for_the_newest_of_each_partition(tmp_path: Path) -> None:
    days = dg.DailyPartitionsDefinition("2025-11-01")

    @dg.asset(partitions_def=days)
    def lines() -> None: ...

    (tmp_path / "dagster").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "dagster")) as instance:
        runs = [
            dg.materialize([lines], partition_key=key, instance=instance).run_id
            for key in ("2025-11-01", "2025-11-02", "2025-11-01")
        ]
        now = Nanos(int(datetime.now(tz=UTC).timestamp()) * 10**9)
        assert past.purge(instance, 1, 1, now).runs == ()
        gone = past.purge(instance, 1, 1, Nanos(now + 2 * DAY))
        assert gone.runs == (runs[0],)
        assert gone.kept == 2
        known = {it.run_id for it in instance.get_runs()}
        assert known == {runs[1], runs[2]}
        kept = instance.get_materialized_partitions(dg.AssetKey("lines"))
        assert kept == {"2025-11-01", "2025-11-02"}
        given = resources(tmp_path, at=now + 2 * DAY)
        done = dg.materialize([dagster_purged], instance=instance, resources=given)
        assert done.success
