"""Dagster's own storage on PostgreSQL, by the configuration that we ship."""

import shutil
import warnings
from pathlib import Path

import psycopg
import pytest

with warnings.catch_warnings():
    # Dagster's own imports use what click and pydantic call deprecated.
    warnings.simplefilter("ignore")
    import dagster as dg

from tests.servers.postgres import OWNER, Database

SHIPPED = Path(__file__).parents[3] / "infra" / "dagster" / "dagster.yaml"

pytestmark = [
    # Dagster forgets to close its connections; Python says so at collection.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@dg.asset
def something() -> dg.MaterializeResult[None]:
    return dg.MaterializeResult(metadata={"rows": 3})


def test_runs_and_events_are_rows_of_postgresql(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(SHIPPED, tmp_path / "dagster.yaml")
    named = database.url(OWNER).replace("postgresql:", "postgresql+psycopg2:")
    monkeypatch.setenv("DAGSTER_PG_URL", named)
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert dg.materialize([something], instance=instance).success
        assert instance.run_monitoring_enabled
        assert instance.run_retries_enabled
        queue = instance.get_concurrency_config().run_queue_config
        assert queue is not None
        assert queue.max_concurrent_runs == 8
    with dg.DagsterInstance.from_config(str(tmp_path)) as again:
        known = again.get_latest_materialization_event(dg.AssetKey("something"))
        assert known is not None
    with psycopg.connect(database.url(OWNER)) as connection:
        assert connection.execute("SELECT status FROM runs").fetchall() == [("SUCCESS",)]
    assert not list(tmp_path.rglob("*.db"))
