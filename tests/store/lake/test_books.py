"""The book at a moment: by checkpoint, by a replay of the hour, and by a loop over every row."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from data_platform.assets.ticks import checkpoints
from tests.store.lake.published import ID, INSTRUMENT, START, later, seal
from tests.store.lake_rows import Row, depth_rows, identity, message, table_of
from tests.store.test_commit import passed
from trading_runtime.records.lake_schema import (
    CHECKPOINTS,
    DEPTH,
    KEY_INSTRUMENTS,
    Flag,
    Table,
    instruments_json,
)
from trading_runtime.records.units import Nanos
from trading_runtime.store import commit
from trading_runtime.store.commit import Rows
from trading_runtime.store.hours import HOUR_NS, MINUTE_NS
from trading_runtime.store.lake import books, lake
from trading_runtime.store.lake.books import Book
from trading_runtime.store.manifest import Made, Manifest, Source

MESSAGES = 5_000
"""At 700 ms each: they fill the hour."""
SECOND = 10**9


def publish(root: Path, table: Table, rows: Rows) -> Manifest:
    dataset = lake.dataset(root, table, ID, later(0))
    commit.stage(dataset, rows)
    commit.judge(dataset, passed(dataset))
    return commit.publish(dataset, Made(run_id="r", at=Nanos(1)))


def publish_depth(root: Path, rows: list[Row]) -> Manifest:
    footer = {KEY_INSTRUMENTS: instruments_json([INSTRUMENT]).decode()}
    source = Source(path="m", sha256=f"{len(rows)}", rows=len(rows))
    told = publish(root, DEPTH, Rows(table_of(rows, DEPTH), [source], True, footer, "t/1"))
    seal(root)
    return told


def publish_checkpoints(root: Path, depth: Manifest) -> None:
    """Derive checkpoints as the platform does, and say which depth file they are of."""
    rows = lake.scan(root, DEPTH, ID, START, START + HOUR_NS)
    found = checkpoints.checkpoints(rows, later(0), frozenset(range(60)), None)
    path = f"lake/{depth.commit.dataset}"
    source = Source(path=path, sha256=depth.file_sha256, rows=rows.num_rows)
    publish(root, CHECKPOINTS, Rows(found, [source], True, {}, "t/1"))


def by_loop(rows: list[Row], at: int) -> tuple[dict[int, int], dict[int, int]]:
    """Apply every row up to ``at``, one after the other; rows with one snapshot at the start."""
    sides: tuple[dict[int, int], dict[int, int]] = ({}, {})
    for row in rows:
        side, px, qty = (int(str(row[name])) for name in ("side", "px", "qty"))
        if int(str(row["ts_recv"])) > at:
            break
        if qty:
            sides[side][px] = qty
        else:
            sides[side].pop(px, None)
    return sides


def levels(book: Book) -> tuple[dict[int, int], dict[int, int]]:
    assert np.all(np.diff(book.bid_px) < 0)
    assert np.all(np.diff(book.ask_px) > 0)
    return (
        dict(zip(book.bid_px.tolist(), book.bid_qty.tolist(), strict=True)),
        dict(zip(book.ask_px.tolist(), book.ask_qty.tolist(), strict=True)),
    )


def same(left: Book | None, right: Book | None) -> bool:
    if left is None or right is None:
        return left is right
    return left.last_id == right.last_id and levels(left) == levels(right)


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return depth_rows(MESSAGES, step_ns=700_000_000)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, rows: list[Row]) -> Path:
    root = tmp_path_factory.mktemp("data") / "lake"
    publish_checkpoints(root, publish_depth(root, rows))
    return root


def moments(count: int, seed: int) -> Iterator[int]:
    rng = random.Random(seed)  # noqa: S311 -- moments for a test, no secret
    yield from (START + 5, START + MINUTE_NS, START + MINUTE_NS - 1, START + HOUR_NS - 1)
    for _ in range(count):
        yield START + 5 + rng.randrange(HOUR_NS - 5)


def compare(root: Path, rows: list[Row], at: int) -> None:
    book, replayed = books.book_at(root, ID, at), books.replay(root, ID, at)
    assert same(book, replayed)
    assert book is not None
    assert levels(book) == by_loop(rows, at)


def test_by_checkpoint_by_replay_and_by_loop_the_book_is_the_same(
    root: Path, rows: list[Row]
) -> None:
    for at in moments(25, 1):
        compare(root, rows, at)


@pytest.mark.soak
def test_the_book_is_the_same_at_a_thousand_moments(root: Path, rows: list[Row]) -> None:
    for at in moments(1_000, 2):
        compare(root, rows, at)


def test_before_the_first_snapshot_there_is_no_book(root: Path) -> None:
    assert books.book_at(root, ID, START + 4) is None


def test_checkpoints_of_other_bytes_are_not_used(tmp_path: Path, rows: list[Row]) -> None:
    root = tmp_path / "lake"
    publish_checkpoints(root, publish_depth(root, rows[: len(rows) // 2]))
    publish_depth(root, rows)
    assert books.checkpoint(root, ID, START + MINUTE_NS) is None
    compare(root, rows, START + HOUR_NS - 1)


def quiet(seq: int, at: int, last_id: int, **changed: int | str | None) -> Row:
    """Give what a message of the book's later life has beside its levels."""
    return {
        "ts_recv": at,
        "ts_exch": 0,
        "first_id": last_id,
        "last_id": last_id,
        "prev_id": last_id - 1,
        **identity(seq),
        **changed,
    }


