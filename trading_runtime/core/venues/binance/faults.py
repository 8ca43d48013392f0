"""What the venue's refusals mean: one table from its error codes to what became of a request.

What is not in the table is a plain refusal: the request was read, judged and not executed. The
dangerous ones are the others: an answer that says nothing of whether the request was executed, and
a second order under an id that the venue has already, which is there.
"""

from collections.abc import Mapping
from enum import Enum


class Fate(Enum):
    """What became of a request that was answered with an error."""

    UNKNOWN = "unknown"
    """It may have been executed; only asking can tell."""
    DUPLICATE = "duplicate"
    """The venue has an order of this id: it was placed before."""
    NOT_DONE = "not_done"
    """Certainly not executed; the same may be asked again."""
    CLOCK = "clock"
    """Likewise: its time was not believed."""
    TOO_MANY = "too_many"
    BANNED = "banned"
    FIREWALL = "firewall"
    ABSENT = "absent"
    """The venue has no such order."""
    ARCHIVED = "archived"
    """The venue has had such an order; it ended without a fill, long ago."""
    RETRY = "retry"
    """Refused as things stood; another try, at another price or later, makes sense."""
    REFUSED = "refused"


BANNED, FIREWALL, TOO_MANY = 418, 403, 429
SERVER_ERROR = 500

BOTH: Mapping[int, Fate] = {
    -1000: Fate.UNKNOWN,
    -1001: Fate.UNKNOWN,
    -1003: Fate.TOO_MANY,
    -1006: Fate.UNKNOWN,
    -1007: Fate.UNKNOWN,
    -1008: Fate.NOT_DONE,
    -1015: Fate.TOO_MANY,
    -1016: Fate.NOT_DONE,
    -1021: Fate.CLOCK,
    -1034: Fate.TOO_MANY,
    -2013: Fate.ABSENT,
}
"""In both markets the same. The venue's documents (general information, 2026) say of 503 with -1008
that the request has failed, of every other 5xx that its execution is unknown."""

SPOT: Mapping[int, Fate] = {
    **BOTH,
    -2026: Fate.ARCHIVED,
}
USDM: Mapping[int, Fate] = {
    **BOTH,
    -2020: Fate.RETRY,  # unable to fill
    -2025: Fate.RETRY,  # too many open orders
    -4016: Fate.RETRY,  # price above the band around the mark price
    -4024: Fate.RETRY,  # below it
    -4116: Fate.DUPLICATE,
    -4131: Fate.RETRY,  # no counterparty within the band
    -5021: Fate.RETRY,  # not filled at once
    -5022: Fate.RETRY,  # a post-only order would take
    -5028: Fate.CLOCK,
    -5041: Fate.RETRY,
    -5043: Fate.NOT_DONE,  # an earlier modification is still under way
}

SAID: tuple[tuple[str, Fate], ...] = (
    ("Duplicate order sent", Fate.DUPLICATE),
    ("Unknown order sent", Fate.ABSENT),
    ("immediately match and take", Fate.RETRY),
    ("PERCENT_PRICE", Fate.RETRY),
    ("MAX_NUM_ORDERS", Fate.RETRY),
)
"""Codes that stand for many reasons say which in their text."""
SAYING = frozenset({-1010, -1013, -2010, -2011, -2038})


def fate(table: Mapping[int, Fate], status: int, code: int, message: str) -> Fate:
    """Give what an error means; ``code`` is 0 where the answer had none."""
    if status in (BANNED, FIREWALL):
        return Fate.BANNED if status == BANNED else Fate.FIREWALL
    known = table.get(code)
    if known is not None:
        return known
    if status == TOO_MANY:
        return Fate.TOO_MANY
    if status >= SERVER_ERROR:
        return Fate.UNKNOWN
    if code in SAYING:
        for words, meaning in SAID:
            if words in message:
                return meaning
    return Fate.REFUSED
