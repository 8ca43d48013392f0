"""What is searched for, and which lines of some bytes are it.

A text is found in the line as it is written, as UTF-8 or as JSON escapes it in ASCII; a regular
expression sees the bytes of one line. The other conditions are about what the line says. All of
them have to hold; of several values of one condition, one has to.

Most lines are never looked at: a word that every match must contain is looked for in the whole
bytes first. That is sound because scribe writes no character of a word in another way.
"""

import re
import warnings
from collections.abc import Iterator
from json.encoder import encode_basestring_ascii

import msgspec

from trading_runtime.errors import Refused
from trading_runtime.records.units import Level, Module, Nanos
from trading_runtime.store.search.line import UNREADABLE, Entry, LogLine, entry, read
from trading_runtime.store.search.members import Indexed, Member, probes_of

RECORD = re.compile(r"(.+?)/([0-9]{1,19})(?:/[0-9]+)?")
"""A trace id that names a journal record: session, sequence and, of an audit entry, index."""
PLAIN = re.compile(r"[A-Za-z0-9_ :.,/@-]{3,}")
REPEATED = re.compile(r"\{[^}]*\}")
ALTERNATIVES = re.compile(r"[|(\[\\]")
"""Where one of these stands, a part of a pattern may be absent from what matches."""
OPTIONAL = "*?{"
TIME_MAX = Nanos((1 << 63) - 1)


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """Conditions; what is empty is none. Times are UTC nanoseconds, ``until`` is not inside."""

    text: str = ""
    is_regex: bool = False
    modules: frozenset[str] = frozenset(it.value for it in Module)
    events: frozenset[str] = frozenset()
    levels: frozenset[str] = frozenset()
    symbols: frozenset[str] = frozenset()
    order: str = ""
    trace: str = ""
    since: Nanos = Nanos(0)
    until: Nanos = TIME_MAX


def levels_from(name: str) -> frozenset[str]:
    """Read ``ERROR``, or ``WARN+`` for a level and all above it; raise :exc:`Refused`."""
    known = {it.name: it for it in Level}
    lowest = known.get(name.upper().removesuffix("+"))
    if lowest is None:
        raise Refused(f"{name!r} is no level: {', '.join(known)}, or one with + for it and above")
    if name.endswith("+"):
        return frozenset(it.name for it in Level if it >= lowest)
    return frozenset({lowest.name})


