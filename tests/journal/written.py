"""Records to write in the journal's tests, and sessions made of them."""

import hashlib
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from time import monotonic, sleep

from tests.records.golden.make_golden import Examples
from trading_runtime.journal.settings import JournalSettings
from trading_runtime.journal.writer import JournalWriter
from trading_runtime.records import layout
from trading_runtime.records.envelope import Kind, Record, Stamp, encode_body
from trading_runtime.records.inputs import FrameReceived, StateCarried
from trading_runtime.records.units import Connection, Nanos, Seq

START = 1_763_560_000_000_000_000
HOUR = 3_600_000_000_000
NEVER_SYNCED = JournalSettings(sync_interval_ns=Nanos(10**15), emergency_bytes=8192)
"""The timer never comes: only what a test asks to be synced is."""
DEADLINE_S = 120


def stamp(number: int = 0) -> Stamp:
    return Stamp(Nanos(START + number), Nanos(START - 5 + number))


def frame(number: int, size: int = 100) -> FrameReceived:
    """Give an input of which every byte follows from ``number``."""
    text = hashlib.sha256(str(number).encode()).hexdigest().encode()
    return FrameReceived(connection=Connection(1), frame=(text * (size // 64 + 1))[:size])


def input_record(number: int, size: int = 100) -> Record:
    return Record(Kind.INPUT, Seq(number), stamp(number), encode_body(frame(number, size)))


def checkpoint() -> StateCarried:
    """Give a state of which the journal knows only that it is one."""
    state = Examples().struct(StateCarried)
    assert isinstance(state, StateCarried)
    return state


def open_writer(
    data: Path, session: str = "s1", settings: JournalSettings = NEVER_SYNCED
) -> JournalWriter:
    return JournalWriter.open(data, session, settings)


def append_frames(writer: JournalWriter, numbers: Iterable[int], size: int = 100) -> None:
    for number in numbers:
        assert writer.append(Kind.INPUT, stamp(number), frame(number, size)) == number


def write_session(data: Path, session: str, segments: Iterable[int]) -> Path:
    """Write and close a session; each number is how many frames a segment of it holds."""
    writer = open_writer(data, session)
    first = 1
    for place, many in enumerate(segments):
        if place:
            assert writer.seal(checkpoint(), stamp(first)) == first
            first += 1
        append_frames(writer, range(first, first + many))
        first += many
    writer.close()
    return writer.folder


def crash(writer: JournalWriter, data: Path) -> Path:
    """Give what a kill -9 would leave, with no seal under way, as a session below ``data``."""
    await_until(lambda: len(list(writer.folder.glob("0*.tdj"))) == 1)
    folder = Path(layout.session(data, writer.session))
    shutil.copytree(writer.folder, folder)
    return folder


def frames_of(records: Iterable[Record]) -> list[Record]:
    """Leave checkpoints out, which tests put between frames to seal a segment."""
    return [record for record in records if record.kind is Kind.INPUT]


def await_until(condition: Callable[[], bool]) -> None:
    """Poll for what another thread or process will bring about."""
    deadline = monotonic() + DEADLINE_S
    while not condition():
        assert monotonic() < deadline
        sleep(0.001)
