"""Several processes as one: started in order, kept alive, stopped in reverse, no orphan left.

Rules:
 * A child starts when the one before it is ready; the first that never is ends the whole start.
 * A child that dies is started again after a growing pause; one that keeps dying ends the run.
 * Neither holds for a child that is not essential: it is tried again as long as the run lasts.
 * SIGINT, SIGTERM or SIGHUP stops all, the last started first, each with its deadline; a second one
   does not wait.
 * Each child leads a process group of its own, with default signals, and dies if we are killed.
"""

import asyncio
import signal
from collections.abc import Callable, Sequence
from enum import IntEnum
from pathlib import Path

from trading_runtime.cli.children import Child, lacks, seen
from trading_runtime.cli.output import Output, Screen
from trading_runtime.cli.running import Running, Warden

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PAUSE_S_MIN = 0.5
PAUSE_S_MAX = 10.0
DEATHS_MAX = 5
"""In a row: a sixth start would fail as well, and somebody has to look."""
SETTLED_S = 60.0
"""After so long a life, the next death counts as the first again."""
PROGRESS_S = 5.0


class Outcome(IntEnum):
    """How a run ended: the exit status of ``tapedeck up``."""

    STOPPED = 0
    FAILED = 1
    """A child never became ready, or kept dying."""
    FORCED = 3
    """Stopped as asked, but a child had to be killed that should have gone by itself."""


class Supervisor:
    """Owns the children of one run; every method runs in its one event loop."""

    def __init__(self, children: Sequence[Child], folder: Path, screen: Screen) -> None:
        """Keep logs and process ids in ``folder``, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        self._children = children
        self._folder = folder
        self._screen = screen
        self._lives: dict[str, Running] = {}
        """The present life of each started child, in order of start."""
        self._outputs: dict[str, Output] = {}
        self._asked = asyncio.Event()
        self._hurry = asyncio.Event()
        self.restarts = 0

    async def run(self, for_s: float | None, up: Callable[[], None]) -> Outcome:
        """Run until a signal, or for ``for_s`` seconds; call ``up`` once, when all are ready.

        The seconds count from there.
        """
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self._on_signal)
        self._warden = Warden()
        outcome = Outcome.FAILED
        try:
            if await self._start_all():
                outcome = await self._keep_all(for_s, up)
        finally:
            self._asked.set()
            willing = await self._stop_all()
            self._warden.close()
            for output in self._outputs.values():
                output.close()
            for number in SIGNALS:
                loop.remove_signal_handler(number)
        return Outcome.FORCED if outcome is Outcome.STOPPED and not willing else outcome

    def _on_signal(self) -> None:
        if self._asked.is_set():
            self._hurry.set()
        else:
            self._screen.say("stopping; once more to stop at once")
        self._asked.set()

    async def _start_all(self) -> bool:
        """Start each in turn; say False, and why on the screen, where one does not become ready."""
        for child in self._children:
            if self._asked.is_set():
                break
            failure = await self._start(child)
            if failure:
                await self._lives[child.name].stop(self._hurry)
                self._screen.finish(child.name, failure)
                self._show_tail(child)
                if child.essential:
                    return False
        return True

    async def _start(self, child: Child) -> str:
        """Start one life of ``child`` and await it; say what went wrong, nothing if all is well."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        self._screen.begin(child.name)
        life = await self._begin(child)
        ready = asyncio.ensure_future(life.ready())
        waits = [ready, *(asyncio.ensure_future(seen(e)) for e in (life.gone, self._asked))]
        try:
            while not any(wait.done() for wait in waits):
                left_s = begun + child.ready_within_s - loop.time()
                if left_s <= 0:
                    lacking = lacks(child.ready)
                    return f"is not ready after {child.ready_within_s:g} s: {lacking}"
                await asyncio.wait(
                    waits,
                    timeout=min(left_s, PROGRESS_S),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if left_s > PROGRESS_S and not any(wait.done() for wait in waits):
                    self._screen.grow(f"{loop.time() - begun:.0f} s")
        finally:
            await cancelled(waits)
        if life.gone.is_set():
            return f"{ending(life.code)} before it was ready"
        if not ready.cancelled():
            ready.result()
            self._screen.finish(child.name, f"ready in {loop.time() - begun:.1f} s")
        return ""

    async def _begin(self, child: Child) -> Running:
        if child.name not in self._outputs:
            output = Output(child.name, self._folder, child.shown, self._screen)
            self._outputs[child.name] = output
        life = Running(child, self._folder, self._outputs[child.name], self._warden)
        self._lives[child.name] = life
        await life.listen()
        return life

    async def _keep_all(self, for_s: float | None, up: Callable[[], None]) -> Outcome:
        """Keep all alive until a signal, the time, or a child that keeps dying."""
        if self._asked.is_set():
            return Outcome.STOPPED
        up()
        keepers = [asyncio.ensure_future(self._keep(child)) for child in self._children]
        asked = asyncio.ensure_future(seen(self._asked))
        try:
            done, _ = await asyncio.wait(
                [*keepers, asked], timeout=for_s, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                task.result()  # what a keeper raised is ours to raise
            return Outcome.FAILED if done.intersection(keepers) else Outcome.STOPPED
        finally:
            await cancelled([*keepers, asked])

    async def _keep(self, child: Child) -> None:
        """Start ``child`` again whenever it dies; return when there is no sense in it any more."""
        loop = asyncio.get_running_loop()
        deaths = 0
        born = loop.time()
        while True:
            life = self._lives[child.name]
            await life.gone.wait()
            await life.stop(self._hurry)
            deaths = 1 if loop.time() - born > SETTLED_S else deaths + 1
            if deaths > DEATHS_MAX and child.essential:
                self._screen.say(
                    f"{child.name} {ending(life.code)}, {deaths} times in a row: giving up"
                )
                self._show_tail(child)
                return
            pause_s = min(PAUSE_S_MIN * 2 ** min(deaths - 1, DEATHS_MAX), PAUSE_S_MAX)
            self._screen.say(f"{child.name} {ending(life.code)}; starting again in {pause_s:g} s")
            await asyncio.sleep(pause_s)
            self.restarts += 1
            born = loop.time()
            failure = await self._start(child)
            if failure:
                self._screen.finish(child.name, failure)
                await self._lives[child.name].stop(self._hurry)

    async def _stop_all(self) -> bool:
        """Stop all, the last started first; say whether all went by themselves that have to."""
        willing = True
        resuming = {child.name for child in self._children if child.resumes}
        for name, life in reversed(self._lives.items()):
            alive = not life.gone.is_set()
            went = await life.stop(self._hurry)
            willing = willing and (went or name in resuming)
            if alive:
                self._screen.say(f"stopped {name}" if went else f"killed {name}")
        return willing

    def _show_tail(self, child: Child) -> None:
        output = self._outputs[child.name]
        for line in output.tail:
            self._screen.say(f"{child.name} | {line}")
        self._screen.say(f"all of its output is in {output.path}")


def ending(code: int) -> str:
    """Say how a process ended: ``ended with status 1``, ``was killed by SIGKILL``."""
    if code >= 0:
        return f"ended with status {code}"
    return f"was killed by {signal.Signals(-code).name}"


async def cancelled(tasks: Sequence[asyncio.Future[None]]) -> None:
    """Cancel ``tasks`` and await that they are."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
