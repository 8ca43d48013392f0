"""The loop of the audit service: it ends in order, and when it may not begin it says so."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.audit.sequencer.rig import Desk
from trading_runtime.audit.run import METRICS, Idle, Plan, run
from trading_runtime.audit.sequencer.opening import Order
from trading_runtime.clock import Clock
from trading_runtime.errors import Halt
from trading_runtime.evidence import layout
from trading_runtime.journal.diary import Diary
from trading_runtime.journal.reader import read_session
from trading_runtime.records import layout as places
from trading_runtime.records.envelope import decode_body
from trading_runtime.records.observations import AuditRefused
from trading_runtime.records.units import Nanos
from trading_runtime.store.objects.folder import Folder


class Fed(Idle):
    """A feeder that submits in the same process."""

    def __init__(self, desk: Desk) -> None:
        self.teller = desk.teller()
        self.desk = desk
        self.closed = False

    def turn(self, now: Nanos) -> int:
        assert now >= 0
        if self.teller.chain.seq:
            return 0
        self.desk.pile.waiting += self.teller.started() + self.teller.many(20)
        return 21

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    with desk.witnessed():
        yield desk


def served(desk: Desk, feeder: Fed, turns: int) -> None:
    left = [turns]

    def stopping() -> bool:
        left[0] -= 1
        desk.hands.advance(200)
        return left[0] < 0

    order = Order(desk.audit, desk.settings, desk.urls, lambda _: [desk.pile])
    diary = Diary(desk.audit, f"served-{desk.hands.stamp.wall}", Clock())
    try:
        plan = Plan(order, lambda: feeder, lambda: Folder(desk.data / "archive"))
        run(plan, diary, desk.hands, lambda: None, stopping)
    finally:
        diary.close()


def metrics(desk: Desk) -> dict[str, float]:
    lines = (desk.audit / METRICS).read_text().splitlines()
    return {name: float(value) for name, value in (line.split() for line in lines)}


def test_it_ends_in_order_with_everything_witnessed_and_archived(desk: Desk) -> None:
    feeder = Fed(desk)
    served(desk, feeder, 60)
    assert feeder.closed
    found = metrics(desk)
    assert found["audit_refused"] == found["audit_unreceipted_entries"] == 0
    assert found["audit_digests_total"] >= 3
    log = layout.log_folder(desk.audit)
    for number in layout.digest_numbers(log)[:-1]:
        archived = desk.data / "archive" / layout.digest_key(number)
        assert archived.read_bytes() == layout.digest_path(log, number).read_bytes()


def test_it_says_why_it_does_not_begin(desk: Desk) -> None:
    served(desk, Fed(desk), 3)
    layout.frames_path(layout.log_folder(desk.audit), 0).unlink()
    feeder = Fed(desk)
    with pytest.raises(Halt, match="the frames hold 0"):
        served(desk, feeder, 3)
    assert metrics(desk) == {"audit_refused": 1}
    sessions = sorted(Path(places.sessions(desk.audit)).iterdir())
    told = [decode_body(it.body) for folder in sessions for it in read_session(folder)]
    (refused,) = [body for body in told if isinstance(body, AuditRefused)]
    assert "the frames hold 0" in refused.reason
