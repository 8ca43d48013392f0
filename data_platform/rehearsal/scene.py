"""What every act has: the data folder, its story, the platform; and how an act says what it saw."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import dagster as dg

from data_platform.rehearsal.place import ArchivePlace
from data_platform.rehearsal.stage import Outcome, Stage
from data_platform.rehearsal.story import Story, Written
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos

AFTER_NS = 3600 * NANOS_PER_SECOND
"""The platform's clock stands an hour behind the last one recorded."""
ARCHIVE = "archive"
PROGRAM = (sys.executable, "-m", "trading_runtime.cli.main")


class Finding(NamedTuple):
    """What was looked at, what was seen, and whether it is so."""

    what: str
    said: str
    holds: bool


class Scene(NamedTuple):
    """What an act plays on."""

    data: Path
    written: Written
    stage: Stage
    place: ArchivePlace
    archived: dict[str, str]
    """Digests of what the archive act has found archived, by path: filled there, compared later."""

    @property
    def story(self) -> Story:
        return self.written.story

    @property
    def now(self) -> Nanos:
        return Nanos(self.story.end + AFTER_NS)


Act = Callable[[Scene], list[Finding]]


def tapedeck(*arguments: str) -> tuple[int, str]:
    """Run one of the runtime's commands; give its exit status and its last line."""
    done = run(arguments)
    lines = (done.stdout + done.stderr).strip().splitlines()
    return done.returncode, lines[-1] if lines else ""


def tapedeck_lines(*arguments: str) -> list[str]:
    """Give what a command prints."""
    return run(arguments).stdout.splitlines()


def run(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 -- our own program
        [*PROGRAM, *arguments], capture_output=True, text=True, check=False
    )


def told(what: str, outcomes: Sequence[Outcome]) -> Finding:
    """Say of runs how many there were, and whether every step of them ran."""
    failed = sorted({step for it in outcomes for step in it.failed_steps})
    said = (
        f"{sum(it.materialised for it in outcomes):,} materialisations and"
        f" {sum(it.checks for it in outcomes):,} checks in {len(outcomes)} runs,"
        f" {sum(it.seconds for it in outcomes):.0f} s"
    )
    said += f"; failed: {', '.join(failed)}" if failed else ""
    return Finding(what, said, all(it.ran for it in outcomes))


def keys_of(stage: Stage, kind: dg.PartitionsDefinition[str] | None) -> list[dg.AssetKey]:
    """Give what has these partitions, but for the archive's assets: they come last."""
    groups = stage.groups_of(kind)
    return [key for group, keys in groups.items() if group != ARCHIVE for key in keys]
