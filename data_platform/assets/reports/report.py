"""The report as data: sections of named values, in the order in which they are shown.

A value that has no input says so: nothing that was not recorded is shown as nought.
"""

from enum import Enum
from fractions import Fraction

import msgspec

from trading_runtime.records.units import Nanos

NO_DATA = "no data"


class Verdict(Enum):
    PLAIN = ""
    """Nothing is asked of this value."""
    WELL = "ok"
    ATTENTION = "attention"
    UNKNOWN = "no data"


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One value; ``why`` says what the verdict is for, and what is missing where nothing is."""

    name: str
    value: str
    unit: str = ""
    threshold: str = ""
    verdict: Verdict = Verdict.PLAIN
    why: str = ""


class Section(msgspec.Struct, frozen=True):
    name: str
    items: tuple[Item, ...]


class Coverage(msgspec.Struct, frozen=True):
    """Of a span's hours, those whose logs are archived whole, and those that still grow."""

    hours: int
    sealed: int
    partial: int
    unknown: tuple[Nanos, ...]
    """The beginnings of the hours of which no line is archived."""

    @property
    def is_whole(self) -> bool:
        return self.sealed == self.hours

    @property
    def told(self) -> str:
        """Say how much of the span the report speaks of."""
        known = f"{self.sealed} of {self.hours} hours"
        if self.is_whole:
            return known
        grows = f", {self.partial} still open" if self.partial else ""
        return f"partial: {known}{grows}"


class Series(msgspec.Struct, frozen=True):
    """One line or row of bars of the chart; a moment without a value has none here."""

    name: str
    at: tuple[Nanos, ...]
    values: tuple[float, ...]


class Panel(msgspec.Struct, frozen=True):
    """A part of the chart: its series share an axis; ``limit`` is drawn where there is one."""

    title: str
    series: tuple[Series, ...]
    steps: bool
    """Level between moments; else a bar for each hour."""
    limit: float | None = None


class HourRow(msgspec.Struct, frozen=True):
    """The condition of each hour of one instrument's table (``store.condition``)."""

    name: str
    conditions: tuple[str, ...]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    day: str
    zone: str
    start: Nanos
    end: Nanos
    coverage: Coverage
    sections: tuple[Section, ...]
    ledger: tuple[tuple[str, ...], ...]
    """Instrument, fills, position, realized and fees, as text."""
    panels: tuple[Panel, ...]
    hours: tuple[HourRow, ...]
    inputs: str
    """Digest of the lines and rows that it was made of."""

    @property
    def attention(self) -> list[Item]:
        return [
            it
            for section in self.sections
            for it in section.items
            if it.verdict is Verdict.ATTENTION
        ]


def plain(name: str, value: object, unit: str = "") -> Item:
    return Item(name=name, value=str(value), unit=unit)


def missing(name: str, why: str) -> Item:
    """Give the line of a value that cannot be told."""
    return Item(name=name, value=NO_DATA, verdict=Verdict.UNKNOWN, why=why)


def held(item: Item, number: float | Fraction, limit: float, why: str = "") -> Item:
    """Hold ``number`` against the most that is well."""
    above = number > limit
    return msgspec.structs.replace(
        item,
        threshold=f"at most {limit:g}{spaced(item.unit)}",
        verdict=Verdict.ATTENTION if above else Verdict.WELL,
        why=(why or f"above {limit:g}{spaced(item.unit)}") if above else "",
    )


def attention(item: Item, why: str) -> Item:
    return msgspec.structs.replace(item, verdict=Verdict.ATTENTION, why=why)


def spaced(unit: str) -> str:
    """Write a unit as it stands behind a number: ``85ms``, but ``4 ticks``."""
    return unit if unit in {"", "ms", "s"} else f" {unit}"


def decimals(value: Fraction, places: int) -> str:
    """Write an exact number with so many decimals, half away from zero."""
    scaled = abs(value) * 10**places
    units = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    digits = str(units).rjust(places + 1, "0")
    text = f"{digits[:-places]}.{digits[-places:]}" if places else digits
    return f"-{text}" if value < 0 and units else text


def signed(value: Fraction) -> str:
    """Write a position with its sign and no more decimals than it has."""
    text = short(value)
    return text if value < 0 else f"+{text}"


def short(value: Fraction) -> str:
    text = decimals(value, 8)
    return text.rstrip("0").rstrip(".")
