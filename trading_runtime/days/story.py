"""What happens in days that are made up: which hour has no message, which is not recorded at all.

All of it follows from the first hour, the number of hours and the seed. The incidents are those
that the platform has to live with: an hour in which the venue said nothing, one in which our
machine was off, a minute whose ticks come when its hour has long been sealed, an hour whose ticks
are damaged on the disk, and what people do: they pause, they stop everything, they set parameters.
"""

from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from trading_runtime.errors import Refused
from trading_runtime.records.inputs import Action
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos
from trading_runtime.store.hours import HOUR_NS, MINUTE_NS, Hour, hour_at

HOURS_PER_DAY = 24
HOURS_MAX = 31 * HOURS_PER_DAY
"""A month takes half an hour to record, and the platform is shown nothing new by it."""
INCIDENTS_FROM = 6
"""Fewer hours than this go by without an incident: some have to be whole."""
LATE_MINUTE = 24
PARAMETERS_EVERY = 6
"""Hours between two times that a person sets parameters."""


class Late(NamedTuple):
    """A minute whose ticks of one market are kept back, to be delivered when all is sealed."""

    hour: int
    minute: int

    def starts_at(self, first: Nanos) -> Nanos:
        return Nanos(first + self.hour * HOUR_NS + self.minute * MINUTE_NS)


class Order(NamedTuple):
    """What a person tells the session to do."""

    at: Nanos
    action: Action
    reason: str


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """Hours are counted from ``first``; None is an incident that does not happen."""

    first: Nanos
    """Where the first hour begins."""
    hours: int
    seed: int
    silent: int | None = None
    """The venue sends nothing: the connection is lost at its start and back at its end."""
    missing: int | None = None
    """Nothing of ours runs."""
    late: Late | None = None
    damaged: int | None = None
    drill: int | None = None
    """A person stops everything in it, and begins again later."""

    @property
    def end(self) -> Nanos:
        return self.hour_start(self.hours)

    def hour_start(self, number: int) -> Nanos:
        return Nanos(self.first + number * HOUR_NS)

    def hour(self, number: int) -> Hour:
        return hour_at(self.hour_start(number))


def story_of(first: Nanos, hours: int, seed: int) -> Story:
    """Give what happens in ``hours`` from ``first`` on.

    Over days the incidents lie on different ones; within a day they follow one another. Raises
    :exc:`Refused` for a span that is none.
    """
    if first % HOUR_NS or not 1 <= hours <= HOURS_MAX:
        raise Refused(f"from 1 to {HOURS_MAX} whole hours, from a full hour on")
    if hours < INCIDENTS_FROM:
        return Story(first=first, hours=hours, seed=seed)
    days = hours // HOURS_PER_DAY
    if not days:
        silent, missing, late, damaged, drill = 1, 2, hours - 2, hours - 1, 0
    else:
        last, middle = (days - 1) * HOURS_PER_DAY, days // 2 * HOURS_PER_DAY
        silent, missing, late, damaged, drill = 5, middle + 13, last + 10, last + 15, middle + 8
    return Story(
        first=first,
        hours=hours,
        seed=seed,
        silent=silent,
        missing=missing,
        late=Late(late, LATE_MINUTE),
        damaged=damaged,
        drill=drill,
    )


def orders_of(story: Story, number: int) -> list[Order]:
    """Give what a person does in one hour, in order of time."""
    if number != story.drill:
        return []
    start = story.hour_start(number)
    return [
        Order(Nanos(start + 10 * MINUTE_NS), Action.PAUSE, "a look at the quotes"),
        Order(Nanos(start + 12 * MINUTE_NS), Action.RESUME, "they were right"),
        Order(Nanos(start + 30 * MINUTE_NS), Action.PANIC_STOP, "the drill of the month"),
        Order(Nanos(start + 40 * MINUTE_NS), Action.CLEAR_PANIC, "the drill is over"),
        Order(Nanos(start + 41 * MINUTE_NS), Action.RESUME, "the drill is over"),
    ]


def parse_start(text: str) -> Nanos:
    """Read ``YYYY-MM-DD`` or ``YYYY-MM-DDTHH``, UTC; raise :exc:`Refused` where it is neither."""
    try:
        moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError as error:
        raise Refused(f"{text!r} is no day YYYY-MM-DD, and no hour YYYY-MM-DDTHH") from error
    return Nanos(int(moment.timestamp()) * NANOS_PER_SECOND)
