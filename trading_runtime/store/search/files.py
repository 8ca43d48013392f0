"""Log files as blocks: compressed ones member by member, plain and live ones whole."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from trading_runtime.errors import Misread
from trading_runtime.records.units import Nanos
from trading_runtime.store.hours import Hour
from trading_runtime.store.search import members
from trading_runtime.store.search.line import Entry
from trading_runtime.store.search.members import Indexed, Member
from trading_runtime.store.search.order import Block, Opened
from trading_runtime.store.search.query import Matcher

READ_BYTES = 1 << 20


class Troubles(list[str]):
    """What could not be read, in words: the answer is then not whole."""


class Hourly(NamedTuple):
    """Which lines a file holds: of one stream and hour."""

    module: str
    hour: Hour

    @property
    def low(self) -> Nanos:
        return self.hour.start

    @property
    def high(self) -> Nanos:
        return Nanos(self.hour.end - 1)


class PlainFile(NamedTuple):
    """A sealed file; it may be gone when it is opened, and is then compressed in ``gz``."""

    holds: Hourly
    path: Path
    gz: Path
    troubles: Troubles

    @property
    def low(self) -> Nanos:
        return self.holds.low

    @property
    def high(self) -> Nanos:
        return self.holds.high

    def opened(self, matcher: Matcher) -> Opened:
        found: list[Entry] = []
        try:
            with self.path.open("rb") as file:
                before = self.low
                for content in members.chunks(file, READ_BYTES):
                    found += matcher.entries(content, self.holds.module, before)
                    before = matcher.last_time(content, before)
        except FileNotFoundError:
            return [GzFile(self.holds, self.gz, self.troubles)], ()
        return (), found


class LiveFile(NamedTuple):
    """A file that is being written, held open: a rename does not take it away.

    What is read is whole lines; the one that is being written is left for later.
    """

    holds: Hourly
    descriptor: int
    size: int

    @property
    def low(self) -> Nanos:
        return self.holds.low

    @property
    def high(self) -> Nanos:
        return self.holds.high

    def opened(self, matcher: Matcher) -> Opened:
        content = read_lines(self.descriptor, 0, self.size)
        return (), list(matcher.entries(content, self.holds.module, self.low))


class GzFile(NamedTuple):
    """A compressed file with its index."""

    holds: Hourly
    path: Path
    troubles: Troubles

    @property
    def low(self) -> Nanos:
        return self.holds.low

    @property
    def high(self) -> Nanos:
        return self.holds.high

    def opened(self, matcher: Matcher) -> Opened:
        indexed = members.read_index(self.path)
        if indexed is None:
            self.troubles.append(f"{self.path} has no index that can be read")
            return (), ()
        return may_match(self, indexed, matcher), ()

    def content(self, member: Member) -> bytes:
        return members.inflate_member(self.path, member)


class GzBytes(NamedTuple):
    """A compressed file that is in memory."""

    holds: Hourly
    path: str
    compressed: bytes
    troubles: Troubles

    def content(self, member: Member) -> bytes:
        return members.inflated(self.compressed[member.offset : member.offset + member.size])


class GzMember(NamedTuple):
    """One member of a compressed file."""

    file: GzFile | GzBytes
    member: Member

    @property
    def low(self) -> Nanos:
        return self.member.low

    @property
    def high(self) -> Nanos:
        return self.member.high

    def opened(self, matcher: Matcher) -> Opened:
        try:
            content = self.file.content(self.member)
        except (Misread, OSError) as damage:
            self.file.troubles.append(f"{self.file.path}: {damage}")
            return (), ()
        return (), list(matcher.entries(content, self.file.holds.module, self.member.before))


def may_match(file: GzFile | GzBytes, indexed: Indexed, matcher: Matcher) -> Sequence[Block]:
    return [GzMember(file, it) for it in indexed.index.members if matcher.may_match(indexed, it)]


def read_lines(descriptor: int, start: int, end: int) -> bytes:
    """Read the whole lines between two places of a file, without moving its own place."""
    parts = []
    while start < end and (part := os.pread(descriptor, min(READ_BYTES, end - start), start)):
        parts.append(part)
        start += len(part)
    content = b"".join(parts)
    return content[: content.rfind(b"\n") + 1]
