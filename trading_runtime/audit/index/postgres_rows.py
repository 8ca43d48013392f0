"""The index in PostgreSQL as a verifier reads it: nothing is written, nothing is believed."""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import psycopg

from trading_runtime.errors import Misread
from trading_runtime.evidence.verify.hot import HotRow

ROWS = """
    SELECT id, event_id, entity_id, version, current_hash, event_time, event_type, service_name,
           user_id, canonical
    FROM audit.entries WHERE id >= %s AND id < %s ORDER BY id
"""
ENTITY = "SELECT id FROM audit.entries WHERE entity_id = %s ORDER BY id"
EVENT = "SELECT id FROM audit.entries WHERE event_id = %s"


class PostgresRows(msgspec.Struct, frozen=True):
    """See :class:`~trading_runtime.evidence.verify.hot.Rows`; any role that may SELECT will do."""

    url: str

    def rows(self, first: int, end: int) -> list[HotRow]:
        with self._opened() as database:
            return [HotRow._make(row) for row in database.execute(ROWS, (first, end))]

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
