"""The platform with a clock that is set, in this process: assets that are built over partitions.

The definitions are those that Dagster's daemon loads; the data folder, the settings and the clock
alone are the rehearsal's own. Runs are kept in the data folder's Dagster home, so that the pages
show them afterwards.
"""

import shutil
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import dagster as dg
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
)

from data_platform.definitions import definitions
from data_platform.resources.clock import Clock
from data_platform.resources.configuration import Configuration
from data_platform.resources.data_folder import DataFolder
from data_platform.settings import Settings
from trading_runtime.records.units import Nanos

HOME = "dagster"
INSTANCE = Path(__file__).parents[1] / "dagster.yaml"

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""The rehearsal tells what came of a run; its story stands in the pages."""


class StandingClock(Clock):  # type: ignore[explicit-any]  # Dagster's base
    """A clock that stands at ``at``."""

    at: int

    def now(self) -> Nanos:
        return Nanos(self.at)


class Check(NamedTuple):
    """A check that did not pass."""

    asset: str
    name: str
    severity: str


class Outcome(NamedTuple):
    """What came of one run."""

    ran: bool
    """Whether every step did: a check that fails without blocking stops none."""
    materialised: int
    """Partitions of assets."""
    failed_steps: tuple[str, ...]
    checks: int
    failed_checks: tuple[Check, ...]
    seconds: float


class Stage:
    """Owns the Dagster instance of one data folder."""

    def __init__(self, data: Path, settings: Path | None) -> None:
        home = data / HOME
        home.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(INSTANCE, home / INSTANCE.name)
        self._instance = dg.DagsterInstance.from_config(str(home))
        self._folder = DataFolder(path=str(data))
        self._configuration = Configuration(path="" if settings is None else str(settings))
        self._graph = definitions.resolve_asset_graph()

    def groups_of(
        self, partitions: dg.PartitionsDefinition[str] | None
    ) -> dict[str, list[dg.AssetKey]]:
        """Give the assets that can be built and have these partitions, by group."""
        found: dict[str, list[dg.AssetKey]] = {}
        for key in sorted(self._graph.materializable_asset_keys):
            node = self._graph.get(key)
            if node.partitions_def == partitions:
                found.setdefault(node.group_name, []).append(key)
        return found

    def run(self, keys: Sequence[dg.AssetKey], partitions: Sequence[str], at: Nanos) -> Outcome:
        """Build ``keys`` for all partitions from the first to the last named, as of ``at``."""
        span = None
        if len(partitions) > 1:
            span = {
                ASSET_PARTITION_RANGE_START_TAG: partitions[0],
                ASSET_PARTITION_RANGE_END_TAG: partitions[-1],
            }
        began = time.monotonic()
        job = self._at(at).resolve_implicit_global_asset_job_def()
        result = job.execute_in_process(
            instance=self._instance,
            raise_on_error=False,
            asset_selection=list(keys),
            partition_key=partitions[0] if len(partitions) == 1 else None,
            tags=span,
            run_config=QUIET,
        )
        evaluations = result.get_asset_check_evaluations()
        events = result.all_events
        return Outcome(
            ran=result.success,
            materialised=sum(it.is_step_materialization for it in events),
            failed_steps=tuple(str(it.step_key) for it in events if it.is_step_failure),
            checks=len(evaluations),
            failed_checks=tuple(
                Check(it.asset_key.to_user_string(), it.check_name, it.severity.value)
                for it in evaluations
                if not it.passed
            ),
            seconds=time.monotonic() - began,
        )

    @property
    def settings(self) -> Settings:
        return self._configuration.settings

    def close(self) -> None:
        self._instance.dispose()

    def _at(self, at: Nanos) -> dg.Definitions:
        own = {
            "folder": self._folder,
            "configuration": self._configuration,
            "clock": StandingClock(at=at),
        }
        return dg.Definitions(
            assets=definitions.assets,
            asset_checks=definitions.asset_checks,
            resources={**(definitions.resources or {}), **own},
            executor=definitions.executor,
        )


def in_runs(partitions: Iterable[str], most: int) -> list[list[str]]:
    """Cut partitions that follow one another into runs of ``most`` at most."""
    every = list(partitions)
    return [every[start : start + most] for start in range(0, len(every), most)]