def with_break(rows: list[Row], at: int) -> list[Row]:
    """Add a message that a break in the ids came before."""
    return [*rows, *message(quiet(10**6, at, 10**6), [(0, 5, 5)], Flag.MAYBE_BAD_BOOK)]


def with_snapshot(rows: list[Row], at: int) -> list[Row]:
    """Add two changes, a snapshot that contains the first of them, and nothing after it."""
    first = message(quiet(10**6, at, 10**6, prev_id=None), [(0, 900, 1)])
    second = message(quiet(10**6 + 1, at + 1, 10**6 + 1), [(0, 901, 2)])
    snapshot = quiet(10**6 + 2, at + 2, 10**6, prev_id=None)
    return [*rows, *first, *second, *message(snapshot, [(0, 800, 7), (1, 990, 8)], Flag.SNAPSHOT)]


def with_stale_snapshot(rows: list[Row], at: int) -> list[Row]:
    """Add a change that does not follow the snapshot after it."""
    change = message(quiet(10**6, at, 10**6, prev_id=None), [(0, 900, 1)])
    snapshot = quiet(10**6 + 2, at + 2, 10**6 - 5, prev_id=None)
    return [*rows, *change, *message(snapshot, [(0, 800, 7), (1, 990, 8)], Flag.SNAPSHOT)]


def with_new_session(rows: list[Row], at: int) -> list[Row]:
    """Add a change of a session that has seen no snapshot."""
    return [*rows, *message(quiet(10**6, at, 10**6, session="s2"), [(0, 900, 1)])]


@pytest.mark.parametrize("add", [with_break, with_snapshot, with_stale_snapshot, with_new_session])
def test_what_ends_a_book_is_seen_by_both_ways(
    tmp_path: Path, add: Callable[[list[Row], int], list[Row]]
) -> None:
    root, at = tmp_path / "lake", START + 3 * MINUTE_NS + 20 * SECOND
    before = depth_rows(200, step_ns=900_000_000)
    publish_checkpoints(root, publish_depth(root, add(before, at)))
    for moment in (at - 1, at + 3, at + MINUTE_NS):
        book, replayed = books.book_at(root, ID, moment), books.replay(root, ID, moment)
        assert same(book, replayed)
        is_known = moment < at or add in {with_snapshot, with_stale_snapshot}
        assert (book is not None) == is_known
    if add is with_snapshot:
        assert book is not None
        assert levels(book) == ({800: 7, 901: 2}, {990: 8})
    if add is with_stale_snapshot:
        assert book is not None
        assert levels(book)[0][900] == 1


def test_a_book_made_from_cut_levels_ends_where_they_end(tmp_path: Path) -> None:
    root = tmp_path / "lake"
    deep = [(0, 600_000 - n, 1) for n in range(1, 1_500)] + [(1, 600_000 + n, 1) for n in range(9)]
    head = quiet(1, START + 1, 5, prev_id=None)
    rows = message(head, deep, Flag.SNAPSHOT)
    near, far = (0, 600_000 - 3, 0), (0, 600_000 - 1_400, 77)
    rows += message(quiet(2, START + MINUTE_NS + 5, 6), [near, far])
    publish_checkpoints(root, publish_depth(root, rows))
    book = books.book_at(root, ID, START + 2 * MINUTE_NS - 1)
    whole = books.replay(root, ID, START + 2 * MINUTE_NS - 1)
    assert book is not None
    assert whole is not None
    assert (book.is_whole, whole.is_whole) == (False, True)
    assert len(book.bid_px) == 999
    assert np.array_equal(whole.bid_px[:999], book.bid_px)
    assert np.array_equal(whole.ask_px, book.ask_px)


def test_prices_far_apart_take_no_memory_for_what_is_between(tmp_path: Path) -> None:
    root = tmp_path / "lake"
    ends = [(0, 1, 3), (1, 2**60, 4), (0, 2**50, 0)]
    rows = message(quiet(1, START + 1, 5, prev_id=None), ends, Flag.SNAPSHOT)
    publish_depth(root, rows)
    book = books.book_at(root, ID, START + 2)
    assert book is not None
    assert levels(book) == ({1: 3}, {2**60: 4})
