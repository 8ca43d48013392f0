"""The parameters of one request, read one by one and judged as the venue judges them.

Missing or empty: -1102, not of the legal form: -1100, sent but never read: -1104, twice: -1101.
"""

import re
from enum import Enum
from typing import TypeVar
from urllib.parse import unquote_plus

from trading_runtime.simulator.exchange.words import VenueError

DIGITS = re.compile(r"[0-9]{1,20}", re.ASCII)
DECIMAL = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,20})?", re.ASCII)
CLIENT_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}", re.ASCII)
SYMBOL = re.compile(r"[A-Z0-9-_.]{1,20}", re.ASCII)
ASIDE = ("timestamp", "recvWindow", "signature", "apiKey", "returnRateLimits")
"""Read by the gate, before the request itself looks at its own."""

Word = TypeVar("Word", bound=Enum)


class Parameters:
    """Hands out the text sent for each name, and knows which names nobody has asked for yet."""

    __slots__ = ("_unread", "sent")

    def __init__(self, sent: dict[str, str]) -> None:
        self.sent = sent
        self._unread = dict(sent)
        for name in ASIDE:
            self._unread.pop(name, None)

    def maybe(self, name: str) -> str | None:
        """Give what was sent for ``name``, or None; empty is refused."""
        value = self.sent.get(name)
        if value is None:
            return None
        self._unread.pop(name, None)
        if not value:
            raise VenueError(-1105, f"Parameter '{name}' was empty.")
        return value

    def text(self, name: str) -> str:
        """Give what was sent for ``name``; refuse when nothing was."""
        self._unread.pop(name, None)
        value = self.sent.get(name)
        if not value:
            raise VenueError(
                -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
            )
        return value

    def matching(self, name: str, legal: re.Pattern[str]) -> str | None:
        """Give what was sent for ``name`` when it has the legal form."""
        value = self.maybe(name)
        return None if value is None else legal_text(name, value, legal)

    def decimal(self, name: str) -> str | None:
        return self.matching(name, DECIMAL)

    def client_id(self, name: str) -> str | None:
        return self.matching(name, CLIENT_ID)

    def whole(self, name: str) -> int | None:
        value = self.matching(name, DIGITS)
        return None if value is None else int(value)

    def whole_or(self, name: str, otherwise: int) -> int:
        value = self.whole(name)
        return otherwise if value is None else value

    def flag(self, name: str) -> bool | None:
        value = self.maybe(name)
        if value is None:
            return None
        if value.lower() not in ("true", "false"):
            raise VenueError(
                -1100,
                f"Illegal characters found in parameter '{name}'; legal range is '^(true|false)$'.",
            )
        return value.lower() == "true"

    def word(self, name: str, words: type[Word], refusal: tuple[int, str]) -> Word | None:
        """Give one of a closed set of words, or refuse as told."""
        value = self.maybe(name)
        return None if value is None else among(value, words, refusal)

    def one_of(self, name: str, words: type[Word], refusal: tuple[int, str]) -> Word:
        """Give one of a closed set of words, which must have been sent."""
        return among(self.text(name), words, refusal)

    def symbol(self) -> str:
        """Give the symbol that every order names."""
        return legal_text("symbol", self.text("symbol"), SYMBOL)

    def number(self, name: str, legal: re.Pattern[str] = DECIMAL) -> str:
        """Give the digits sent for ``name``, which must have been sent."""
        return legal_text(name, self.text(name), legal)

    def ignore(self, *names: str) -> None:
        """Read ``names`` only to have read them."""
        for name in names:
            self._unread.pop(name, None)

    def finish(self) -> None:
        """Refuse what was sent but nobody asked for."""
        if self._unread:
            sent = len(self.sent)
            raise VenueError(
                -1104,
                f"Not all sent parameters were read; read '{sent - len(self._unread)}' "
                f"parameter(s) but was sent '{sent}'.",
            )


def legal_text(name: str, value: str, legal: re.Pattern[str]) -> str:
    """Give ``value`` back when it has the legal form, else refuse it (-1100)."""
    if not legal.fullmatch(value):
        raise VenueError(
            -1100,
            f"Illegal characters found in parameter '{name}'; legal range is '^{legal.pattern}$'.",
        )
    return value


def among(value: str, words: type[Word], refusal: tuple[int, str]) -> Word:
    """Give the word of a closed set that ``value`` is, or refuse as told."""
    try:
        return words(value)
    except ValueError:
        raise VenueError(*refusal) from None


def form_parameters(query: str, body: str) -> dict[str, str]:
    """Read a query string and a form; the query string wins where both name the same."""
    found = _pairs(query)
    for name, value in _pairs(body).items():
        found.setdefault(name, value)
    return found


def _pairs(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    if not text:
        return found
    for part in text.split("&"):
        name, _, value = part.partition("=")
        if name in found:
            raise VenueError(-1101, "Duplicate values for a parameter detected.")
        found[name] = unquote_plus(value) if "%" in value or "+" in value else value
    found.pop("", None)
    return found
