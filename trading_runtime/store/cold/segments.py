"""What the cold copy tells the next digest: files below ``<data>/audit/cold``.

One file for each pair of objects, ``000000.json`` or ``000001.p-1234.json``: RFC 8785 JSON, a list
of the segments as a digest names them. The cold copy writes it when the objects count; the log
puts the segments into its next digest and removes the file when that digest is durable. So a
segment waits here, or a digest names it, or both after a crash; :func:`handed` and the newest
digest together say which.
"""

from collections.abc import Collection, Sequence
from pathlib import Path

import msgspec

from trading_runtime.errors import Misread
from trading_runtime.evidence import canonical, digest, layout, notes
from trading_runtime.evidence.digest import Segment
from trading_runtime.store import durable

SEGMENTS_MAX = 1_000
"""Of one digest: 300 kB of a note, which may have 1 MB. Even, for the objects come in pairs."""


def folder(audit: Path) -> Path:
    return audit / "cold"


def file_of(audit: Path, key: str) -> Path:
    """Give the file that tells of the object ``key``: ``blocks/000001.p/1234/entries.parquet``."""
    name = "-".join(key.split("/")[1:-1])
    return folder(audit) / f"{name}.json"


def hand(audit: Path, segments: Sequence[Segment]) -> None:
    """Hand the two objects of a block to the next digest; durable on return."""
    content = b"[" + b",".join(canonical.of_struct(it) for it in segments) + b"]"
    durable.write(file_of(audit, segments[0].key), content)


def waiting(audit: Path) -> list[Segment]:
    """Give all that waits for a digest, by key; :exc:`Misread` where a file does not read."""
    found = []
    for path in sorted(folder(audit).glob("[0-9]*.json")):
        try:
            found += msgspec.json.decode(path.read_bytes(), type=list[Segment])
        except msgspec.DecodeError as problem:
            raise Misread("segments", f"{path}: {problem}") from problem
    return sorted(found, key=lambda it: it.key)


def handed(audit: Path) -> list[Segment]:
    """Give what the next digest is to name: all that waits, or the first of very many."""
    return waiting(audit)[:SEGMENTS_MAX]


def settled(audit: Path, keys: Collection[str]) -> None:
    """Forget what the newest digest, which is durable, names."""
    files = {file_of(audit, it.key) for it in waiting(audit) if it.key in keys}
    for path in files:
        path.unlink()
    if files:
        durable.sync_folder(folder(audit))


def named(audit: Path) -> list[Segment]:
    """Give what the digests of the log name, in their order; what they are worth is not asked."""
    log = layout.log_folder(audit)
    numbers = layout.digest_numbers(log)
    found = (layout.digest_path(log, number).read_bytes() for number in numbers)
    return [it for data in found for it in digest.read(notes.split(data)[0]).segments]
