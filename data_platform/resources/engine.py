"""Where the heavy transformations run: pure functions, a partition in and a file out."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import dagster as dg

Task = TypeVar("Task")
Outcome = TypeVar("Outcome")


class Engine(dg.ConfigurableResource[None]):  # type: ignore[explicit-any]  # Dagster's base
    def map(self, function: Callable[[Task], Outcome], tasks: Sequence[Task]) -> list[Outcome]:
        """Give what ``function`` makes of each task, in their order; the first error is raised."""
        return [function(task) for task in tasks]
