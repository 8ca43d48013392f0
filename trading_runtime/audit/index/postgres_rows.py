"""The index in PostgreSQL as a verifier reads it: nothing is written, nothing is believed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import LiteralString

import msgspec
import psycopg

from trading_runtime.errors import Misread
from trading_runtime.evidence.index_row import COLUMNS, IndexRow

ROWS: LiteralString = f"SELECT {COLUMNS} FROM audit.entries WHERE id >= %s AND id < %s ORDER BY id"  # noqa: S608 -- no value in it
END = "SELECT coalesce(max(id) + 1, 0) FROM audit.entries"
ENTITY = "SELECT id FROM audit.entries WHERE entity_id = %s ORDER BY id"
EVENT = "SELECT id FROM audit.entries WHERE event_id = %s"


class PostgresRows(msgspec.Struct, frozen=True):
    """See :class:`~trading_runtime.evidence.verify.hot.Rows`; any role that may SELECT will do."""

    url: str

    def rows(self, first: int, end: int) -> list[IndexRow]:
        with self._opened() as database:
            return [IndexRow._make(row) for row in database.execute(ROWS, (first, end))]

    def end(self) -> int:
        with self._opened() as database:
            found = database.execute(END).fetchone()
            return 0 if found is None else int(str(found[0]))

    def find(self, entity_id: str) -> list[int]:
        with self._opened() as database:
            return [int(str(row[0])) for row in database.execute(ENTITY, (entity_id,))]

    def find_event(self, event_id: str) -> int | None:
        with self._opened() as database:
            found = database.execute(EVENT, (event_id,)).fetchone()
            return None if found is None else int(str(found[0]))

    @contextmanager
    def _opened(self) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
        try:
            with psycopg.connect(self.url, autocommit=True) as database:
                yield database
        except psycopg.Error as fault:
            raise Misread("index", f"PostgreSQL: {fault}") from None
