"""The acts in their order: each is timed, and says what it found."""

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from data_platform.rehearsal import days, hours, keeping, pruning
from data_platform.rehearsal.place import ArchivePlace, write_settings
from data_platform.rehearsal.scene import Finding, Scene, tapedeck
from data_platform.rehearsal.stage import Stage
from data_platform.rehearsal.story import WRITTEN, read

ACTS: tuple[tuple[str, Callable[[Scene], list[Finding]]], ...] = (
    ("hours to the lake", hours.hours),
    ("the same hours again", hours.again),
    ("a minute that came late", hours.late),
    ("days", days.days),
    ("archive", keeping.archive),
    ("retention", pruning.retention),
    ("restore", keeping.restore),
    ("deeds", keeping.deeds),
)


class Wish(NamedTuple):
    """What is asked for."""

    data: Path
    days: Sequence[str]
    """Arguments of ``tapedeck days``; a folder that holds such days is taken as it is."""
    place: ArchivePlace
    settings: Path
    """The platform's part; the archive's place is written to it."""


def play(wish: Wish, say: Callable[[str], None]) -> bool:
    """Play all acts, whatever the ones before have shown; say whether everything holds."""
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    wish.data.mkdir(parents=True, exist_ok=True)
    stage = Stage(wish.data, write_settings(wish.data, wish.settings, wish.place))
    try:
        record(wish, say)
        scene = Scene(wish.data, read(wish.data), stage, wish.place, {})
        held = [perform(name, act, scene, say) for name, act in ACTS]
    finally:
        stage.close()
    return all(held)


def record(wish: Wish, say: Callable[[str], None]) -> None:
    if (wish.data / WRITTEN).exists():
        say(f"{wish.data} holds days that were made up: going on with them")
        return
    began = time.monotonic()
    status, last = tapedeck("days", "--data", str(wish.data), *wish.days)
    say(f"recorded: {last}, {time.monotonic() - began:.0f} s")
    if status:
        raise SystemExit(status)


def perform(
    name: str, act: Callable[[Scene], list[Finding]], scene: Scene, say: Callable[[str], None]
) -> bool:
    """Play one act and say what it found."""
    began = time.monotonic()
    findings = act(scene)
    say(f"{name}, {time.monotonic() - began:.0f} s")
    for each in findings:
        say(f"  {'ok ' if each.holds else 'NOT'} {each.what}: {each.said}")
    return all(each.holds for each in findings)
