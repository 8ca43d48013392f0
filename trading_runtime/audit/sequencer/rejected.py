"""Submissions that the log did not take: kept as they came, for people to look into.

Files are named by their hash, so that what comes again after a restart is known, and is no news.
"""

from hashlib import sha256
from pathlib import Path
from typing import final

from trading_runtime.journal.durable import make_folder, write_file

FILES_MAX = 10_000
"""Most of them of a kilobyte: a stream that brings nothing else must not fill the disk. Beyond them
the log still says what came, and the content is not kept."""


@final
class Rejected:
    """Owned by the sequencer."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        make_folder(folder)
        self._names = {path.name for path in folder.iterdir()}

    def has(self, content: bytes) -> bool:
        return sha256(content).hexdigest() in self._names

    def keep(self, content: bytes) -> None:
        name = sha256(content).hexdigest()
        if name not in self._names and len(self._names) < FILES_MAX:
            write_file(self._folder / name, content)
            self._names.add(name)

    @property
    def count(self) -> int:
        return len(self._names)
