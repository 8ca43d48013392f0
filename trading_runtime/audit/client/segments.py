"""Writing a boot's segments: a batch is on the disk when :meth:`SegmentWriter.append` returns."""

import os
from pathlib import Path

from trading_runtime.audit.streams import wal
from trading_runtime.errors import Fault
from trading_runtime.journal.durable import make_folder, write_all_at, write_file


class NotDurable(Fault):
    """The disk did not take it. It is kept, and tried again before anything else is written."""


class SegmentWriter:
    """Owned by one thread.

    After a failure the file is cut back to what is known to be on the disk, and the same bytes are
    written again: an ``fdatasync`` that failed says nothing about the pages that it was asked for,
    and a second one would say that all is well.
    """

    def __init__(self, folder: Path, producer_id: str, boot: str, bytes_max: int) -> None:
        self._folder = folder
        self._producer_id = producer_id
        self._boot = boot
        self._bytes_max = bytes_max
        self._number = 0
        self._descriptor = -1
        self._size = 0
        """Of the current segment, as far as it is on the disk."""
        self._dirty = False
        """A write failed, and may have left something behind ``_size``."""

    def append(self, frames: bytes, first: int, chain: bytes) -> None:
        """Write ``frames``, of which the first has sequence ``first`` and comes after ``chain``.

        Raises:
            NotDurable: nothing of it counts; come again with the same.
        """
        try:
            self._mend()
            if self._descriptor < 0 or self._size >= self._bytes_max:
                self._open_next(first, chain)
            self._dirty = True
            write_all_at(self._descriptor, frames, self._size)
            os.fdatasync(self._descriptor)
        except OSError as fault:
            raise NotDurable(f"{self._folder}: {fault}") from fault
        self._dirty = False
        self._size += len(frames)

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _mend(self) -> None:
        if self._dirty:
            os.ftruncate(self._descriptor, self._size)
            os.fsync(self._descriptor)
            self._dirty = False

    def _open_next(self, first: int, chain: bytes) -> None:
        header = wal.Header(
            boot=self._boot, chain=chain.hex(), first=first, producer=self._producer_id
        )
        content = wal.header_bytes(header)
        path = self._folder / wal.segment_name(self._number + 1)
        make_folder(self._folder)
        write_file(path, content)
        self.close()
        self._descriptor = os.open(path, os.O_WRONLY)
        self._number += 1
        self._size = len(content)
