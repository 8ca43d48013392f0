"""The business day: from midnight to midnight at a fixed offset from UTC."""

from trading_runtime.records.units import NANOS_PER_SECOND, Nanos

NANOS_PER_DAY = 86_400 * NANOS_PER_SECOND
NANOS_PER_MINUTE = 60 * NANOS_PER_SECOND

DAYS_PER_ERA = 146_097
"""400 years of the Gregorian calendar, after which it repeats."""
EPOCH_IN_ERA = 719_468
"""Days from 0000-03-01 to 1970-01-01."""


def day_number(at: Nanos, offset_minutes: int) -> int:
    """Count the business days from 1970-01-01 to the one that holds ``at``."""
    return (at + offset_minutes * NANOS_PER_MINUTE) // NANOS_PER_DAY


def day_end(number: int, offset_minutes: int) -> Nanos:
    """Give the first moment after the business day ``number``."""
    return Nanos((number + 1) * NANOS_PER_DAY - offset_minutes * NANOS_PER_MINUTE)


def day_text(number: int) -> str:
    """Write a day as ``YYYY-MM-DD``.

    "days_from_civil" turned round, Howard Hinnant, *chrono-Compatible Low-Level Date Algorithms*.
    """
    era, of_era = divmod(number + EPOCH_IN_ERA, DAYS_PER_ERA)
    year = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    march_month = (5 * of_year + 2) // 153
    day = of_year - (153 * march_month + 2) // 5 + 1
    month = march_month + 3 if march_month < 10 else march_month - 9  # noqa: PLR2004 -- the algorithm's own
    return f"{year + era * 400 + (month <= 2):04d}-{month:02d}-{day:02d}"  # noqa: PLR2004 -- likewise
