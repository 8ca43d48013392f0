"""One thing to tell people, whatever brings it to them."""

import hashlib
import re
from enum import Enum

import msgspec

from trading_runtime.records.units import Nanos


class Severity(Enum):
    """Levels of alerts (DESIGN.md, Names); P1 of the specification is a warning sent at once."""

    CRITICAL = "Critical"
    WARNING = "Warning"
    INFO = "Info"


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """``key`` says what it is about: an alarm of the same key is told once until it is due again.

    ``page`` is HTML that refers to ``chart`` (PNG) as ``cid:`` and :data:`CHART`; both may be
    empty. ``at`` is the date that the letter bears.
    """

    key: str
    severity: Severity
    title: str
    text: str
    at: Nanos
    page: str = ""
    chart: bytes = b""

    @property
    def is_alarm(self) -> bool:
        return self.severity is not Severity.INFO

    @property
    def name(self) -> str:
        """The key as a file's name; two keys have two names."""
        plain = re.sub(r"[^0-9A-Za-z._-]+", "-", self.key)[:100]
        if plain == self.key:
            return plain
        return f"{plain}-{hashlib.sha256(self.key.encode()).hexdigest()[:8]}"

    @property
    def digest(self) -> str:
        """Of all that is told."""
        content = f"{self.severity.value}\n{self.title}\n{self.text}\n{self.page}".encode()
        return hashlib.sha256(content + self.chart).hexdigest()


CHART = "chart@tapedeck"
"""The picture's name within a letter."""
