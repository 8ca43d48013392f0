"""The index in SQLite: one file, ``index.sqlite``, that the sequencer writes.

A commit is not synced by itself (``synchronous=NORMAL`` with a write-ahead log): the frames are on
disk before, and :meth:`SqliteIndex.settle` syncs the log once before a checkpoint is signed.
"""

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import final
from uuid import uuid4

from trading_runtime.audit.index import search
from trading_runtime.audit.index.index import Head, IndexConflict, Query
from trading_runtime.audit.index.search import (
    Bounds,
    Count,
    Dialect,
    Hashed,
    Headed,
    Known,
    Made,
    Value,
)
from trading_runtime.audit.index.sqlite_schema import STEPS
from trading_runtime.errors import Fault, Halt, Refused
from trading_runtime.evidence.index_row import COLUMNS, IndexRow
from trading_runtime.journal.durable import sync_folder

DIALECT = Dialect(mark="?", like="LIKE")
CACHE_KIB = 65_536
CHECKPOINT_PAGES = 16_384
"""64 MiB of write-ahead log: a page that changes often is written back once in that."""
BUSY_S = 30.0
"""A reader's checkpoint or another's transaction is shorter; a longer wait is a fault."""

TOGETHER = (1000, 100, 10, 1)
"""Rows of one statement: SQLite takes 32,766 values in one."""
VALUES = f", ({', '.join('?' * len(IndexRow._fields))})"
INSERT = f"INSERT INTO entries ({COLUMNS}) VALUES ({', '.join('?' * len(IndexRow._fields))})"  # noqa: S608 -- no value in it
INSERT_SPAN = "INSERT INTO spans (first_id, last_id, earliest, latest) VALUES (?, ?, ?, ?)"
SIZE = "SELECT coalesce(max(id) + 1, 0) FROM entries"
LAST = """
SELECT entity_id, version, current_hash, id FROM entries WHERE id IN (
    SELECT (SELECT id FROM entries WHERE entity_id = asked.value ORDER BY version DESC LIMIT 1)
    FROM json_each(?) AS asked
)
"""
KNOWN = "SELECT event_id, id FROM entries WHERE event_id IN (SELECT value FROM json_each(?))"
HASHES = "SELECT id, current_hash FROM entries WHERE id IN (SELECT value FROM json_each(?))"
ENTITY = "SELECT version, current_hash, id FROM entries WHERE entity_id = ? ORDER BY version"


@final
class SqliteIndex:
    """See :class:`~trading_runtime.audit.index.index.Index`."""

    def __init__(self, path: Path, origin: str, *, only_reads: bool = False) -> None:
        """Open the file for writing; make it, and bring it to the newest step.

        With ``only_reads`` nothing is made or written, and another user may be who opens it.

        Raises:
            Refused: it is of another log, or a newer program made it.
            Halt: it cannot be read.
        """
        self._path = path
        with answered(path):
            self._db = connect_to_read(path) if only_reads else connect(path)
        try:
            with answered(path):
                self._identity = migrate(self._db, path, origin)
        except Fault:
            self._db.close()
            raise
        if not only_reads:
            sync_folder(path.parent)

    def append(self, rows: Sequence[IndexRow]) -> None:
        if not rows:
            return
        db = self._db
        span = (
            rows[0].id,
            rows[-1].id,
            min(it.event_time for it in rows),
            max(it.event_time for it in rows),
        )
        with answered(self._path):
            db.execute("BEGIN IMMEDIATE")
            try:
                insert(db, rows)
                db.execute(INSERT_SPAN, span)
                db.execute("COMMIT")
            except sqlite3.IntegrityError as error:
                db.execute("ROLLBACK")
                raise IndexConflict(
                    f"{self._path} has {self.size()} entries and does not take number {rows[0].id}"
                    f" to {rows[-1].id}: {error}"
                ) from error
            except sqlite3.Error:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    def settle(self) -> None:
        # To close a descriptor of a file undoes SQLite's locks on it; this one it does not lock.
        descriptor = os.open(self._path.with_name(self._path.name + "-wal"), os.O_RDONLY)
        try:
            os.fdatasync(descriptor)
        except OSError as error:
            raise Halt(f"{self._path}: the write-ahead log cannot be synced: {error}") from error
        finally:
            os.close(descriptor)

    def size(self) -> int:
        return self._made(Count, SIZE)[0].number

    def identity(self) -> str:
        return self._identity

    def head(self, entity_id: str) -> Head | None:
        return self.heads([entity_id]).get(entity_id)

    def heads(self, entity_ids: Sequence[str]) -> dict[str, Head]:
        found = self._made(Headed, LAST, (json.dumps(list(entity_ids)),))
        return {it.entity_id: Head(*it[1:]) for it in found}

    def entity(self, entity_id: str) -> list[Head]:
        return self._made(Head, ENTITY, (entity_id,))

    def known(self, event_ids: Sequence[str]) -> dict[str, int]:
        return {
            it.event_id: it.id for it in self._made(Known, KNOWN, (json.dumps(list(event_ids)),))
        }

    def hashes(self, ids: Sequence[int]) -> dict[int, str]:
        return {
            it.id: it.current_hash for it in self._made(Hashed, HASHES, (json.dumps(list(ids)),))
        }

    def search(self, query: Query) -> list[IndexRow]:
        asked = search.bounds(DIALECT, query)
        span = None if asked is None else self._made(Bounds, *asked)[0]
        return self._made(IndexRow, *search.select(DIALECT, query, span))

    def close(self) -> None:
        with answered(self._path):
            self._db.close()

    def _made(self, kind: type[Made], sql: str, values: Sequence[Value] = ()) -> list[Made]:
        with answered(self._path):
            return [kind._make(row) for row in self._db.execute(sql, values)]


