"""How the watch looks into an index: as a principal who may only read."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from trading_runtime.audit.tamper.finding import Finding
from trading_runtime.errors import Fault
from trading_runtime.evidence.index_row import IndexRow


class Blind(Fault):
    """The database cannot be asked now; nothing is known of it, and nothing is wrong with it."""


class Damaged(Fault):
    """The database answers, and not as one with our tables and our rights does."""


class Sight(NamedTuple):
    """The index at one moment.

    ``identity`` is drawn when its tables are made, ``place`` where they lie: an inode, or a server
    and database. ``is_stirred`` tells that somebody has written, in whatever way, since the sight
    before.
    """

    identity: str
    place: str
    size: int
    is_stirred: bool


class Eye(Protocol):
    """SQLite and PostgreSQL. Each call raises :exc:`Blind` or :exc:`Damaged`."""

    def see(self) -> Sight | None:
        """Look; None where there is no index."""
        ...

    def count(self) -> tuple[int, int]:
        """Give the size and the count of rows, of one moment; it takes time with the size."""
        ...

    def rows(self, first: int, end: int) -> list[IndexRow]:
        """Give the rows ``first`` ≤ id < ``end``, in order."""
        ...

    def strange(self) -> Iterator[Finding]:
        """Say what of tables, triggers and rights is not as the steps make it."""
        ...

    def close(self) -> None: ...
