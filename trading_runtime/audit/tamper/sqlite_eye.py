"""The watch's look into an index in SQLite.

Whoever wants to change a row has to drop a trigger first, and SQLite counts each change of a schema
in the file. Who sets that count back, or writes the file without SQLite, is seen by the rows.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import final

from trading_runtime.audit.index.sqlite import SIZE, connect_to_read
from trading_runtime.audit.index.sqlite_schema import STEPS
from trading_runtime.audit.tamper.eye import Blind, Damaged, Sight
from trading_runtime.audit.tamper.finding import Finding
from trading_runtime.audit.tamper.settled import sync_file
from trading_runtime.evidence.index_row import COLUMNS, IndexRow

SCHEMA = "SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_master ORDER BY 1"
TABLES = "SELECT count(*) FROM sqlite_master WHERE name IN ('log', 'entries')"
ROWS = f"SELECT {COLUMNS} FROM entries WHERE id >= ? AND id < ? ORDER BY id"  # noqa: S608 -- no value in it
BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR}
PRIMARY_CODE = 0xFF
"""Of an extended error code, which says it more finely."""
COUNT = "SELECT coalesce(max(id) + 1, 0), count(*) FROM entries"


@final
class SqliteEye:
    """See :class:`~trading_runtime.audit.tamper.eye.Eye`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._wal = path.with_name(f"{path.name}-wal")
        self._db: sqlite3.Connection | None = None
        self._place = ""
        self._version = -1
        self._is_frozen = False
        """Nobody had it open to write, so SQLite takes it to be as it is for good."""
        self._made, self._made_version = made()

    def see(self) -> Sight | None:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self.close()
            return None
        place = f"inode {status.st_ino}"
        if place != self._place or self._is_frozen:
            self.close()
            self._place = place
        with self._blinded():
            if not self._ask(TABLES).fetchone()[0]:
                return None
            row = self._ask("SELECT identity FROM log").fetchone()
            size = int(self._ask(SIZE).fetchone()[0])
            version = int(self._ask("PRAGMA data_version").fetchone()[0])
        self._settle()
        is_stirred = version != self._version
        self._version = version
        return Sight(str(row[0]) if row else "", place, size, is_stirred)

    def count(self) -> tuple[int, int]:
        with self._blinded():
            size, count = self._ask(COUNT).fetchone()
        return int(size), int(count)

    def rows(self, first: int, end: int) -> list[IndexRow]:
        with self._blinded():
            return [IndexRow._make(row) for row in self._ask(ROWS, first, end)]

    def strange(self) -> Iterator[Finding]:
        with self._blinded():
            step = int(self._ask("PRAGMA user_version").fetchone()[0])
            found = dict(self._ask(SCHEMA).fetchall())
            version = int(self._ask("PRAGMA schema_version").fetchone()[0])
        where = self._path.name
        if step != len(STEPS):
            yield Finding("index schema", where, f"step {len(STEPS)}", f"step {step}")
            return
        for name in sorted(self._made.keys() | found.keys()):
            if self._made.get(name) != found.get(name):
                expected = self._made.get(name, "none")
                yield Finding("index schema", f"{where}: {name}", expected, found.get(name, "none"))
        if version != self._made_version:
            expected = f"{self._made_version} changes of the schema"
            yield Finding("index schema", where, expected, f"{version} changes")

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None
            self._version = -1

    def _settle(self) -> None:
        """Bring to disk what was seen, or a power cut would look like somebody's doing.

        SQLite locks the other two files by fcntl, which to close a descriptor undoes; not this one.
        """
        try:
            sync_file(self._wal)
        except FileNotFoundError:
            return

    def _ask(self, text: str, *values: int) -> sqlite3.Cursor:
        if self._db is None:
            self._is_frozen = not self._wal.exists()
            self._db = connect_to_read(self._path)
        return self._db.execute(text, values)

    @contextmanager
    def _blinded(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            is_thawed = self._is_frozen and self._wal.exists()
            if is_thawed or error.sqlite_errorcode & PRIMARY_CODE in BUSY:
                raise Blind(str(error)) from error
            raise Damaged(str(error)) from error


def made() -> tuple[dict[str, str], int]:
    """Give the schema that the steps make, and how often they change it."""
    db = sqlite3.connect(":memory:", isolation_level=None)
    try:
        for step in STEPS:
            db.executescript(f"BEGIN; {step}; COMMIT;")
        version = db.execute("PRAGMA schema_version").fetchone()[0]
        return dict(db.execute(SCHEMA).fetchall()), int(version)
    finally:
        db.close()
