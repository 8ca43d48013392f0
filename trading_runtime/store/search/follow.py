"""New lines as they come, across any number of rotations: it goes on where a search ended.

A live file is held open, so that a rename takes nothing away: what was written to it after the last
look is read before the file that came into its place. Sealed files that came between two looks are
read whole, in their order.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from trading_runtime.records import layout
from trading_runtime.records.units import Module, Nanos
from trading_runtime.store.search.files import LiveFile, read_lines
from trading_runtime.store.search.line import Entry
from trading_runtime.store.search.places import Near, hour_of, part_of
from trading_runtime.store.search.query import Matcher


class _Sealed(NamedTuple):
    """A sealed file in the order of sealing."""

    hour: str
    number: int
    path: Path
    inode: int


class Stream:
    """One stream, from where a search has read it."""

    def __init__(self, data: Path, module: Module, held: LiveFile | None, seen: set[str]) -> None:
        """Go on behind ``held``, if there was a live file, and the sealed files ``seen``."""
        self._live = Path(layout.live_log(data, module))
        self._folder = Path(layout.sealed_logs(data))
        self._module = module.value
        self._seen = seen
        self._descriptor = -1 if held is None else os.dup(held.descriptor)
        self._place = 0 if held is None else len(read_lines(held.descriptor, 0, held.size))
        self._before = Nanos(0) if held is None else held.low

    def news(self, matcher: Matcher) -> Iterator[Entry]:
        """Give what was written since the last look and matches."""
        inode = -1 if self._descriptor < 0 else os.fstat(self._descriptor).st_ino
        for it in sorted(self._sealed()):
            self._seen.add(it.path.name)
            if it.inode == inode:
                yield from self._rest(matcher)
                self.close()
            else:
                # Gone again means compressed and archived while nobody looked: too old for news.
                with suppress(FileNotFoundError):
                    self._before = hour_of(it.hour).start
                    yield from self._matching(it.path.read_bytes(), matcher)
        if self._descriptor < 0:
            with suppress(FileNotFoundError):
                self._descriptor, self._place = os.open(self._live, os.O_RDONLY), 0
        if self._descriptor >= 0:
            yield from self._rest(matcher)

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _rest(self, matcher: Matcher) -> Iterator[Entry]:
        size = os.fstat(self._descriptor).st_size
        content = read_lines(self._descriptor, self._place, size)
        self._place += len(content)
        yield from self._matching(content, matcher)

    def _matching(self, content: bytes, matcher: Matcher) -> Iterator[Entry]:
        yield from matcher.entries(content, self._module, self._before)
        self._before = matcher.last_time(content, self._before)

    def _sealed(self) -> Iterator[_Sealed]:
        with suppress(FileNotFoundError), os.scandir(self._folder) as entries:
            for it in entries:
                part = part_of(it.name)
                if part and part.holds.module == self._module and it.name not in self._seen:
                    yield _Sealed(part.holds.hour.name, part.number, Path(it.path), it.inode())


class Following:
    """All streams of a query, behind what ``near`` has shown; close it after use."""

    def __init__(self, data: Path, near: Near, matcher: Matcher) -> None:
        held = {it.holds.module: it for it in near.live}
        seen = near.sealed_names()
        self._matcher = matcher
        self._streams = [
            Stream(data, Module(it), held.get(it), set(seen))
            for it in sorted(matcher.query.modules)
        ]

    def news(self) -> Sequence[Entry]:
        """Give what came since the last look, in the order of time."""
        return sorted(
            (entry for stream in self._streams for entry in stream.news(self._matcher)),
            key=lambda it: it[:5],
        )

    def close(self) -> None:
        for stream in self._streams:
            stream.close()
