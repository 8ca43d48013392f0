"""The frames, followed as they grow, and looked at again: none may go, shrink or become another.

Rules:
 * What is followed is synced first by the watch itself: what it has seen cannot go by a power cut.
 * An incomplete frame at the end is waited for, and may be cut: that is what a crash leaves.
 * A file that is full changes no more. One whose ctime moved is hashed again, soon; all others in
   their turn, slowly. The open one is hashed again while it grows.
 * A full block may go when an entry of the log said so before (``FramesPruned``).
"""

from collections import deque
from collections.abc import Iterator
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import final

import msgspec

from trading_runtime.audit.tamper.entries import Entries
from trading_runtime.audit.tamper.finding import Finding
from trading_runtime.audit.tamper.memory import Kept, Memory
from trading_runtime.audit.tamper.settled import read
from trading_runtime.errors import Misread
from trading_runtime.evidence import frames, layout
from trading_runtime.evidence.layout import BLOCK
from trading_runtime.journal.durable import sync_folder
from trading_runtime.records.merkle import leaf_hash

STATE = "frames"
BELOW = "frames"
CHUNK = 1 << 20
END = -1
"""Stands for the number of a full block's last chunk, which is shorter."""
READ_BYTES = 4 << 20
FOLLOWED_MAX = 32 << 20
"""Bytes of new frames in one round: what a busy log writes in several seconds."""
AGAIN_MAX = 16
"""Chunks hashed again in one round where something moved: a whole block in three or four."""
SLOWLY = 2
"""Chunks hashed again in one round where nothing did."""


class Place(msgspec.Struct):
    """How far the frames were followed.

    ``offset`` is in the file of ``block``; ``tail`` the SHA-256 of the chunk that is not whole yet,
    up to there.
    """

    block: int = 0
    offset: int = 0
    tail: bytes = sha256().digest()


