"""A real PostgreSQL 15 of its own, in a temporary folder, on a free port of the loopback."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import psycopg
import pytest

BINARIES = (Path("/usr/lib/postgresql/15/bin"), Path("/usr/local/bin"))
SUPERUSER, OWNER, WRITER, WATCH = "super", "audit_owner", "audit_writer", "audit_watch"
READY_S = 30


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
        timeout=60,
        cwd="/",
    )
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def cluster() -> Iterator[int]:
    """Run one; give its port. Every local user may be every role."""
    initdb, control = program("initdb"), program("pg_ctl")
    if os.getuid() == 0:
        try:
            owner = pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("no user postgres here: root cannot run a PostgreSQL")
    folder = Path(tempfile.mkdtemp(prefix="tapedeck-pg-"))
    if os.getuid() == 0:
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    try:
        as_postgres(
            initdb,
            "-D",
            folder / "data",
            "-U",
            SUPERUSER,
            "--auth=trust",
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C",
        )
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
        start = ["-D", folder / "data", "-l", folder / "log", "-w", "-t", str(READY_S)]
        as_postgres(control, *start, "-o", options, "start")
        try:
            with psycopg.connect(Database("postgres", port).url(SUPERUSER), autocommit=True) as db:
                for role in (OWNER, WRITER, WATCH):
                    db.execute(f"CREATE ROLE {role} LOGIN")
            yield port
        finally:
            as_postgres(control, "-D", folder / "data", "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_port() -> Iterator[int]:
    with cluster() as port:
        yield port


@pytest.fixture
def database(postgres_port: int) -> Iterator[Database]:
    """Give a fresh database, and drop it with whoever is still connected."""
    made = Database(f"audit_{uuid4().hex}", postgres_port)
    with psycopg.connect(Database("postgres", postgres_port).url(SUPERUSER), autocommit=True) as db:
        db.execute(f"CREATE DATABASE {made.name} OWNER {OWNER}")
        yield made
        db.execute(f"DROP DATABASE {made.name} WITH (FORCE)")
