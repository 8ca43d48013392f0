"""``kill -9`` of runtime and scribe at random moments of a busy session."""

from pathlib import Path

import pytest

from tests.faults.crashing import (
    check_lines,
    check_sessions,
    check_ticks,
    crash_rounds,
    hurried_settings,
)
from tests.live.venue import SimulatedVenue

ROUNDS = 6
SOAK_ROUNDS = 110


def crash_and_check(tmp_path: Path, rounds: int, seed: int) -> None:
    settings = hurried_settings(tmp_path / "hurried.toml")
    data = tmp_path / "data"
    with SimulatedVenue(tmp_path / "venue") as venue:
        crash_rounds(data, settings, venue, rounds, seed)
    check_sessions(data)
    check_lines(data)
    check_ticks(data)


def test_after_kills_sessions_replay_and_lines_and_rows_stand_once(tmp_path: Path) -> None:
    crash_and_check(tmp_path, ROUNDS, seed=1)


@pytest.mark.soak
def test_after_a_hundred_kills_too(tmp_path: Path) -> None:
    crash_and_check(tmp_path, SOAK_ROUNDS, seed=2)
