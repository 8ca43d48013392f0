"""Sealed segments of the journals, the day that each began, and who has read how far.

The grammar of segments is ``records.segments``; that of places is ``docs/record-format.md`` and the
docstring of ``journal.place``, which writes them.
"""

import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
import zstandard

from trading_runtime.errors import Misread
from trading_runtime.evidence import layout as evidence_layout
from trading_runtime.records import layout
from trading_runtime.records.segments import Damaged, Seal, read_header, read_records
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos

SCRIBE = "scribe"
AUDIT = "audit"
SLOT_BYTES = 16 * 1024
SLOTS = 2
CRC_DIGITS = 8
HEAD_BYTES = 1 << 16
"""Holds the header and the first record, but for one that carries a large state."""
HEAD_BYTES_MAX = 1 << 28
WHOLE_SESSIONS = 3
"""The newest of each journal: a start may have to go back to one of them."""
LAST_SEGMENTS = 2
"""Of those: the last one may hold no checkpoint."""


class Segment(NamedTuple):
    """A sealed segment whose compressed file is here."""

    path: Path
    seal: Seal

    @property
    def session(self) -> str:
        return self.seal.session

    @property
    def files(self) -> tuple[Path, ...]:
        """Give the segment, its seal, and the torn bytes that recovery kept."""
        folder, number = self.path.parent, self.seal.segment
        torn = folder / f"{number:06d}.torn"
        seal = folder / layout.seal_name(number)
        return (self.path, seal, torn) if torn.exists() else (self.path, seal)


class Turn(msgspec.Struct, frozen=True):
    """One slot of a sink's place."""

    turn: int
    at: dict[str, int]


class Reader(NamedTuple):
    """A sink that follows the journals."""

    name: str
    done: frozenset[str]
    at: dict[str, int]

    def has(self, seal: Seal) -> bool:
        """Whether it is through with the segment."""
        return seal.session in self.done or self.at.get(seal.session, 0) >= seal.last_seq


def segments(data: Path) -> Iterator[Segment]:
    """Give every sealed segment that is here, journal by journal, in order."""
    for journal in map(Path, layout.journals(data)):
        for seal_path in sorted(journal.glob("[!.]*/*.seal.json")):
            seal = read_seal(seal_path)
            path = seal_path.with_name(layout.sealed_name(seal.segment))
            if path.exists():
                yield Segment(path, seal)


def read_seal(path: Path) -> Seal:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Seal)
    except msgspec.DecodeError as problem:
        raise Misread("seal", f"{path}: {problem}") from problem


def day_of(segment: Segment) -> str:
    """Give the UTC day that the segment began, by its first record's wall clock.

    One that has no record, or is damaged, counts to the day that its session is named for.
    """
    at = began(segment)
    if at is None:
        named = segment.session[:8]
        return f"{named[:4]}-{named[4:6]}-{named[6:]}"
    return datetime.fromtimestamp(at // NANOS_PER_SECOND, UTC).strftime("%Y-%m-%d")


def began(segment: Segment) -> Nanos | None:
    """Give the wall time of the segment's first record; null where none can be read."""
    size = HEAD_BYTES
    while size <= HEAD_BYTES_MAX:
        with segment.path.open("rb") as file:
            reader = zstandard.ZstdDecompressor().stream_reader(file)
            try:
                data = reader.read(size)
            except zstandard.ZstdError:
                return None
        try:
            _, end = read_header(data)
            for record, _ in read_records(data, end, zlib.crc32):
                return record.stamp.wall
        except Damaged:
            pass  # perhaps the first record goes on after what was read
        if len(data) < size:
            return None
        size *= 4
    return None


def readers(data: Path) -> list[Reader]:
    """Give all sinks: those that have a place, and those that should have one."""
    folder = Path(layout.offsets(data))
    names = {it.stem for it in folder.glob("*.at")} | {SCRIBE}
    if evidence_layout.trust_path(Path(layout.audit(data))).exists():
        names.add(AUDIT)
    return [read_place(folder, name) for name in sorted(names)]


def read_place(folder: Path, name: str) -> Reader:
    """Read how far a sink is; nowhere where it has no place."""
    done: frozenset[str] = frozenset()
    if (folder / f"{name}.json").exists():
        content = (folder / f"{name}.json").read_bytes()
        done = frozenset(msgspec.json.decode(content, type=dict[str, list[str]])["done"])
    slots = (folder / f"{name}.at").read_bytes() if (folder / f"{name}.at").exists() else b""
    turns = (read_slot(slots[slot * SLOT_BYTES :]) for slot in range(SLOTS))
    return Reader(name, done, max(turns, key=lambda it: it.turn).at)


def read_slot(content: bytes) -> Turn:
    """Read a slot; one that is torn or was never written is turn 0."""
    line = content[:SLOT_BYTES].partition(b"\n")[0]
    text = line[CRC_DIGITS + 1 :]
    if line[:CRC_DIGITS] != b"%08x" % zlib.crc32(text):
        return Turn(turn=0, at={})
    return msgspec.json.decode(text, type=Turn)


def needed_here(data: Path) -> frozenset[Path]:
    """Give the segments that a start of the runtime may read, whatever their age.

    It reads the first records of the newest session that has begun, and its last checkpoint.
    """
    found: set[Path] = set()
    for journal in map(Path, layout.journals(data)):
        sessions = sorted(it for it in journal.glob("[!.]*") if it.is_dir())
        for session in sessions[-WHOLE_SESSIONS:]:
            sealed = sorted(session.glob(f"*{layout.SEALED_SUFFIX}"))
            found |= {*sealed[:1], *sealed[-LAST_SEGMENTS:]}
    return frozenset(found)
