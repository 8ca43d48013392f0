"""The index of the log: which entry is where, and what can be searched (AUD-7, AUD-10).

It is no evidence: every row follows from an entry of the frames, and whoever doubts one reads the
frame. What it decides is order. Each row is a version of an entity, and the unique key on (entity,
version) is the compare-and-swap: of two sequencers only one goes on.

Rules:
 * The rows of one call go in together, in one transaction, or not at all; so entry, head and size
   move in one.
 * Nothing is changed or removed; the database refuses it, whoever asks.
 * ``size`` is what is in it; it never falls.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from trading_runtime.errors import Halt
from trading_runtime.evidence.index_row import IndexRow


class Head(NamedTuple):
    """One version of an entity: its ``currentHash``, and which entry of the log it is."""

    version: int
    current_hash: str
    id: int


class Query(NamedTuple):
    """What is looked for; None leaves a condition out, all others must hold (AUD-10).

    ``since`` is inside and ``until`` is not, both as text of ``eventTime``. ``text`` is looked for
    in the whole entry, in either case of ASCII letters.
    """

    entity: str | None = None
    user: str | None = None
    event_type: str | None = None
    service: str | None = None
    since: str | None = None
    until: str | None = None
    text: str | None = None
    before: int | None = None
    """Only entries of a lower index: the last one of the page before this one."""
    limit: int = 100


class IndexConflict(Halt):
    """Somebody else wrote rows: another sequencer, or a database that is not of this log."""


class Index(Protocol):
    """SQLite and PostgreSQL; owned by one thread, each call is one transaction.

    Every call raises :class:`Halt` where the database does not do what was asked.
    """

    def append(self, rows: Sequence[IndexRow]) -> None:
        """Put rows in, all or none; others see them, and they survive this process.

        Raises:
            IndexConflict: the first row is not number ``size()``, or an (entity, version) or an
                event id is taken; nothing was written.
        """
        ...

    def settle(self) -> None:
        """Return when what was appended survives the power too: before a checkpoint is signed."""
        ...

    def size(self) -> int:
        """Count the entries that are in it: the index of the next one."""
        ...

    def identity(self) -> str:
        """Name this database: drawn once, when its tables were made; a rebuilt one has another."""
        ...

    def head(self, entity_id: str) -> Head | None:
        """Give the last version of an entity; None where it has none."""
        ...

    def heads(self, entity_ids: Sequence[str]) -> dict[str, Head]:
        """Give the last versions of those that have one."""
        ...

    def entity(self, entity_id: str) -> list[Head]:
        """Give all versions of an entity, the first one first."""
        ...

    def known(self, event_ids: Sequence[str]) -> dict[str, int]:
        """Give those of the event ids that are in the log, each with the index of its entry."""
        ...

    def hashes(self, ids: Sequence[int]) -> dict[int, str]:
        """Give ``currentHash`` of the entries of these indices, as far as they are in it."""
        ...

    def search(self, query: Query) -> list[IndexRow]:
        """Give the newest entries that meet the query, newest (highest index) first."""
        ...

    def close(self) -> None: ...
