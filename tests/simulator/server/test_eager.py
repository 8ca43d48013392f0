"""What runs at once needs no task; what must wait becomes one."""

import asyncio

import pytest

from trading_runtime.simulator.server import eager


def test_what_does_not_wait_is_done_before_start_returns() -> None:
    async def run() -> None:
        done: list[int] = []

        async def work() -> None:
            done.append(1)

        running: set[asyncio.Task[None]] = set()
        eager.start(work(), running)
        assert done == [1]
        assert not running

    asyncio.run(run())


def test_what_waits_goes_on_as_a_task() -> None:
    async def run() -> None:
        done: list[int] = []

        async def work() -> None:
            done.append(1)
            await asyncio.sleep(0.001)
            done.append(2)
            await asyncio.sleep(0.001)
            done.append(3)

        running: set[asyncio.Task[None]] = set()
        eager.start(work(), running)
        assert done == [1]
        await asyncio.wait(running)
        assert done == [1, 2, 3]

    asyncio.run(run())


def test_a_cancelled_wait_ends_the_coroutine_too() -> None:
    async def run() -> None:
        ended: list[str] = []

        async def work() -> None:
            try:
                await asyncio.sleep(60)
            finally:
                ended.append("cleaned")

        running: set[asyncio.Task[None]] = set()
        eager.start(work(), running)
        (task,) = running
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended == ["cleaned"]

    asyncio.run(run())
