"""An archive in a folder: each object is a read-only file that was linked into its place once.

It has no lock: whoever owns the folder can delete and replace, and only digests, witnesses and
other copies show it. Writers take turns by a lock on ``.incoming``, where a file is built; so what
lies there when the lock is taken was left by a crash.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from trading_runtime.errors import Misread, Refused
from trading_runtime.records.units import Nanos
from trading_runtime.store import durable
from trading_runtime.store.objects.keys import checked
from trading_runtime.store.objects.objects import (
    AlreadyThere,
    Capabilities,
    Denied,
    Head,
    Listed,
    NotThere,
    Rule,
    Source,
    Unreachable,
)

INCOMING = ".incoming"
READ_ONLY = 0o444
NO_LOCK = "no retention lock: the owner of the folder can delete and replace objects"

NO_RULES = "a folder does nothing by itself"


@contextmanager
def told(key: str) -> Iterator[None]:
    """Name what the file system says in the words of an archive."""
    try:
        yield
    except FileExistsError:
        raise AlreadyThere(f"{key} is there already") from None
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise NotThere(f"{key} is not there") from None
    except PermissionError as problem:
        raise Denied(f"{key}: {problem}") from problem
    except OSError as problem:
        raise Unreachable(f"{key}: {problem}") from problem


def make_folder(folder: Path) -> None:
    """Make ``folder`` and those above it, each of them durable in the one above."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        durable.sync_folder(folder.parent)


def pieces(source: Source) -> Iterator[bytes]:
    """Give the file's bytes; raise :exc:`Misread` at its end where they are not what was hashed."""
    digest = sha256()
    for piece in source.pieces(durable.READ_BYTES):
        digest.update(piece)
        yield piece
    if digest.hexdigest() != source.sha256:
        raise Misread("changed", f"{source.path} is not what it was when it was hashed")


class Folder:
    """The archive below ``root``, which is made when the first object is written."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.capabilities = Capabilities(str(root), retention_lock=False, absent=(NO_LOCK,))

    def put_new(self, key: str, content: bytes, retain_until: Nanos | None) -> None:  # noqa: ARG002 -- a folder has no lock, and says so
        self._put(key, iter((content,)))

    def put_file(self, key: str, source: Source, retain_until: Nanos | None) -> None:  # noqa: ARG002 -- likewise
        with told(key):
            if (self._root / checked(key)).exists():
                raise FileExistsError
        self._put(key, pieces(source))

    def _put(self, key: str, content: Iterator[bytes]) -> None:
        path = self._root / checked(key)
        with told(key), self._turn() as incoming:
            if path.exists():
                raise FileExistsError
            make_folder(path.parent)
            # Not truncated: after a crash the name may be a second link to an object.
            incoming.unlink(missing_ok=True)
            with incoming.open("xb") as file:
                for piece in content:
                    file.write(piece)
                file.flush()
                os.fchmod(file.fileno(), READ_ONLY)
                os.fsync(file.fileno())
            path.hardlink_to(incoming)
            incoming.unlink()
            durable.sync_folder(path.parent)

    def get(self, key: str) -> bytes:
        with told(key):
            return (self._root / checked(key)).read_bytes()

    def chunks(self, key: str) -> Iterator[bytes]:
        with told(key), (self._root / checked(key)).open("rb") as file:
            while piece := file.read(durable.READ_BYTES):
                yield piece

    def head(self, key: str) -> Head:
        with told(key):
            found = (self._root / checked(key)).stat()
        return Head(key, found.st_size, Nanos(found.st_mtime_ns), None, later=0)

    def list(self, prefix: str) -> Iterator[Listed]:
        root = self._root / prefix.rpartition("/")[0]
        found = []
        for folder, folders, names in os.walk(root):
            folders[:] = [it for it in folders if not it.startswith(".")]
            found += [Path(folder, it) for it in names if not it.startswith(".")]
        for key, path in sorted((it.relative_to(self._root).as_posix(), it) for it in found):
            if key.startswith(prefix):
                yield Listed(key, path.stat().st_size, later=0)

    def remove(self, key: str) -> None:
        path = self._root / checked(key)
        with told(key), self._turn():
            if path.exists():
                path.unlink()
                durable.sync_folder(path.parent)

    def set_rules(self, rules: Sequence[Rule]) -> tuple[str, ...]:
        return tuple(f"{it.name}: {NO_RULES}" for it in rules)

    def extend_lock(self, key: str, until: Nanos) -> None:  # noqa: ARG002 -- there is no lock to extend
        raise Refused(f"{key} cannot be locked: {self._root} is a folder and has no locks")

    @contextmanager
    def _turn(self) -> Iterator[Path]:
        incoming = self._root / INCOMING
        make_folder(incoming)
        descriptor = os.open(incoming, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield incoming / "object"
        finally:
            os.close(descriptor)
