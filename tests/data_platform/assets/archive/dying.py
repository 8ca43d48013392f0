"""A run of archive and retention that is killed at its n-th step; driven over standard input.

Each line is ``<step> <location> <data folder> <as of>``: a child of this process archives the day
and carries retention out, and kills itself with SIGKILL at step ``step`` (0: never), which is
counted over operations of the store, deeds told and files removed, before and after each. Where
``restore`` stands for the time it restores everything. The answer is a line: the steps that it
took, ``killed``, or ``failed``.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock

import boto3

from data_platform.assets.archive import archiving, holdings
from data_platform.assets.archive.settings import RetentionSettings
from tests.data_platform.assets.archive.small_day import DAY, TABLE
from trading_runtime.records.units import Nanos
from trading_runtime.store import durable
from trading_runtime.store.archive.archive import Archive
from trading_runtime.store.archive.restore import restore
from trading_runtime.store.objects.objects import Head, Listed, Objects, Source
from trading_runtime.store.objects.opening import open_archive
from trading_runtime.store.objects.place import Access

NOW = Nanos(time.time_ns())
RESTORE = "restore"


class Steps:
    """Counted by several threads; none is counted twice, so that the last one is not missed."""

    def __init__(self, last: int) -> None:
        self.taken = 0
        self._last = last
        self._lock = Lock()

    def step(self) -> None:
        with self._lock:
            self.taken += 1
            if self.taken == self._last:
                os.kill(os.getpid(), signal.SIGKILL)


class Dying:
    """An archive that counts a step before and after each operation."""

    def __init__(self, objects: Objects, step: Callable[[], None]) -> None:
        self._objects = objects
        self._step = step
        self.capabilities = objects.capabilities

    def put_new(self, key: str, content: bytes, retain_until: Nanos | None) -> None:
        self._step()
        self._objects.put_new(key, content, retain_until)
        self._step()

    def put_file(self, key: str, source: Source, retain_until: Nanos | None) -> None:
        self._step()
        self._objects.put_file(key, source, retain_until)
        self._step()

    def get(self, key: str) -> bytes:
        return self._objects.get(key)

    def chunks(self, key: str) -> Iterator[bytes]:
        self._step()
        yield from self._objects.chunks(key)
        self._step()

    def head(self, key: str) -> Head:
        return self._objects.head(key)

    def list(self, prefix: str) -> Iterator[Listed]:
        return self._objects.list(prefix)

    def remove(self, key: str) -> None:
        self._step()
        self._objects.remove(key)
        self._step()

    def extend_lock(self, key: str, until: Nanos) -> None:
        self._step()
        self._objects.extend_lock(key, until)


def run(step: int, location: str, data: Path, as_of: str) -> int:
    steps = Steps(step)
    name, _, endpoint = location.partition("@")
    access = Access(*os.environ["CEPH_KEYS"].split(":")) if endpoint else None
    objects = open_archive(name, data, endpoint, NOW, access)
    archive = Archive(Dying(objects, steps.step))
    synced = durable.sync_folder

    def sync_folder(folder: Path) -> None:
        steps.step()
        synced(folder)

    durable.sync_folder = sync_folder
    if as_of == RESTORE:
        assert restore(archive, data, archive.datasets()).is_equal
        return steps.taken
    for it in holdings.HOLDINGS:
        archiving.archive_day(data, archive, it, TABLE, DAY, NOW)
    table = RetentionSettings(as_of=as_of)
    archiving.sweep(data, archive, table, NOW, lambda *_: steps.step())
    return steps.taken


def in_child(step: int, location: str, data: Path, as_of: str) -> str:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.write(writing, str(run(step, location, data, as_of)).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading) as file:
        said = file.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return "killed"
    return said if os.waitstatus_to_exitcode(status) == 0 else "failed"


def answer(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    if "CEPH_KEYS" in os.environ:
        # Each child would load it for a second.
        boto3.client("s3", "us-east-1")
    answer("ready")
    for line in sys.stdin:
        step, location, data, as_of = line.split()
        answer(in_child(int(step), location, Path(data), as_of))


if __name__ == "__main__":
    main()
