"""Decimal text to whole counts of a grid's step, each text worked out once and then remembered.

On a live market the same few thousand prices and sizes come again and again; a dict lookup is a
tenth of a conversion.
"""

from typing import TypeVar

from trading_runtime.errors import Misread
from trading_runtime.records.exact import Grid, NotDecimal, OffGrid
from trading_runtime.records.units import Lots, Ticks

REMEMBERED_MAX = 65_536
"""Texts of one grid, about 10 MB; beyond it all are forgotten, which costs one conversion each."""
TEXT_MAX = 39
"""Characters of the longest text that :class:`Grid` reads."""
TICKS_MAX = 2**40
"""A price of more ticks is no price; in millionths of a tick it would not fit 64 bits."""
LOTS_MAX = 2**60
"""A size of more lots is no size."""


Count = TypeVar("Count", Ticks, Lots)


class Counts(dict[str, Count]):
    """``counts["61800.20"]`` is 618002 on a step of 0.10; what is no such count raises ``Misread``.

    Looking up is the hot path, so this *is* the dict that remembers, and its values have their unit
    already: to call a ``NewType`` costs more than the look-up.
    """

    __slots__ = ("_divisors", "_grid", "_max", "_off", "_zero")

    def __init__(self, grid: Grid, count_max: int, off: str, zero: str) -> None:
        """``off`` and ``zero`` are the reasons for text off the grid and for 0 ('' lets 0 pass)."""
        super().__init__()
        self._grid = grid
        self._max = count_max
        self._off = off
        self._zero = zero
        # By the number of decimals in the text: what its digits have to be divided by.
        self._divisors: dict[int, int] = {
            decimals: grid.step_units * 10 ** (decimals - grid.scale)
            for decimals in range(grid.scale, 19)
        }

    def __missing__(self, text: str) -> Count:
        count: Count = self._count(text)  # type: ignore[assignment]
        if count > self._max:
            raise Misread("too_large", f"{text} is more than {self._max} steps")
        if not count and self._zero:
            raise Misread(self._zero, f"{text} is zero")
        if len(self) >= REMEMBERED_MAX:
            self.clear()
        self[text] = count
        return count

    def _count(self, text: str) -> int:
        whole, _, fraction = text.partition(".")
        divisor = self._divisors.get(len(fraction))
        digits = whole + fraction
        # Only plain digits around one inner point go this way; all else is for the strict reader.
        if divisor and whole and fraction and digits.isdecimal() and digits.isascii():
            count, rest = divmod(int(digits[:TEXT_MAX]), divisor)
            if not rest and len(text) <= TEXT_MAX:
                return count
        try:
            return self._grid.count(text)
        except NotDecimal as error:
            raise Misread("not_decimal", str(error)) from error
        except OffGrid as error:
            raise Misread(self._off, str(error)) from error
