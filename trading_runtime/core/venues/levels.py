"""Book levels as venues write them, ``[["61800.20","0.014"],…]``, to pairs of ticks and lots.

Most of the time of a depth frame goes into its levels, so there are two ways with one result.
The strict way decodes the texts and counts each one. The quick way writes the grid's exponent
behind each number (``"61800.20e1"``) and has the decoder make the integers: an exponent that leaves
no whole number is an error, and a number of at most 15 digits goes through a double unharmed. What
the quick way does not take, for whatever reason, the strict way judges.
"""

from typing import Annotated

import msgspec

from trading_runtime.core.venues.counts import TICKS_MAX, Counts
from trading_runtime.market.events import PriceLevel
from trading_runtime.records.exact import Grid
from trading_runtime.records.units import Lots, Ticks

EXACT_MAX = 2**53
"""Whole numbers up to here are exact as doubles."""
DIGITS_MAX = 16
"""Digits and point of the longest number that the quick way takes: 15 digits are exact."""

Pairs = list[tuple[str, str]]
Both = tuple[list[PriceLevel], list[PriceLevel]]

Price = Annotated[int, msgspec.Meta(ge=1, le=TICKS_MAX)]
Size = Annotated[int, msgspec.Meta(ge=0, le=EXACT_MAX)]
Scaled = list[tuple[Price, Size]]

_texts = msgspec.json.Decoder(tuple[Pairs, Pairs]).decode
_scaled = msgspec.json.Decoder(tuple[Scaled, Scaled], strict=False).decode

PRICE_END, SIZE_END = b'","', b'"]'
QUOTES_PER_LEVEL = 4
# Digits and points become one character, so that a number that is too long can be searched for.
_NUMBERS = bytes.maketrans(b"0123456789.", b"00000000000")
_TOO_LONG = b"0" * (DIGITS_MAX + 1)


class LevelReader:
    """Reads the levels of one instrument."""

    __slots__ = ("_added", "_lots", "_price_end", "_quick", "_size_end", "_ticks")

    def __init__(self, tick: Grid, lot: Grid, ticks: Counts[Ticks], lots: Counts[Lots]) -> None:
        self._ticks = ticks
        self._lots = lots
        self._quick = tick.step_units == lot.step_units == 1
        """Only on steps of 1, 0.1, 0.01, …: there a shift of the point is all the arithmetic."""
        self._price_end = b'e%d","' % tick.scale
        self._size_end = b'e%d"]' % lot.scale
        self._added = len(self._price_end + self._size_end) - len(PRICE_END + SIZE_END)

    def read(self, bids: msgspec.Raw, asks: msgspec.Raw) -> Both:
        """Give the levels of both sides.

        Raises:
            Misread: a price or a size is no count of its step.
            msgspec.DecodeError: these are no arrays of pairs of texts.
        """
        text = b"[%b,%b]" % (bids, asks)
        quick = self._read_quickly(text) if self._quick else None
        return self._read_strictly(text) if quick is None else quick

    def _read_quickly(self, text: bytes) -> Both | None:
        if _TOO_LONG in text.translate(_NUMBERS) or b"-" in text or b"\\" in text:
            return None
        shifted = text.replace(PRICE_END, self._price_end).replace(SIZE_END, self._size_end)
        try:
            bids, asks = _scaled(shifted)
        except msgspec.DecodeError:
            return None
        count = len(bids) + len(asks)
        # Every number was a text, and behind every one stands its exponent.
        whole = len(shifted) - len(text) == count * self._added
        if whole and text.count(b'"') == count * QUOTES_PER_LEVEL:
            return bids, asks  # type: ignore[return-value]  # ints counted in ticks and lots
        return None

    def _read_strictly(self, text: bytes) -> Both:
        bids, asks = _texts(text)
        return self._counted(bids), self._counted(asks)

    def _counted(self, levels: Pairs) -> list[PriceLevel]:
        ticks, lots = self._ticks, self._lots
        return [(ticks[price], lots[size]) for price, size in levels]
