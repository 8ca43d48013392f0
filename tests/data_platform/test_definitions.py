"""The code location as Dagster loads and runs it."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

with warnings.catch_warnings():
    # Dagster's own imports use what click and pydantic call deprecated.
    warnings.simplefilter("ignore")
    import dagster as dg

    from data_platform.definitions import definitions
    from data_platform.partitions import hour_of, key_of
    from data_platform.resources.archive import Archive
    from data_platform.resources.clock import Clock
    from data_platform.resources.configuration import Configuration
    from data_platform.resources.data_folder import DataFolder
    from data_platform.resources.deeds import Deeds
    from data_platform.resources.engine import Engine
    from data_platform.sensors import sealed_hours

from tests.data_platform.recorded import record
from tests.store.lake_rows import HOUR, depth_rows, seal, trade_rows, write_minute
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import DEPTH, PUBLISHED, TRADES
from trading_runtime.store import manifest
from trading_runtime.store.hours import Hour
from trading_runtime.store.lake import lake

pytestmark = [
    pytest.mark.usefixtures("suite_loaded"),
    # Dagster forgets to close its event log's connections; Python says so at collection.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:dagster.*"),
]

ROOT = Path(__file__).parents[2]
BTC = "somewhere-usdm:BTCUSDC"


def resources(data: Path) -> dict[str, object]:
    return {
        "folder": DataFolder(path=str(data)),
        "clock": Clock(),
        "configuration": Configuration(),
        "deeds": Deeds(),
        "engine": Engine(),
        "archive": Archive(),
    }


def run_job(name: str, data: Path, key: str, *, raises: bool = True) -> dg.ExecuteInProcessResult:
    bound = dg.Definitions(
        assets=definitions.assets,
        asset_checks=definitions.asset_checks,
        jobs=definitions.jobs,
        resources=resources(data),
        executor=dg.in_process_executor,
    )
    with dg.DagsterInstance.ephemeral() as instance:
        job = bound.resolve_job_def(name)
        return job.execute_in_process(partition_key=key, instance=instance, raise_on_error=raises)


def test_the_location_is_valid_as_the_workspace_names_it(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "dagster", "definitions", "validate", "-w", "workspace.yaml"],
        cwd=ROOT,
        env={
            **os.environ,
            "DAGSTER_HOME": str(tmp_path),
            "TAPEDECK_DATA": str(tmp_path),
            "DAGSTER_DISABLE_TELEMETRY": "1",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert told.returncode == 0, told.stderr


def test_every_asset_says_what_it_is_and_whose() -> None:
    for spec in definitions.resolve_all_asset_specs():
        assert spec.description, spec.key
        assert spec.owners == ["team:data"], spec.key
        assert spec.group_name in {
            "archive",
            "audit",
            "critical",
            "health",
            "lake",
            "logs",
            "maintenance",
            "marts",
            "models",
            "quality",
            "reports",
        }, spec.key


def test_an_hour_and_its_day_materialise_from_files_to_mail(tmp_path: Path) -> None:
    record(tmp_path)
    done = run_job("hourly_job", tmp_path, key_of(HOUR))
    assert done.success
    checks = done.get_asset_check_evaluations()
    judged = (*PUBLISHED, "log_lines")
    assert {it.check_name for it in checks} >= {
        *(f"{it}_expectations" for it in judged),
        *(f"{it}_publishable" for it in judged),
        "order_expectations",
        "lake_expectations",
    }
    # The trades of this hour know nothing of its book, and its fills are more than was ordered.
    unfit = {"lake_expectations", "order_expectations"}
    assert {it.check_name for it in checks if not it.passed} == unfit
    told = manifest.read(lake.dataset(Path(layout.lake(tmp_path)), DEPTH, BTC, HOUR).published)
    assert told is not None
    assert told.made.run_id == done.run_id
    (event,) = done.asset_materializations_for_node("depth")
    assert event.metadata["rows"].value == told.commit.rows
    assert event.metadata["status"].value == "sealed"
    assert event.tags["dagster/data_version"].startswith("sha256:")
    assert run_job("daily_report_job", tmp_path, HOUR.day).success
    assert (tmp_path / "outbox" / f"daily-report-{HOUR.day}.eml").exists()


def test_a_broken_hour_stops_before_it_is_published(tmp_path: Path) -> None:
    record(tmp_path)
    rows = depth_rows(100)
    rows[70] = {**rows[70], "px": 0}
    write_minute(tmp_path, DEPTH, 0, rows)
    seal(tmp_path, DEPTH)
    done = run_job("hourly_job", tmp_path, key_of(HOUR), raises=False)
    assert not done.success
    failed = [it for it in done.get_asset_check_evaluations() if not it.passed]
    assert [it.check_name for it in failed][:2] == ["depth_expectations", "depth_publishable"]
    assert "| px_positive | yes | 1 | 70 |" in str(failed[0].metadata["broken"].value)
    assert "| px_positive | 70 |" in str(failed[0].metadata["offending_rows"].value)
    root = Path(layout.lake(tmp_path))
    assert not lake.dataset(root, DEPTH, BTC, HOUR).published.exists()
    assert done.asset_materializations_for_node("trades")


def test_in_a_run_of_several_hours_the_bad_one_is_red_alone(tmp_path: Path) -> None:
    rows = trade_rows(50)
    rows[7] = {**rows[7], "px": 0}
    write_minute(tmp_path, TRADES, 0, rows)
    seal(tmp_path, TRADES)
    bound = dg.Definitions(
        assets=definitions.assets,
        asset_checks=definitions.asset_checks,
        jobs=[
            dg.define_asset_job(
                "trades_job", selection=dg.AssetSelection.assets("trades_staged", "trades")
            )
        ],
        resources=resources(tmp_path),
        executor=dg.in_process_executor,
    )
    first, last = key_of(HOUR), key_of(Hour(HOUR.day, HOUR.of_day + 1))
    with dg.DagsterInstance.ephemeral() as instance:
        done = bound.resolve_job_def("trades_job").execute_in_process(
            instance=instance,
            tags={
                "dagster/asset_partition_range_start": first,
                "dagster/asset_partition_range_end": last,
            },
        )
    told = {
        it.partition: it.passed
        for it in done.get_asset_check_evaluations()
        if it.check_name == "trades_expectations"
    }
    assert told == {first: False, last: True, None: False}


def test_the_sensor_fires_once_for_each_sealed_hour(tmp_path: Path) -> None:
    record(tmp_path)
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(instance=instance, resources=resources(tmp_path))
        first = sealed_hours(context)
        assert isinstance(first, dg.SensorResult)
        (request,) = first.run_requests or []
        assert hour_of(str(request.partition_key)) == HOUR
        again = sealed_hours(
            dg.build_sensor_context(
                instance=instance, resources=resources(tmp_path), cursor=first.cursor
            )
        )
        assert isinstance(again, dg.SensorResult)
        assert not again.run_requests
