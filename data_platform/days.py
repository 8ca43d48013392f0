"""A day of business: from midnight to midnight in the zone of the settings, as moments of UTC.

Partitions of days bear the same names; a day in a zone begins and ends within other hours of UTC,
and where clocks are changed it has 23 or 25 hours.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from data_platform.errors import Refused
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos
from trading_runtime.store.hours import Hour, hours_between


class Span(NamedTuple):
    """``start`` is inside, ``end`` is not."""

    start: Nanos
    end: Nanos

    @property
    def hours(self) -> list[Hour]:
        """The hours of UTC that have a moment in it."""
        return hours_between(self.start, self.end)


def zone(name: str) -> ZoneInfo:
    """Give the zone; raise :exc:`Refused` where there is none of this name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise Refused(f"platform.business_tz: there is no time zone {name!r}") from None


def midnight(day: date, name: str) -> Nanos:
    at = datetime.combine(day, time(), tzinfo=zone(name))
    return Nanos(int(at.timestamp()) * NANOS_PER_SECOND)


def span_of(day: str, name: str) -> Span:
    """Give the span of ``YYYY-MM-DD`` in the zone ``name``."""
    first = date.fromisoformat(day)
    return Span(midnight(first, name), midnight(first + timedelta(days=1), name))


def day_at(at: int, name: str) -> str:
    """Give the day of business that the moment ``at`` (UTC nanoseconds) lies in."""
    moment = datetime.fromtimestamp(at // NANOS_PER_SECOND, tz=UTC)
    return moment.astimezone(zone(name)).strftime("%Y-%m-%d")


def day_before(day: str) -> str:
    return (date.fromisoformat(day) - timedelta(days=1)).isoformat()


def utc_days_until(now: int, count: int) -> list[str]:
    """Give the last ``count`` UTC days, the one of ``now`` included, the earliest first."""
    days = [day_at(now, "UTC")]
    while len(days) < count:
        days.append(day_before(days[-1]))
    return days[::-1]
