"""What one witness has cosigned of one log: a history that is only ever appended to.

``<folder>/history/NNNNNN.notes`` holds one record a checkpoint: a line ``<length> <digest before>
<digest>``, then the note with the witness's cosignature, as it was answered. ``digest`` is
SHA-256(digest before ‖ note), in hex in the line, and goes on over all files: each record vouches
for those before it. The newest note stands in ``<folder>/checkpoint`` too.

Rules:
 * A checkpoint is answered once both are on disk, history first. So ``checkpoint`` is the last
   whole record of the history, or after a crash the one before. If it is neither, one of the two
   was damaged, or somebody has put an older one in its place.
 * What stands behind the last whole record was therefore never answered, and is cut off.
 * Whoever brings back an older state of both at once is not seen here, but by the log, whose
   published checkpoint bears a cosignature for more (``audit.witness.asking``).
"""

import hashlib
import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, final

from trading_runtime.errors import Halt
from trading_runtime.journal.durable import make_folder, sync_folder, write_all_at, write_file

NEWEST = "checkpoint"
FOLDER = "history"
SUFFIX = ".notes"
RECORDS_MAX = 65_536
"""Of a file: some 30 MB; a start reads the last two."""
FIRST_DIGEST = bytes(32)
FILES_READ = 2
LINE_BYTES_MAX = 160
"""More than a length and two digests take."""


class Record(NamedTuple):
    """A note as it was answered, the digest that it leaves, and where it stands in its file."""

    note: bytes
    digest: bytes
    start: int
    end: int


def line_of(note: bytes, before: bytes) -> tuple[bytes, bytes]:
    """Give the line that stands before ``note``, and the digest that the two leave."""
    digest = hashlib.sha256(before + note).digest()
    return f"{len(note)} {before.hex()} {digest.hex()}\n".encode(), digest


def read_file(path: Path, digest: bytes | None) -> Iterator[Record]:
    """Give the whole records of a file, up to the first that is not what was written.

    Args:
        path: a file of a history
        digest: what the files before it leave; None where they are not read
    """
    content = path.read_bytes()
    at = 0
    while (newline := content.find(b"\n", at, at + LINE_BYTES_MAX)) >= 0:
        line = content[at : newline + 1]
        words = line.split()
        if len(words) != len(Record._fields) - 1 or not words[0].isdigit():
            return
        if digest is None:
            digest = _unhex(words[1])
        end = newline + 1 + int(words[0])
        note = content[newline + 1 : end]
        written, after = line_of(note, digest)
        if end > len(content) or line != written:
            return
        yield Record(note, after, at, end)
        at, digest = end, after


def _unhex(word: bytes) -> bytes:
    try:
        return bytes.fromhex(word.decode("ascii"))
    except ValueError:
        return b""


@final
class History:
    """Of one log. Owned by one thread; only one process has the folder open (``journal.alone``)."""

    def __init__(self, folder: Path) -> None:
        """Open it, or begin it in a folder that is empty or not there.

        Raises:
            Halt: the files contradict one another: this witness has lost what it knew.
        """
        self._folder = folder
        self._files = folder / FOLDER
        make_folder(self._files)
        self._number = self._count = self._end = 0
        """The file that is written, how many records are in it, and where they end."""
        self._last: deque[Record] = deque(maxlen=2)
        self._digest = FIRST_DIGEST
        self._read()
        self._compare()
        self._file = self._open()
        self._settle()

    @property
    def newest(self) -> bytes | None:
        """The note that was cosigned last, None before the first."""
        return self._last[-1].note if self._last else None

    def append(self, note: bytes) -> None:
        """Remember ``note``; it is on disk when this returns.

        Raises:
            OSError: nobody knows what is on disk: nothing may be answered any more.
        """
        if self._count == RECORDS_MAX:
            os.close(self._file)
            self._number += 1
            self._count = self._end = 0
            self._file = self._open()
        line, digest = line_of(note, self._digest)
        write_all_at(self._file, line + note, self._end)
        os.fdatasync(self._file)
        write_file(self._folder / NEWEST, note)
        self._add(Record(note, digest, self._end, self._end + len(line) + len(note)))

    def close(self) -> None:
        os.close(self._file)

    def _open(self) -> int:
        file = os.open(_path(self._files, self._number), os.O_RDWR | os.O_CREAT, 0o644)
        sync_folder(self._files)
        return file

    def _add(self, record: Record) -> None:
        self._last.append(record)
        self._digest = record.digest
        self._end = record.end
        self._count += 1

    def _read(self) -> None:
        """Read the last two files: the second may be empty, the first has the record before."""
        names = sorted(path.name for path in self._files.iterdir())
        files = [_path(self._files, number) for number in range(len(names))]
        if names != [path.name for path in files]:
            raise Halt(f"the files of {self._files} are not numbered without a hole")
        digest = FIRST_DIGEST if len(files) <= FILES_READ else None
        for number, path in list(enumerate(files))[-FILES_READ:]:
            self._number, self._count, self._end = number, 0, 0
            for record in read_file(path, digest):
                self._add(record)
            digest = self._digest
            if number < len(files) - 1 and self._count != RECORDS_MAX:
                raise Halt(f"{path} is damaged at byte {self._end}, and is not the newest file")

    def _compare(self) -> None:
        """Refuse where the history and ``checkpoint`` cannot both be ours."""
        path = self._folder / NEWEST
        newest = path.read_bytes() if path.exists() else None
        possible = [record.note for record in self._last]
        if newest is None and self._number == 0 and self._count <= 1:
            return
        if newest not in possible:
            raise Halt(
                f"{path} and the end of {self._files} do not belong together: one of them is"
                " damaged, or an older one was put in its place; bring back the newer state of"
                " both, or begin this witness anew, in an empty folder and under a new key"
            )

    def _settle(self) -> None:
        """Cut off what was never answered, and bring the last record to disk once more.

        If a sync failed and we were started again, its pages may count as clean though they never
        reached the disk; those before it were synced well, or we would have ended then.
        """
        if self._count:
            start, end = self._last[-1].start, self._last[-1].end
            write_all_at(self._file, os.pread(self._file, end - start, start), start)
        os.ftruncate(self._file, self._end)
        os.fsync(self._file)
        if self.newest is not None:
            write_file(self._folder / NEWEST, self.newest)


def _path(files: Path, number: int) -> Path:
    return files / f"{number:06d}{SUFFIX}"
