"""Run a coroutine at once; make it a task only if it has to wait."""

import asyncio
from collections.abc import Coroutine, Generator


class _Rest:
    """What is left of a coroutine that waits for ``first``."""

    __slots__ = ("_coroutine", "_first")

    def __init__(
        self,
        coroutine: Coroutine[asyncio.Future[object], None, None],
        first: asyncio.Future[object],
    ) -> None:
        self._coroutine = coroutine
        self._first = first

    def __await__(self) -> Generator[asyncio.Future[object], None, None]:
        try:
            yield self._first
        except BaseException as stopped:
            self._coroutine.throw(stopped)
            raise
        yield from self._coroutine.__await__()


async def _finish(rest: _Rest) -> None:
    await rest


def start(
    coroutine: Coroutine[asyncio.Future[object], None, None], running: set[asyncio.Task[None]]
) -> None:
    """Run ``coroutine`` up to its first wait; keep what is left as a task in ``running``.

    It must not look at the current task before it first waits.
    """
    try:
        first = coroutine.send(None)
    except StopIteration:
        return
    task = asyncio.get_running_loop().create_task(_finish(_Rest(coroutine, first)))
    running.add(task)
    task.add_done_callback(running.discard)