@contextmanager
def answered(path: Path) -> Iterator[None]:
    """Turn what SQLite does not do into :exc:`Halt`: no entry may be lost behind it."""
    try:
        yield
    except sqlite3.Error as error:
        raise Halt(f"{path}: {error}") from error


def insert(db: sqlite3.Connection, rows: Sequence[IndexRow]) -> None:
    """Put rows in, many with one statement: while it runs, other threads of the process go on."""
    begin = 0
    for together in TOGETHER:
        statement = f"{INSERT}{VALUES * (together - 1)}"
        while len(rows) - begin >= together:
            part = rows[begin : begin + together]
            db.execute(statement, tuple(chain.from_iterable(part)))
            begin += together


def connect(path: Path) -> sqlite3.Connection:
    """Open for writing, with the triggers in force for this connection's own mistakes too."""
    db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode = wal")
    db.execute("PRAGMA synchronous = normal")
    db.execute("PRAGMA recursive_triggers = on")
    db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    db.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    return db


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Open for reading, as who may not write even beside the file.

    While nobody else has it open the write-ahead log is gone, and a reader who cannot make one has
    to be told that the file does not change.
    """
    wal = path.with_name(path.name + "-wal")
    how = "mode=ro" if wal.exists() or os.access(path.parent, os.W_OK) else "immutable=1"
    db = sqlite3.connect(
        f"{path.absolute().as_uri()}?{how}", uri=True, timeout=BUSY_S, isolation_level=None
    )
    db.execute("PRAGMA query_only = on")
    return db


def migrate(db: sqlite3.Connection, path: Path, origin: str) -> str:
    """Take the steps that are missing, and give the identity; raise :exc:`Refused` as it says."""
    done = int(db.execute("PRAGMA user_version").fetchone()[0])
    if done > len(STEPS):
        raise Refused(f"{path} is of step {done}, and this program knows {len(STEPS)}: update it")
    for number in range(done, len(STEPS)):
        db.executescript(f"BEGIN IMMEDIATE; {STEPS[number]}; PRAGMA user_version = {number + 1};")
        if number == 0:
            db.execute("INSERT INTO log (identity, origin) VALUES (?, ?)", (str(uuid4()), origin))
        db.execute("COMMIT")
    identity, found = db.execute("SELECT identity, origin FROM log").fetchone()
    if found != origin:
        raise Refused(f"{path} is the index of {found}, not of {origin}: move it away")
    return str(identity)
