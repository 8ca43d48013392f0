"""The index of the log: which entry is where, and what can be searched (AUD-7, AUD-10).

It is no evidence: every row follows from an entry of the frames, and whoever doubts one reads the
frame. What it decides is order. A row of ``heads`` is inserted for each version of an entity, and
the unique key on (entity, version) is the compare-and-swap: of two sequencers only one goes on.

Rules:
 * Rows of ``audit_log`` and ``heads`` go in together, in one transaction, or not at all.
 * Nothing is changed or removed; the database refuses it, whoever asks.
 * ``size`` is what is in it; it never falls.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from trading_runtime.errors import Halt


class Row(NamedTuple):
    """One entry as columns of ``audit_log``: the members of AUD-2, where it stands, who sent it.

    States are the RFC 8785 text of their object. ``event_time`` is as in the entry, and so sorts.
    """

    id: int
    """The index of the entry: from 0 over the log."""
    event_id: str
    event_time: str
    service_name: str
    event_type: str
    trace_id: str | None
    user_id: str | None
    entity_id: str
    client_ip: str | None
    operation: str
    before_state: str | None
    after_state: str | None
    request_data: str | None
    version: int
    previous_hash: str
    current_hash: str
    producer_id: str
    producer_boot: str
    producer_seq: int
    producer_signature: str | None


class Head(NamedTuple):
    """One version of an entity: where its entry is, and its ``currentHash``."""

    version: int
    current_hash: str
    id: int


class Known(NamedTuple):
    """An event id that is in the log already: at which index, with which ``currentHash``."""

    id: int
    current_hash: str


class Place(NamedTuple):
    """How far a boot of a producer has come: the last sequence number that is in the log."""

    producer_id: str
    boot: str
    seq: int


class Query(NamedTuple):
    """What is looked for; None leaves a condition out, all others must hold (AUD-10).

    ``since`` is inside and ``until`` is not, both as text of ``eventTime``. ``text`` is looked for
    in the states, the request and the operation, in any case of ASCII letters.
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

    def append(self, rows: Sequence[Row]) -> None:
        """Put rows and heads in, all or none; they are seen by others, and survive this process.

        Raises:
            IndexConflict: the first row is not number ``size()``, an (entity, version) or an event
                id is taken; nothing was written.
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

    def known(self, event_ids: Sequence[str]) -> dict[str, Known]:
        """Give those of the event ids that are in the log."""
        ...

    def producer_place(self, producer_id: str, boot: str) -> int:
        """Give the last sequence number of a boot; 0 where nothing of it came."""
        ...

    def producer_entries(self, producer_id: str, boot: str) -> list[int]:
        """Give the indices of a boot's entries by their sequence numbers."""
        ...

    def producers(self) -> list[Place]:
        """Give every boot of every producer, sorted."""
        ...

    def entity(self, entity_id: str) -> list[Head]:
        """Give all versions of an entity, the first one first."""
        ...

    def search(self, query: Query) -> list[Row]:
        """Give the newest entries that meet the query, newest (highest index) first."""
        ...

    def close(self) -> None: ...
