"""Client order ids: a function of the session and of the input that caused the order.

An id is the owner's prefix, the session's nonce, the input's sequence in base 36 and two more
base-36 digits for the order's place among that input's orders: at most 32 letters and digits, never
used again, and known again after a crash.
"""

from trading_runtime.errors import Halt, Refused
from trading_runtime.records.units import ClientId, Seq

NONCE_LENGTH = 8
"""Fixed, so that no nonce with a sequence reads as another nonce with another sequence."""
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
PLACES = tuple(first + second for first in DIGITS for second in DIGITS)


def base36(number: int) -> str:
    """Write ``number``, which is not negative, in digits and small letters."""
    text = ""
    while number >= len(DIGITS):
        number, digit = divmod(number, len(DIGITS))
        text = DIGITS[digit] + text
    return DIGITS[number] + text


class ClientIds:
    """Gives the ids of one session; :meth:`begin` names the input that is being handled."""

    __slots__ = ("_place", "_seq", "_stem", "prefix", "session")

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.session = ""
        """Prefix and nonce: how every id of this session begins."""
        self._seq = Seq(0)
        self._stem = ""
        self._place = 0

    def open_session(self, nonce: str) -> None:
        """Take the session's nonce; raise :exc:`Refused` unless it is 8 letters and digits."""
        if not (nonce.isascii() and nonce.isalnum() and len(nonce) == NONCE_LENGTH):
            raise Refused(f"session nonce {nonce!r} is not {NONCE_LENGTH} letters and digits")
        self.session = self.prefix + nonce

    def restore(self, session: str) -> None:
        """Go on with the ids of the session that a checkpoint was written in."""
        self.session = session

    def owns(self, order: str) -> bool:
        """Say whether an order at the venue is ours, of whatever session.

        Somebody else's begins with another prefix, or is not made of letters and digits alone.
        """
        return order.startswith(self.prefix) and order.isalnum()

    def begin(self, seq: Seq) -> None:
        self._seq = seq
        self._place = 0

    def next(self) -> ClientId:
        """Give the next id; raise :exc:`Halt` past 1296 for one input: that is a runaway."""
        if self._place == len(PLACES):
            raise Halt(f"more than {len(PLACES)} orders for one input")
        if self._place == 0:
            self._stem = self.session + base36(self._seq)
        order = ClientId(self._stem + PLACES[self._place])
        self._place += 1
        return order
