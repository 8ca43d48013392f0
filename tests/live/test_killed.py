"""``kill -9`` of a runtime that trades on a venue: at every boundary, and at any moment."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.live.doomed import Boundary
from tests.live.killing import Killing, seeded_rounds
from tests.live.venue import SimulatedVenue

ONCE = (
    Boundary.RECONCILING,
    Boundary.JOURNALED,
    Boundary.SENT,
    Boundary.ACKNOWLEDGED,
    Boundary.FILLED,
    Boundary.CANCEL_SENT,
    Boundary.SEAL_SYNCED,
    Boundary.SEAL_COMPRESSING,
    Boundary.PANIC_LATCHED,
    Boundary.PANIC_CANCEL_SENT,
    Boundary.PANIC_VERIFYING,
    Boundary.PANIC_CLOSE_SENT,
    Boundary.PANIC_FLAT,
)
SOAK_ROUNDS = 210


def begun(folder: Path, venue: SimulatedVenue) -> Killing:
    return Killing(folder, folder / "data", venue)


def die_at_each(killing: Killing, boundaries: Iterable[Boundary]) -> None:
    for boundary in boundaries:
        killing.die_at(boundary, 1)
    killing.restart()
    record = killing.ends()
    assert record.panics >= 1
    assert record.fills
    assert not record.drifted


def test_killed_where_an_order_a_segment_or_a_panic_stop_is_under_way(tmp_path: Path) -> None:
    with SimulatedVenue(tmp_path / "venue") as venue, begun(tmp_path, venue) as killing:
        die_at_each(killing, ONCE)


@pytest.mark.soak
def test_killed_at_every_boundary(tmp_path: Path) -> None:
    with SimulatedVenue(tmp_path / "venue") as venue, begun(tmp_path, venue) as killing:
        die_at_each(killing, Boundary)


@pytest.mark.soak
@pytest.mark.parametrize("seed", [1, 2])
def test_killed_two_hundred_times(tmp_path: Path, seed: int) -> None:
    with SimulatedVenue(tmp_path / "venue") as venue, begun(tmp_path, venue) as killing:
        seeded_rounds(killing, SOAK_ROUNDS // 2, seed)
        killing.restart()
        record = killing.ends()
    assert record.panics >= 1
    assert not record.drifted
