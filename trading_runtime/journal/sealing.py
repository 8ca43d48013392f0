"""A closed segment becomes a compressed file and a seal; then the raw file goes.

The steps, each durable before the next: compress beside, sync, read back from the disk and
compare, rename; write the seal; remove the raw file. A crash between any two leaves a segment
that is still read whole (see ``journal.folder``) and that sealing again completes.
"""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import zstandard

from trading_runtime.errors import Halt
from trading_runtime.journal.durable import TEMPORARY, remove, sync_folder, write_all, write_file
from trading_runtime.records import layout
from trading_runtime.records.segments import Seal
from trading_runtime.records.units import Seq

CHUNK_BYTES = 1024 * 1024
LEVEL = 3
"""Of zstd: above it a segment takes twice the time for some hundredths of its size."""


class Extent(NamedTuple):
    """What of a raw file is the segment: its first ``size_bytes`` bytes."""

    session: str
    segment: int
    first_seq: Seq
    last_seq: Seq
    size_bytes: int
    torn_bytes: int


class Unsealable(Halt):
    """What the disk gives back is not what was written; the raw file stays as it is."""


def seal_segment(raw: Path, extent: Extent) -> Seal:
    """Compress the segment that stands in ``raw``, write its seal and remove ``raw``.

    Raises OSError where the disk refuses, :exc:`Unsealable` where it lies; either way the
    raw file stays and the call can be made again.
    """
    folder = raw.parent
    sealed = folder / layout.sealed_name(extent.segment)
    temporary = sealed.with_name(sealed.name + TEMPORARY)
    sha256 = _compress(raw, extent.size_bytes, temporary)
    _check(temporary, sha256)
    temporary.replace(sealed)
    sync_folder(folder)
    seal = Seal(
        session=extent.session,
        segment=extent.segment,
        first_seq=extent.first_seq,
        last_seq=extent.last_seq,
        records=extent.last_seq - extent.first_seq + 1,
        size_bytes=extent.size_bytes,
        sha256=sha256,
        torn_bytes=extent.torn_bytes,
    )
    write_file(folder / layout.seal_name(extent.segment), msgspec.json.encode(seal))
    remove(raw)
    return seal


def read_seal(folder: Path, segment: int) -> Seal:
    content = (folder / layout.seal_name(segment)).read_bytes()
    return msgspec.json.decode(content, type=Seal)


def chunks_of_sealed(sealed: Path) -> Iterator[bytes]:
    """Give a compressed segment's bytes; raises zstandard.ZstdError where it is damaged."""
    with sealed.open("rb") as file:
        yield from zstandard.ZstdDecompressor().read_to_iter(file, write_size=CHUNK_BYTES)


def sha256_of_sealed(sealed: Path) -> str:
    digest = hashlib.sha256()
    for chunk in chunks_of_sealed(sealed):
        digest.update(chunk)
    return digest.hexdigest()


def _check(path: Path, sha256: str) -> None:
    try:
        came_back = sha256_of_sealed(path)
    except zstandard.ZstdError as error:
        raise Unsealable(f"{path.name} does not read back: {error}") from error
    if came_back != sha256:
        raise Unsealable(f"{path.name} reads back as {came_back}, not {sha256}")


def _compress(raw: Path, size: int, path: Path) -> str:
    """Compress the first ``size`` bytes of ``raw``; give the SHA-256 of those bytes."""
    digest = hashlib.sha256()
    compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compressobj(size=size)
    source = os.open(raw, os.O_RDONLY)
    target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        for offset in range(0, size, CHUNK_BYTES):
            wanted = min(CHUNK_BYTES, size - offset)
            chunk = os.pread(source, wanted, offset)
            if len(chunk) != wanted:
                raise Unsealable(f"{raw.name} ends at byte {offset + len(chunk)} of {size}")
            digest.update(chunk)
            write_all(target, compressor.compress(chunk))
        write_all(target, compressor.flush())
        os.fsync(target)
        # So that the comparison reads what the disk holds, not what memory still holds.
        os.posix_fadvise(target, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(source)
        os.close(target)
    return digest.hexdigest()
