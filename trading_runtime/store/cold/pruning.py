"""Frames that may go: of full blocks that a digest names and the archive still holds.

Tiles and digests stay. The log itself says first, in an entry ``FramesPruned`` under a published
checkpoint, which files go; only then are they removed.
"""

from hashlib import sha256
from pathlib import Path

from trading_runtime.errors import Refused
from trading_runtime.evidence import layout
from trading_runtime.evidence.digest import Segment
from trading_runtime.store import durable
from trading_runtime.store.cold import segments
from trading_runtime.store.objects.objects import NotThere, Objects


def prunable(audit: Path, objects: Objects, kept_blocks: int) -> range:
    """Give the blocks whose frames may go, from the oldest that is here; none of the newest ones.

    Each object is read again and hashed. Raises :exc:`Refused` for ``kept_blocks`` below one: the
    log goes on from its last frames.
    """
    if kept_blocks < 1:
        raise Refused(f"{kept_blocks} blocks kept: the log needs its newest block")
    blocks = layout.frame_blocks(layout.log_folder(audit))
    candidates = blocks[:-kept_blocks]
    if not candidates:
        return range(0)
    known = {it.key: it for it in segments.named(audit)}
    first = end = candidates[0]
    while end in candidates and is_held(objects, known, end):
        end += 1
    return range(first, end)


def is_held(objects: Objects, known: dict[str, Segment], block: int) -> bool:
    """Whether the archive has both objects of a block, as the digest that names them says."""
    for key in (layout.bundles_key(block), layout.parquet_key(block)):
        if key not in known:
            return False
        try:
            content = objects.get(key)
        except NotThere:
            return False
        if sha256(content).hexdigest() != known[key].sha256:
            return False
    return True


def prune(audit: Path, blocks: range) -> None:
    """Remove the frames of ``blocks``, the oldest first, so that a crash leaves no hole."""
    log = layout.log_folder(audit)
    for block in blocks:
        path = layout.frames_path(log, block)
        path.unlink(missing_ok=True)
        durable.sync_folder(path.parent)
