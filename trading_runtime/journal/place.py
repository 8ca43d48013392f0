"""A sink's durable place in the journal: how far it has come in each session.

Two files below ``layout.offsets``. ``<sink>.at`` has two slots that take turns, each one line: the
CRC-32 in hex, a blank and JSON with the turn and the last record done of each session under way.
It is overwritten in place, which takes one small write and no change of a name, because it happens
at every flush of every sink. ``<sink>.json`` names the sessions that are done; it is replaced when
one more is.
"""

import os
import zlib
from pathlib import Path

import msgspec

from trading_runtime.errors import Refused
from trading_runtime.journal.durable import make_folder, sync_folder, write_all_at, write_file
from trading_runtime.records import layout
from trading_runtime.records.units import Seq

SLOT_BYTES = 16 * 1024
"""Room for some four hundred sessions under way at once, where there are a handful."""
SLOTS = 2
CRC_DIGITS = 8


class Turn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    turn: int
    at: dict[str, Seq]


class Place:
    """Owns the two files of one sink; one process at a time has it."""

    def __init__(self, data: Path, sink: str) -> None:
        """Read the sink's place, or begin at the beginning."""
        folder = Path(layout.offsets(data))
        make_folder(folder)
        self._done_path = folder / f"{sink}.json"
        self.done = _read_done(self._done_path)
        self._descriptor = _open_slots(folder / f"{sink}.at")
        self._turn = max(
            (_read_slot(self._descriptor, slot) for slot in range(SLOTS)),
            key=lambda turn: turn.turn,
        )
        self.at = dict(self._turn.at)

    def store(self, at: dict[str, Seq], done: frozenset[str]) -> None:
        """Make the new place durable; raises OSError where the disk refuses."""
        # First what is done: a session in neither file would be read from its start again.
        if done != self.done:
            write_file(self._done_path, msgspec.json.encode({"done": sorted(done)}))
            self.done = done
        if at != self.at:
            self._take_turn(at)

    def close(self) -> None:
        os.close(self._descriptor)

    def _take_turn(self, at: dict[str, Seq]) -> None:
        turn = Turn(turn=self._turn.turn + 1, at=at)
        text = msgspec.json.encode(turn)
        line = b"%08x %b\n" % (zlib.crc32(text), text)
        if len(line) > SLOT_BYTES:
            raise Refused(f"{len(at)} sessions under way are more than a slot holds")
        write_all_at(self._descriptor, line, turn.turn % SLOTS * SLOT_BYTES)
        os.fdatasync(self._descriptor)
        self._turn = turn
        self.at = at


def _read_done(path: Path) -> frozenset[str]:
    if not path.exists():
        return frozenset()
    return frozenset(msgspec.json.decode(path.read_bytes(), type=dict[str, list[str]])["done"])


def _open_slots(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    if os.fstat(descriptor).st_size < SLOTS * SLOT_BYTES:
        write_all_at(descriptor, bytes(SLOTS * SLOT_BYTES), 0)
        os.fsync(descriptor)
        sync_folder(path.parent)
    return descriptor


def _read_slot(descriptor: int, slot: int) -> Turn:
    """Give what stands in a slot; one that was never written, or torn, is turn 0."""
    line = os.pread(descriptor, SLOT_BYTES, slot * SLOT_BYTES).partition(b"\n")[0]
    text = line[CRC_DIGITS + 1 :]
    if line[:CRC_DIGITS] != b"%08x" % zlib.crc32(text):
        return Turn(turn=0, at={})
    return msgspec.json.decode(text, type=Turn)
