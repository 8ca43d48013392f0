"""Copies of SQLite databases that are in use, by SQLite's own online backup, and restored again.

A copy is taken under a read transaction of the source: it is the database at one moment, whoever
writes meanwhile. All copies of a day stand in one compressed tar, beside a manifest with what each
has to hold when it is restored.
"""

import sqlite3
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from shutil import rmtree

import msgspec
import zstandard

from trading_runtime.store import durable

MAGIC = b"SQLite format 3\0"
SUFFIXES = (".db", ".sqlite", ".sqlite3")
PAGES_PER_STEP = 4096
"""16 MiB under one lock of the source; then a writer may pass."""
BUSY_S = 30.0


class Copied(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One database: its path below the data folder, the copy's digest, rows of each table."""

    path: str
    sha256: str
    size: int
    rows: dict[str, int]


class Unrestorable(ValueError):
    """A backup does not give back what went into it."""


def databases(data: Path, left_out: Sequence[str]) -> list[Path]:
    """Find the databases below ``data``, but for these folders of it, sorted."""
    folders = [it for it in data.iterdir() if it.is_dir() and it.name not in left_out]
    found = (path for it in folders for suffix in SUFFIXES for path in it.rglob(f"*{suffix}"))
    beside = (path for suffix in SUFFIXES for path in data.glob(f"*{suffix}"))
    return sorted(path for path in (*found, *beside) if is_database(path))


def is_database(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def rows_of(database: Path) -> dict[str, int]:
    """Check the whole of a copy and count each table's rows; raise :exc:`Unrestorable`."""
    # Nobody writes it: so no files of a write-ahead log come to be beside it.
    with closing(sqlite3.connect(f"file:{database}?immutable=1", uri=True)) as opened:
        (said,) = opened.execute("PRAGMA integrity_check(1)").fetchone()
        if said != "ok":
            raise Unrestorable(f"{database.name}: {said}")
        names = [
            name
            for (name,) in opened.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
            )
        ]
        return {name: count(opened, name) for name in names}


def count(opened: sqlite3.Connection, table: str) -> int:
    quoted = table.replace('"', '""')
    (found,) = opened.execute(f'SELECT count(*) FROM "{quoted}"').fetchone()  # noqa: S608 -- quoted
    return int(found)


def copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    reading = sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=BUSY_S)
    with closing(reading), closing(sqlite3.connect(target)) as writing:
        reading.backup(writing, pages=PAGES_PER_STEP)


@contextmanager
def workshop(archive: Path) -> Iterator[Path]:
    """Give an empty folder beside ``archive``; what a crash left in it is gone."""
    folder = archive.parent / "_work"
    rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        rmtree(folder)


def back_up(data: Path, paths: Sequence[Path], archive: Path) -> list[Copied]:
    """Copy the databases into ``archive`` (``.tar.zst``), whole or not at all."""
    beside, copied = durable.temporary(archive), []
    with (
        workshop(archive) as folder,
        beside.open("wb") as file,
        zstandard.ZstdCompressor(level=3).stream_writer(file) as compressed,
        tarfile.open(fileobj=compressed, mode="w|") as tar,
    ):
        for path in paths:
            name, place = path.relative_to(data).as_posix(), folder / "copy"
            copy(path, place)
            digest, size = durable.sha256(place), place.stat().st_size
            copied.append(Copied(path=name, sha256=digest, size=size, rows=rows_of(place)))
            tar.add(place, arcname=name)
            place.unlink()
    durable.move(beside, archive)
    return copied


def restored(archive: Path, folder: Path) -> Iterator[tuple[str, Path]]:
    """Unpack the databases of ``archive`` into ``folder`` one by one; give path and place."""
    with (
        archive.open("rb") as file,
        zstandard.ZstdDecompressor().stream_reader(file) as content,
        tarfile.open(fileobj=content, mode="r|") as tar,
    ):
        for member in tar:
            tar.extract(member, folder, filter="data")
            yield member.name, folder / member.name


def check(archive: Path, copied: Sequence[Copied]) -> int:
    """Restore every database into a folder of its own and compare; give how many.

    Raises :exc:`Unrestorable` with the first that is not what went in.
    """
    wanted = {it.path: it for it in copied}
    with workshop(archive) as folder:
        for name, path in restored(archive, folder):
            it = wanted.pop(name)
            if durable.sha256(path) != it.sha256:
                raise Unrestorable(f"{name} is not what was copied")
            if rows_of(path) != it.rows:
                raise Unrestorable(f"{name} has other rows than were copied")
            path.unlink()
    if wanted:
        raise Unrestorable(f"{', '.join(sorted(wanted))} is not in the backup")
    return len(copied)
