"""One block of the log, read and checked by itself: the part of a verification that can be spread.

:func:`read_block` is a function of the block's bytes, its tiles and its blobs; what it gives is
small and can be sent. Any scheduler may call it, for any block, in any order; :mod:`stitch` puts
the results together in the order of the log.
"""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import msgspec

from trading_runtime.errors import Misread
from trading_runtime.evidence import layout
from trading_runtime.evidence.layout import BLOCK
from trading_runtime.evidence.tiles import TILE_HEIGHT, TileReader
from trading_runtime.evidence.verify import hot, raws
from trading_runtime.evidence.verify.blobs import check_blobs
from trading_runtime.evidence.verify.checks import Check
from trading_runtime.evidence.verify.collecting import uncollected
from trading_runtime.evidence.verify.findings import Finding
from trading_runtime.evidence.verify.rows import Row, read_rows
from trading_runtime.evidence.verify.spans import Span, read_span
from trading_runtime.records.merkle import HASH_BYTES

BLOCK_LEVEL = 16
"""Of the tree: a full block is one subtree of 2**16 leaves."""
ID_BYTES = 16


class BlockTask(msgspec.Struct, frozen=True, kw_only=True):
    """What to read and against what.

    ``log`` is the folder ``log``, empty where only the archive is at hand. ``where`` is the frames
    file, or the archive's object whose bytes ``bundle`` are; without it nobody has the block.
    ``cuts`` are the tree sizes inside the block at which a digest or checkpoint ends. Tiles are
    compared up to ``tiled``.
    """

    block: int
    origin: str
    log: str
    where: str
    bundle: bytes | None = None
    last: bool = False
    cuts: tuple[int, ...] = ()
    tiled: int = 0
    index: hot.Rows | None = None


class BlockRead(msgspec.Struct, kw_only=True):
    """What a block holds.

    ``edges`` gives, by tree size, the roots of the complete subtrees from the block's beginning to
    that size, the largest first. ``event_ids`` are 16 bytes each.
    """

    block: int
    count: int
    torn: bool
    spans: list[Span]
    edges: dict[int, tuple[bytes, ...]]
    event_ids: bytes
    findings: list[Finding]


def read_block(task: BlockTask) -> BlockRead:
    """Read one block; whatever is wrong within it is among the findings, and nothing is raised."""
    with uncollected():
        return _read_block(task)


def _read_block(task: BlockTask) -> BlockRead:
    first = task.block * BLOCK
    try:
        held = _entries(task)
    except OSError as fault:
        said = f"it cannot be read: {fault.strerror}"
        lost = Finding(check=Check.UNREADABLE, said=said, where=task.where, index=first)
        held = raws.Raws([], [lost], torn=False)
    entries = held.entries
    rows, misread = read_rows(entries, first)
    hashes = [sha256(entry).hexdigest() for entry in entries]
    levels = climb([sha256(b"\x00" + entry).digest() for entry in entries])
    end = first + len(entries)
    bounds = [first, *(cut for cut in sorted(set(task.cuts)) if first < cut < end), end]
    spans, findings = [], [*held.findings, *misread]
    for begin, until in pairwise(bounds):
        part = slice(begin - first, until - first)
        span, broken = read_span(rows[part], entries[part], hashes[part], begin, task.origin)
        spans.append(span)
        findings += broken
    if task.log:
        findings += compare_tiles(Path(task.log), task.block, levels, task.tiled, rows)
        findings += check_blobs(Path(task.log), entries, rows, first)
    if task.index is not None:
        findings += hot.compare(task.index, entries, rows, first, task.tiled)
    return BlockRead(
        block=task.block,
        count=len(entries),
        torn=held.torn,
        spans=spans,
        edges={size: edge(levels, size - first) for size in bounds[1:]},
        event_ids=event_ids(rows, levels[0]),
        findings=findings,
    )


