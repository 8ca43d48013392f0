"""The relay submits each audited record once, whenever it is killed."""

import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.audit.relay.relaying import ORIGIN, open_log
from tests.audit.relay.test_projection import ACCEPTED, AT, BTC, PLACED, filled
from trading_runtime.audit.relay.projection import Projection
from trading_runtime.audit.relay.state import Memory
from trading_runtime.errors import Halt
from trading_runtime.evidence.entry import read_submission
from trading_runtime.evidence.notes import SigningKey
from trading_runtime.journal.folder import find_sessions
from trading_runtime.journal.reader import read_session
from trading_runtime.journal.settings import JournalSettings
from trading_runtime.journal.writer import JournalWriter
from trading_runtime.records.envelope import Kind, Stamp
from trading_runtime.records.inputs import InstrumentRevised, TurnEnded

SESSIONS = ("20260101T000000Z-a1", "20260101T000100Z-b2")
ROUNDS = 60
STAMP = Stamp(AT, AT)
COMMAND = (sys.executable, "-m", "tests.audit.relay.relaying")
ROOT = Path(__file__).parents[3]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Write two sessions of orders that are placed, accepted and filled, and a producer's key."""
    (tmp_path / "producer.key").write_text(SigningKey.generate("test/producer").text())
    for session in SESSIONS:
        writer = JournalWriter.open(tmp_path, session, JournalSettings(emergency_bytes=8192))
        writer.append(Kind.INPUT, STAMP, InstrumentRevised(instrument=BTC))
        for _ in range(ROUNDS):
            writer.append(Kind.INPUT, STAMP, TurnEnded())
            for output in (PLACED, ACCEPTED, filled(1, 2), filled(2, 0)):
                writer.append(Kind.OUTPUT, STAMP, output)
        writer.hand_over()
        writer.close()
    return tmp_path


def expected(data: Path) -> list[tuple[str, object, object]]:
    projection = Projection(Memory(), ORIGIN)
    deeds = (
        projection.take(folder.name, record)
        for folder in find_sessions(data)
        for record in read_session(folder)
    )
    return [(it.event_id, it.before_state, it.after_state) for it in deeds if it is not None]


def submitted(data: Path) -> list[tuple[str, object, object]]:
    log = open_log(data)
    entries = [read_submission(content) for content in log.kept()]
    log.close()
    return [
        (it.event_id, it.before_state, it.after_state) for it in entries if it.trace_id is not None
    ]


def kills(seed: int) -> Iterator[tuple[str, ...]]:
    """Give command lines that end in death at a system call, and at last one that does not."""
    rng = random.Random(seed)  # noqa: S311 -- a test that can be repeated
    for _ in range(6):
        call = rng.choice(("write", "fdatasync", "fsync", "rename", "openat"))
        inject = f"inject={call}:signal=KILL:when={rng.randint(1, 60)}"
        yield ("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", inject)
    yield ()


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_any_system_call_it_says_everything_once(data: Path, seed: int) -> None:
    for killer in kills(seed):
        subprocess.run(
            [*killer, *COMMAND, str(data)], cwd=ROOT, check=not killer, capture_output=True
        )
    assert submitted(data) == expected(data)
    assert len(expected(data)) == 2 * ROUNDS * 4


def test_a_damaged_place_is_refused_and_nothing_is_said_twice(data: Path) -> None:
    subprocess.run([*COMMAND, str(data)], cwd=ROOT, check=True)
    place = data / "audit" / "relay" / "place.json"
    place.write_bytes(place.read_bytes()[:-9])
    done = subprocess.run(
        [*COMMAND, str(data)], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert Halt.__name__ in done.stderr
    assert str(place) in done.stderr
    assert submitted(data) == expected(data)
