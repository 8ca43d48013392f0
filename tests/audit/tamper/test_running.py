"""The watch as a process, under another system user than who writes, killed and started again."""

import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.audit.tamper.record import Record
from tests.audit.tamper.test_watch import quietly
from trading_runtime.audit.index.opening import INDEX
from trading_runtime.audit.settings import AuditSettings
from trading_runtime.audit.tamper.watch import METRICS, run
from trading_runtime.clock import Clock
from trading_runtime.errors import Refused
from trading_runtime.journal.diary import Diary
from trading_runtime.journal.folder import find_sessions
from trading_runtime.journal.reader import read_session
from trading_runtime.records import layout
from trading_runtime.records.envelope import decode_body
from trading_runtime.records.observations import AuditTampered
from trading_runtime.records.units import NANOS_PER_MILLI, Nanos

NOBODY = 65_534
WITHIN_S = 120
SETTINGS = AuditSettings(watch_interval_ns=Nanos(20 * NANOS_PER_MILLI))


@pytest.fixture
def record() -> Iterator[Record]:
    """Give a log whose folder any user may read, and only the watch's own any but us may write."""
    data = Path(tempfile.mkdtemp(prefix="tapedeck-watch-"))
    data.chmod(0o755)
    made = Record(data)
    made.add(50)
    made.checkpoint()
    watch = made.audit / "watch"
    watch.mkdir()
    if os.getuid() == 0:
        os.chown(watch, NOBODY, NOBODY)
    yield made
    made.index.close()
    shutil.rmtree(data)


def start(record: Record, session: str) -> int:
    """Fork: another user may not be able to start our interpreter, but can go on in it."""
    process = os.fork()
    if process:
        return process
    try:
        stop = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        if os.getuid() == 0:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        diary = Diary(Path(layout.tamper_watch(record.data)), session, Clock())
        run(record.data, SETTINGS, stop, diary, print)
        diary.close()
        os._exit(0)
    finally:
        os._exit(1)


def metrics(record: Record) -> str:
    path = record.audit / "watch" / METRICS
    return path.read_text() if path.exists() else ""


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def beat(record: Record) -> str:
    """Wait for a round that began after now; give its metrics."""
    for _ in range(2):
        before = metrics(record)
        wait_until(lambda before=before: metrics(record) != before)
    return metrics(record)


def test_what_another_user_sees_is_in_its_own_journal(record: Record) -> None:
    record.index.close()
    process = start(record, "s1")
    try:
        assert "audit_watch_blind_seconds 0.000\n" in beat(record)
        record.index = record.open_index()
        for _ in range(3):
            record.add(30)
            record.index.settle()
            record.checkpoint()
            assert "} 0\n" in beat(record)
            record.index.close()
            assert "audit_watch_blind_seconds 0.000\n" in beat(record)
            record.index = record.open_index()
        quietly("update", "UPDATE entries SET user_id = 'x' WHERE id = 130")(record)
        wait_until(lambda: 'check="index row edited"} 1' in metrics(record))
        os.truncate(record.frames(), record.frames().stat().st_size - 10)
        wait_until(lambda: 'check="frames size"} 1' in metrics(record))
    finally:
        os.kill(process, signal.SIGTERM)
        status = os.waitpid(process, 0)[1]
    assert status == 0
    (folder,) = find_sessions(Path(layout.tamper_watch(record.data)))
    told = [decode_body(found.body) for found in read_session(folder)]
    # It may also see the trigger that was away for a moment.
    assert {(it.check, it.where) for it in told if isinstance(it, AuditTampered)} >= {
        ("index row edited", "entries.user_id"),
        ("frames size", "frames/000000.frames"),
    }
    if os.getuid() == 0:
        assert (record.audit / "watch" / METRICS).stat().st_uid == NOBODY
    assert (record.audit / INDEX).stat().st_uid == os.getuid()


def test_a_watch_that_is_killed_anywhere_goes_on_without_an_alarm(record: Record) -> None:
    for number in range(12):
        process = start(record, f"s{number}")
        record.add(40)
        record.checkpoint()
        time.sleep(0.01 * number)
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
    process = start(record, "last")
    size = len(record.sealing.entries)
    wait_until(lambda: f"audit_watch_entries {size}\n" in metrics(record))
    assert 'audit_tampering_total{check="any"} 0\n' in beat(record)
    os.kill(process, signal.SIGTERM)
    assert os.waitpid(process, 0)[1] == 0


def test_where_there_is_no_log_there_is_nothing_to_watch(tmp_path: Path) -> None:
    diary = Diary(tmp_path / "diary", "s", Clock())
    with pytest.raises(Refused, match="names no log"):
        run(tmp_path, SETTINGS, threading.Event(), diary, print)
    diary.close()
