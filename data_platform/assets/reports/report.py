"""The report as data: sections of named values, in the order in which they are shown.

A value that has no input says so: nothing that was not recorded is shown as nought.
"""

from fractions import Fraction
from typing import NamedTuple

from data_platform.assets.reports.archive import HOURS_PER_DAY, Coverage
from data_platform.assets.reports.pnl import Account

NO_INPUT = "no input"
NOT_RECORDED = "not recorded"


class Item(NamedTuple):
    """One value; ``beyond`` says why it needs attention, and is empty where it does not."""

    name: str
    value: str
    beyond: str = ""


class Section(NamedTuple):
    name: str
    items: tuple[Item, ...]


class Report(NamedTuple):
    day: str
    coverage: Coverage
    sections: tuple[Section, ...]
    accounts: dict[str, Account]

    @property
    def covered(self) -> str:
        """Say how much of the day the report speaks of."""
        known = f"{self.coverage.sealed} of {HOURS_PER_DAY} hours"
        if self.coverage.is_whole:
            return known
        grows = f", {self.coverage.partial} still open" if self.coverage.partial else ""
        return f"partial: {known}{grows}"


def decimals(value: Fraction, places: int) -> str:
    """Write an exact number with so many decimals, half away from zero."""
    scaled = abs(value) * 10**places
    units = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    digits = str(units).rjust(places + 1, "0")
    text = f"{digits[:-places]}.{digits[-places:]}" if places else digits
    return f"-{text}" if value < 0 and units else text


def signed(value: Fraction) -> str:
    """Write a position with its sign and no more decimals than it has."""
    text = decimals(value, 8).rstrip("0").rstrip(".")
    return text if value < 0 else f"+{text}"
