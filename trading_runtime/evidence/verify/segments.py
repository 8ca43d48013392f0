"""The objects of the cold copy: those that digests name, and those that stand there besides."""

import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import msgspec

from trading_runtime.errors import Misread
from trading_runtime.evidence import layout
from trading_runtime.evidence.digest import Segment
from trading_runtime.evidence.layout import BLOCK
from trading_runtime.evidence.verify import raws
from trading_runtime.evidence.verify.archive import Columns
from trading_runtime.evidence.verify.checks import Check
from trading_runtime.evidence.verify.digests import Digests
from trading_runtime.evidence.verify.findings import Finding
from trading_runtime.records.merkle import leaf_hash, root_of

BUNDLES, PARQUET = "entries.bundles.gz", "entries.parquet"
PARQUET_MARK = b"PAR1"
_KEY = re.compile(
    r"blocks/(?P<block>[0-9]{6,})(?:\.p/(?P<count>[1-9][0-9]{0,4}))?/entries\.(?:bundles\.gz|parquet)"
)


class Place(NamedTuple):
    """Which entries an object holds: the first ``held`` of ``block``."""

    block: int
    held: int

    @property
    def first(self) -> int:
        return self.block * BLOCK

    @property
    def end(self) -> int:
        return self.first + self.held


class ObjectTask(msgspec.Struct, frozen=True, kw_only=True):
    """An object to be read. ``segment`` is None where no digest names it.

    A Parquet object is compared with entries from ``frames`` (a path) or from ``bundle``.
    """

    key: str
    place: Place
    segment: Segment | None
    content: bytes
    frames: str = ""
    bundle: bytes | None = None
    origin: str = ""
    columns: Columns | None = None


class ObjectRead(msgspec.Struct, frozen=True, kw_only=True):
    """``root`` is that of the entries in it; empty where they cannot be told."""

    key: str
    place: Place
    named: bool
    root: bytes
    findings: list[Finding]


def place_of(key: str) -> Place | None:
    """Tell which entries an object's key stands for; None where it is no key of the format."""
    match = _KEY.fullmatch(key)
    if match is None:
        return None
    count = int(match["count"] or BLOCK)
    place = Place(int(match["block"]), count)
    begin = layout.block_key(*place)
    return place if count <= BLOCK and key in (f"{begin}/{BUNDLES}", f"{begin}/{PARQUET}") else None


def named(held: Digests) -> dict[str, tuple[Segment, str]]:
    """Give every object that a digest names, with the digest that did last."""
    return {
        segment.key: (segment, kept.where)
        for _, kept in sorted(held.kept.items())
        for segment in kept.digest.segments
    }


def read_object(task: ObjectTask) -> ObjectRead:
    """Read one object by itself, against what its digest says and, Parquet, against the entries."""
    first = task.place.first
    findings = list(_check_hash(task))
    entries: list[bytes] = []
    if task.key.endswith(BUNDLES):
        held = raws.from_bundles(task.content, task.place.block, task.key)
        entries = held.entries
        findings += held.findings
    else:
        if not _ends_right(task.content):
            said = "bytes stand around the Parquet file, or its footer is cut"
            findings.append(Finding(check=Check.PARQUET_END, said=said, where=task.key))
        if task.columns is not None:
            entries, broken = _check_columns(task)
            findings += broken
    root = root_of([leaf_hash(entry) for entry in entries]) if entries else b""
    if entries and len(entries) != task.place.held:
        said = f"it holds {len(entries)} entries, not {task.place.held}"
        findings.append(
            Finding(check=Check.SEGMENT_ENTRIES, said=said, where=task.key, index=first)
        )
    return ObjectRead(
        key=task.key,
        place=task.place,
        named=task.segment is not None,
        root=root,
        findings=findings,
    )


def _check_hash(task: ObjectTask) -> Iterator[Finding]:
    segment = task.segment
    if segment is None:
        return
    found = sha256(task.content).hexdigest()
    if (found, len(task.content)) != (segment.sha256, segment.bytes):
        yield Finding(
            check=Check.SEGMENT_HASH,
            said=f"{len(task.content)} bytes that are not those that the digest names",
            where=task.key,
            expected=segment.sha256,
            found=found,
        )
    if (segment.first_index, segment.count) != (task.place.first, task.place.held):
        said = "the digest says that it holds other entries than its key does"
        yield Finding(check=Check.SEGMENT_ENTRIES, said=said, where=task.key)


def _ends_right(content: bytes) -> bool:
    length = int.from_bytes(content[-8:-4], "little")
    return (
        content.startswith(PARQUET_MARK)
        and content.endswith(PARQUET_MARK)
        and 0 < length <= len(content) - 12
    )


def _check_columns(task: ObjectTask) -> tuple[list[bytes], list[Finding]]:
    """Compare a Parquet object with the entries; give these where it agrees."""
    entries = _entries(task)
    if task.columns is None or len(entries) < task.place.held:
        return [], []
    entries = entries[: task.place.held]
    try:
        task.columns(task.content, task.place.first, entries)
    except Misread as misread:
        said = str(misread)
        return [], [Finding(check=Check.PARQUET_COLUMNS, said=said, where=task.key)]
    return entries, []


def _entries(task: ObjectTask) -> list[bytes]:
    block = task.place.block
    if task.bundle is not None:
        return raws.from_bundles(task.bundle, block, task.key).entries
    if not task.frames:
        return []
    try:
        data = Path(task.frames).read_bytes()
    except OSError:
        return []
    return raws.from_frames(data, block, task.origin, task.frames, last=True).entries


def judge(
    read: ObjectRead, segment: Segment | None, subtrees: dict[tuple[int, int], bytes]
) -> Iterator[Finding]:
    """Compare the root over an object's entries with the tree's there, and with the digest's."""
    tree = subtrees.get((read.place.first, read.place.end))
    wanted = [root.hex() for root in (tree,) if root is not None]
    if segment is not None:
        wanted.append(segment.root)
    for root in wanted:
        if read.root and read.root.hex() != root:
            check = Check.SEGMENT_ENTRIES if read.named else Check.ARCHIVE_UNKNOWN
            yield Finding(
                check=check,
                said="it does not hold the entries that the tree has there",
                where=read.key,
                expected=root,
                found=read.root.hex(),
            )
            return
    if not read.named and tree is None:
        said = "no digest names it, and the tree does not reach so far"
        yield Finding(check=Check.ARCHIVE_UNKNOWN, said=said, where=read.key)
    if segment is not None and tree is not None and tree.hex() != segment.root:
        yield Finding(
            check=Check.SEGMENT_ENTRIES,
            said="the digest names another root than the tree has there",
            where=read.key,
            expected=tree.hex(),
            found=segment.root,
        )
