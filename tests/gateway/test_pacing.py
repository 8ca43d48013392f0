"""Waits grow and stay bounded; a budget holds over every window."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.gateway.peers import LOOPS, run
from trading_runtime.gateway.pacing import ConnectionBudget, backoff_s
from trading_runtime.gateway.settings import LineSettings

SETTINGS = LineSettings(backoff_first_s=0.25, backoff_max_s=30.0)


@given(st.integers(0, 10**6), st.floats(0, 1, exclude_max=True))
def test_a_wait_is_drawn_from_below_its_bound(failures: int, draw: float) -> None:
    bound = min(0.25 * 2 ** min(failures, 20), 30.0)
    assert backoff_s(failures, SETTINGS, draw) == draw * bound


def test_the_bound_doubles_until_its_maximum() -> None:
    bounds = [backoff_s(failures, SETTINGS, 1.0) for failures in range(9)]
    assert bounds == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


@pytest.mark.parametrize("loop", LOOPS)
def test_no_window_sees_more_than_the_budget(loop: str) -> None:
    async def main() -> None:
        budget = ConnectionBudget(5, 0.1)
        clock = asyncio.get_running_loop().time
        taken: list[float] = []

        async def take(count: int) -> None:
            for _ in range(count):
                await budget.take()
                taken.append(clock())

        began = clock()
        await asyncio.gather(take(6), take(6), take(6))
        assert len(taken) == 18
        # Slots lie a window apart; a loop that is late can only make them later.
        for count, moment in enumerate(sorted(taken)):
            assert moment - began >= count // 5 * 0.1 - 0.01

    run(loop, main)
