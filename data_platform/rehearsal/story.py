"""What was made up, as ``tapedeck days`` has written it down beside the data."""

from pathlib import Path

import msgspec

from data_platform.errors import Refused
from trading_runtime.records.units import Nanos
from trading_runtime.store.hours import HOUR_NS, Hour, hour_at

WRITTEN = "days.json"


class Late(msgspec.Struct, frozen=True, array_like=True):
    hour: int
    minute: int


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """Hours are counted from ``first``; None did not happen."""

    first: Nanos
    hours: int
    silent: int | None
    missing: int | None
    late: Late | None
    damaged: int | None

    @property
    def end(self) -> Nanos:
        return Nanos(self.first + self.hours * HOUR_NS)

    def hour(self, number: int | None) -> Hour | None:
        return None if number is None else hour_at(self.first + number * HOUR_NS)

    def every_hour(self) -> list[Hour]:
        return [hour_at(self.first + number * HOUR_NS) for number in range(self.hours)]

    def every_day(self) -> list[str]:
        return sorted({hour.day for hour in self.every_hour()})


class Capture(msgspec.Struct, frozen=True, kw_only=True):
    """A minute that was kept back; ``path`` is below the data folder."""

    path: str
    venue: str
    symbol: str
    tick: str
    lot: str


class Damage(msgspec.Struct, frozen=True, array_like=True):
    """A cell that was changed, in a file below the lake."""

    path: str
    row: int
    column: str
    before: int


class Made(msgspec.Struct, frozen=True, kw_only=True):
    frames: int
    sessions: tuple[str, ...]
    late: Capture | None
    damage: Damage | None


class Written(msgspec.Struct, frozen=True, kw_only=True):
    story: Story
    made: Made


def read(data: Path) -> Written:
    """Read it; raise :exc:`Refused` where these are no days that were made up."""
    path = data / WRITTEN
    try:
        return msgspec.json.decode(path.read_bytes(), type=Written)
    except (OSError, msgspec.DecodeError) as error:
        raise Refused(f"{path} cannot be read: make days with `tapedeck days` ({error})") from error
