"""Decimal text to counts of 10^-8 and back, exactly."""

from functools import lru_cache

from trading_runtime.records.exact import DECIMAL_TEXT, NotDecimal, OffGrid, scaled_text

SCALE = 8
REMEMBERED_MAX = 16_384
"""Texts whose count is remembered: the prices and sizes of a day's orders are few."""


@lru_cache(maxsize=REMEMBERED_MAX)
def units(text: str) -> int:
    """Count 10^-8 in ``text``; raise :exc:`NotDecimal`, or :exc:`OffGrid` beyond 8 decimals."""
    if not DECIMAL_TEXT.fullmatch(text):
        raise NotDecimal(f"{text[:40]!r} is not a plain decimal number")
    whole, _, fraction = text.partition(".")
    if len(fraction) > SCALE:
        if fraction[SCALE:].strip("0"):
            raise OffGrid(f"{text} has more than {SCALE} decimals")
        fraction = fraction[:SCALE]
    return int(whole + fraction.ljust(SCALE, "0"))


def text(amount: int) -> str:
    """Write ``amount`` with all 8 decimals, as spot does: ``"0.10000000"``."""
    return scaled_text(amount, SCALE)


def short_text(amount: int) -> str:
    """Write ``amount`` without trailing zeros, as usdm mostly does: ``"0.1"``, ``"0"``."""
    full = scaled_text(amount, SCALE)
    return full.rstrip("0").rstrip(".")
