"""One supervisor a data folder: a lock that dies with its holder, and the holder's process id."""

import asyncio
import fcntl
import os
import signal
from pathlib import Path
from types import TracebackType
from typing import Self

from trading_runtime.errors import Refused

POLL_S = 0.1
PID_BYTES_MAX = 32


def lock_path(run: Path) -> Path:
    return run / "supervisor.pid"


class RunLock:
    """Held from ``__enter__`` on; raises :exc:`Refused` where another process holds it."""

    def __init__(self, run: Path) -> None:
        self._path = lock_path(run)

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._fd, PID_BYTES_MAX).decode().strip()
            os.close(self._fd)
            raise Refused(
                f"tapedeck is already up on {self._path.parent.parent} as process {holder}"
            ) from None
        os.ftruncate(self._fd, 0)
        os.write(self._fd, f"{os.getpid()}\n".encode())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # The file stays: to remove it would race with another that has just opened it.
        os.ftruncate(self._fd, 0)
        os.close(self._fd)


def holder_of(run: Path) -> int | None:
    """Give the process id of the supervisor that holds ``run``; None when there is none."""
    try:
        fd = os.open(lock_path(run), os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.read(fd, PID_BYTES_MAX).decode().strip()
        return int(text) if text.isdigit() else None
    finally:
        os.close(fd)
    return None


async def stop_holder(run: Path, within_s: float) -> int | None:
    """Ask the supervisor of ``run`` to stop, and await it; give its process id.

    Gives None where there is none. Raises :exc:`Refused` when it is still there after ``within_s``.
    """
    holder = holder_of(run)
    if holder is None:
        return None
    os.kill(holder, signal.SIGTERM)
    try:
        async with asyncio.timeout(within_s):
            while holder_of(run) == holder:  # noqa: ASYNC110 -- a lock does not tell us
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        raise Refused(f"process {holder} has not stopped within {within_s:g} s") from None
    return holder
