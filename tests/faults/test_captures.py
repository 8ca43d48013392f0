"""A real capture with one thing wrong in it, quoted on: the book is right, or not quoted on."""

import gzip
import itertools
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.app.sessions import CAPTURES
from trading_runtime.app.feed import feed
from trading_runtime.app.opening import plan
from trading_runtime.app.provenance import here
from trading_runtime.app.replay import replay_session
from trading_runtime.config import SHIPPED, load_settings
from trading_runtime.errors import Refused
from trading_runtime.journal.reader import read_session
from trading_runtime.records import layout
from trading_runtime.records.commands import PlaceOrder
from trading_runtime.records.envelope import decode_body
from trading_runtime.records.facts_market import BookDesynced, BookSynced, ChannelSilent
from trading_runtime.records.inputs import Mode

LINES = 6_000
Lines = list[bytes]


@pytest.fixture(scope="module")
def lines(shared_data: Path) -> Lines:
    with gzip.open(shared_data / CAPTURES / "usdm" / "btcusdt_20240808.gz") as file:
        return list(itertools.islice(file, LINES))


def depths(lines: Lines) -> list[int]:
    """Where the deltas stand that come after the book has been quoted on for a while."""
    places = [i for i, line in enumerate(lines) if b"@depth" in line]
    return places[len(places) // 2 :]


def snapshot(lines: Lines) -> int:
    return next(i for i, line in enumerate(lines) if b'{"lastUpdateId"' in line)


def gap(lines: Lines) -> Lines:
    place = depths(lines)[0]
    return lines[:place] + lines[place + 1 :]


def duplicate(lines: Lines) -> Lines:
    place = depths(lines)[0]
    return [*lines[: place + 1], *lines[place:]]


def late(lines: Lines) -> Lines:
    first, *_, third = depths(lines)[:3]
    return [*lines[: third + 1], lines[first], *lines[third + 1 :]]


def out_of_order(lines: Lines) -> Lines:
    changed = list(lines)
    first, second = depths(lines)[:2]
    changed[first], changed[second] = changed[second], changed[first]
    return changed


def no_snapshot(lines: Lines) -> Lines:
    place = snapshot(lines)
    return lines[:place] + lines[place + 1 :]


def stale_snapshot(lines: Lines) -> Lines:
    changed = list(lines)
    place = snapshot(lines)
    # An id from before the first delta that was held: what came between is in neither.
    changed[place] = changed[place].replace(b'"lastUpdateId":51', b'"lastUpdateId":50', 1)
    return changed


def silent(lines: Lines) -> Lines:
    place = depths(lines)[0]
    return lines[:place] + [line for line in lines[place:] if b"@depth" not in line]


def backwards(lines: Lines) -> Lines:
    """A delta that follows by its ids and comes from before by its time."""
    changed = list(lines)
    place = depths(lines)[0]
    head, _, rest = changed[place].partition(b'"E":17231')
    changed[place] = head + b'"E":17230' + rest
    return changed


def sound(lines: Lines) -> Lines:
    return lines


STAYS = [sound, duplicate, late]
"""What costs nothing: the book stays in sync."""
ENDS = [gap, out_of_order, backwards]
"""What a recording has no second snapshot for: the book goes out of sync and stays there."""
NEVER = [no_snapshot, stale_snapshot]


def fed(tmp_path: Path, name: str, lines: Lines) -> list[object]:
    """Feed the lines, quoting; give every record's body. Sessions replay, whatever came in."""
    capture = tmp_path / name
    capture.write_bytes(b"".join(lines))
    settings = load_settings(SHIPPED)
    planned = plan(settings, SHIPPED, Mode.PAPER, settings.instruments(), trading=True)
    done = feed(planned, tmp_path / "data", [capture])
    folder = Path(layout.session(tmp_path / "data", done.session))
    replayed = replay_session(folder, 0, here(None, None))
    assert replayed.ok, replayed
    return [decode_body(record.body) for record in read_session(folder)]


def in_sync_at_each_order(bodies: list[object]) -> bool:
    """Check that nothing was placed on a book out of sync; say whether it is in sync at the end."""
    synced = False
    for body in bodies:
        if isinstance(body, BookSynced):
            synced = True
        elif isinstance(body, BookDesynced):
            synced = False
        elif isinstance(body, PlaceOrder):
            assert synced
    return synced


@pytest.mark.parametrize("spoil", STAYS)
def test_the_book_stays_in_sync(
    tmp_path: Path, lines: Lines, spoil: Callable[[Lines], Lines]
) -> None:
    bodies = fed(tmp_path, "capture.txt", spoil(lines))
    assert in_sync_at_each_order(bodies)
    assert not [body for body in bodies if isinstance(body, BookDesynced)]
    assert [body for body in bodies if isinstance(body, PlaceOrder)]


@pytest.mark.parametrize("spoil", ENDS)
def test_the_book_is_given_up_and_no_longer_quoted_on(
    tmp_path: Path, lines: Lines, spoil: Callable[[Lines], Lines]
) -> None:
    bodies = fed(tmp_path, "capture.txt", spoil(lines))
    assert not in_sync_at_each_order(bodies)
    assert [body for body in bodies if isinstance(body, BookDesynced)]


@pytest.mark.parametrize("spoil", NEVER)
def test_without_a_snapshot_that_joins_nothing_is_ever_quoted(
    tmp_path: Path, lines: Lines, spoil: Callable[[Lines], Lines]
) -> None:
    bodies = fed(tmp_path, "capture.txt", spoil(lines))
    assert not [body for body in bodies if isinstance(body, BookSynced | PlaceOrder)]


def test_a_channel_that_falls_silent_is_told_and_its_book_given_up(
    tmp_path: Path, lines: Lines
) -> None:
    bodies = fed(tmp_path, "capture.txt", silent(lines))
    assert [body for body in bodies if isinstance(body, ChannelSilent)]
    assert not in_sync_at_each_order(bodies)


@pytest.mark.parametrize("seed", range(4))
def test_a_capture_cut_at_a_random_byte_is_fed_up_to_the_cut(
    tmp_path: Path, shared_data: Path, seed: int
) -> None:
    whole = (shared_data / CAPTURES / "usdm" / "btcusdt_20240808.gz").read_bytes()[:200_000]
    cut = random.Random(seed).randrange(len(whole))  # noqa: S311 -- a place, not a secret
    try:
        bodies = fed(tmp_path, "cut.gz", [whole[:cut]])
    except Refused:
        assert cut < 2_000  # not one whole line was left
        return
    in_sync_at_each_order(bodies)
