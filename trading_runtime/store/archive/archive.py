"""The archive of everything that is recorded: bytes by their digest, and manifests that count.

Rules of a commit, each step durable before the next:
 * Every file is put under the SHA-256 of its bytes; what is there already is not sent again.
 * Every object that no manifest vouches for yet is read back and hashed.
 * One conditional PUT of the manifest's next version is the commit: before it nothing has changed.
   Whoever loses the race begins again on what the winner wrote.
 * It is right to be killed anywhere, and again afterwards: equal files commit nothing new.
Deleting is not done here: see ``expiry`` for objects; local files are their owner's.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from hashlib import sha256
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple, TypeVar

from trading_runtime.errors import Halt
from trading_runtime.records.units import Nanos
from trading_runtime.store import durable
from trading_runtime.store.archive.manifest import (
    MANIFESTS,
    ArchivedFile,
    ArchiveManifest,
    data_key,
    decode,
    encode,
    holds,
    next_version,
    partition_prefix,
    place_of,
)
from trading_runtime.store.objects.objects import (
    AlreadyThere,
    Differs,
    NotThere,
    Objects,
    Source,
)

THREADS = 8
"""Requests at a time: they wait for the store, and a store throttles many."""
RACES_MAX = 16
"""Commits of others that one commit begins again after; more is no race but a fault."""
LAST = "\x7f"
"""After every character of a partition's name."""

_In = TypeVar("_In")
_Out = TypeVar("_Out")


class LocalFile(NamedTuple):
    """A file that is whole and does not change any more; ``path`` is relative to ``root``."""

    root: Path
    path: str

    @property
    def place(self) -> Path:
        return self.root / self.path


