"""One life of a child process: start it in a group of its own, see it end, end it."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from trading_runtime.cli import launcher, warden
from trading_runtime.cli.children import Child, LineReady, seen, waiter
from trading_runtime.cli.output import Output, Pipe
from trading_runtime.cli.warden import signal_group

LEFTOVERS_WITHIN_S = 3.0
"""For what a child started itself, once the child has gone."""
PIPE_WITHIN_S = 1.0
"""For its last words; a process that left the group may hold the pipe for ever."""
POLL_S = 0.05
SCRIPT = (sys.executable, "-I", "-S")
"""Our two scripts import the standard library alone; so they start in 20 ms."""


class Warden:
    """The process that ends all groups when we are killed (see ``cli.warden``)."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 -- our own script
            [*SCRIPT, str(Path(warden.__file__))],
            stdin=subprocess.PIPE,
            text=True,
            start_new_session=True,  # the terminal's Ctrl-C is not for it
        )

    def tell(self, word: str, group: int) -> None:
        pipe = self._process.stdin
        if pipe:
            # If someone killed it, direct children still have the kernel's parent-death signal.
            with contextlib.suppress(BrokenPipeError):
                pipe.write(f"{word} {group}\n")
                pipe.flush()

    def close(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._process.communicate()


class Running:
    """A started child; once ``gone`` is set, ``code`` is its return code or minus its signal."""

    def __init__(self, child: Child, folder: Path, output: Output, warden: Warden) -> None:
        self.gone = asyncio.Event()
        self.code = 0
        self._child = child
        self._warden = warden
        self._line_seen = asyncio.Event()
        self._await_ready = waiter(child.ready, self._line_seen)
        self._pipe = Pipe(output, self._on_line)
        self._pid_path = folder / f"{child.name}.pid"
        self._transport: asyncio.ReadTransport | None = None
        self._process, self._read_end = self._spawn()
        self._watch_end()

    async def listen(self) -> None:
        """Begin to read what it prints."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.connect_read_pipe(lambda: self._pipe, self._read_end)

    async def ready(self) -> None:
        """Return when it is ready; perhaps never."""
        await self._await_ready()

    async def stop(self, hurry: asyncio.Event) -> bool:
        """End it and all it started; say whether it went by itself before its deadline."""
        willing = True
        if not self.gone.is_set():
            self._process.send_signal(signal.SIGTERM)
            await first_of([self.gone, hurry], self._child.stop_within_s)
            willing = self.gone.is_set()
            if not willing:
                signal_group(self._process.pid, signal.SIGKILL)
                await self.gone.wait()
        await self._end_leftovers(hurry)
        return willing

    async def _end_leftovers(self, hurry: asyncio.Event) -> None:
        """End what is left of the group, then read its output to the end."""
        group = self._process.pid
        if signal_group(group, signal.SIGTERM):
            for _ in range(int(LEFTOVERS_WITHIN_S / POLL_S)):
                await asyncio.sleep(POLL_S)
                if hurry.is_set() or not signal_group(group, 0):
                    break
            signal_group(group, signal.SIGKILL)
        self._warden.tell("drop", group)
        self._pid_path.unlink(missing_ok=True)
        if self._transport:
            await first_of([self._pipe.ended], PIPE_WITHIN_S)
            self._transport.close()
            await self._pipe.ended.wait()

    def _on_line(self, text: str) -> None:
        if isinstance(self._child.ready, LineReady) and self._child.ready.text in text:
            self._line_seen.set()

    def _spawn(self) -> tuple[subprocess.Popen[bytes], BinaryIO]:
        read_end, write_end = os.pipe()
        variables = [f"{name}={value}" for name, value in self._child.variables]
        try:
            process = subprocess.Popen(  # noqa: S603 -- the command is the supervisor's own
                [
                    *(*SCRIPT, str(Path(launcher.__file__)), str(os.getpid())),
                    *(*variables, "--", *self._child.command),
                ],
                stdin=subprocess.DEVNULL,
                stdout=write_end,
                stderr=write_end,
                start_new_session=True,
            )
        finally:
            os.close(write_end)
        self._warden.tell("add", process.pid)
        self._pid_path.write_text(f"{process.pid}\n")
        return process, os.fdopen(read_end, "rb", buffering=0)

    def _watch_end(self) -> None:
        loop = asyncio.get_running_loop()
        handle = os.pidfd_open(self._process.pid)

        def gone() -> None:
            loop.remove_reader(handle)
            os.close(handle)
            self.code = self._process.wait()
            self.gone.set()

        loop.add_reader(handle, gone)


async def first_of(events: Sequence[asyncio.Event], within_s: float | None) -> None:
    """Return when one of ``events`` is set, or after ``within_s``."""
    tasks = [asyncio.ensure_future(seen(event)) for event in events]
    try:
        await asyncio.wait(tasks, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
