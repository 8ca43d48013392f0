"""Turns on an event loop."""

import asyncio
from pathlib import Path

from trading_runtime.app.feed import nowhere
from trading_runtime.app.opening import NOTHING_CARRIED, open_session, plan
from trading_runtime.app.turns import Turns
from trading_runtime.clock import Clock
from trading_runtime.config import SHIPPED, load_settings
from trading_runtime.records.inputs import Mode
from trading_runtime.records.units import NANOS_PER_SECOND


def test_a_turn_that_ends_before_anything_was_taken_began_just_then(tmp_path: Path) -> None:
    assert asyncio.run(after_nothing(tmp_path)).behind_max < 3600 * NANOS_PER_SECOND


def test_each_turn_is_counted_with_what_it_took(tmp_path: Path) -> None:
    turns = asyncio.run(after_nothing(tmp_path))
    assert turns.spent.turns == 1
    assert turns.spent.busy == turns.spent.longest == turns.behind_max


async def after_nothing(data: Path) -> Turns:
    settings = load_settings(SHIPPED)
    planned = plan(settings, SHIPPED, Mode.PAPER, settings.instruments(), trading=True)
    clock = Clock()
    session = open_session(planned, data, clock.stamp(), NOTHING_CARRIED, nowhere)
    turns = Turns(session, clock, asyncio.get_running_loop())
    turns.end_now()
    turns.close()
    session.close(clock.stamp())
    return turns
