"""The cold copy: block after block of entries into the archive, and what the next digest is told.

Rules:
 * Only entries of the published checkpoint are copied, and only when they agree with its tree.
 * A block counts when both of its objects were read back and have its entries; then it is handed
   to the next digest (:mod:`segments`), and not before.
 * It is right to be killed anywhere: what was put is found again, and nothing is handed twice.
 * Equal entries make equal bytes; where another library packed them otherwise, the object that is
   there stays and is judged by what is in it.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from trading_runtime.errors import Misread
from trading_runtime.evidence import bundles, checkpoint, layout
from trading_runtime.evidence.checkpoint import Checkpoint
from trading_runtime.evidence.digest import Segment
from trading_runtime.evidence.frames import FrameReader
from trading_runtime.evidence.layout import BLOCK
from trading_runtime.evidence.tiles import TileReader
from trading_runtime.records import merkle
from trading_runtime.records.units import Nanos
from trading_runtime.store import durable
from trading_runtime.store.cold import columns, segments
from trading_runtime.store.objects.objects import AlreadyThere, Differs, Objects


class Part(NamedTuple):
    """The first ``entries`` of a block, all of them when it is full."""

    block: int
    entries: int

    @property
    def first(self) -> int:
        return self.block * BLOCK

    @property
    def keys(self) -> tuple[str, str]:
        return (
            layout.bundles_key(self.block, self.entries),
            layout.parquet_key(self.block, self.entries),
        )


class Log(NamedTuple):
    """The evidence that is copied, up to its published checkpoint."""

    published: Checkpoint
    frames: FrameReader
    tiles: TileReader


def open_log(audit: Path) -> Log | None:
    """Open the log for reading; null where it has no checkpoint yet.

    Raises :exc:`Misread` where its tiles do not give the root of the checkpoint.
    """
    folder = layout.log_folder(audit)
    try:
        note = layout.checkpoint_path(folder).read_bytes()
    except FileNotFoundError:
        return None
    published, _ = checkpoint.unverified(note)
    tiles = TileReader(folder, published.size)
    if tiles.root() != published.root:
        raise Misread("tree", f"the tiles below {folder} do not give the root of its checkpoint")
    return Log(published, FrameReader(folder, published.origin), tiles)


def due(size: int, known: Callable[[str], bool], *, with_partial: bool) -> Iterator[Part]:
    """Give what a log of ``size`` entries has and the archive has not, in order."""
    full, rest = divmod(size, BLOCK)
    parts = [Part(block, BLOCK) for block in range(full)]
    if with_partial and rest:
        parts.append(Part(full, rest))
    return (it for it in parts if not all(known(key) for key in it.keys))


def copy(
    audit: Path, objects: Objects, retain_until: Nanos | None, *, with_partial: bool
) -> list[Segment]:
    """Copy what is due, and give what was handed to the next digest.

    Raises :exc:`Misread` where the log is not what its checkpoint says, :exc:`Differs` where the
    archive holds something else under one of our keys, and what the archive raises.
    """
    folder = segments.folder(audit)
    with durable.lock(folder / ".lock"):
        log = open_log(audit)
        if log is None:
            return []
        # In this order: what waits is named by a digest before it waits no more.
        known = {it.key for it in (*segments.waiting(audit), *segments.named(audit))}
        handed: list[Segment] = []
        for part in due(log.published.size, known.__contains__, with_partial=with_partial):
            found = store(log, part, objects, retain_until)
            segments.hand(audit, found)
            handed += found
        return handed


def store(
    log: Log, part: Part, objects: Objects, retain_until: Nanos | None
) -> tuple[Segment, Segment]:
    """Put both objects of ``part``, read them back, and say what they are."""
    entries, root = read(log, part)

    def check_bundles(content: bytes) -> None:
        if bundles.read(content) != entries:
            raise Misread("bundles", "other entries")

    def check_columns(content: bytes) -> None:
        columns.check(content, part.first, entries)

    def place(key: str, content: bytes, check: Callable[[bytes], None]) -> Segment:
        held = put(objects, key, content, retain_until, check)
        digest = sha256(held).hexdigest()
        return Segment(
            key=key,
            sha256=digest,
            bytes=len(held),
            first_index=part.first,
            count=part.entries,
            root=root.hex(),
        )

    of_bundles, of_columns = part.keys
    return (
        place(of_bundles, bundles.write(entries), check_bundles),
        place(of_columns, columns.write(part.first, entries), check_columns),
    )


def read(log: Log, part: Part) -> tuple[list[bytes], bytes]:
    """Read the entries of ``part`` and the root over them, which the tree of the log has to have.

    Raises :exc:`Misread`.
    """
    entries = list(log.frames.entries(part.first, part.first + part.entries))
    root = merkle.root_of([merkle.leaf_hash(it) for it in entries])
    if root != merkle.range_root(part.first, part.first + part.entries, log.tiles.hash_at):
        raise Misread("tree", f"the frames of block {part.block} do not agree with the tree")
    return entries, root


def put(
    objects: Objects,
    key: str,
    content: bytes,
    retain_until: Nanos | None,
    check: Callable[[bytes], None],
) -> bytes:
    """Put ``content`` unless the key is there, and give the bytes that are there afterwards.

    Raises :exc:`Differs` where they are others and ``check`` refuses them too.
    """
    # There already where a copy was cut off before it was handed on.
    with suppress(AlreadyThere):
        objects.put_new(key, content, retain_until)
    held = objects.get(key)
    if held != content:
        try:
            check(held)
        except Misread as fault:
            raise Differs(
                f"{key} of {objects.capabilities.store} does not hold the entries of the log"
                f" ({fault}): it is not named in any digest; find out who wrote it"
            ) from fault
    return held
