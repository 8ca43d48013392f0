"""Archived bytes past their retention: a tombstone first, then the objects that nobody else names.

Rules:
 * A tombstone is the partition's next version: expired, naming what is to go. From then on nobody
   restores it; an object that a living manifest names stays, whichever data set that is of.
 * A last version without files says that nothing is left. One that was not written, because a lock
   still held an object or because of a crash, is tried again next time.
 * One who expires and who archives are never at work at once below one prefix: an object found by
   a commit must not go before its manifest. :func:`alone` keeps them apart on one machine.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import msgspec

from trading_runtime.store import durable
from trading_runtime.store.archive.archive import Archive
from trading_runtime.store.archive.manifest import (
    ArchivedFile,
    ArchiveManifest,
    encode,
    partition_prefix,
)
from trading_runtime.store.objects.objects import Denied, keep


class Expired(NamedTuple):
    """What went of one partition."""

    manifest: str
    """The key of its newest version now."""
    objects: int
    size: int
    locked: int
    """Objects that a retention lock still holds."""


@contextmanager
def alone(data: Path) -> Iterator[None]:
    """Be the only one of a data folder who archives or expires."""
    with durable.lock(data / "platform" / "archive.lock"):
        yield


def expire(archive: Archive, due: Sequence[ArchiveManifest]) -> Iterator[Expired]:
    """Expire partitions, given by their newest versions; raises what the store raises."""
    stones = [buried(archive, it) for it in due]
    living = living_keys(archive)
    for stone in stones:
        yield removed(archive, stone, living)


def living_keys(archive: Archive) -> frozenset[str]:
    """Give the keys of all objects that a newest version which is not expired names."""
    return frozenset(
        file.key
        for dataset in archive.datasets()
        for it in archive.manifests(dataset)
        for file in it.files
    )


def buried(archive: Archive, newest: ArchiveManifest) -> ArchiveManifest:
    """Write the tombstone, which names the files of every version; or find it written."""
    if newest.expired:
        return newest
    every: dict[tuple[str, str], ArchivedFile] = {}
    for it in archive.objects.list(partition_prefix(newest.dataset, newest.partition)):
        every |= {(file.path, file.sha256): file for file in archive.read(it.key).files}
    return put(archive, after(newest, [every[it] for it in sorted(every)]))


def after(before: ArchiveManifest, files: Iterable[ArchivedFile]) -> ArchiveManifest:
    return msgspec.structs.replace(
        before,
        version=before.version + 1,
        previous=sha256(encode(before)).hexdigest(),
        expired=True,
        files=tuple(files),
    )


def put(archive: Archive, stone: ArchiveManifest) -> ArchiveManifest:
    keep(archive.objects, stone.key, encode(stone), None)
    return stone


def removed(archive: Archive, stone: ArchiveManifest, living: frozenset[str]) -> Expired:
    sizes = {it.key: it.size for it in stone.files if it.key not in living}
    left = {key for key in sorted(sizes) if not is_removed(archive, key)}
    newest = stone
    if not left:
        newest = put(archive, after(stone, ()))
    gone = sizes.keys() - left
    return Expired(newest.key, len(gone), sum(sizes[it] for it in gone), len(left))


def is_removed(archive: Archive, key: str) -> bool:
    try:
        archive.objects.remove(key)
    except Denied:
        return False
    return True