class Matcher:
    """A query made ready; raises :exc:`Refused` where its expression is none."""

    def __init__(self, query: Query) -> None:
        self.query = query
        self._texts = _written(query.text) if query.text and not query.is_regex else ()
        self._pattern = _compiled(query.text) if query.is_regex else None
        record = RECORD.fullmatch(query.trace)
        self._record = (record[1], int(record[2])) if record else None
        self._order_probes = probes_of(query.order) if query.order else None
        self._trace_probes = probes_of(query.trace) if query.trace else None
        self._needle = self._word()
        self._says_nothing = not (
            query.events or query.levels or query.symbols or query.order or query.trace
        )

    def may_match(self, indexed: Indexed, member: Member) -> bool:
        """Whether a line of ``member`` may match; false is certain."""
        query = self.query
        if member.high < query.since or member.low >= query.until:
            return False
        if query.events and not query.events.intersection(member.events):
            return UNREADABLE in query.events and member.unreadable > 0
        if query.levels and not query.levels.intersection(member.levels):
            return False
        if query.symbols and not query.symbols.intersection(member.symbols):
            return False
        if self._order_probes and not indexed.may_hold(member, self._order_probes):
            return False
        return self._trace_probes is None or self._may_hold_trace(
            indexed, member, self._trace_probes
        )

    def entries(self, content: bytes, module: str, before: Nanos) -> Iterator[Entry]:
        """Give the matching lines of ``content``, whole lines of one stream, in their order.

        ``before`` is the time of an unreadable line before which no other stands.
        """
        for start, end in self._candidates(content):
            line = content[start:end]
            if self._is_in(line):
                found = entry(line, module, before)
                if found.read is None:
                    found = found._replace(at=_time_before(content, start, before))
                if self.holds(found):
                    yield found

    def last_time(self, content: bytes, before: Nanos) -> Nanos:
        """Give the time that an unreadable line right after ``content`` takes."""
        return _time_before(content, len(content), before)

    def takes(self, line: bytes, module: str, before: Nanos) -> Entry | None:
        """Give the entry of one line if it matches."""
        found = entry(line, module, before) if self._is_in(line) else None
        return found if found is not None and self.holds(found) else None

    def holds(self, found: Entry) -> bool:
        """Whether what the line says is what is searched; its text is looked at elsewhere."""
        query = self.query
        if not query.since <= found.at < query.until:
            return False
        if self._says_nothing:
            return True
        if found.read is None:
            return query.events == {UNREADABLE} and not (
                query.levels or query.symbols or query.order or query.trace
            )
        return self._says(found.read)

    def _says(self, line: LogLine) -> bool:
        query = self.query
        return (
            (not query.events or line.event in query.events)
            and (not query.levels or line.level in query.levels)
            and (not query.symbols or line.symbol in query.symbols)
            and (not query.order or query.order in {line.order_id, line.venue_order})
            and (not query.trace or self._is_traced(line))
        )

    def _is_traced(self, line: LogLine) -> bool:
        return self.query.trace == line.trace or self._record == (line.session, line.seq)

    def _may_hold_trace(self, indexed: Indexed, member: Member, probes: tuple[int, int]) -> bool:
        if self._record:
            first, last = member.seqs.get(self._record[0], (1, 0))
            if first <= self._record[1] <= last:
                return True
        return indexed.may_hold(member, probes)

    def _is_in(self, line: bytes) -> bool:
        if self._pattern is not None:
            return self._pattern.search(line) is not None
        return not self._texts or any(it in line for it in self._texts)

    def _candidates(self, content: bytes) -> Iterator[tuple[int, int]]:
        """Give the bounds of every line that has the word in it, or of every line."""
        word, end = self._needle, -1
        size = len(content)
        while end + 1 < size:
            start = end + 1
            if word:
                place = content.find(word, start)
                if place < 0:
                    return
                start = content.rfind(b"\n", start, place) + 1 or start
            end = content.find(b"\n", start if not word else place)
            if end < 0:
                end = size
            yield start, end

    def _word(self) -> bytes:
        """Give what every matching line contains, the rarest first; empty where nothing is sure."""
        query = self.query
        if UNREADABLE in query.events:
            return self._texts[0] if len(self._texts) == 1 else b""
        if query.order:
            return _quoted(query.order)[1:-1]
        if len(self._texts) == 1:
            return self._texts[0]
        if self._pattern is not None and (literal := literal_of(query.text)):
            return literal
        for values in (query.events, query.symbols, query.levels):
            if len(values) == 1 and (only := next(iter(values))):
                return _quoted(only)
        return b""


def literal_of(pattern: str) -> bytes:
    """Give the longest text that every match of ``pattern`` contains, empty where none is sure."""
    if ALTERNATIVES.search(pattern) or not pattern.isascii():
        return b""
    bare = REPEATED.sub("{", pattern)
    words = []
    for found in PLAIN.finditer(bare):
        # A dot is any character, and what stands before a repetition may be absent.
        after = bare[found.end() : found.end() + 1]
        word = found[0][:-1] if after and after in OPTIONAL else found[0]
        words += word.split(".")
    return max(words, key=len, default="").encode()


def _quoted(value: str) -> bytes:
    return encode_basestring_ascii(value).encode()


def _written(text: str) -> tuple[bytes, ...]:
    """Give the ways in which ``text`` stands in a line: as it is, and in ASCII."""
    plain = text.encode(errors="surrogateescape")
    escaped = "".join(
        it if it.isascii() else encode_basestring_ascii(it)[1:-1] for it in text
    ).encode()
    return (plain,) if plain == escaped else (plain, escaped)


def _compiled(pattern: str) -> re.Pattern[bytes]:
    try:
        with warnings.catch_warnings():
            # Of what a later Python may read in another way: this one is what searches.
            warnings.simplefilter("ignore")
            return re.compile(pattern.encode(errors="surrogateescape"))
    except re.error as error:
        raise Refused(f"{pattern!r} is no regular expression: {error}") from error


def _time_before(content: bytes, start: int, before: Nanos) -> Nanos:
    """Give the time of the last readable line of ``content`` that ends before ``start``."""
    end = start - 1 if content[start - 1 : start] == b"\n" else start
    while end > 0:
        begin = content.rfind(b"\n", 0, end) + 1
        if read(content[begin:end]) is not None:
            return entry(content[begin:end], "", before).at
        end = begin - 1
    return before
