"""The index database against the log. It is no evidence, but it is what people search.

A row follows from an entry; one that does not was changed by somebody, and one that is not there
was taken away. Rows behind the newest checkpoint may still be on their way.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import msgspec

from trading_runtime.errors import Misread
from trading_runtime.evidence.index_row import COLUMNS, IndexRow, row_of
from trading_runtime.evidence.verify.checks import Check
from trading_runtime.evidence.verify.findings import Finding
from trading_runtime.evidence.verify.rows import Row

_ROWS = f"SELECT {COLUMNS} FROM entries WHERE id >= ? AND id < ? ORDER BY id"  # noqa: S608 -- no value in it
_END = "SELECT coalesce(max(id) + 1, 0) FROM entries"
_ENTITY = "SELECT id FROM entries WHERE entity_id = ? ORDER BY id"
_EVENT = "SELECT id FROM entries WHERE event_id = ?"
INDEX_MAX = 2**62


class Rows(Protocol):
    """The index of a log, opened anew by each call: it is sent to other processes.

    Raises :exc:`Misread` (``index``) where the database does not answer.
    """

    def rows(self, first: int, end: int) -> list[IndexRow]:
        """Give the rows ``first`` ≤ id < ``end``, sorted by id."""
        ...

    def end(self) -> int:
        """Give the id behind that of the last row."""
        ...

    def find(self, entity_id: str) -> list[int]:
        """Give the indices that it knows for an entity, sorted: a hint, and no more."""
        ...

    def find_event(self, event_id: str) -> int | None:
        """Give the index that it knows for an event: a hint, and no more."""
        ...


class SqliteRows(msgspec.Struct, frozen=True):
    """The index in its SQLite file, opened for reading only."""

    path: str

    def rows(self, first: int, end: int) -> list[IndexRow]:
        with self._opened() as database:
            return [IndexRow(*row) for row in database.execute(_ROWS, (first, end))]

    def end(self) -> int:
        with self._opened() as database:
            return int(database.execute(_END).fetchone()[0])

    def find(self, entity_id: str) -> list[int]:
        with self._opened() as database:
            return [row[0] for row in database.execute(_ENTITY, (entity_id,))]

    def find_event(self, event_id: str) -> int | None:
        with self._opened() as database:
            return next((row[0] for row in database.execute(_EVENT, (event_id,))), None)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        address = f"{Path(self.path).absolute().as_uri()}?mode=ro"
        try:
            with closing(sqlite3.connect(address, uri=True)) as database:
                yield database
        except sqlite3.Error as fault:
            raise Misread("index", f"{self.path}: {fault}") from None


def compare(
    index: Rows, entries: Sequence[bytes], rows: Sequence[Row | None], first: int, needed: int
) -> Iterator[Finding]:
    """Compare the index with entries from ``first`` on; rows below ``needed`` must be there."""
    try:
        found = index.rows(first, first + len(entries))
    except Misread as misread:
        yield Finding(check=Check.UNREADABLE, said=str(misread))
        return
    held = {row.id: row for row in found}
    for place, (entry, row) in enumerate(zip(entries, rows, strict=True), first):
        wanted = hot_row(place, entry, row)
        there = held.get(place)
        if there == wanted or (there is None and place >= needed):
            continue
        if there is None:
            yield _missing(wanted)
        elif row is not None:
            yield _differs(there, wanted)


def hot_row(index: int, entry: bytes, row: Row | None) -> IndexRow:
    """Give the row that follows from an entry."""
    hashed = sha256(entry).hexdigest()
    canonical = entry.decode(errors="replace")
    if row is None:
        return IndexRow(index, "", "", 0, hashed, "", "", "", None, canonical)
    return row_of(index, row, row.version, hashed, canonical)


def _missing(wanted: IndexRow) -> Finding:
    return Finding(
        check=Check.INDEX_MISSING,
        said="the index has no row for the entry",
        index=wanted.id,
        entity=wanted.entity_id or None,
        version=wanted.version or None,
        expected=wanted.current_hash,
    )


def _differs(there: IndexRow, wanted: IndexRow) -> Finding:
    pairs = zip(IndexRow._fields, there, wanted, strict=True)
    changed = [(name, mine, right) for name, mine, right in pairs if mine != right]
    return Finding(
        check=Check.INDEX_ROW,
        said=f"the index has something else in {', '.join(name for name, _, _ in changed)}",
        index=wanted.id,
        entity=wanted.entity_id,
        version=wanted.version,
        expected=str(changed[0][2]),
        found=str(changed[0][1]),
    )


def end_of(index: Rows) -> int:
    """Give the id behind the last row as of now: before the entries are read, which go on.

    An entry is in the frames before its row is in the index, so each row up to there has one.
    """
    try:
        return index.end()
    except Misread:
        return INDEX_MAX  # and it is told when the rows are looked at


def beyond(index: Rows, size: int, end: int) -> Iterator[Finding]:
    """Find rows of the index before the first and behind the last of ``size`` entries.

    ``end`` is what :func:`end_of` gave before the entries were read.
    """
    try:
        rows = [*index.rows(-INDEX_MAX, 0), *index.rows(size, end)]
    except Misread as misread:
        yield Finding(check=Check.UNREADABLE, said=str(misread))
        return
    for row in rows:
        yield Finding(
            check=Check.INDEX_EXTRA,
            said="the index has a row, and the log no entry",
            index=row.id,
            entity=row.entity_id,
            version=row.version,
            found=row.current_hash,
        )
