"""A PostgreSQL database by ``pg_dump``, restored into a database of its own and compared.

The dump and the digests are of one snapshot that a transaction here exports, so that writers go on.
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import msgspec
import psycopg
from psycopg import sql

from data_platform.assets.maintenance.sqlite import Unrestorable
from trading_runtime.store import durable

PROGRAMS = ("pg_dump", "pg_restore")
TABLES = """
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg_toast%'
    ORDER BY 1, 2
"""
# The sum does not ask for an order of the rows, so that no table is sorted.
DIGEST = (
    "SELECT count(*), coalesce(sum(('x' || substr(md5(t::text), 1, 15))::bit(60)::bigint), 0)::text"
    " FROM {}.{} t"
)


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rows: int
    digest: str


class Dumped(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``restored`` is false where the role may create no database; ``why`` says so then."""

    database: str
    file: str
    sha256: str
    size: int
    tables: dict[str, Table]
    restored: bool
    why: str


class Place(NamedTuple):
    """A database's address without a password, which goes by the environment of libpq."""

    url: str

    @property
    def name(self) -> str:
        return urlsplit(self.url).path.lstrip("/")

    def of(self, name: str) -> str:
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))


def run(*words: str | Path) -> None:
    """Run a program of PostgreSQL; its last words are the error."""
    done = subprocess.run(  # noqa: S603 -- words of our own, no shell
        words, capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no word"]
        raise Unrestorable(f"{Path(words[0]).name}: {last[0]}")


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise Unrestorable(f"there is no {name} on this machine")
    return found


def tables(opened: "psycopg.Connection[tuple[object, ...]]") -> dict[str, Table]:
    """Count and digest every table, whatever the order of its rows."""
    found = {}
    for schema, name in opened.execute(TABLES).fetchall():
        query = sql.SQL(DIGEST).format(sql.Identifier(str(schema)), sql.Identifier(str(name)))
        row = opened.execute(query).fetchone()
        if row is not None:
            found[f"{schema}.{name}"] = Table(int(str(row[0])), str(row[1]))
    return found


def dump(url: str, file: Path) -> dict[str, Table]:
    """Dump the database; give what the dump has to hold."""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = durable.temporary(file)
    with psycopg.connect(url) as opened:
        opened.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        row = opened.execute("SELECT pg_export_snapshot()").fetchone()
        snapshot = "" if row is None else str(row[0])
        run(
            program("pg_dump"),
            "--format=custom",
            f"--snapshot={snapshot}",
            f"--file={beside}",
            f"--dbname={url}",
        )
        found = tables(opened)
    durable.move(beside, file)
    return found


@contextmanager
def scratch(place: Place) -> Iterator[str]:
    """Make a database to restore into, and drop it again; raises :exc:`psycopg.Error`."""
    name = f"tapedeck_restore_{uuid4().hex[:12]}"
    with psycopg.connect(place.url, autocommit=True) as opened:
        made = sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name))
        opened.execute(made)
        try:
            yield place.of(name)
        finally:
            with suppress(psycopg.Error):
                opened.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))


def check(url: str, file: Path, wanted: dict[str, Table]) -> None:
    """Restore the dump into a database of its own and compare; raise :exc:`Unrestorable`."""
    with scratch(Place(url)) as target:
        run(
            program("pg_restore"),
            "--no-owner",
            "--no-privileges",
            "--exit-on-error",
            f"--dbname={target}",
            file,
        )
        with psycopg.connect(target) as opened:
            found = tables(opened)
    for name in sorted({*wanted, *found}):
        if wanted.get(name) != found.get(name):
            raise Unrestorable(f"{name} has {found.get(name)}, not {wanted.get(name)}")


def back_up(url: str, file: Path) -> Dumped:
    """Dump, restore and compare; a role that may create no database leaves the dump unproved."""
    found, why = dump(url, file), ""
    try:
        check(url, file, found)
    except psycopg.errors.InsufficientPrivilege as error:
        why = f"not restored: {str(error).splitlines()[0]}"
    return Dumped(
        database=Place(url).name,
        file=file.name,
        sha256=durable.sha256(file),
        size=file.stat().st_size,
        tables=found,
        restored=not why,
        why=why,
    )