class Archive:
    """May be used by several threads and processes."""

    def __init__(self, objects: Objects, *, labelled: bool = False) -> None:
        """``labelled``: objects carry their data set's name, which lifecycle rules go by."""
        self.objects = objects
        self._labelled = labelled

    def commit(
        self,
        dataset: str,
        partition: str,
        files: Sequence[LocalFile],
        retain_until: Nanos | None = None,
    ) -> ArchiveManifest:
        """Archive ``files`` as part of ``partition``; give the version that holds them.

        Objects are locked until ``retain_until`` where the store has locks.

        Raises:
            Differs: the store gives back other bytes than it was sent.
            Misread: a file changed meanwhile, or a manifest is none.
            Denied, Unreachable: as the store says; nothing counts, and again later is right.
        """
        wanted = self._each(described, files)
        for _ in range(RACES_MAX):
            before = self.newest(dataset, partition)
            if before is not None and holds(before, wanted):
                return before
            known = {it.sha256 for it in before.files} if before and not before.expired else set()
            new = {
                it.sha256: (self._source(dataset, it, file.place), it)
                for file, it in zip(files, wanted, strict=True)
                if it.sha256 not in known
            }
            self._each(lambda it: self._store(*it, retain_until), new.values())
            version = next_version(before, dataset, partition, wanted)
            content = encode(version)
            try:
                self.objects.put_new(version.key, content, retain_until)
            except AlreadyThere:
                continue  # another's, or our own whose answer was lost
            self._check_bytes(version.key, content)
            return version
        raise Halt(f"{dataset} {partition}: {RACES_MAX} commits in a row came second")

    def newest(self, dataset: str, partition: str) -> ArchiveManifest | None:
        """Give the version that counts, an expired one too; null where there is none."""
        keys = [it.key for it in self.objects.list(partition_prefix(dataset, partition))]
        return self.read(keys[-1]) if keys else None

    def manifests(self, dataset: str, first: str = "", last: str = "") -> Iterator[ArchiveManifest]:
        """Give the newest version of each partition from ``first`` to ``last``, by partition.

        A bound counts as far as it goes: ``2025-11-19`` holds all hours of the day. Expired ones
        are left out.
        """
        return (it for it in self.all_newest(dataset, first, last) if not it.expired)

    def all_newest(
        self, dataset: str, first: str = "", last: str = ""
    ) -> Iterator[ArchiveManifest]:
        """Give what :meth:`manifests` does, and the expired ones."""
        yield from self._each(self.read, list(self._newest_keys(dataset, first, last).values()))

    def partitions(self, dataset: str, first: str = "", last: str = "") -> list[str]:
        """Give the names of the partitions, expired ones too, from a listing alone."""
        return list(self._newest_keys(dataset, first, last))

    def _newest_keys(self, dataset: str, first: str, last: str) -> dict[str, str]:
        alike = takewhile(lambda it: it[0] == it[1], zip(first, last, strict=False))
        shared = "".join(it for it, _ in alike)
        newest: dict[str, str] = {}
        for it in self.objects.list(f"{MANIFESTS}{dataset}/{shared}"):
            _, partition = place_of(it.key)
            if first <= partition and (not last or partition <= last + LAST):
                newest[partition] = it.key
        return newest

    def datasets(self) -> list[str]:
        """Give the data sets that have a manifest."""
        return sorted({place_of(it.key)[0] for it in self.objects.list(MANIFESTS)})

    def read(self, key: str) -> ArchiveManifest:
        """Read one manifest; raise :exc:`Misread` where it is none."""
        return decode(self.objects.get(key), key)

    def fetch(self, file: ArchivedFile) -> bytes:
        """Give the bytes of a file; raise :exc:`Differs` where they are others."""
        return b"".join(self.chunks(file))

    def fetch_to(self, file: ArchivedFile, path: Path) -> None:
        """Write a file to ``path``, durable and whole or not at all; raises as :meth:`fetch`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = durable.temporary(path)
        try:
            with beside.open("wb") as target:
                for chunk in self.chunks(file):
                    target.write(chunk)
            durable.move(beside, path)
        finally:
            beside.unlink(missing_ok=True)

    def chunks(self, file: ArchivedFile) -> Iterator[bytes]:
        """Give the bytes piece by piece; :exc:`Differs` after the last where they are others."""
        digest = sha256()
        for chunk in self.objects.chunks(file.key):
            digest.update(chunk)
            yield chunk
        if digest.hexdigest() != file.sha256:
            raise Differs(
                f"{file.key} of {self.objects.capabilities.store} is damaged: it does not hold the"
                f" bytes of {file.path}"
            )

    def check(self, file: ArchivedFile) -> None:
        """Read the object of a file back; raise :exc:`Differs` or NotThere where it is not it."""
        for _ in self.chunks(file):
            pass

    def problems(self, manifest: ArchiveManifest) -> dict[ArchivedFile, str]:
        """Read every object of a version back; say of each that is not what it was, what it is."""

        def problem(file: ArchivedFile) -> str:
            try:
                self.check(file)
            except (NotThere, Differs) as found:
                return str(found)
            return ""

        found = zip(manifest.files, self._each(problem, manifest.files), strict=True)
        return {file: why for file, why in found if why}

    def mend(self, dataset: str, file: ArchivedFile, path: Path) -> bool:
        """Put the object of ``file`` anew from ``path``, if that has its bytes; give whether so.

        Raises Denied where a lock holds what is damaged.
        """
        if not path.is_file() or durable.sha256(path) != file.sha256:
            return False
        self.objects.remove(file.key)
        self._store(self._source(dataset, file, path), file, None)
        return True

    def lock(self, key: str, until: Nanos | None) -> bool:
        """Lengthen the lock of an object that is locked for less; give whether it was.

        Nothing is done where the store has no locks. Stores forget the lock that an upload in
        parts was begun with, and what is there already may be locked for another, shorter reason.
        """
        if until is None or not self.objects.capabilities.retention_lock:
            return False
        held = self.objects.head(key).locked_until
        if held is not None and held >= until:
            return False
        self.objects.extend_lock(key, until)
        return True

    def _source(self, dataset: str, file: ArchivedFile, path: Path) -> Source:
        return Source(path, file.size, file.sha256, dataset if self._labelled else "")

    def _store(self, source: Source, file: ArchivedFile, retain_until: Nanos | None) -> None:
        """Put an object that no manifest vouches for, read it back, and see to its lock."""
        # There already where a commit was cut off before its manifest.
        with suppress(AlreadyThere):
            self.objects.put_file(file.key, source, retain_until)
        self.check(file)
        self.lock(file.key, retain_until)

    def _check_bytes(self, key: str, content: bytes) -> None:
        if self.objects.get(key) != content:
            raise Differs(f"{key} of {self.objects.capabilities.store} does not read back")

    @staticmethod
    def _each(act: Callable[[_In], _Out], over: Iterable[_In]) -> list[_Out]:
        with ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(act, over))


def described(file: LocalFile) -> ArchivedFile:
    """Hash a local file."""
    digest = durable.sha256(file.place)
    return ArchivedFile(
        path=file.path, sha256=digest, size=file.place.stat().st_size, key=data_key(digest)
    )
