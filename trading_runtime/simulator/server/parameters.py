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
ASIDE = frozenset({"timestamp", "recvWindow", "signature", "apiKey", "returnRateLimits"})
"""Read by the gate, before the request itself looks at its own."""

Word = TypeVar("Word", bound=Enum)


class Parameters:
    """Hands out the text sent for each name; ``seen`` are the names that were asked for."""

    __slots__ = ("_seen", "sent")

    def __init__(self, sent: dict[str, str]) -> None:
        self.sent = sent
        self._seen: set[str] = set()

    def maybe(self, name: str) -> str | None:
        """Give what was sent for ``name``, or None; empty is refused."""
        self._seen.add(name)
        value = self.sent.get(name)
        if value == "":
            raise VenueError(-1105, f"Parameter '{name}' was empty.")
        return value

    def text(self, name: str) -> str:
        """Give what was sent for ``name``; refuse when nothing was."""
        self._seen.add(name)
        value = self.sent.get(name)
        if not value:
            raise VenueError(
                -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
            )
        return value

    def matching(self, name: str, legal: re.Pattern[str]) -> str | None:
        """Give what was sent for ``name`` when it has the legal form."""
        value = self.maybe(name)
        if value is not None and not legal.fullmatch(value):
            raise VenueError(
                -1100,
                f"Illegal characters found in parameter '{name}'; "
                f"legal range is '^{legal.pattern}$'.",
            )
        return value

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

    def word(self, name: str, words: type[Word], refusal: VenueError) -> Word | None:
        """Give one of a closed set of words, or refuse as told."""
        value = self.maybe(name)
        if value is None:
            return None
        try:
            return words(value)
        except ValueError:
            raise refusal from None

    def symbol(self) -> str:
        """Give the symbol that every order names."""
        self.text("symbol")
        return str(self.matching("symbol", SYMBOL))

    def ignore(self, *names: str) -> None:
        """Read ``names`` only to have read them."""
        self._seen.update(names)

    def finish(self) -> None:
        """Refuse what was sent but nobody asked for."""
        unread = self.sent.keys() - self._seen - ASIDE
        if unread:
            sent = len(self.sent)
            raise VenueError(
                -1104,
                f"Not all sent parameters were read; read '{sent - len(unread)}' parameter(s) "
                f"but was sent '{sent}'.",
            )


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
