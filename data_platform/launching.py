"""A run launcher that knows whether the runs that it launched still live.

Dagster's own cannot say: a run whose process went down with the daemon (a kill, a power cut, a stop
in the middle) would be under way for ever, and with a limit of runs at once nothing else would run
any more. With the health that is told here ``run_monitoring`` fails such a run, and ``run_retries``
starts it again; every asset goes on where it was killed.
"""

import dagster as dg
import grpc  # type: ignore[import-untyped]  # it brings no types
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._core.launcher.default_run_launcher import DefaultRunLauncher
from dagster._grpc.client import DagsterGrpcClient
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster_shared.serdes import deserialize_value


class WatchedRunLauncher(DefaultRunLauncher):
    """Named in ``dagster.yaml``; runs are processes of the code server, as Dagster's default is."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Ask the code server that was told to start ``run`` whether it has it."""
        client: DagsterGrpcClient | None = self._get_grpc_client_for_termination(run.run_id)  # type: ignore[no-untyped-call]
        # Nobody launched it: `dagster asset materialize` runs it in its own process.
        if client is None or has_run(client, run.run_id):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, "its process is gone")


def has_run(client: DagsterGrpcClient, run_id: str) -> bool:
    """Say whether the server has the run; one that does not answer in time is busy, not gone."""
    try:
        told = client.can_cancel_execution(CanCancelExecutionRequest(run_id=run_id))
    except DagsterUserCodeUnreachableError as error:
        cause = error.__cause__
        return not (
            isinstance(cause, grpc.RpcError) and cause.code() is grpc.StatusCode.UNAVAILABLE
        )
    return deserialize_value(told, CanCancelExecutionResult).can_cancel
