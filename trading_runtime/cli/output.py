"""What children print: all of it kept in a file each, what matters shown with the child's name."""

import asyncio
import contextlib
import re
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

LOG_BYTES_MAX = 32 << 20
"""Then the file becomes ``<name>.log.1`` and a new one begins: at most twice this a child."""
LINE_BYTES_MAX = 64 << 10
"""A longer line is shown in pieces."""
SHOWN_PER_S_MAX = 20
"""A child in trouble repeats itself; the rest of that second stands in its file."""
TAIL_LINES = 8
"""Shown when a child dies."""


class Screen:
    """Lines for a person, and one line that grows while something starts."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._growing = ""
        """What the open line is about; empty when no line is open."""

    def say(self, text: str) -> None:
        self._write(f"\n{text}\n" if self._growing else f"{text}\n")
        self._growing = ""

    def begin(self, about: str) -> None:
        """Open a line: ``starting web …``."""
        if self._growing:
            self._write("\n")
        self._write(f"starting {about} …")
        self._growing = about

    def grow(self, text: str) -> None:
        """Add to the open line; nothing when another line has come between."""
        if self._growing:
            self._write(f" {text} …")

    def finish(self, about: str, text: str) -> None:
        """End the open line, or say it anew when another line has come between."""
        self._write(f" {text}\n" if self._growing == about else f"{about} {text}\n")
        self._growing = ""

    def _write(self, text: str) -> None:
        # Children run on, and are stopped in order, when the terminal has gone away.
        with contextlib.suppress(OSError):
            self._stream.write(text)
            self._stream.flush()


class Output:
    """One child's output, over all its lives."""

    def __init__(self, name: str, folder: Path, shown: str, screen: Screen) -> None:
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self.path = folder / f"{name}.log"
        self._name = name
        self._shown = re.compile(shown)
        self._screen = screen
        self._file = self.path.open("ab", buffering=0)
        self._keeping = True
        self._second = 0
        self._shown_in_second = 0

    def keep(self, data: bytes) -> None:
        """Add to the file; a full disk costs these bytes and never the child."""
        try:
            self._file.write(data)
            if self._file.tell() >= LOG_BYTES_MAX:
                self._file.close()
                self.path.replace(self.path.with_suffix(".log.1"))
                self._file = self.path.open("ab", buffering=0)
            self._keeping = True
        except OSError as error:
            if self._keeping:
                self._screen.say(f"{self._name}: cannot write {self.path}: {error.strerror}")
            self._keeping = False

    def take(self, line: bytes) -> str:
        """Show a line where it matters, and give its text."""
        text = line.decode(errors="replace").rstrip()
        self.tail.append(text)
        if self._shown.search(text) and self._may_show():
            self._screen.say(f"{self._name} | {text}")
        return text

    def close(self) -> None:
        self._file.close()

    def _may_show(self) -> bool:
        second = int(asyncio.get_running_loop().time())
        if second != self._second:
            self._second, self._shown_in_second = second, 0
        self._shown_in_second += 1
        if self._shown_in_second == SHOWN_PER_S_MAX:
            self._screen.say(f"{self._name} | … more of this in {self.path}")
        return self._shown_in_second < SHOWN_PER_S_MAX


class Pipe(asyncio.Protocol):
    """The reading end of what one life of a child prints."""

    def __init__(self, output: Output, on_line: Callable[[str], None]) -> None:
        self.ended = asyncio.Event()
        self._output = output
        self._on_line = on_line
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        self._output.keep(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._take(line)
        while len(self._rest) > LINE_BYTES_MAX:
            self._take(self._rest[:LINE_BYTES_MAX])
            self._rest = self._rest[LINE_BYTES_MAX:]

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- asyncio's signature
        if self._rest:
            self._take(self._rest)
        self.ended.set()

    def _take(self, line: bytes) -> None:
        self._on_line(self._output.take(line))
