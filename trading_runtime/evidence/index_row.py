"""An entry as a row of the index: what is written there, and what a verifier expects to find.

A row that follows from no entry was changed by somebody.
"""

from typing import LiteralString, NamedTuple, Protocol

NUL = "\0"
NUL_SHOWN = "\N{SYMBOL FOR NULL}"
"""PostgreSQL's text holds no NUL. In ``canonical`` it is written ``\\u0000`` and needs none."""

COLUMNS: LiteralString = (
    "id, event_id, entity_id, version, current_hash, event_time, event_type, service_name, user_id,"
    " canonical"
)
"""Of the table ``entries``, in the order of :class:`IndexRow`."""


class IndexRow(NamedTuple):
    """One entry: its bytes, and of them what is searched and looked up by."""

    id: int
    """The index of the entry: from 0 over the log."""
    event_id: str
    entity_id: str
    version: int
    current_hash: str
    event_time: str
    """As in the entry, and so it sorts."""
    event_type: str
    service_name: str
    user_id: str | None
    canonical: str


class Readable(Protocol):
    """What any reading of an entry has."""

    @property
    def event_id(self) -> str: ...
    @property
    def entity_id(self) -> str: ...
    @property
    def event_time(self) -> str: ...
    @property
    def event_type(self) -> str: ...
    @property
    def service_name(self) -> str: ...
    @property
    def user_id(self) -> str | None: ...


def row_of(index: int, read: Readable, version: int, current_hash: str, canonical: str) -> IndexRow:
    """Give the row of an entry: ``read`` is any reading of it, ``canonical`` its bytes as text."""
    user_id = read.user_id
    return IndexRow(
        index,
        read.event_id,
        read.entity_id,
        version,
        current_hash,
        read.event_time,
        shown(read.event_type),
        shown(read.service_name),
        user_id and shown(user_id),
        canonical,
    )


def shown(text: str) -> str:
    """Give a text as every database can hold it."""
    return text.replace(NUL, NUL_SHOWN) if NUL in text else text
