"""What the archive holds of one partition of a data set: the one object that makes it count.

``manifests/<dataset>/<partition>/<version>.json`` names the files, by path and digest; their bytes
are ``data/<sha256[:2]>/<sha256>``. Versions count from 1; the newest is what counts, and names the
digest of the one before it. A version without a time or a run id: equal files make equal bytes.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import PurePosixPath

import msgspec

from trading_runtime.errors import Misread
from trading_runtime.store.objects.keys import checked

FORMAT = "tapedeck-archive/1"
DATA = "data/"
MANIFESTS = "manifests/"
VERSION_DIGITS = 8


class ArchivedFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file: ``path`` is relative to the data folder, ``key`` to the archive."""

    path: str
    sha256: str
    size: int
    """Bytes."""
    key: str


class ArchiveManifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One version of a partition; ``files`` by path, the same path once."""

    format: str = FORMAT
    dataset: str
    partition: str
    version: int
    previous: str
    """SHA-256 of the version before; empty in the first."""
    expired: bool = False
    """Its bytes are past their retention: they may be gone, and nobody restores them."""
    files: tuple[ArchivedFile, ...]

    @property
    def key(self) -> str:
        return manifest_key(self.dataset, self.partition, self.version)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(it.size for it in self.files)

    @property
    def day(self) -> str:
        """The UTC day that the partition begins with, ``YYYY-MM-DD``."""
        return self.partition[:10]


def data_key(digest: str) -> str:
    return f"{DATA}{digest[:2]}/{digest}"


def partition_prefix(dataset: str, partition: str) -> str:
    return f"{MANIFESTS}{dataset}/{partition}/"


def manifest_key(dataset: str, partition: str, version: int) -> str:
    return checked(f"{partition_prefix(dataset, partition)}{version:0{VERSION_DIGITS}d}.json")


def place_of(key: str) -> tuple[str, str]:
    """Give data set and partition of the key of a manifest."""
    _, dataset, partition, _ = key.split("/")
    return dataset, partition


def encode(manifest: ArchiveManifest) -> bytes:
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"


def decode(content: bytes, key: str) -> ArchiveManifest:
    """Read a manifest that stood under ``key``; raise :exc:`Misread` where it is another's."""
    try:
        found = msgspec.json.decode(content, type=ArchiveManifest)
    except msgspec.DecodeError as problem:
        raise Misread("manifest", f"{key}: {problem}") from problem
    if found.format != FORMAT or found.key != key:
        raise Misread("manifest", f"{key} holds {found.format} of {found.key}")
    for it in found.files:
        if not is_inside(it.path) or it.key != data_key(it.sha256):
            raise Misread("manifest", f"{key} names {it.path!r} at {it.key!r}")
    return found


def is_inside(path: str) -> bool:
    """Whether a relative path stays in the folder that it is relative to."""
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and ".." not in parts and "\0" not in path


def next_version(
    before: ArchiveManifest | None, dataset: str, partition: str, files: Iterable[ArchivedFile]
) -> ArchiveManifest:
    """Give the version after ``before``: its files, with those of ``files`` in their places.

    A file that is not among ``files`` stays: it may have been pruned here since.
    """
    is_alive = before is not None and not before.expired
    now = {it.path: it for it in before.files} if before is not None and is_alive else {}
    now |= {it.path: it for it in files}
    return ArchiveManifest(
        dataset=dataset,
        partition=partition,
        version=(before.version if before else 0) + 1,
        previous=sha256(encode(before)).hexdigest() if before else "",
        files=tuple(now[path] for path in sorted(now)),
    )


def holds(before: ArchiveManifest | None, files: Sequence[ArchivedFile]) -> bool:
    """Whether every one of ``files`` is in ``before`` as it is."""
    return before is not None and not before.expired and set(files) <= set(before.files)
