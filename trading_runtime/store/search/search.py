"""One query over every place: what is here, and the archive behind it.

Days are blocks too, so that a search which has enough after the last hour never lists last year.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

from trading_runtime.records.units import Nanos
from trading_runtime.store.hours import HOUR_NS, Hour, hour_at
from trading_runtime.store.search.far import FarDay, Store
from trading_runtime.store.search.files import Hourly, Troubles
from trading_runtime.store.search.follow import Following
from trading_runtime.store.search.line import Entry
from trading_runtime.store.search.order import Block, Opened, in_order
from trading_runtime.store.search.places import HOURS_PER_DAY, Here, Near, blocks_of_hour
from trading_runtime.store.search.query import Matcher, Query

NEAR_DAYS_MAX = 62
"""So many days back are asked for one by one; for those before, the archive is listed once."""


class Ground(NamedTuple):
    """All places: the data folder, and the archive if there is one."""

    near: Near
    store: Store | None


class Day(NamedTuple):
    """A day of every stream."""

    ground: Ground
    day: str

    @property
    def low(self) -> Nanos:
        return Hour(self.day, 0).start

    @property
    def high(self) -> Nanos:
        return Nanos(Hour(self.day, HOURS_PER_DAY - 1).end - 1)

    def opened(self, matcher: Matcher) -> Opened:
        query, store = matcher.query, self.ground.store
        first = max(0, (query.since - self.low) // HOUR_NS)
        last = min(HOURS_PER_DAY - 1, (query.until - 1 - self.low) // HOUR_NS)
        far = FarDay(store, self.day) if store is not None and not store.is_down else None
        here = self.ground.near.of_day(self.day, query.modules)
        hours = [Hour(self.day, of_day) for of_day in range(first, last + 1)]
        return [WholeHour(self.ground.near, far, it, here) for it in hours], ()


class WholeHour(NamedTuple):
    """An hour of every stream; the archive is asked when it is opened, and not before."""

    near: Near
    far: FarDay | None
    hour: Hour
    day: Here

    @property
    def low(self) -> Nanos:
        return self.hour.start

    @property
    def high(self) -> Nanos:
        return Nanos(self.hour.end - 1)

    def opened(self, matcher: Matcher) -> Opened:
        found: list[Block] = []
        for module in sorted(matcher.query.modules):
            holds = Hourly(module, self.hour)
            found += blocks_of_hour(self.near, self.far, holds, self.day)
        return found, ()


class Older(NamedTuple):
    """The days outside ``known``, between ``low`` and ``high``: the archive is listed for them."""

    ground: Ground
    store: Store
    known: frozenset[str]
    low: Nanos
    high: Nanos

    def opened(self, matcher: Matcher) -> Opened:
        days = (self.ground.near.days() | self.store.days()) - self.known
        return _within([Day(self.ground, it) for it in sorted(days)], matcher.query), ()


class Search:
    """A query over one data folder and, if there is one, the archive; close it after use."""

    def __init__(self, data: Path, store: Store | None, troubles: Troubles, now: Nanos) -> None:
        """Open what is here; ``now`` bounds the days that are asked for one by one."""
        self.troubles = troubles
        self._data = data
        self._ground = Ground(Near(data, troubles), store)
        self._today = hour_at(now).day

    def close(self) -> None:
        self._ground.near.close()

    def following(self, query: Query) -> Following:
        """Follow what comes behind all that :meth:`entries` has given."""
        return Following(self._data, self._ground.near, Matcher(query))

    def entries(self, query: Query, *, oldest: bool = False, limit: int = 0) -> Iterator[Entry]:
        """Give what matches, the newest first, or the oldest; ``limit`` 0 is none.

        What could not be read is in ``troubles`` when the last line was given.
        """
        return in_order(self._blocks(query), Matcher(query), oldest=oldest, limit=limit)

    def _blocks(self, query: Query) -> list[Block]:
        store = self._ground.store
        here = self._ground.near.days()
        if store is None:
            return _within([Day(self._ground, it) for it in sorted(here)], query)
        if not here:
            return _within([Day(self._ground, it) for it in sorted(store.days())], query)
        days = _days_between(min(here), max(self._today, *here))
        blocks = _within([Day(self._ground, it) for it in days], query)
        edge = Hour(days[0], 0).start
        if query.since < edge:
            until = Nanos(min(edge, query.until) - 1)
            blocks.append(Older(self._ground, store, frozenset(days), query.since, until))
        return blocks


def _within(days: list[Day], query: Query) -> list[Block]:
    return [it for it in days if it.high >= query.since and it.low < query.until]


def _days_between(first: str, last: str) -> list[str]:
    """Give the days until ``last``, not more than are asked for one by one."""
    end = date.fromisoformat(last)
    count = min((end - date.fromisoformat(first)).days, NEAR_DAYS_MAX)
    return [(end - timedelta(days=it)).isoformat() for it in range(count, -1, -1)]
