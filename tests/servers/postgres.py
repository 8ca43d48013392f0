"""A real PostgreSQL 15 of its own, in a temporary folder, on a free port of the loopback."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import psycopg
import pytest

from tests.servers.ports import free_port

BINARIES = (Path("/usr/lib/postgresql/15/bin"), Path("/usr/local/bin"))
SUPERUSER, OWNER, WRITER, WATCH = "super", "audit_owner", "audit_writer", "audit_watch"
READY_S = 120


class Database(NamedTuple):
    """A fresh database of the cluster, owned by ``audit_owner``; nothing is in it."""

    name: str
    port: int

    def url(self, role: str) -> str:
        return f"postgresql://{role}@127.0.0.1:{self.port}/{self.name}"


def program(name: str) -> Path:
    """Find a program of PostgreSQL, or skip the test where there is none."""
    for folder in BINARIES:
        if (folder / name).exists():
            return folder / name
    pytest.skip(f"no {name} here: install postgresql-15")


def as_postgres(*words: str | Path) -> None:
    """Run as the user postgres where we are root, whom the server refuses."""
    user = "postgres" if os.getuid() == 0 else None
    done = subprocess.run(
        words,
        user=user,
        group=user,
        extra_groups=[] if user else None,
        capture_output=True,
        text=True,
        check=False,
        timeout=2 * READY_S,
        cwd="/",
    )
    assert done.returncode == 0, done.stdout + done.stderr


class Postgres:
    """One cluster; :meth:`stop` and :meth:`start` leave what it stores alone."""

    def __init__(self, folder: Path) -> None:
        """Make it in ``folder``, which belongs to who will run it."""
        self.port = free_port()
        self._folder = folder
        as_postgres(
            program("initdb"),
            "-D",
            folder / "data",
            "-U",
            SUPERUSER,
            "--auth=trust",
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C",
        )

    def start(self) -> None:
        folder = self._folder
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
        )
        self._control("-l", folder / "log", "-w", "-t", str(READY_S), "-o", options, "start")

    def stop(self) -> None:
        """End it at once, as a crash would."""
        self._control("-m", "immediate", "-w", "stop")

    def _control(self, *words: str | Path) -> None:
        as_postgres(program("pg_ctl"), "-D", self._folder / "data", *words)


@contextmanager
def running() -> Iterator[Postgres]:
    """Run one with our roles. Every local user may be every role."""
    program("initdb")
    if os.getuid() == 0:
        try:
            owner = pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("no user postgres here: root cannot run a PostgreSQL")
    folder = Path(tempfile.mkdtemp(prefix="tapedeck-pg-"))
    if os.getuid() == 0:
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    try:
        made = Postgres(folder)
        made.start()
        try:
            url = Database("postgres", made.port).url(SUPERUSER)
            with psycopg.connect(url, autocommit=True) as db:
                for role in (OWNER, WRITER, WATCH):
                    db.execute(f"CREATE ROLE {role} LOGIN")
            yield made
        finally:
            made.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def made_in(port: int) -> Iterator[Database]:
    """Give a fresh database, and drop it with whoever is still connected."""
    made = Database(f"audit_{uuid4().hex}", port)
    with psycopg.connect(Database("postgres", port).url(SUPERUSER), autocommit=True) as db:
        db.execute(f"CREATE DATABASE {made.name} OWNER {OWNER}")
    yield made
    with psycopg.connect(Database("postgres", port).url(SUPERUSER), autocommit=True) as db:
        db.execute(f"DROP DATABASE {made.name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgres_port() -> Iterator[int]:
    with running() as made:
        yield made.port


@pytest.fixture
def database(postgres_port: int) -> Iterator[Database]:
    with made_in(postgres_port) as made:
        yield made
