"""One process of a kind on a data folder: a lock that dies with whoever holds it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trading_runtime.errors import Refused
from trading_runtime.journal.durable import make_folder


@contextmanager
def alone(lock: Path, refusal: str) -> Iterator[None]:
    """Hold ``lock`` while inside; raise :exc:`Refused` with ``refusal`` where another does."""
    make_folder(lock.parent)
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(refusal) from None
        yield
    finally:
        os.close(descriptor)
