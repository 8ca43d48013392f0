"""One run of dbt over a laid out workbench, and what came of each node."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from data_platform.assets.models import project
from data_platform.errors import Refused

BUILT = "success"
TOLD_MAX = 20_000
"""Characters of dbt's own words in an error: the rest stands in its log."""


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A line of dbt's ``run_results.json``; ``failures`` counts the rows that break a test."""

    unique_id: str
    status: Literal[
        "success", "error", "skipped", "pass", "fail", "warn", "no-op", "partial success"
    ]
    execution_time: float
    message: str | None
    failures: int | None


class Results(msgspec.Struct, frozen=True):
    results: tuple[Node, ...]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    nodes: dict[str, Node]
    """By unique id, in the order in which they were done."""
    told: str
    """What dbt printed."""

    @property
    def models(self) -> dict[str, Node]:
        """By name, each after those that it is made of."""
        found = {it: node for it, node in self.nodes.items() if it.startswith("model.")}
        return {it.rpartition(".")[2]: node for it, node in found.items()}

    @property
    def unbuilt(self) -> list[Node]:
        """Models that were not built: they broke, or a test of what they stand on failed."""
        return [it for it in self.models.values() if it.status != BUILT]

    @property
    def why(self) -> str:
        """Name what broke or failed, in dbt's words."""
        wrong = [it for it in self.nodes.values() if it.status in {"error", "fail"}]
        return "; ".join(f"{it.unique_id}: {it.message}" for it in wrong)


def run(folder: Path, command: Sequence[str]) -> Outcome:
    """Run dbt on the workbench in ``folder``; raise :exc:`Refused` where it did not come to run."""
    target = folder / "target"
    target.mkdir(parents=True, exist_ok=True)
    shutil.copy(project.prepared() / project.PARTIAL_PARSE, target)
    done = subprocess.run(  # noqa: S603 -- our own program and arguments
        [project.executable(), *command, *project.arguments(project.PROJECT, target)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    results = target / "run_results.json"
    if not results.exists():
        raise Refused(f"dbt {command[0]} came to nothing: {done.stdout.strip()[-TOLD_MAX:]}")
    nodes = msgspec.json.decode(results.read_bytes(), type=Results).results
    return Outcome(nodes={it.unique_id: it for it in nodes}, told=done.stdout)
