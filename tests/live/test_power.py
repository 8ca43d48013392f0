"""A power cut under a runtime that trades on a venue: orders that no journal knows are found there.

The machine dies with what was not synced; the venue lives on. So an order that was sent within the
sync interval may stand, or have traded, without a record: it has to be adopted, cancelled, booked.
"""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journal.disks import LoopDisk, loop_disk
from tests.live.doomed import Boundary
from tests.live.invariants import Record, check
from tests.live.killing import COUNTS, Killing
from tests.live.venue import SimulatedVenue

ONCE = (
    (Boundary.SENT, 10),
    (Boundary.ACKNOWLEDGED_JOURNALED, 3),
    (Boundary.FILLED_JOURNALED, 1),
    (Boundary.CANCEL_SENT, 10),
    (Boundary.SEAL_BEGUN, 1),
    (Boundary.PANIC_CLOSE_SENT, 1),
)
SOAK_ROUNDS = 60


class PowerCut(Killing):
    """Each death is the machine's: what was not synced is gone."""

    MORE = (("sync_interval_ns", "2_000_000_000"),)
    """A hundred times what is shipped: more is lost."""
    KEEPS_ALL = False

    def __init__(self, folder: Path, disk: LoopDisk, venue: SimulatedVenue) -> None:
        super().__init__(folder, disk.root / "data", venue)
        self._disk = disk

    def after_death(self, what: str) -> None:
        del what
        self._disk.cut_power()
        self._disk.unmount()
        self._disk.mount()

    def check(self) -> Record:
        return check(self.trader.data, self.venue.books(), power_cut=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[LoopDisk]:
    with loop_disk(tmp_path) as disk:
        yield disk


def test_after_a_power_cut_orders_without_a_record_are_adopted(
    tmp_path: Path, disk: LoopDisk
) -> None:
    with SimulatedVenue(tmp_path / "venue") as venue, PowerCut(tmp_path, disk, venue) as cut:
        for boundary, count in ONCE:
            cut.die_at(boundary, count)
        cut.restart()
        record = cut.ends()
    assert record.adopted
    assert record.fills
    assert not record.drifted


@pytest.mark.soak
def test_after_many_power_cuts_too(tmp_path: Path, disk: LoopDisk) -> None:
    draw = random.Random(1)  # noqa: S311 -- moments, not secrets
    with SimulatedVenue(tmp_path / "venue") as venue, PowerCut(tmp_path, disk, venue) as cut:
        for _ in range(SOAK_ROUNDS):
            boundary = draw.choice(list(Boundary))
            if draw.random() < 0.6:
                cut.die_at(boundary, draw.randint(1, COUNTS[boundary]))
            else:
                cut.die_after(draw.uniform(0.3, 4.0), boundary)
        cut.restart()
        record = cut.ends()
    assert record.adopted
    assert not record.drifted