@final
class Frames:
    """Owned by the watch. ``is_behind`` tells that the last round did not come to the end."""

    def __init__(self, log: Path, origin: str, memory: Memory, entries: Entries) -> None:
        self.is_behind = False
        self._log = log
        self._origin = origin
        self._memory = memory
        self._entries = entries
        self._place = memory.state(STATE, Place) or Place()
        self._tail = sha256(self._tail_on_disk())
        self._again: deque[tuple[int, int]] = deque()
        self._next_slow = (0, 0)
        self._is_first = True

    def look(self) -> Iterator[Finding]:
        """Follow what is new, then look at what is old."""
        if self._is_first and self._tail.digest() != self._place.tail:
            # What comes is hashed on from here, so this is seen now or never.
            yield self._locate(self._place.block, self._place.offset // CHUNK)
        yield from self._stand()
        yield from self._follow()
        yield from self._hash_again()
        self._memory.set_state(STATE, self._place)
        self._is_first = False

    def _path(self, block: int) -> Path:
        return layout.frames_path(self._log, block)

    def _tail_on_disk(self) -> bytes:
        """Read the chunk that is not whole yet: what its hash should be stands in the place."""
        begin = self._place.offset // CHUNK * CHUNK
        try:
            return read(self._path(self._place.block), begin, self._place.offset - begin)
        except FileNotFoundError:
            return b""

    def _follow(self) -> Iterator[Finding]:
        budget = FOLLOWED_MAX
        while budget > 0:
            place = self._place
            if self._entries.tree.size == (place.block + 1) * BLOCK:
                self._memory.add_chunk(place.block, END, place.tail)
                self._tail = sha256()
                self._place = place = Place(place.block + 1)
            try:
                data = read(self._path(place.block), place.offset, READ_BYTES)
            except FileNotFoundError:
                break
            taken = 0
            if data:
                try:
                    taken = self._take(data)
                except Misread as fault:
                    yield Finding(
                        "frames", self._name(place.block), "frames as they are written", str(fault)
                    )
            yield from self._entries.findings()
            if not taken:
                break
            budget -= taken
        self.is_behind = budget <= 0

    def _take(self, data: bytes) -> int:
        """Take the whole entries that ``data`` begin with; give how many bytes they were."""
        place = self._place
        begin = 0
        if place.offset == 0:
            sync_folder(self._path(place.block).parent)
            try:
                found, begin = frames.read_header(data)
            except Misread as fault:
                if fault.reason == "header_short":
                    return 0
                raise
            if found != frames.Header(place.block, self._origin):
                raise Misread("header", f"block {found.block} of {found.origin}")
        offsets, _ = frames.scan(data, begin, self._entries.tree.size)
        if len(offsets) == 1:
            return 0
        self._entries.take(
            [data[here + frames.FRAME_HEAD_BYTES : there] for here, there in pairwise(offsets)]
        )
        self._remember(data[: offsets[-1]])
        return offsets[-1]

    def _remember(self, data: bytes) -> None:
        """Hash what was taken, chunk by chunk; keep the file as it is now."""
        place = self._place
        view = memoryview(data)
        while view:
            room = CHUNK - place.offset % CHUNK
            part = view[:room]
            self._tail.update(part)
            place.offset += len(part)
            view = view[room:]
            if place.offset % CHUNK == 0:
                self._memory.add_chunk(place.block, place.offset // CHUNK - 1, self._tail.digest())
                self._tail = sha256()
        place.tail = self._tail.digest()
        status = self._path(place.block).stat()
        name = self._name(place.block)
        # The ctime is left out while it grows: the next round hashes it again.
        self._memory.set_file(Kept(name, status.st_ino, place.offset, 0, ""))

    def _name(self, block: int) -> str:
        return f"{BELOW}/{self._path(block).name}"

    def _stand(self) -> Iterator[Finding]:
        """Compare each file with what it was; have those hashed again that moved."""
        for kept in self._memory.files_after("", BELOW, 1 << 30):
            block = int(Path(kept.path).stem)
            is_full = (block + 1) * BLOCK <= self._entries.tree.size
            try:
                status = self._path(block).stat()
            except FileNotFoundError:
                if is_full and self._entries.is_pruned(block):
                    self._memory.drop_file(kept.path)
                    self._memory.drop_chunks(block)
                else:
                    yield Finding("frames missing", kept.path, f"{kept.bytes} bytes", "no file")
                continue
            if status.st_size < kept.bytes or (is_full and status.st_size > kept.bytes):
                yield Finding(
                    "frames size", kept.path, f"{kept.bytes} bytes", f"{status.st_size} bytes"
                )
            if status.st_ino != kept.inode and not self._is_first:
                yield Finding(
                    "frames replaced", kept.path, f"inode {kept.inode}", f"inode {status.st_ino}"
                )
            if (status.st_ino, status.st_ctime_ns) != (kept.inode, kept.changed_ns):
                self._enqueue(block, kept.bytes)
                changed = kept._replace(inode=status.st_ino, changed_ns=status.st_ctime_ns)
                self._memory.set_file(changed)

    def _enqueue(self, block: int, size: int) -> None:
        waiting = set(self._again)
        chunks = ((block, number) for number in range(-(-size // CHUNK)))
        self._again.extend(it for it in chunks if it not in waiting)

    def _hash_again(self) -> Iterator[Finding]:
        for _ in range(min(AGAIN_MAX, len(self._again))):
            yield from self._hash(*self._again.popleft())
        for _ in range(SLOWLY):
            block, number = self._next_slow
            kept = self._memory.file(self._name(block))
            if kept is None or number * CHUNK >= kept.bytes:
                is_last = block >= self._place.block
                self._next_slow = (self._first_block() if is_last else block + 1, 0)
                continue
            self._next_slow = block, number + 1
            yield from self._hash(block, number)

    def _first_block(self) -> int:
        kept = self._memory.files_after("", BELOW, 1)
        return int(Path(kept[0].path).stem) if kept else 0

    def _hash(self, block: int, number: int) -> Iterator[Finding]:
        kept = self._memory.file(self._name(block))
        if kept is None:
            return
        length = min(CHUNK, kept.bytes - number * CHUNK)
        expected = self._memory.chunk(block, number)
        if expected is None:
            expected = self._end_of(block)
        try:
            data = read(self._path(block), number * CHUNK, length)
        except FileNotFoundError:
            return
        if len(data) == length and sha256(data).digest() != expected:
            yield self._locate(block, number)

    def _end_of(self, block: int) -> bytes | None:
        """Give the hash of a block's last chunk, which is not whole."""
        if block == self._place.block:
            return self._place.tail
        return self._memory.chunk(block, END)

    def _locate(self, block: int, number: int) -> Finding:
        """Name the first entry of the block that is not what it was."""
        where = self._name(block)
        expected = "the bytes that were followed"
        try:
            data = self._path(block).read_bytes()
        except FileNotFoundError:
            return Finding("frames missing", where, expected, "no file")
        try:
            _, begin = frames.read_header(data)
        except Misread as fault:
            return Finding("frames edited", where, expected, str(fault))
        offsets, tail = frames.scan(data, begin, block * BLOCK)
        size = self._entries.tree.size
        for index, (here, there) in enumerate(pairwise(offsets), block * BLOCK):
            found = leaf_hash(data[here + frames.FRAME_HEAD_BYTES : there])
            if index < size and found != self._entries.tree.leaf(index):
                known = self._entries.tree.leaf(index).hex()
                return Finding(
                    "frames edited", where, f"leaf {known}", f"leaf {found.hex()}", index
                )
        if tail is not None and tail.index < size:
            return Finding("frames edited", where, expected, tail.reason, tail.index)
        return Finding("frames edited", where, expected, f"other bytes in chunk {number}")
