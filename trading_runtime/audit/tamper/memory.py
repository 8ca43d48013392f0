"""What the watch remembers, in a database of its own that nobody else may write.

One transaction is one round of looking: a watch that is killed has looked again from where the last
whole round ended. Other principals read it (:mod:`~trading_runtime.audit.tamper.agreement`).
"""

import sqlite3
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, TypeVar, final

import msgspec

from trading_runtime.audit.index.index import Head
from trading_runtime.audit.tamper.finding import Finding
from trading_runtime.errors import Refused
from trading_runtime.journal.durable import make_folder

FILE = "watch.sqlite"
STEP = 1
TABLES = f"""
BEGIN IMMEDIATE;
CREATE TABLE state (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
CREATE TABLE heads (
    entity_id TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    current_hash TEXT NOT NULL,
    id INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE tiles (
    level INTEGER NOT NULL,
    number INTEGER NOT NULL,
    hashes BLOB NOT NULL,
    PRIMARY KEY (level, number)
) STRICT;
CREATE TABLE chunks (
    block INTEGER NOT NULL,
    number INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    PRIMARY KEY (block, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE files (
    path TEXT PRIMARY KEY,
    inode INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    changed_ns INTEGER NOT NULL,
    sha256 TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE alarms (
    check_name TEXT NOT NULL,
    place TEXT NOT NULL,
    entry INTEGER NOT NULL,
    expected TEXT NOT NULL,
    found TEXT NOT NULL,
    raised_ns INTEGER NOT NULL,
    PRIMARY KEY (check_name, place, entry)
) STRICT, WITHOUT ROWID;
PRAGMA user_version = {STEP};
COMMIT;
"""
ALARMS_OF_ONE_PLACE_MAX = 16
"""Whoever rewrites a table breaks every row of it: a few of them say where."""

ORIGIN = "origin"
BEHIND_SLASH = chr(ord("/") + 1)

State = TypeVar("State")


class Kept(NamedTuple):
    """A file as it was: ``changed_ns`` is its ctime, which no call sets back."""

    path: str
    inode: int
    bytes: int
    changed_ns: int
    sha256: str


@final
class Memory:
    """Owned by the watch; every write waits for :meth:`commit`."""

    def __init__(self, folder: Path, origin: str) -> None:
        """Open, or begin to remember. Raises :exc:`Refused` where a newer program did.

        What was remembered of another log, before a fork, is kept beside it: ``before`` is its
        origin, else empty.
        """
        make_folder(folder)
        self.before = ""
        known = self._open(folder)
        if known not in {None, origin}:
            self.before = str(known)
            self.close()
            name = sha256(self.before.encode()).hexdigest()[:16]
            (folder / FILE).rename(folder / f"{name}.sqlite")
            self._open(folder)
        self.set_state(ORIGIN, origin)

    def _open(self, folder: Path) -> str | None:
        self._db = sqlite3.connect(folder / FILE, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = wal")
        self._db.execute("PRAGMA synchronous = full")
        step = self._db.execute("PRAGMA user_version").fetchone()[0]
        if step > STEP:
            self._db.close()
            raise Refused(
                f"{folder / FILE} is of step {step}, this program knows {STEP}: update it"
            )
        if step < STEP:
            self._db.executescript(TABLES)
        self._db.execute("BEGIN IMMEDIATE")
        return self.state(ORIGIN, str)

    def commit(self) -> None:
        self._db.execute("COMMIT")
        self._db.execute("BEGIN IMMEDIATE")

    def close(self) -> None:
        self._db.close()

    def state(self, name: str, kind: type[State]) -> State | None:
        found = self._db.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()
        return None if found is None else msgspec.json.decode(found[0], type=kind)

    def set_state(self, name: str, value: object) -> None:
        data = msgspec.json.encode(value)
        self._db.execute("REPLACE INTO state VALUES (?, ?)", (name, data))

    def head(self, entity_id: str) -> Head | None:
        found = self._db.execute(
            "SELECT version, current_hash, id FROM heads WHERE entity_id = ?", (entity_id,)
        ).fetchone()
        return None if found is None else Head(*found)

    def set_heads(self, heads: Mapping[str, Head]) -> None:
        rows = ((entity_id, *head) for entity_id, head in heads.items())
        self._db.executemany("REPLACE INTO heads VALUES (?, ?, ?, ?)", rows)

    def tile(self, level: int, number: int) -> bytes | None:
        found = self._db.execute(
            "SELECT hashes FROM tiles WHERE level = ? AND number = ?", (level, number)
        ).fetchone()
        return None if found is None else bytes(found[0])

    def add_tile(self, level: int, number: int, hashes: bytes) -> None:
        self._db.execute("INSERT INTO tiles VALUES (?, ?, ?)", (level, number, hashes))

    def chunk(self, block: int, number: int) -> bytes | None:
        found = self._db.execute(
            "SELECT sha256 FROM chunks WHERE block = ? AND number = ?", (block, number)
        ).fetchone()
        return None if found is None else bytes(found[0])

    def add_chunk(self, block: int, number: int, sha256: bytes) -> None:
        self._db.execute("INSERT INTO chunks VALUES (?, ?, ?)", (block, number, sha256))

    def drop_chunks(self, block: int) -> None:
        self._db.execute("DELETE FROM chunks WHERE block = ?", (block,))

    def file(self, path: str) -> Kept | None:
        found = self._db.execute("SELECT * FROM files WHERE path = ?", (path,)).fetchone()
        return None if found is None else Kept(*found)

    def files_after(self, path: str, below: str, count: int) -> list[Kept]:
        """Give the next files below the folder ``below``, in the order of their paths."""
        found = self._db.execute(
            "SELECT * FROM files WHERE path > ? AND path < ? ORDER BY path LIMIT ?",
            (path or f"{below}/", f"{below}{BEHIND_SLASH}", count),
        )
        return [Kept(*row) for row in found]

    def set_file(self, kept: Kept) -> None:
        self._db.execute("REPLACE INTO files VALUES (?, ?, ?, ?, ?)", kept)

    def drop_file(self, path: str) -> None:
        self._db.execute("DELETE FROM files WHERE path = ?", (path,))

    def add_alarms(self, findings: Iterable[Finding], now: int) -> list[Finding]:
        """Keep those that are new, and give them."""
        return [finding for finding in findings if self._is_new_alarm(finding, now)]

    def alarms(self) -> dict[str, int]:
        """Count the alarms by their check."""
        found = self._db.execute("SELECT check_name, count(*) FROM alarms GROUP BY 1 ORDER BY 1")
        return dict(found.fetchall())

    def _is_new_alarm(self, finding: Finding, now: int) -> bool:
        place = (finding.check, finding.where)
        known = self._db.execute(
            "SELECT count(*), coalesce(sum(entry = ?), 0) FROM alarms"
            " WHERE check_name = ? AND place = ?",
            (finding.index, *place),
        ).fetchone()
        if known[1] or known[0] >= ALARMS_OF_ONE_PLACE_MAX:
            return False
        row = (*place, finding.index, finding.expected, finding.found, now)
        self._db.execute("INSERT INTO alarms VALUES (?, ?, ?, ?, ?, ?)", row)
        return True
