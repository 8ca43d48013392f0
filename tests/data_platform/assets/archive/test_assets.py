"""Archive and retention as Dagster runs them."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

with warnings.catch_warnings():
    # Dagster's own imports use what click and pydantic call deprecated.
    warnings.simplefilter("ignore")
    import dagster as dg

    from data_platform.assets.archive import assets
    from data_platform.resources.clock import Clock
    from data_platform.resources.configuration import Configuration
    from data_platform.resources.data_folder import DataFolder
    from data_platform.resources.deeds import Deeds

from tests.data_platform.assets.archive.small_day import DAY, contents, write_day
from trading_runtime.audit.client.deeds import NOT_KEPT
from trading_runtime.store.archive.archive import Archive
from trading_runtime.store.archive.restore import restore
from trading_runtime.store.objects.folder import Folder

pytestmark = [
    # Dagster forgets to close its event log's connections; Python says so at collection.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:dagster.*"),
]


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as it:
        yield it


def bound(data: Path) -> dg.Definitions:
    return dg.Definitions(
        assets=assets.ASSETS,
        jobs=assets.JOBS,
        resources={
            "folder": DataFolder(path=str(data)),
            "clock": Clock(),
            "configuration": Configuration(),
            "deeds": Deeds(),
        },
        executor=dg.in_process_executor,
    )


def archive_day(data: Path, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    job = bound(data).resolve_job_def("archive_job")
    return job.execute_in_process(partition_key=DAY, instance=instance)


def retain(data: Path, instance: dg.DagsterInstance, **config: object) -> dg.ExecuteInProcessResult:
    job = bound(data).resolve_job_def("retention_job")
    return job.execute_in_process(
        instance=instance, run_config={"ops": {"retention": {"config": config}}}
    )


def metadata(done: dg.ExecuteInProcessResult, asset: str) -> dict[str, object]:
    (event,) = done.asset_materializations_for_node(asset)
    return {name: it.value for name, it in event.metadata.items()}


def test_a_day_is_archived_and_what_is_old_goes(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    write_day(tmp_path)
    done = archive_day(tmp_path, instance)
    assert done.success
    told = metadata(done, "journal_archived")
    assert (told["partitions"], told["files"]) == (5, 14)
    assert told["ratio"] == 1.0
    (version,) = {
        event.tags["dagster/data_version"]
        for run in (done, archive_day(tmp_path, instance))
        for event in run.asset_materializations_for_node("lake_archived")
    }
    assert version.startswith("sha256:")
    assert all(it.passed for it in done.get_asset_check_evaluations())

    before = contents(tmp_path, "archive/", "platform/")
    planned = metadata(retain(tmp_path, instance, as_of="2025-12-05", dry_run=True), "retention")
    assert "| journal | 4 |" in str(planned["plan"])
    assert planned["pruned_files"] == 0
    assert contents(tmp_path, "archive/", "platform/") == before

    swept = retain(tmp_path, instance, as_of="2025-12-05")
    told = metadata(swept, "retention")
    assert told["plan"] == planned["plan"]
    gone = before.keys() - contents(tmp_path).keys()
    assert told["pruned_files"] == len(gone)
    assert told["audit_record"] == [NOT_KEPT]
    assert "a folder does nothing by itself" in str(told["lifecycle_rules_absent"])
    (check,) = swept.get_asset_check_evaluations()
    assert check.passed
    archive = Archive(Folder(tmp_path / "archive"))
    assert restore(archive, tmp_path, archive.datasets()).files == len(gone) - 1  # the plain log


def test_a_file_that_was_changed_here_makes_the_check_red(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    backup = tmp_path / "backups" / DAY / "index.sqlite.gz"
    backup.parent.mkdir(parents=True)
    backup.write_bytes(b"first")
    archive_day(tmp_path, instance)
    backup.write_bytes(b"edited")
    (check,) = retain(tmp_path, instance, as_of="2025-12-05").get_asset_check_evaluations()
    assert not check.passed
    assert backup.read_bytes() == b"edited"


def test_a_run_of_a_backfill_is_told(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    told = []

    class Remembering(Deeds):
        def tell(self, data: Path, act: object) -> str:  # noqa: ARG002 -- the signature of Deeds
            told.append(act)
            return ""

    @dg.op
    def nothing() -> None: ...

    @dg.job
    def any_job() -> None:
        nothing()

    for tags in ({}, {"dagster/backfill": "abcdef", "dagster/partition": DAY}):
        done = any_job.execute_in_process(instance=instance, tags=tags)
        context = dg.build_run_status_sensor_context(
            sensor_name="backfills_told",
            dagster_event=done.get_run_success_event(),
            dagster_instance=instance,
            dagster_run=done.dagster_run,
        )
        assets.backfills_told(context, folder=DataFolder(path=str(tmp_path)), deeds=Remembering())
    (act,) = told
    assert act.event_type == "BackfillStarted"
    assert act.request_data["backfill"] == "abcdef"
    assert act.request_data["first"] == DAY
