"""What both databases do alike: one suite, run against a file and a real server."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.audit.index.entries import ORIGIN, Sealing, rows
from tests.servers.postgres import OWNER, WATCH, WRITER, Database
from trading_runtime.audit.index.index import Head, Index, IndexConflict, Query
from trading_runtime.audit.index.opening import open_index
from trading_runtime.audit.index.postgres import connect, make_tables
from trading_runtime.errors import Refused

Opening = Callable[[], Index]


@pytest.fixture(params=["sqlite", "postgres"])
def opening(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opening]:
    """Give what opens the index, again and again: each is closed in the end."""
    url = ""
    if request.param == "postgres":
        database: Database = request.getfixturevalue("database")
        make_tables(database.url(OWNER), ORIGIN, WRITER, WATCH)
        url = database.url(WRITER)
    opened: list[Index] = []

    def open_one() -> Index:
        opened.append(open_index(tmp_path, url, ORIGIN))
        return opened[-1]

    yield open_one
    for index in opened:
        index.close()


@pytest.fixture
def index(opening: Opening) -> Index:
    return opening()


def test_an_empty_index_has_nothing(index: Index) -> None:
    assert index.size() == 0
    assert index.head("order:1") is None
    assert index.known(["x"]) == {}
    assert index.search(Query()) == []


def test_rows_and_heads_go_in_together_and_stay(opening: Opening) -> None:
    log = Sealing()
    made = rows(log.many(25))
    first = opening()
    first.append(made[:20])
    first.append(made[20:])
    first.settle()
    again = opening()
    assert again.size() == 25
    assert again.identity() == first.identity()
    assert again.head("order:4") == Head(3, made[24].current_hash, 24)
    assert again.heads(["order:4", "order:5", "none"]) == {
        "order:4": Head(3, made[24].current_hash, 24),
        "order:5": Head(2, made[15].current_hash, 15),
    }
    assert again.entity("order:4") == [
        Head(version, made[at].current_hash, at) for version, at in enumerate((4, 14, 24), 1)
    ]
    assert again.known([made[3].event_id, "x"]) == {made[3].event_id: 3}
    assert again.hashes([0, 24, 25]) == {0: made[0].current_hash, 24: made[24].current_hash}


def test_of_two_writers_only_one_goes_on(opening: Opening) -> None:
    made = rows(Sealing().many(4))
    one, other = opening(), opening()
    one.append(made[:2])
    with pytest.raises(IndexConflict, match="2 entries"):
        other.append(made[:2])
    other.append(made[2:])
    assert one.size() == 4


def test_what_breaks_the_order_is_refused_whole(index: Index) -> None:
    made = rows(Sealing().many(6))
    index.append(made[:3])
    for wrong in (
        [made[4]],
        [made[3], made[5]],
        [made[3]._replace(event_id=made[0].event_id)],
        [made[3]._replace(entity_id="order:0", version=1)],
        [made[3], made[4]._replace(event_id=made[3].event_id)],
    ):
        with pytest.raises(IndexConflict):
            index.append(wrong)
        assert index.size() == 3
    index.append(made[3:])
    assert index.size() == 6


def test_a_search_finds_by_each_condition_newest_first(index: Index) -> None:
    log = Sealing()
    log.many(5)
    log.seal("user:ann", userId="ann", eventType="LoggedIn", serviceName="console")
    log.seal("user:bob", userId="bob", eventType="LoggedIn", requestData={"note": "100%_Sure!"})
    log.many(5)
    made = rows(log.entries)
    index.append(made)

    def found(query: Query) -> list[int]:
        return [row.id for row in index.search(query)]

    assert found(Query(limit=3)) == [11, 10, 9]
    assert found(Query(limit=3, before=9)) == [8, 7, 6]
    assert found(Query(entity="order:0")) == [10, 0]
    assert found(Query(user="ann")) == [5]
    assert found(Query(event_type="LoggedIn")) == [6, 5]
    assert found(Query(event_type="LoggedIn", service="runtime")) == [6]
    assert found(Query(since=made[2].event_time, until=made[5].event_time)) == [4, 3, 2]
    assert found(Query(since=made[10].event_time)) == [11, 10]
    assert found(Query(until="2020-01-01T00:00:00.000000Z")) == []
    assert found(Query(text="100%_sure!")) == [6]
    assert found(Query(text="100_")) == []
    assert index.search(Query(user="ann")) == [made[5]]


def test_every_text_that_an_entry_may_hold_goes_in_and_comes_out(index: Index) -> None:
    log = Sealing()
    log.seal("user:\u00e9\U0001f3bb", userId="a\0b", eventType="\0", traceId="\0\ud7ff'\"\\")
    log.seal("user:long", userId="x" * 30_000, requestData={"text": "\\u0000\0%"})
    made = rows(log.entries)
    index.append(made)
    assert index.search(Query()) == made[::-1]
    assert index.search(Query(user="x" * 30_000)) == [made[1]]
    assert index.search(Query(user="a\0b", event_type="\0")) == [made[0]]
    assert index.search(Query(text="\0")) == []


def test_the_index_of_another_log_is_refused(tmp_path: Path, database: Database) -> None:
    make_tables(database.url(OWNER), ORIGIN, WRITER, WATCH)
    open_index(tmp_path, "", ORIGIN).close()
    for url in ("", database.url(WRITER)):
        with pytest.raises(Refused, match=r"not of other\.example"):
            open_index(tmp_path, url, "other.example")


SELECT = (
    'SELECT id, ts, "user", role, action, target, "before", "after", ip, producer_seq'
    " FROM audit_log"
)
SHOWN = (
    0,
    "2026-11-21T06:00:00.000000Z",
    "ann",
    "admin",
    "place",
    "user:ann",
    None,
    '{"state":"resting"}',
    "10.0.0.1",
    1,
)


def a_deed() -> list[bytes]:
    log = Sealing()
    log.seal("user:ann", userId="ann", clientIp="10.0.0.1", requestData={"role": "admin"})
    return log.entries


def test_the_view_in_a_file_has_the_columns_that_people_ask_for(tmp_path: Path) -> None:
    index = open_index(tmp_path, "", ORIGIN)
    index.append(rows(a_deed()))
    with closing(sqlite3.connect(tmp_path / "index.sqlite")) as db:
        assert db.execute(SELECT).fetchone() == SHOWN
    index.close()


def test_the_view_on_a_server_has_them_too(tmp_path: Path, database: Database) -> None:
    make_tables(database.url(OWNER), ORIGIN, WRITER, WATCH)
    index = open_index(tmp_path, database.url(WRITER), ORIGIN)
    index.append(rows(a_deed()))
    index.close()
    with connect(database.url(WATCH)) as db:
        assert db.execute(SELECT.encode()).fetchone() == SHOWN
