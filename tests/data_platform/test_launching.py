"""Runs whose process went: a real code server, killed with what it was running."""

import logging
import os
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

with warnings.catch_warnings():
    # Dagster's own imports use what click and pydantic call deprecated.
    warnings.simplefilter("ignore")
    import dagster as dg
    from dagster._core.launcher.base import WorkerStatus
    from dagster._core.storage.tags import WILL_RETRY_TAG
    from dagster._core.test_utils import create_run_for_test
    from dagster._core.workspace.context import WorkspaceProcessContext
    from dagster._core.workspace.load_target import GrpcServerTarget
    from dagster._daemon.monitoring.run_monitoring import execute_run_monitoring_iteration

SHIPPED = Path(__file__).parents[2] / "data_platform" / "dagster.yaml"
PATIENCE_S = 120.0
WAITS = """
import dagster as dg, signal

@dg.op
def wait():
    signal.pause()

@dg.job(executor_def=dg.in_process_executor)
def waits():
    wait()
"""

pytestmark = [
    # Dagster's own modules, loaded on demand, use what others call deprecated.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def eventually(condition: Callable[[], bool], what: str) -> None:
    deadline = monotonic() + PATIENCE_S
    while not condition():
        if monotonic() > deadline:
            pytest.fail(f"not within {PATIENCE_S:g} s: {what}")
        sleep(0.05)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    shutil.copy(SHIPPED, tmp_path / "dagster.yaml")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        yield instance


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    file, socket = tmp_path / "waits.py", str(tmp_path / "code.sock")
    file.write_text(WAITS)
    process = subprocess.Popen(
        [sys.executable, "-m", "dagster", "api", "grpc", "-f", str(file), "--socket", socket],
        env={**os.environ, "DAGSTER_HOME": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    yield process, socket
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_a_run_whose_process_went_is_failed_and_will_be_started_again(
    instance: dg.DagsterInstance, server: tuple[subprocess.Popen[bytes], str]
) -> None:
    process, socket = server
    eventually(lambda: Path(socket).exists() or process.poll() is not None, "a code server")
    target = GrpcServerTarget(host="localhost", port=None, socket=socket, location_name="waits")
    with WorkspaceProcessContext(instance, target) as context:
        workspace = context.create_request_context()
        (repository,) = workspace.get_code_location("waits").get_repositories().values()
        job = repository.get_full_job("waits")
        run = create_run_for_test(
            instance,
            job_name="waits",
            remote_job_origin=job.get_remote_origin(),
            job_code_origin=job.get_python_origin(),
        )
        instance.launch_run(run.run_id, workspace)

        def now() -> dg.DagsterRun:
            found = instance.get_run_by_id(run.run_id)
            assert found is not None
            return found

        eventually(lambda: now().status is dg.DagsterRunStatus.STARTED, "a run under way")
        assert instance.run_launcher.supports_check_run_worker_health
        health = instance.run_launcher.check_run_worker_health(now())
        assert health.status is WorkerStatus.RUNNING
        list(execute_run_monitoring_iteration(context, logging.getLogger("monitoring")))
        assert now().status is dg.DagsterRunStatus.STARTED

        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        list(execute_run_monitoring_iteration(context, logging.getLogger("monitoring")))
        assert now().status is dg.DagsterRunStatus.FAILURE
        assert now().tags[WILL_RETRY_TAG] == "true"


def test_a_run_in_the_process_of_who_asked_for_it_is_left_alone(
    instance: dg.DagsterInstance,
) -> None:
    run = create_run_for_test(instance, status=dg.DagsterRunStatus.STARTED)
    health = instance.run_launcher.check_run_worker_health(run)
    assert health.status is WorkerStatus.RUNNING
