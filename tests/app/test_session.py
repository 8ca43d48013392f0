"""What lets a session do more is on disk before anything comes of it."""

from pathlib import Path

import msgspec
import pytest

from trading_runtime.app.feed import nowhere
from trading_runtime.app.opening import NOTHING_CARRIED, open_session, plan
from trading_runtime.app.running import gives_risk
from trading_runtime.clock import Clock
from trading_runtime.config import SHIPPED, load_settings
from trading_runtime.records.inputs import Action, Mode, OperatorCommanded
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos

HOUR = Nanos(3600 * NANOS_PER_SECOND)
CLEARED = OperatorCommanded(action=Action.CLEAR_PANIC, user="ada", reason="looked at")


def test_a_secured_command_is_on_disk_though_the_group_sync_never_came(tmp_path: Path) -> None:
    settings = load_settings(SHIPPED)
    lazy = msgspec.structs.replace(settings.journal, sync_interval_ns=HOUR)
    settings = msgspec.structs.replace(settings, journal=lazy)
    planned = plan(settings, SHIPPED, Mode.PAPER, settings.instruments(), trading=True)
    clock = Clock()
    session = open_session(planned, tmp_path, clock.stamp(), NOTHING_CARRIED, nowhere)
    before = session.journal.synced_seq
    session.take(clock.stamp(), CLEARED)
    assert session.journal.synced_seq == before
    session.secure(clock.stamp())
    assert session.journal.synced_seq > before
    session.close(clock.stamp())


@pytest.mark.parametrize("action", Action)
def test_only_what_lets_more_be_done_waits_for_the_disk(action: Action) -> None:
    waits = gives_risk(OperatorCommanded(action=action, user="ada", reason=""))
    assert waits == (action in {Action.CLEAR_PANIC, Action.RESUME})
