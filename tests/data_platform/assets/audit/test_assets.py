"""The audit record in Dagster: what does not prove itself is not copied; verdicts are told."""

import warnings
from datetime import UTC, datetime
from pathlib import Path

import pytest

with warnings.catch_warnings():
    # Dagster's own imports use what click and pydantic call deprecated.
    warnings.simplefilter("ignore")
    import dagster as dg

    from data_platform.assets.audit import assets
    from data_platform.resources.archive import Archive
    from data_platform.resources.clock import Clock
    from data_platform.resources.data_folder import DataFolder
    from data_platform.schedules import audit_job, schedules

from tests.evidence.verify.building import Building, fill
from trading_runtime.evidence import layout
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos

pytestmark = [
    # Dagster forgets to close its event log's connections; Python says so at collection.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:dagster.*"),
]

DAY = "2026-11-20"


class StoppedClock(Clock):
    at: int

    def now(self) -> Nanos:
        return Nanos(self.at * NANOS_PER_SECOND)


@pytest.fixture
def log(tmp_path: Path) -> Building:
    made = Building(tmp_path)
    fill(made)
    made.write()
    return made


def run(log: Building, *, after_s: int = 60) -> dg.ExecuteInProcessResult:
    bound = dg.Definitions(
        assets=[assets.audit_verified, assets.audit_archived, assets.audit_locked],
        jobs=[audit_job],
        resources={
            "folder": DataFolder(path=str(log.root)),
            "clock": StoppedClock(at=log.now + after_s),
            "archive": Archive(),
        },
        executor=dg.in_process_executor,
    )
    with dg.DagsterInstance.ephemeral() as instance:
        job = bound.resolve_job_def("audit_job")
        return job.execute_in_process(partition_key=DAY, instance=instance, raise_on_error=False)


def check(done: dg.ExecuteInProcessResult, name: str) -> dg.AssetCheckEvaluation:
    (found,) = [it for it in done.get_asset_check_evaluations() if it.check_name == name]
    return found


def keys(log: Building) -> set[str]:
    found = (log.archive / "blocks").rglob("*")
    return {str(it.relative_to(log.archive)) for it in found if it.is_file()}


def test_a_whole_day_is_verified_copied_and_looked_after(log: Building) -> None:
    done = run(log)
    assert done.success
    judged = check(done, "audit_day_proves_itself")
    assert judged.passed
    assert judged.metadata["integrity"].value == "ok"
    assert judged.metadata["completeness"].value == "ok"
    assert judged.metadata["freshness"].value == "ok"
    size = len(log.entries)
    copied = {layout.bundles_key(0, size), layout.parquet_key(0, size)}
    assert copied <= keys(log)
    (event,) = done.asset_materializations_for_node("audit_archived")
    assert set(event.metadata["objects"].value) == copied
    assert "no retention lock" in str(event.metadata["protection_absent"].value)
    assert check(done, "archive_is_as_written").passed
    again = run(log)
    assert again.success
    (event,) = again.asset_materializations_for_node("audit_archived")
    assert event.metadata["objects"].value == []


def test_a_changed_day_is_an_error_and_nothing_is_copied(log: Building) -> None:
    path = layout.frames_path(log.log, 0)
    path.write_bytes(path.read_bytes().replace(b'"0.001"', b'"0.002"', 1))
    before = keys(log)
    done = run(log)
    assert not done.success
    judged = check(done, "audit_day_proves_itself")
    assert not judged.passed
    assert judged.severity is dg.AssetCheckSeverity.ERROR
    assert judged.metadata["integrity"].value == "failed"
    assert judged.metadata["exit_status"].value == 1
    assert not done.asset_materializations_for_node("audit_archived")
    assert keys(log) == before
    assert (log.root / "reports" / "audit" / f"{DAY}.json").exists()


def test_a_day_of_which_something_is_missing_is_an_error(log: Building) -> None:
    layout.digest_path(log.log, 2).unlink()
    (log.archive / layout.digest_key(2)).unlink()
    done = run(log)
    assert not done.success
    judged = check(done, "audit_day_proves_itself")
    assert judged.severity is dg.AssetCheckSeverity.ERROR
    assert judged.metadata["completeness"].value == "failed"
    assert not done.asset_materializations_for_node("audit_archived")


def test_a_silent_witness_is_a_warning_and_what_it_saw_is_copied(log: Building) -> None:
    done = run(log, after_s=10 * 86_400)
    judged = check(done, "audit_day_proves_itself")
    assert not judged.passed
    assert judged.severity is dg.AssetCheckSeverity.WARN
    assert judged.metadata["exit_status"].value == 3
    assert judged.metadata["integrity"].value == "ok"
    assert done.asset_materializations_for_node("audit_archived")


audit_schedule = next(it for it in schedules("UTC") if it.name == "audit_schedule")


def test_the_schedule_runs_where_a_record_is_kept_or_missed(log: Building, tmp_path: Path) -> None:
    def asked(data: Path, pin: str) -> object:
        resources = {"folder": DataFolder(path=str(data)), "archive": Archive(pin=pin)}
        at = datetime(2026, 11, 21, 1, tzinfo=UTC)
        with dg.DagsterInstance.ephemeral() as instance:
            context = dg.build_schedule_context(
                instance=instance, scheduled_execution_time=at, resources=resources
            )
            return audit_schedule(context)

    assert isinstance(asked(tmp_path / "none", ""), dg.SkipReason)
    for request in (asked(log.root, ""), asked(tmp_path / "none", log.pin)):
        assert isinstance(request, dg.RunRequest)
        assert request.partition_key == DAY
