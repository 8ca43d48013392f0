"""The index, looked at row by row against the watch's own tree.

Rules:
 * It never has less than it had, nor more than the frames; it stays the same database.
 * Each new row is checked when it comes, all others in turn: slowly, or at once when somebody wrote
   while the log stood still, when the count of rows is wrong, or when the database is another one.
 * A rebuilt index is another database: an entry of the log names it (``IndexRebuilt``).
"""

from collections.abc import Iterator
from typing import final

import msgspec

from trading_runtime.audit.tamper.entries import Entries
from trading_runtime.audit.tamper.eye import Blind, Damaged, Eye, Sight
from trading_runtime.audit.tamper.finding import Finding, Grace
from trading_runtime.audit.tamper.memory import Memory
from trading_runtime.clock import mono_ns
from trading_runtime.evidence import entry
from trading_runtime.evidence.entry import Entry
from trading_runtime.evidence.index_row import IndexRow, row_of
from trading_runtime.records.merkle import leaf_hash

STATE = "index"
TOGETHER = 1_000
"""Rows of one SELECT: a reader that stays long keeps the database from cleaning up."""
SLOWLY = 1_000
"""Rows of one round, where nothing hints at more: some 20 ms."""
AT_ONCE = 20_000
"""Rows of one round, new or in doubt: a fraction of a second."""
BLIND_MAX_NS = 60_000_000_000
"""A server that is started again is back sooner; who takes it away wants something else."""
COUNT_SHARE = 20
"""The rows are counted again after this many times as long as it took."""

_ENTRY = msgspec.json.Decoder(Entry)


class Seen(msgspec.Struct):
    """The index as it was; ``checked`` are the rows that were new once and are checked."""

    identity: str = ""
    place: str = ""
    size: int = 0
    checked: int = 0


