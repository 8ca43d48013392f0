"""Decimal text to integers and back, without a float or a rounding.

A grid is a step given as decimal text (``"0.10"``). A value lies on the grid when it is a whole
multiple of the step; its count of steps is what the rest of the system carries.
"""

import re
from decimal import Decimal
from functools import lru_cache

DECIMAL_TEXT = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,18})?", re.ASCII)
"""What a venue may send as a price or a size: no sign, no exponent, no blank, no underscore."""


TEXTS_MAX = 16_384
"""Texts remembered: quotes come again and again at the same prices and sizes."""


class NotDecimal(ValueError):
    """Text that is no plain non-negative decimal number."""


class OffGrid(ValueError):
    """A decimal number that is no whole multiple of the step."""


class Grid:
    """Counts of one step: ``count("61800.20")`` on a step of ``"0.10"`` is 618002.

    Holds the step as ``step_units / 10 ** scale``, both integers, so that counting is integer
    arithmetic alone.
    """

    __slots__ = ("scale", "step", "step_units")

    def __init__(self, step: str) -> None:
        """Take ``step`` as positive decimal text; raise :exc:`NotDecimal` if it is none."""
        if not DECIMAL_TEXT.fullmatch(step) or not step.strip("0."):
            raise NotDecimal(f"step {step!r} is not a positive decimal number")
        whole, _, fraction = step.partition(".")
        fraction = fraction.rstrip("0")
        self.step = step
        self.scale = len(fraction)
        self.step_units = int(whole + fraction)

    def count(self, text: str) -> int:
        """How many steps ``text`` is; raise :exc:`NotDecimal` or :exc:`OffGrid`."""
        if not DECIMAL_TEXT.fullmatch(text):
            raise NotDecimal(f"{text[:40]!r} is not a plain decimal number")
        whole, _, fraction = text.partition(".")
        if len(fraction) > self.scale:
            if fraction[self.scale :].strip("0"):
                raise OffGrid(f"{text} is not a multiple of {self.step}")
            fraction = fraction[: self.scale]
        units = int(whole + fraction.ljust(self.scale, "0"))
        count, rest = divmod(units, self.step_units)
        if rest:
            raise OffGrid(f"{text} is not a multiple of {self.step}")
        return count

    def text(self, count: int) -> str:
        """Write ``count`` steps as decimal text with exactly ``scale`` decimals."""
        return scaled_text(count * self.step_units, self.scale)

    def decimal(self, count: int) -> Decimal:
        """Give ``count`` steps as an exact :class:`~decimal.Decimal`."""
        return Decimal(count * self.step_units).scaleb(-self.scale)


@lru_cache(maxsize=TEXTS_MAX)
def scaled_text(units: int, scale: int) -> str:
    """Write ``units * 10 ** -scale`` as decimal text with exactly ``scale`` decimals."""
    if scale == 0:
        return str(units)
    sign = "-" if units < 0 else ""
    digits = str(abs(units)).rjust(scale + 1, "0")
    return f"{sign}{digits[:-scale]}.{digits[-scale:]}"
