"""One log file: lines are appended, a torn tail is cut off, a full one is sealed by a rename.

The file is its own record of how far it got: each line names its session and sequence. A file below
``logs/sealed`` is whole and never changes again, so whoever finds it there may take it.
"""

import os
import re
from pathlib import Path
from typing import Literal

import msgspec

from trading_runtime.journal.durable import sync_folder, write_all
from trading_runtime.records import layout
from trading_runtime.records.projection import LogGap, writer
from trading_runtime.records.units import Module, Nanos, Seq
from trading_runtime.scribe.place import Ahead, Place

LINE_END = re.compile(rb'"session":"([^"\\]*)","seq":([0-9]+)\}\n')
GAP_LINE = re.compile(rb'^\{[^\n]*"event":"LogGap"[^\n]*\n', re.MULTILINE)
HOUR_OF_LINE = slice(len('{"ts":"'), len('{"ts":"YYYY-MM-DDTHH'))
PART = re.compile(r"-([0-9]{3,})\.jsonl")


class GapLine(msgspec.Struct, frozen=True):
    """What matters of a gap that stands in the file: lines up to ``last_seq`` are accounted for."""

    session: str
    last_seq: Seq


class Gap(msgspec.Struct):
    """Lines that are being skipped; ``place`` is where their line will stand."""

    place: int
    at: Nanos
    first_seq: Seq
    last_seq: Seq
    count: int


class Stream:
    """Owns the live file of one module. Any :exc:`OSError` leaves it to be opened anew."""

    def __init__(self, data: Path, module: Module, place: Place) -> None:
        """Open the live file, and find what stands in it beyond ``place``."""
        self.module = module
        self.lines: list[bytes] = []
        self.hour = ""
        """The UTC hour of the first line, empty while there is none."""
        self.size = 0
        self.ahead = place.ahead.get(module, Ahead())
        """What stood written beyond the place when the stream was opened."""
        self._gaps: dict[str, Gap] = {}
        self._data = data
        self._path = Path(layout.live_log(data, module))
        self._sealed = Path(layout.sealed_logs(data))
        self._descriptor = self._open()
        self._recover(place)

    def skip(self, session: str, seq: Seq, at: Nanos) -> Literal[True]:
        """Count a line that is not written; where the first of them would stand, a line says so."""
        gap = self._gaps.get(session)
        if gap is None:
            gap = self._gaps[session] = Gap(len(self.lines), at, seq, seq, 0)
            self.lines.append(b"")
        gap.last_seq = seq
        gap.count += 1
        return True

    def flush(self, *, sync: bool) -> None:
        """Append all lines in one write, and bring them to disk."""
        if not self.lines:
            return
        for session, gap in self._gaps.items():
            event = LogGap(first_seq=gap.first_seq, last_seq=gap.last_seq, count=gap.count)
            write = writer(LogGap, self.module, session, {})
            self.lines[gap.place] = write(gap.at, gap.first_seq, event)
        self._gaps.clear()
        if not self.hour:
            self.hour = self.lines[0][HOUR_OF_LINE].decode()
        content = b"".join(self.lines)
        write_all(self._descriptor, content)
        if sync:
            os.fdatasync(self._descriptor)
        self.size += len(content)
        self.lines.clear()

    def seal(self) -> None:
        """Give the live file its sealed name, and begin another."""
        os.fsync(self._descriptor)
        self._path.rename(self._sealed / self._sealed_name())
        sync_folder(self._sealed)
        sync_folder(self._path.parent)
        os.close(self._descriptor)
        self._descriptor = self._open()
        self.hour, self.size = "", 0

    def close(self) -> None:
        os.close(self._descriptor)

    def _open(self) -> int:
        return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)

    def _recover(self, place: Place) -> None:
        content = self._path.read_bytes()
        self.size = content.rfind(b"\n") + 1
        if self.size < len(content):
            os.ftruncate(self._descriptor, self.size)
            os.fdatasync(self._descriptor)
        self.hour = content[: self.size][HOUR_OF_LINE].decode()
        lines = {session.decode(): Seq(int(seq)) for session, seq in LINE_END.findall(content)}
        found = [msgspec.json.decode(line, type=GapLine) for line in GAP_LINE.findall(content)]
        gaps = {gap.session: gap.last_seq for gap in found}
        ahead = Ahead(self.ahead.lines | lines, self.ahead.gaps | gaps)
        self.ahead = ahead.beyond(place.sessions)

    def _sealed_name(self) -> str:
        """Give the next free name of this hour, also counting what has been compressed since."""
        compressed = Path(layout.archived_log(self._data, self.module, self.hour, 1)).parent
        names = [
            name
            for folder in (self._sealed, compressed)
            for name in folder.glob(f"{self.module.value}-{self.hour}-*")
        ]
        parts = [int(found[1]) for name in names if (found := PART.search(name.name))]
        return layout.sealed_log_name(self.module, self.hour, max(parts, default=0) + 1)
