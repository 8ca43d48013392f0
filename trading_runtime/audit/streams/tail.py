"""Reading a producer's log of submissions from its files, from a sequence on, while it grows.

Both ends read it so: the sequencer where producers share its disk, and each producer itself, to
send what a stream has not taken yet. Nothing is written here, but the disk can be made to hold what
is read.

Rules:
 * A segment is over once the next one has its name; what does not read at its end is damage then.
 * No link is followed: a folder belongs to its producer, and it may point anywhere.
 * After damage nothing more of that boot is read.
"""

import os
import stat
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote

from trading_runtime.audit.streams import wal
from trading_runtime.errors import Misread

_OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
HEADER_ROOM = len(wal.MAGIC) + 8 + wal.HEADER_BYTES_MAX


class BootFolder(NamedTuple):
    """Where the segments of one run of a producer are."""

    path: Path
    producer_id: str
    boot: str


def folder_name(name: str) -> str:
    """Percent-encode a producer id or boot for the name of a folder."""
    quoted = quote(name, safe="")
    if quoted in {"", ".", ".."}:
        raise Misread("misplaced", f"{name!r} cannot name a folder")
    return quoted


def name_of(folder: str) -> str:
    """Give back the producer id or boot that :func:`folder_name` encoded."""
    return unquote(folder)


def producers(root: Path) -> list[str]:
    """List the ids of the producers that have a folder below ``root``, sorted."""
    return _folders(root)


def boots(root: Path, producer_id: str) -> list[BootFolder]:
    """List the boots of a producer that still have a folder, oldest first."""
    folder = root / folder_name(producer_id)
    return [
        BootFolder(folder / quote(name, safe=""), producer_id, name) for name in _folders(folder)
    ]


def _folders(root: Path) -> list[str]:
    try:
        with os.scandir(root) as found:
            names = [entry.name for entry in found if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []
    return sorted(unquote(name) for name in names)


def segments(folder: Path) -> list[int]:
    """List the numbers of the segments in ``folder``, ascending."""
    try:
        names = [path.name for path in folder.iterdir()]
    except FileNotFoundError:
        return []
    stems = (name.removesuffix(wal.SUFFIX) for name in names if name.endswith(wal.SUFFIX))
    return sorted(int(stem) for stem in stems if stem.isdecimal())


def read_segment(boot: BootFolder, number: int) -> tuple[wal.Header, bytes, int]:
    """Read a whole segment: its header, all its bytes, and the offset of its first frame."""
    descriptor = _open(boot.path / wal.segment_name(number))
    try:
        data = _read_from(descriptor, 0)
    finally:
        os.close(descriptor)
    header, start = wal.read_header(data)
    _check_place(boot, header, number)
    return header, data, start


class Tail:
    """The submissions of one boot, from ``expected`` on, in order; owned by one thread."""

    def __init__(self, boot: BootFolder, expected: int) -> None:
        self.boot = boot
        self.expected = expected
        """The sequence of the next submission that is read."""
        self._number = 0
        self._descriptor = -1
        self._offset = 0

    def read(self, *, durably: bool) -> list[wal.Framed]:
        """Give the whole submissions that were added since the last call: a segment's at most.

        With ``durably`` they are on the disk when this returns, whoever wrote them.

        Raises:
            Misread: the files are damaged, miss something or lie in the wrong place.
            OSError: they cannot be read.
        """
        while True:
            # Listed before it is read: a segment whose successor is there gets no more frames.
            numbers = segments(self.boot.path)
            if self._descriptor < 0 and not self._begin(numbers):
                return []
            newer = [number for number in numbers if number > self._number]
            framed = self._read_on(durably=durably, over=bool(newer))
            if framed or not newer:
                return framed
            self._enter(newer[0])

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _begin(self, numbers: list[int]) -> bool:
        """Open the segment that holds ``expected``, going back from the newest."""
        for number in reversed(numbers):
            self._open(number)
            first = self._header(number).first
            if first <= self.expected:
                self._skip(first)
                return True
            self.close()
        if numbers:
            detail = f"the oldest segment of {self.boot.path} begins behind {self.expected}"
            raise Misread("missing", detail)
        return False

    def _skip(self, first: int) -> None:
        """Step over the frames of this segment that come before ``expected``."""
        data = _read_from(self._descriptor, self._offset)
        known = [framed for framed in wal.scan(data, 0, first).frames if framed.seq < self.expected]
        self._offset += sum(wal.FRAME_HEAD + len(framed.envelope) for framed in known)
        # Fewer than asked for when a producer has lost what the log holds already.
        self.expected = first + len(known)

    def _enter(self, number: int) -> None:
        self.close()
        self._open(number)
        first = self._header(number).first
        if first != self.expected:
            detail = f"segment {number} of {self.boot.path} begins at {first}, not {self.expected}"
            raise Misread("missing", detail)

    def _open(self, number: int) -> None:
        self._descriptor = _open(self.boot.path / wal.segment_name(number))
        self._number = number

    def _header(self, number: int) -> wal.Header:
        header, self._offset = wal.read_header(os.pread(self._descriptor, HEADER_ROOM, 0))
        _check_place(self.boot, header, number)
        return header

    def _read_on(self, *, durably: bool, over: bool) -> list[wal.Framed]:
        data = _read_from(self._descriptor, self._offset)
        framed, end = wal.scan(data, 0, self.expected)
        if over and end < len(data):
            raise Misread("damaged", f"{self.boot.path}, segment {self._number} ends in no frame")
        if framed:
            if durably:
                os.fdatasync(self._descriptor)
            self._offset += end
            self.expected = framed[-1].seq + 1
        return framed


def _open(path: Path) -> int:
    descriptor = os.open(path, _OPEN_FLAGS)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Misread("misplaced", f"{path} is no file")
    return descriptor


def _read_from(descriptor: int, offset: int) -> bytes:
    parts = []
    while part := os.pread(descriptor, 1 << 24, offset):
        parts.append(part)
        offset += len(part)
    return b"".join(parts)


def _check_place(boot: BootFolder, header: wal.Header, number: int) -> None:
    if (header.producer, header.boot) != (boot.producer_id, boot.boot):
        detail = f"segment {number} of {boot.path} is of {header.producer}, boot {header.boot}"
        raise Misread("misplaced", detail)


def first_of(boot: BootFolder, number: int) -> int:
    """Give the sequence that a segment begins with, of its header alone."""
    descriptor = _open(boot.path / wal.segment_name(number))
    try:
        header, _ = wal.read_header(os.pread(descriptor, HEADER_ROOM, 0))
    finally:
        os.close(descriptor)
    _check_place(boot, header, number)
    return header.first
