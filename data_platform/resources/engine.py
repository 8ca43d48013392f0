"""Where the heavy transformations run: pure functions, a partition in and a file out.

The very same function runs in this process or as Ray Core tasks. It has to be importable on each
worker, and the data folder has to be mounted there under its own path. A task that is given again,
because its worker died, finds what was committed and does nothing twice.
"""

from collections.abc import Callable, Sequence
from typing import Literal, TypeVar

import dagster as dg
import msgspec

from data_platform.errors import Refused

Task = TypeVar("Task")
Outcome = TypeVar("Outcome")
RETRIES = 5
"""Of one task whose worker died; its own errors are not retried."""


class EngineSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    kind: Literal["local", "ray"] = "local"
    address: str = ""
    """Of a Ray cluster, as ``host:6379``; empty: the one that this machine belongs to."""


class Engine(dg.ConfigurableResource[None]):  # type: ignore[explicit-any]  # Dagster's base
    kind: str = "local"
    address: str = ""

    def map(self, function: Callable[[Task], Outcome], tasks: Sequence[Task]) -> list[Outcome]:
        """Give what ``function`` makes of each task, in their order; the first error is raised.

        Raises :exc:`Refused` where Ray is asked for and is not installed, or not there.
        """
        if self.kind == "ray":
            return on_ray(function, tasks, self.address)
        return [function(task) for task in tasks]


def on_ray(
    function: Callable[[Task], Outcome], tasks: Sequence[Task], address: str
) -> list[Outcome]:
    """Run each task on the cluster, on one processor each."""
    try:
        import ray  # type: ignore[import-not-found]  # noqa: PLC0415 -- installed where a cluster is
    except ImportError as error:
        raise Refused(
            'the settings name [platform.engine] kind = "ray", and Ray is not installed:'
            " pip install 'tapedeck[cluster]', here and on the workers"
        ) from error
    if not ray.is_initialized():
        try:
            ray.init(address=address or "auto", log_to_driver=False, configure_logging=False)
        except ConnectionError as error:
            raise Refused(f"no Ray cluster at {address or 'this machine'}: {error}") from error
    remote = ray.remote(num_cpus=1, max_retries=RETRIES)(function)
    outcomes: list[Outcome] = ray.get([remote.remote(task) for task in tasks])
    return outcomes