def _entries(task: BlockTask) -> raws.Raws:
    if task.bundle is not None:
        return raws.from_bundles(task.bundle, task.block, task.where)
    if not task.where:
        return raws.Raws([], [], torn=False)
    data = Path(task.where).read_bytes()
    return raws.from_frames(data, task.block, task.origin, task.where, last=task.last)


def climb(leaves: list[bytes]) -> list[list[bytes]]:
    """Give the roots of all complete subtrees, level by level; at least the leaves."""
    levels = [leaves]
    while len(level := levels[-1]) > 1:
        pairs = iter(level)
        levels.append(
            [
                sha256(b"\x01" + left + right).digest()
                for left, right in zip(pairs, pairs, strict=False)
            ]
        )
    return levels


def edge(levels: Sequence[Sequence[bytes]], count: int) -> tuple[bytes, ...]:
    """Give the roots of the complete subtrees over the first ``count`` leaves, largest first."""
    found = []
    place = 0
    for level in reversed(range(count.bit_length())):
        if count >> level & 1:
            found.append(levels[level][place >> level])
            place += 1 << level
    return tuple(found)


def event_ids(rows: Sequence[Row | None], leaves: Sequence[bytes]) -> bytes:
    """Give 16 bytes an entry: its event id, or part of its leaf's hash where it has none."""
    try:
        found = bytes.fromhex("".join([it.event_id for it in rows if it]).replace("-", ""))
    except ValueError:
        found = b""
    if len(found) == ID_BYTES * len(rows):
        return found
    return b"".join(_event_id(row, leaf) for row, leaf in zip(rows, leaves, strict=True))


def _event_id(row: Row | None, leaf: bytes) -> bytes:
    try:
        found = bytes.fromhex(row.event_id.replace("-", "")) if row else b""
    except ValueError:
        found = b""
    return found if len(found) == ID_BYTES else leaf[:ID_BYTES]


def compare_tiles(
    log: Path, block: int, levels: Sequence[Sequence[bytes]], tiled: int, rows: Sequence[Row | None]
) -> Iterator[Finding]:
    """Compare the tiles of levels 0 and 1 with the entries' hashes, up to the size ``tiled``."""
    size = min(tiled, block * BLOCK + len(levels[0]))
    if size <= block * BLOCK:
        return
    reader = TileReader(log, tiled)
    for tile_level in (0, 1):
        height = tile_level * TILE_HEIGHT
        if len(levels) <= height:
            return
        first = block * BLOCK >> height
        count = (size >> height) - first
        for number in range(first >> TILE_HEIGHT, -(-(first + count) >> TILE_HEIGHT)):
            place = (number << TILE_HEIGHT) - first
            hashes = levels[height][place : min(place + layout.TILE_WIDTH, count)]
            yield from _compare_tile(reader, (tile_level, number), hashes, rows, place)


def _compare_tile(
    reader: TileReader,
    tile: tuple[int, int],
    hashes: Sequence[bytes],
    rows: Sequence[Row | None],
    place: int,
) -> Iterator[Finding]:
    name = layout.tile_name(*tile)
    try:
        stored = reader.tile(*tile)
    except Misread as misread:
        check = Check.TILE_MISSING if misread.reason == "missing" else Check.TILE_HASH
        yield Finding(check=check, said=misread.detail, where=name)
        return
    except OSError as fault:
        yield Finding(check=Check.UNREADABLE, said=f"{fault.strerror}", where=name)
        return
    held = b"".join(hashes)
    if stored[: len(held)] == held:
        return
    at = next(
        at
        for at, found in enumerate(hashes)
        if stored[at * HASH_BYTES : (at + 1) * HASH_BYTES] != found
    )
    row = rows[place + at] if tile[0] == 0 else None
    yield Finding(
        check=Check.TILE_HASH,
        said=f"hash {at} of the tile is not that of the entries",
        where=name,
        index=tile[1] * layout.TILE_WIDTH + at if tile[0] == 0 else None,
        entity=row.entity_id if row else None,
        version=row.version if row else None,
        expected=stored[at * HASH_BYTES : (at + 1) * HASH_BYTES].hex(),
        found=hashes[at].hex(),
    )
