"""Ports for servers that are told theirs: free ones, and nobody else's until this process ends.

They lie below those that the kernel gives to clients: one of these may be taken by any connection
between the look and the server's start, or while the server is down to be started again, even by a
client that tries to reach it.
"""

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

LOOPBACK = "127.0.0.1"
FIRST, BEHIND = 10_000, 32_768
TRIES_MAX = 1_000
_HELD = Path(tempfile.gettempdir()) / f"tapedeck-test-ports-{os.getuid()}"
_locks: list[object] = []
"""Open files, each locked: the ports that this process has given out."""


def free_port() -> int:
    """Give a port of the loopback on which nobody listens, and that no other test is given."""
    draw = random.SystemRandom()
    _HELD.mkdir(mode=0o700, exist_ok=True)
    for _ in range(TRIES_MAX):
        port = draw.randrange(FIRST, BEHIND)
        lock = (_HELD / str(port)).open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.bind((LOOPBACK, port))
        except OSError:
            lock.close()
            continue
        _locks.append(lock)
        return port
    raise AssertionError(f"{TRIES_MAX} ports are all taken")
