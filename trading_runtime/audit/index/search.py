"""A query as the conditions of one SELECT, for both databases.

The time of entries goes only roughly with their index: a producer that was cut off for an hour
sends an hour late. ``spans`` says of each append which times it holds, so a range of times becomes
a range of indices in which the times are looked at one by one.
"""

from collections.abc import Iterator
from typing import NamedTuple, TypeVar

from trading_runtime.audit.index.index import Head, Query
from trading_runtime.evidence.index_row import COLUMNS, IndexRow, shown

Value = str | int
EARLIEST, LATEST = "", "~"
"""Before and after every ``eventTime``."""


class Dialect(NamedTuple):
    """What the databases write differently."""

    mark: str
    """Of a parameter."""
    like: str
    """The operator that takes no notice of the case of ASCII letters."""


class Where(NamedTuple):
    """Conditions and their parameters in order."""

    text: str
    values: tuple[Value, ...]


class Bounds(NamedTuple):
    """A range of indices, both of them inside."""

    first: int
    last: int


class Known(NamedTuple):
    event_id: str
    id: int


class Hashed(NamedTuple):
    id: int
    current_hash: str


class Headed(NamedTuple):
    entity_id: str
    version: int
    current_hash: str
    id: int


class Count(NamedTuple):
    number: int


Made = TypeVar("Made", Bounds, Count, Hashed, Head, Headed, Known, IndexRow)
"""What a row of an answer is made into."""


def bounds(dialect: Dialect, query: Query) -> Where | None:
    """Ask for the range of indices that the times allow; None where any will do."""
    if query.since is None and query.until is None:
        return None
    mark = dialect.mark
    return Where(
        "SELECT coalesce(min(first_id), 0), coalesce(max(last_id), -1) FROM spans"  # noqa: S608 -- no value in it
        f" WHERE latest >= {mark} AND earliest < {mark}",
        (query.since or EARLIEST, query.until or LATEST),
    )


def select(dialect: Dialect, query: Query, within: Bounds | None) -> Where:
    """Write the SELECT of a page; None is no bound."""
    found = list(_conditions(dialect, query))
    if within is not None:
        found.append((f"id >= {dialect.mark}", within.first))
        found.append((f"id <= {dialect.mark}", within.last))
    where = " AND ".join(text for text, _ in found) or "true"
    return Where(
        f"SELECT {COLUMNS} FROM entries WHERE {where} ORDER BY id DESC LIMIT {dialect.mark}",  # noqa: S608 -- nor here
        (*(value for _, value in found), query.limit),
    )


def _conditions(dialect: Dialect, query: Query) -> Iterator[tuple[str, Value]]:
    mark = dialect.mark
    equal = (
        ("entity_id", query.entity),
        ("user_id", query.user),
        ("event_type", query.event_type),
        ("service_name", query.service),
    )
    for column, value in equal:
        if value is not None:
            yield f"{column} = {mark}", shown(value)
    if query.since is not None:
        yield f"event_time >= {mark}", query.since
    if query.until is not None:
        yield f"event_time < {mark}", query.until
    if query.text is not None:
        yield f"canonical {dialect.like} {mark} ESCAPE '!'", f"%{_literal(shown(query.text))}%"
    if query.before is not None:
        yield f"id < {mark}", query.before


def _literal(text: str) -> str:
    """Take from ``%`` and ``_`` what they mean in a pattern."""
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
