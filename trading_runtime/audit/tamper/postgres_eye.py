"""The watch's look into an index in PostgreSQL, as a role that may only SELECT.

The catalogue says of every trigger, function, owner and grant what it is and which transaction made
it so, and the statistics count updates and deletes; so a trigger that was off between two looks is
seen, and so is what was done meanwhile.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import LiteralString, final

import psycopg

from trading_runtime.audit.index.postgres import SIZE, Connection, connect
from trading_runtime.audit.index.postgres_schema import GUARDED
from trading_runtime.audit.tamper.eye import Blind, Damaged, Sight
from trading_runtime.audit.tamper.finding import Finding
from trading_runtime.audit.tamper.memory import Memory
from trading_runtime.evidence.index_row import COLUMNS, IndexRow

STATE = "postgres"
PLACE: LiteralString = """
SELECT system_identifier::text || ' ' || oid::text FROM pg_control_system(), pg_database
WHERE datname = current_database()
"""
CHANGES: LiteralString = """
SELECT relname, n_tup_upd + n_tup_del FROM pg_stat_all_tables
WHERE schemaname = 'audit' ORDER BY 1
"""
FILES: LiteralString = """
SELECT string_agg(relname || ' ' || relfilenode, ', ' ORDER BY relname) FROM pg_class
WHERE relnamespace = to_regnamespace('audit') AND relkind = 'r'
"""
TRIGGERS: LiteralString = """
SELECT relname || '.' || tgname, concat_ws(' ', tgenabled, tgtype, proname) FROM pg_trigger
JOIN pg_class ON pg_class.oid = tgrelid JOIN pg_proc ON pg_proc.oid = tgfoid
WHERE relnamespace = to_regnamespace('audit') AND NOT tgisinternal
"""
CATALOGUE: LiteralString = """
SELECT 'trigger ' || tgname, concat(pg_trigger.xmin, pg_get_triggerdef(pg_trigger.oid))
FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
WHERE relnamespace = to_regnamespace('audit') AND NOT tgisinternal
UNION ALL
SELECT 'function ' || proname, concat(xmin, proowner, proconfig, md5(prosrc)) FROM pg_proc
WHERE pronamespace = to_regnamespace('audit')
UNION ALL
SELECT 'relation ' || relname, concat(relkind, relowner, relacl, relrowsecurity, relhasrules)
FROM pg_class WHERE relnamespace = to_regnamespace('audit')
UNION ALL
SELECT 'view ' || viewname, md5(definition) FROM pg_views WHERE schemaname = 'audit'
UNION ALL
SELECT 'rule ' || rulename, md5(definition) FROM pg_rules WHERE schemaname = 'audit'
UNION ALL
SELECT 'constraint ' || conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = to_regnamespace('audit')
UNION ALL
SELECT 'column ' || relname || '.' || attname, concat(atttypid, attnotnull) FROM pg_attribute
JOIN pg_class ON pg_class.oid = attrelid
WHERE relnamespace = to_regnamespace('audit') AND relkind = 'r' AND attnum > 0
"""
ROWS: LiteralString = f"SELECT {COLUMNS} FROM entries WHERE id >= %s AND id < %s ORDER BY id"  # noqa: S608 -- no value in it
COUNT: LiteralString = "SELECT coalesce(max(id) + 1, 0), count(*) FROM entries"
GUARD = "A 58 refuse"
"""Always; before UPDATE, DELETE and TRUNCATE, once a statement (bits of ``pg_trigger.tgtype``)."""
CONTINUES = "A 4 continues"


@final
class PostgresEye:
    """See :class:`~trading_runtime.audit.tamper.eye.Eye`."""

    def __init__(self, url: str, memory: Memory) -> None:
        self._url = url
        self._memory = memory
        self._db: Connection | None = None
        self._files = ""
        self._changes: dict[str, int] = {}

    def see(self) -> Sight | None:
        with self._blinded():
            if self._ask("SELECT to_regclass('audit.entries')") == [(None,)]:
                return None
            place = str(self._ask(PLACE)[0][0])
            identity = self._ask("SELECT identity FROM log")
            files = str(self._ask(FILES)[0][0])
            size = self._ask(SIZE)[0][0]
        is_stirred = files != self._files
        self._files = files
        return Sight(str(identity[0][0]) if identity else "", place, int(str(size)), is_stirred)

    def count(self) -> tuple[int, int]:
        with self._blinded():
            size, count = self._ask(COUNT)[0]
        return int(str(size)), int(str(count))

    def rows(self, first: int, end: int) -> list[IndexRow]:
        with self._blinded():
            return [IndexRow._make(row) for row in self._connection().execute(ROWS, (first, end))]

    def strange(self) -> Iterator[Finding]:
        with self._blinded():
            triggers = {str(name): str(what) for name, what in self._ask(TRIGGERS)}
            changes = {str(name): int(str(count)) for name, count in self._ask(CHANGES)}
            catalogue = {str(name): str(what) for name, what in self._ask(CATALOGUE)}
            identity = [str(value) for row in self._ask("SELECT * FROM log") for value in row]
            identity += [
                str(value) for row in self._ask("SELECT max(number) FROM steps") for value in row
            ]
        made = {f"{name}.{name}_guard": GUARD for name in GUARDED}
        yield from differences(
            "index trigger", made | {"entries.entries_continue": CONTINUES}, triggers
        )
        yield from self._changed(changes)
        key = f"{STATE} {' '.join(identity)}"
        known = self._memory.state(key, dict[str, str])
        if known is None:
            self._memory.set_state(key, catalogue)
        else:
            yield from differences("index schema", known, catalogue)

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def _changed(self, changes: dict[str, int]) -> Iterator[Finding]:
        """Look at the count of updates and deletes; it begins anew after a crash of the server."""
        known = self._memory.state(f"{STATE} changes", dict[str, int]) or {}
        for name, count in changes.items():
            if count > known.get(name, 0):
                done = f"{count} rows updated or deleted"
                yield Finding("index changed", f"audit.{name}", f"{known.get(name, 0)}", done)
        self._memory.set_state(f"{STATE} changes", changes)

    def _connection(self) -> Connection:
        if self._db is None:
            self._db = connect(self._url)
        return self._db

    def _ask(self, text: LiteralString) -> list[tuple[object, ...]]:
        return self._connection().execute(text).fetchall()

    @contextmanager
    def _blinded(self) -> Iterator[None]:
        try:
            yield
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            self.close()
            raise Blind(str(error)) from error
        except psycopg.Error as error:
            self.close()
            raise Damaged(str(error)) from error


def differences(check: str, expected: dict[str, str], found: dict[str, str]) -> Iterator[Finding]:
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            yield Finding(check, name, expected.get(name, "none"), found.get(name, "none"))
