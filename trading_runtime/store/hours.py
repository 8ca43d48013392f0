"""An hour of UTC: the partition of ticks and logs, by its first nanosecond."""

from datetime import UTC, datetime
from typing import NamedTuple

from trading_runtime.records.units import Nanos

HOUR_NS = 3_600_000_000_000
MINUTE_NS = 60_000_000_000


class Hour(NamedTuple):
    """``start`` is inside, ``end`` is not."""

    day: str
    """``YYYY-MM-DD``."""
    of_day: int

    @property
    def name(self) -> str:
        """``YYYY-MM-DDTHH``, as in the names of sealed logs and markers."""
        return f"{self.day}T{self.of_day:02d}"

    @property
    def start(self) -> Nanos:
        return Nanos(int(datetime.fromisoformat(f"{self.name}:00:00+00:00").timestamp()) * 10**9)

    @property
    def end(self) -> Nanos:
        return Nanos(self.start + HOUR_NS)


def hour_at(at: int) -> Hour:
    """Give the hour that the moment ``at`` (UTC nanoseconds) lies in."""
    moment = datetime.fromtimestamp(at // HOUR_NS * 3600, tz=UTC)
    return Hour(moment.strftime("%Y-%m-%d"), moment.hour)


def hours_between(start: int, end: int) -> list[Hour]:
    """Give the hours that have a moment in ``[start, end)``, in order."""
    return [hour_at(at) for at in range(start // HOUR_NS * HOUR_NS, end, HOUR_NS)]