@final
class WatchedIndex:
    """Owned by the watch; ``blind_since`` is 0 while the index can be asked."""

    def __init__(self, eye: Eye, memory: Memory, entries: Entries) -> None:
        self.blind_since = 0
        self._eye = eye
        self._memory = memory
        self._entries = entries
        self._seen = memory.state(STATE, Seen) or Seen()
        self._sight: Sight | None = None
        self._is_first = True
        self._stands = Grace()
        self._slow = 0
        self._doubted = 0
        """Rows below this number are still to be looked at, soon, from ``_doubt`` on."""
        self._doubt = 0
        self._count_at = 0
        self._damage = ""
        self._other_size = 0
        """Of a database that is another one than before."""

    def take(self, now: int) -> None:
        """Look how large it is: the frames have these entries by now."""
        try:
            self._sight = self._eye.see()
            self.blind_since = 0
            self._damage = ""
        except (Blind, PermissionError):
            self._sight = None
            self.blind_since = self.blind_since or now
        except Damaged as damage:
            self._sight = None
            self._damage = str(damage)

    def judge(self, now: int, *, is_behind: bool) -> Iterator[Finding]:
        """Say what is wrong, after the frames were followed."""
        if self.blind_since:
            if now - self.blind_since > BLIND_MAX_NS:
                yield Finding("index out of sight", "index", "an answer", "none for a minute")
            return
        try:
            if not self._damage:
                yield from self._judge(now, is_behind=is_behind)
        except Blind:
            self.blind_since = now
        except Damaged as damage:
            self._damage = str(damage)
        if self._damage:
            yield Finding("index damaged", "index", "a database of ours", self._damage[:200])
        self._memory.set_state(STATE, self._seen)

    def close(self) -> None:
        self._eye.close()

    def _judge(self, now: int, *, is_behind: bool) -> Iterator[Finding]:
        seen, sight = self._seen, self._sight
        missing = Finding("index missing", "index", f"{seen.size} entries", "no table")
        gone = self._stands.judge(self._swapped(sight) if sight else missing, now)
        if gone is not None and seen.identity:
            yield gone
        if sight is None:
            return
        yield from self._place(sight)
        if sight.size < seen.size and sight.identity == seen.identity:
            known = f"{seen.size} entries"
            yield Finding("index rollback", "index", known, f"{sight.size}", sight.size)
        size = self._entries.tree.size
        if sight.size > size and not is_behind:
            yield Finding("index ahead", "index", f"{size} entries", f"{sight.size}", size)
        if sight.is_stirred and sight.size == seen.size:
            self._look_at_all()
        seen.size = max(seen.size, sight.size)
        yield from self._eye.strange()
        yield from self._counted(now)
        yield from self._sweep(min(sight.size, size))
        self._is_first = False

    def _swapped(self, sight: Sight) -> Finding | None:
        """Take another database that is declared; else say that it is another one."""
        seen = self._seen
        if not seen.identity or sight.identity in self._entries.declared.identities:
            if sight.identity != seen.identity:
                self._seen = Seen(sight.identity, sight.place)
            return None
        if sight.identity == seen.identity:
            return None
        self._look_at_all()
        grown, self._other_size = sight.size > self._other_size, sight.size
        if grown:
            # It may be filled anew; the entry that says so comes when that is done.
            return None
        return Finding("index swapped", "index", seen.identity, sight.identity)

    def _place(self, sight: Sight) -> Iterator[Finding]:
        seen = self._seen
        if sight.place != seen.place and sight.identity == seen.identity:
            if not self._is_first:
                yield Finding("index replaced", "index", seen.place, sight.place)
            seen.place = sight.place
            self._look_at_all()

    def _look_at_all(self) -> None:
        self._doubt, self._doubted = 0, self._seen.checked

    def _counted(self, now: int) -> Iterator[Finding]:
        if now < self._count_at:
            return
        began = mono_ns()
        size, count = self._eye.count()
        self._count_at = now + COUNT_SHARE * (mono_ns() - began)
        if size != count:
            yield Finding("index rows missing", "index", f"{size} rows", f"{count} rows")
            if self._doubted == 0:
                self._look_at_all()

    def _sweep(self, size: int) -> Iterator[Finding]:
        """Check rows below ``size``: what should be behind it is missed elsewhere."""
        seen = self._seen
        end = min(size, seen.checked + AT_ONCE)
        yield from self._check(seen.checked, end)
        seen.checked = max(seen.checked, end)
        if self._doubted:
            end = min(size, self._doubted, self._doubt + AT_ONCE)
            yield from self._check(self._doubt, end)
            self._doubt = end
            if end == min(size, self._doubted):
                self._doubted = 0
        else:
            end = min(size, seen.checked, self._slow + SLOWLY)
            yield from self._check(self._slow, end)
            self._slow = end if end < min(size, seen.checked) else 0

    def _check(self, first: int, end: int) -> Iterator[Finding]:
        for begin in range(first, end, TOGETHER):
            until = min(end, begin + TOGETHER)
            rows = self._eye.rows(begin, until)
            found = {row.id: row for row in rows}
            for index in range(begin, until):
                wrong = self._wrong(index, found.get(index))
                if wrong is not None:
                    yield wrong
                    break

    def _wrong(self, index: int, row: IndexRow | None) -> Finding | None:
        known = self._entries.tree.leaf(index)
        if row is None:
            return Finding("index row missing", "entries", f"leaf {known.hex()}", "no row", index)
        data = row.canonical.encode()
        leaf = leaf_hash(data)
        if leaf != known:
            return Finding(
                "index row edited", "entries", f"leaf {known.hex()}", f"leaf {leaf.hex()}", index
            )
        read = _ENTRY.decode(data)
        made = row_of(index, read, read.version, entry.current_hash(data), row.canonical)
        if row == made:
            return None
        name = next(
            name for name in IndexRow._fields if made._asdict()[name] != row._asdict()[name]
        )
        expected, found = f"{made._asdict()[name]!r}", f"{row._asdict()[name]!r}"
        return Finding("index row edited", f"entries.{name}", expected[:200], found[:200], index)
