"""Files that are written once: digests, heads and large values. None goes, none becomes another.

The newest ones and a part of all others are looked at in each round: with a year of digests every
file comes up within some ten rounds. A blob's name says what is in it.
"""

import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import final

from trading_runtime.audit.tamper.finding import Finding
from trading_runtime.audit.tamper.memory import Kept, Memory
from trading_runtime.journal.durable import sync_folder

LOOKED_AT = 2_000
"""Files of one round, some 5 ms."""
FOLDERS = {
    "digests": re.compile(r"digests/[0-9]{8,}\.note", re.ASCII),
    "heads": re.compile(r"heads/[0-9]{8,}\.heads", re.ASCII),
    "blobs": re.compile(r"blobs/[0-9a-f]{2}/[0-9a-f]{64}", re.ASCII),
}


@final
class KeptFiles:
    """Owned by the watch."""

    def __init__(self, log: Path, memory: Memory) -> None:
        self._log = log
        self._memory = memory
        self._changed: dict[Path, int] = {}
        self._after = dict.fromkeys(FOLDERS, "")

    def look(self) -> Iterator[Finding]:
        for name in FOLDERS:
            yield from self._stand(name)
            yield from self._come(name)

    def _come(self, name: str) -> Iterator[Finding]:
        """Take the files that are new, of folders in which something was made."""
        folder = self._log / name
        folders = sorted(folder.iterdir()) if name == "blobs" and folder.is_dir() else [folder]
        for each in folders:
            if not each.is_dir():
                continue
            changed = each.stat().st_mtime_ns
            if self._changed.get(each) == changed:
                continue
            self._changed[each] = changed
            sync_folder(each)
            for path in sorted(each.iterdir()):
                key = path.relative_to(self._log).as_posix()
                if FOLDERS[name].fullmatch(key) and self._memory.file(key) is None:
                    yield from self._take(path, key)

    def _take(self, path: Path, key: str) -> Iterator[Finding]:
        try:
            kept = look_at(path, key)
        except FileNotFoundError:
            return
        self._memory.set_file(kept)
        if key.startswith("blobs/") and kept.sha256 != path.name:
            yield Finding("blob", key, path.name, kept.sha256)

    def _stand(self, name: str) -> Iterator[Finding]:
        files = self._memory.files_after(self._after[name], name, LOOKED_AT)
        self._after[name] = files[-1].path if len(files) == LOOKED_AT else ""
        for kept in files:
            path = self._log / kept.path
            try:
                status = path.stat()
                now = (status.st_ino, status.st_size, status.st_ctime_ns)
                if now == (kept.inode, kept.bytes, kept.changed_ns):
                    continue
                found = look_at(path, kept.path)
            except FileNotFoundError:
                yield Finding(f"{name} missing", kept.path, kept.sha256, "no file")
                continue
            if found.sha256 != kept.sha256:
                yield Finding(f"{name} edited", kept.path, kept.sha256, found.sha256)
            else:
                self._memory.set_file(found)


def look_at(path: Path, key: str) -> Kept:
    """Give a file as it is; raise :exc:`FileNotFoundError`."""
    status = path.stat()
    digest = sha256(path.read_bytes()).hexdigest()
    return Kept(key, status.st_ino, status.st_size, status.st_ctime_ns, digest)
