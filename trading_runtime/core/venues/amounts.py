"""Signed decimal text to whole units of ``10 ** -scale``: fees, balances, rates, reference prices.

These have more decimals than a grid, and signs; where the unit is too coarse for them, they are
rounded the way that the caller names.
"""

from trading_runtime.errors import Misread

DIGITS_MAX = 38
"""Digits of the longest amount: far more than any asset has."""
POWERS: tuple[int, ...] = tuple(10**each for each in range(2 * DIGITS_MAX))


def units_down(text: str, scale: int) -> int:
    """Give ``text`` in units, rounded towards minus infinity; raise ``Misread``.

    >>> units_down("-0.07819010", 8), units_down("11793.63104562", 2)
    (-7819010, 1179363)
    """
    digits, decimals = _digits(text)
    if decimals <= scale:
        return digits * POWERS[scale - decimals]
    return digits // POWERS[decimals - scale]


def units_up(text: str, scale: int) -> int:
    """Give ``text`` in units, rounded towards plus infinity; raise ``Misread``."""
    digits, decimals = _digits(text)
    if decimals <= scale:
        return digits * POWERS[scale - decimals]
    return -(-digits // POWERS[decimals - scale])


def _digits(text: str) -> tuple[int, int]:
    """Give the number without its point, and how many digits stood behind that."""
    negative = text[:1] == "-"
    whole, _, fraction = (text[1:] if negative else text).partition(".")
    digits = whole + fraction
    if not whole or len(digits) > DIGITS_MAX or not (digits.isdecimal() and digits.isascii()):
        raise Misread("not_decimal", f"{text[:40]!r} is no amount")
    return -int(digits) if negative else int(digits), len(fraction)
