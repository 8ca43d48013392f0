"""What a runtime records, followed while it runs: each record once, in order."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

from tests.live.venue import until
from trading_runtime.journal.follower import Follower
from trading_runtime.records.envelope import Body, decode_body
from trading_runtime.records.facts_venue import QuotingHeld
from trading_runtime.records.units import Nanos, Seq

T = TypeVar("T")
AT_ONCE = 10_000


class Told(NamedTuple):
    session: str
    seq: Seq
    at: Nanos
    body: Body


class Story:
    """``told`` is what has been read so far; a place in it is an index."""

    def __init__(self, data: Path) -> None:
        self.told: list[Told] = []
        self._follower = Follower(data, "story", synced_only=False)

    def close(self) -> None:
        self._follower.close()

    def read(self) -> int:
        """Read what has been handed over since; give the place behind it."""
        while given := self._follower.poll(AT_ONCE):
            self.told += [
                Told(session, record.seq, record.stamp.at, decode_body(record.body))
                for session, record in given
            ]
        return len(self.told)

    def all(self, kind: type[T], begin: int = 0, end: int | None = None) -> list[T]:
        return [body for *_, body in self.told[begin:end] if isinstance(body, kind)]

    def places(
        self, kind: type[T], begin: int = 0, where: Callable[[T], bool] = lambda _: True
    ) -> Iterator[int]:
        """Give the places of what is of a kind, from ``begin`` on."""
        for place in range(begin, len(self.told)):
            body = self.told[place].body
            if isinstance(body, kind) and where(body):
                yield place

    def awaits(
        self,
        kind: type[T],
        begin: int,
        where: Callable[[T], bool] = lambda _: True,
        *,
        within_s: float,
    ) -> int:
        """Give the place of the first of a kind from ``begin`` on; it may be yet to come."""
        found: list[int] = []
        seen = begin

        def is_told() -> bool:
            nonlocal seen
            end = self.read()
            found.extend(self.places(kind, seen, where))
            seen = end
            return bool(found)

        until(f"{kind} after {self.summary(begin)}", within_s, is_told)
        return found[0]

    def summary(self, begin: int) -> str:
        """Name what was told since ``begin``, and how often."""
        counts = Counter(type(each.body).__name__ for each in self.told[begin:])
        held = [body.reason for body in self.all(QuotingHeld, begin)]
        return f"{dict(counts)}, held by {held}"
