"""Runs scribe again and again, and ends it each time as ``kill -9`` would.

``python -m tests.scribe.crashing DATA SEED ROUNDS (calls|moments)``. With ``calls`` the child dies
at one of its calls that change the disk, a write half done; with ``moments`` it is killed from
outside. It is a process of its own, so that each child is a cheap fork of one that has loaded all.
"""

import os
import random
import select
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import NoReturn

import numpy as np
import pyarrow as pa

from trading_runtime.records.units import Nanos
from trading_runtime.scribe.process import run
from trading_runtime.scribe.settings import ScribeSettings

CALLS = (
    "write",
    "pwrite",
    "fsync",
    "fdatasync",
    "ftruncate",
    "rename",
    "replace",
    "unlink",
    "open",
)
SETTINGS = ScribeSettings(
    turn_records_max=200, log_bytes_max=20_000, flush_interval_ns=Nanos(1_000_000)
)
CALLS_MAX = 60
MOMENT_MAX_S = 0.25


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def die_at_call(number: int) -> None:
    """Make the ``number``-th call from now on the last; of a write only half is done."""
    left = number

    def wrap(name: str, call: Callable[..., object]) -> Callable[..., object]:
        def counted(*args: object, **kwargs: object) -> object:
            nonlocal left
            left -= 1
            if left == 0:
                if name in {"write", "pwrite"}:
                    content = bytes(args[1])  # type: ignore[call-overload]
                    call(args[0], content[: len(content) // 2], *args[2:])
                die()
            return call(*args, **kwargs)

        return counted

    for name in CALLS:
        setattr(os, name, wrap(name, getattr(os, name)))


def child(data: Path, call: int) -> NoReturn:
    if call:
        die_at_call(call)
    run(data, SETTINGS, Event(), once=True)
    os._exit(0)


def main() -> None:
    data, seed, rounds, kind = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    chance = random.Random(seed)  # noqa: S311 -- a seeded test
    # Loads what Arrow loads late, so that no child has to.
    pa.array(np.zeros(1, np.int64)).to_numpy()
    killed = 0
    for _ in range(rounds):
        call = chance.randrange(1, CALLS_MAX) if kind == "calls" else 0
        pid = os.fork()
        if pid == 0:
            child(data, call)
        if kind == "moments":
            # A wait with a bound: the child may end before its moment comes.
            select.select([os.pidfd_open(pid)], [], [], chance.uniform(0, MOMENT_MAX_S))
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        if os.WIFSIGNALED(status):
            killed += 1
        elif os.waitstatus_to_exitcode(status):
            sys.exit(1)
    sys.stdout.write(f"{killed}\n")


if __name__ == "__main__":
    main()
