"""What SQLite refuses, whoever asks it, and what it keeps."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.audit.index.entries import ORIGIN, Sealing, rows
from trading_runtime.audit.index.opening import INDEX, open_index
from trading_runtime.audit.index.sqlite import connect_to_read
from trading_runtime.errors import Refused

FORGED = "INSERT OR REPLACE INTO entries SELECT {} FROM entries WHERE id = 1"
COLUMNS = "version, current_hash, event_time, event_type, service_name, user_id"
FORGERIES = {
    "update": "UPDATE entries SET user_id = 'x' WHERE id = 1",
    "update of the key": "UPDATE OR REPLACE entries SET id = 2 WHERE id = 1",
    "delete": "DELETE FROM entries WHERE id = 1",
    "truncate": "DELETE FROM entries",
    "replace": FORGED.format(f"1, event_id, entity_id, {COLUMNS}, 'x'"),
    "replace by event": FORGED.format(f"4, event_id, 'other', {COLUMNS}, 'x'"),
    "replace by version": FORGED.format(f"4, 'other', entity_id, {COLUMNS}, 'x'"),
    "upsert": FORGED.format(f"1, event_id, entity_id, {COLUMNS}, 'x'").replace("OR REPLACE", "")
    + " ON CONFLICT (id) DO UPDATE SET canonical = 'x'",
    "a chosen place": FORGED.format(f"9, 'other', 'other', {COLUMNS}, 'x'"),
    "a head": "DELETE FROM heads",
    "the view": "UPDATE audit_log SET role = 'x'",
    "another identity": "UPDATE log SET identity = 'x'",
    "a second identity": "INSERT OR REPLACE INTO log VALUES ('x', 'y')",
    "spans": "DELETE FROM spans",
    "replaced spans": "REPLACE INTO spans VALUES (0, 3, '', '')",
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give a closed index of four entries."""
    index = open_index(tmp_path, "", ORIGIN)
    index.append(rows(Sealing().many(4)))
    index.close()
    return tmp_path / INDEX


@pytest.fixture
def stranger(file: Path) -> Iterator[sqlite3.Connection]:
    """Give a connection that asks for none of our pragmas."""
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        yield db


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES)
def test_nobody_changes_a_row(stranger: sqlite3.Connection, forgery: str) -> None:
    before = list(stranger.iterdump())
    with pytest.raises(sqlite3.Error, match=r"append-only|is a view"):
        stranger.execute(forgery)
    assert list(stranger.iterdump()) == before


def test_what_a_newer_program_made_is_refused(file: Path, stranger: sqlite3.Connection) -> None:
    stranger.execute("PRAGMA user_version = 99")
    with pytest.raises(Refused, match="step 99"):
        open_index(file.parent, "", ORIGIN)


def test_whoever_may_only_read_reads_while_it_is_written_and_when_it_is_closed(file: Path) -> None:
    with closing(connect_to_read(file)) as db:
        assert db.execute("SELECT count(*) FROM entries").fetchone() == (4,)
        with pytest.raises(sqlite3.OperationalError):
            db.execute("CREATE TABLE x (y)")
    log = Sealing()
    log.many(8)
    index = open_index(file.parent, "", ORIGIN)
    index.append(rows(log.entries[4:], 4))
    with closing(connect_to_read(file)) as db:
        assert db.execute("SELECT count(*) FROM entries").fetchone() == (8,)
    index.close()


WRITING = """
import os, signal, sys
from pathlib import Path
from tests.audit.index.entries import ORIGIN, Sealing, rows
from trading_runtime.audit.index.opening import open_index
index = open_index(Path(sys.argv[1]), "", ORIGIN)
made = rows(Sealing().many(30))
for at in range(0, 30, 10):
    index.append(made[at:at + 10])
    index.settle()
index._db.execute("BEGIN IMMEDIATE")
index._db.execute("INSERT INTO spans VALUES (30, 39, '', '')")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_appended_survives_a_kill_and_what_was_not_does_not(tmp_path: Path) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", WRITING, str(tmp_path)], cwd=Path(__file__).parents[3], check=False
    )
    assert killed.returncode == -9
    index = open_index(tmp_path, "", ORIGIN)
    assert index.size() == 30
    index.append(rows(Sealing().many(31))[30:])
    index.close()
