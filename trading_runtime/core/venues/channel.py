"""What a venue's codec and the intake say to each other about streams, in nobody's own words."""

from enum import Enum
from typing import NamedTuple


class StreamKind(Enum):
    """What a stream brings."""

    DEPTH = "depth"
    TICKER = "ticker"
    TRADE = "trade"
    OTHER = "other"
    """Something that is not read; it is counted."""


class Channel(NamedTuple):
    """A stream by the venue's own name, and what it brings about which symbol."""

    name: str
    symbol: str
    kind: StreamKind

    @property
    def called(self) -> str:
        """Give the stream's name without its symbol, or the whole where it has none."""
        return self.name.partition("@")[2] or self.name

    @property
    def busy(self) -> bool:
        """Say whether it never rests on a live market, so that silence is a fault."""
        return self.kind is StreamKind.DEPTH or self.kind is StreamKind.TICKER
