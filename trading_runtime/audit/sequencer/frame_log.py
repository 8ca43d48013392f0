"""The frames: the one place where an entry becomes durable, and the order of all entries.

Entries of a turn are appended with one write and one ``fdatasync``; a new block is a new file,
whose name is synced too. After an error nothing more is written by this process: what the failed
call left on disk is for the next start to see (a page whose sync failed once is not dirty any more,
so a second sync would succeed without having written it).
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import final

from trading_runtime.errors import Halt
from trading_runtime.evidence import frames, layout
from trading_runtime.journal.durable import make_folder, sync_folder, write_all


@final
class FrameLog:
    """Owned by the sequencer, after recovery has left whole frames only."""

    def __init__(self, log: Path, origin: str, size: int) -> None:
        """Go on behind entry ``size - 1`` below the folder ``log``."""
        self.size = size
        self._log = log
        self._origin = origin
        self._descriptor: int | None = None
        self._broken = ""

    def append(self, entries: Sequence[bytes]) -> None:
        """Return when ``entries`` are on disk, numbered on from ``size``.

        Raises :exc:`Halt` where the disk does not take them; the log takes none after that.
        """
        if self._broken:
            raise Halt(f"the frames take no more entries since {self._broken}")
        try:
            begin = 0
            while begin < len(entries):
                room = layout.BLOCK - self.size % layout.BLOCK
                part = entries[begin : begin + room]
                self._append_within_block(part)
                begin += len(part)
        except OSError as error:
            self._broken = str(error)
            self.close()
            raise Halt(
                f"{layout.frames_path(self._log, self.size // layout.BLOCK)} cannot be written"
                f" ({error}): nothing was taken in; mend the disk and start again"
            ) from error

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _append_within_block(self, entries: Sequence[bytes]) -> None:
        block, place = divmod(self.size, layout.BLOCK)
        path = layout.frames_path(self._log, block)
        content = frames.frames(self.size, entries)
        if place == 0:
            self.close()
            make_folder(path.parent)
            content = frames.header(block, self._origin) + content
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL
            self._descriptor = os.open(path, flags, 0o644)
        elif self._descriptor is None:
            self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
        write_all(self._descriptor, content)
        os.fdatasync(self._descriptor)
        if place == 0:
            sync_folder(path.parent)
        self.size += len(entries)
