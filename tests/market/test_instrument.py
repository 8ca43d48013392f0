"""A market under each fault of the feed: its book is right, or it is not to be quoted on."""

from collections.abc import Callable
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.market.makers import (
    SCALES,
    SETTINGS,
    Desk,
    levels,
    linked,
    linked_delta,
    snapshot,
    spot,
    spot_delta,
    ticker,
    trade,
)
from trading_runtime.errors import Misread
from trading_runtime.market.events import DepthChanged
from trading_runtime.market.instrument import Market
from trading_runtime.market.sync import SequenceRule
from trading_runtime.records.commands import RequestSnapshot, SetTimer
from trading_runtime.records.facts_market import (
    BookDesynced,
    BookSynced,
    Desync,
    SnapshotRefused,
    TickerMismatched,
    TradesMissed,
)
from trading_runtime.records.instruments import Scales
from trading_runtime.records.units import Nanos, Revision, Side

BOTH = pytest.mark.parametrize("desk_of", [spot, linked], ids=["overlap", "previous"])
DeskOf = Callable[..., Desk]


def test_deltas_before_the_snapshot_are_held_and_join_it() -> None:
    desk = Desk(SequenceRule.OVERLAP)
    held = [
        spot_delta(1, 5, [(100, 1)]),
        spot_delta(6, 9, [(100, 2)]),
        spot_delta(10, 12, [(100, 3)]),
    ]
    assert [desk.delta(delta) for delta in held] == [False, False, False]
    assert desk.said(RequestSnapshot) == [
        RequestSnapshot(request="depth-7-1", revision=Revision(7))
    ]
    assert desk.snapshot(snapshot(6)) == held[1:]
    assert desk.market.synced
    assert desk.market.book.size_at(Side.BUY, desk.market.book.best_bid()) == 3
    assert desk.said(BookSynced) == [
        BookSynced(
            revision=Revision(7),
            snapshot_id=6,
            first_id=6,
            last_id=9,
            dropped=1,
            bid_levels=2,
            ask_levels=2,
        )
    ]


def test_a_snapshot_alone_makes_no_true_book() -> None:
    desk = Desk(SequenceRule.OVERLAP)
    assert desk.snapshot(snapshot(9)) == []
    assert not desk.market.synced
    assert desk.delta(spot_delta(8, 9)) is False
    assert not desk.market.synced
    assert desk.delta(spot_delta(10, 10)) is True
    assert desk.market.synced
    assert desk.market.applied == 1


@BOTH
def test_a_gap_is_reported_once_and_then_nothing_passes(desk_of: DeskOf) -> None:
    desk = desk_of()
    after_hole = replace(desk.following([(100, 9)]), first_id=15, prev_id=14, last_id=20)
    assert desk.delta(after_hole) is False
    assert not desk.market.synced
    assert desk.market.reason is Desync.GAP
    assert desk.market.book.counts() == (0, 0)
    assert desk.said(BookDesynced) == [
        BookDesynced(revision=Revision(7), reason=Desync.GAP, expected_id=11, received_id=15)
    ]
    assert desk.delta(replace(after_hole, first_id=21, prev_id=20, last_id=22)) is False
    assert desk.said(BookDesynced) == []


@BOTH
def test_after_a_gap_a_new_snapshot_brings_the_book_back(desk_of: DeskOf) -> None:
    desk = desk_of()
    after_hole = replace(desk.following([(100, 9)]), first_id=15, prev_id=14, last_id=20)
    desk.delta(after_hole)
    assert desk.ask_again()
    assert desk.snapshot(snapshot(16)) == [after_hole]
    assert desk.market.synced
    assert desk.market.book.bid_size() == 9


@BOTH
def test_a_duplicate_or_late_delta_is_ignored_without_a_word(desk_of: DeskOf) -> None:
    desk = desk_of()
    first = desk.following([(100, 8)])
    second = desk.following([(100, 8)])
    assert desk.delta(first)
    wrong = replace(second, bids=levels([(100, 1)]))
    assert desk.delta(wrong) is False
    assert desk.market.synced
    assert desk.market.book.bid_size() == 8
    assert desk.said(BookDesynced, RequestSnapshot) == []


def test_an_overlapping_delta_is_applied_by_overlap_and_is_a_gap_by_link() -> None:
    desk = spot()
    assert desk.delta(spot_delta(5, 12, [(100, 3)]))
    assert desk.market.book.bid_size() == 3
    desk = linked()
    assert desk.delta(linked_delta(5, 12, [(100, 3)])) is False
    assert desk.market.reason is Desync.GAP


@BOTH
def test_a_pair_out_of_order_loses_the_book_until_a_snapshot(desk_of: DeskOf) -> None:
    desk = desk_of()
    first = desk.following([(100, 2)])
    second = replace(
        first,
        first_id=first.last_id + 1,
        prev_id=first.last_id,
        last_id=first.last_id + 5,
        bids=levels([(99, 1)]),
    )
    assert not desk.delta(second)
    assert not desk.delta(first)
    assert not desk.market.synced
    desk.snapshot(snapshot(first.last_id, bids=[(100, 2), (99, 6)]))
    assert desk.market.synced
    assert desk.market.book.top(Side.BUY, 2) == [(100, 2), (99, 1)]


@BOTH
def test_a_stale_snapshot_is_refused_and_another_is_asked_for(desk_of: DeskOf) -> None:
    desk = desk_of()
    desk.market.desync(Desync.CONNECTION_LOST, desk.later(), desk.out)
    desk.later(60 * 10**9)
    delta = replace(desk.following([(100, 2)]), first_id=50, prev_id=49, last_id=60)
    desk.delta(delta)
    assert len(desk.said(RequestSnapshot)) == 1
    assert desk.snapshot(snapshot(30)) == []
    assert not desk.market.synced
    assert desk.said(SnapshotRefused) == [
        SnapshotRefused(revision=Revision(7), snapshot_id=30, needed_id=49, reason="stale")
    ]
    assert desk.market.book.counts() == (0, 0)
    assert desk.ask_again()
    assert desk.snapshot(snapshot(55)) == [delta]
    assert desk.market.synced


@BOTH
def test_a_crossed_book_is_not_believed(desk_of: DeskOf) -> None:
    for price in (101, 102):
        desk = desk_of()
        assert desk.delta(desk.following([(price, 1)])) is False
        assert desk.market.reason is Desync.CROSSED
        assert not desk.market.synced
        assert len(desk.said(BookDesynced)) == 1


def test_a_crossed_snapshot_is_refused() -> None:
    desk = Desk(SequenceRule.OVERLAP)
    desk.delta(spot_delta(9, 10))
    desk.out.clear()
    assert desk.snapshot(snapshot(9, bids=[(101, 1)])) == []
    assert [one.reason for one in desk.said(SnapshotRefused)] == ["crossed"]
    assert desk.snapshot(snapshot(9)) != []
    assert desk.market.synced


@BOTH
def test_deltas_held_in_vain_are_bounded(desk_of: DeskOf) -> None:
    desk = desk_of(replace(SETTINGS, held_max=5))
    desk.market.desync(Desync.QUARANTINED, desk.later(), desk.out)
    desk.out.clear()
    last = 100
    for _ in range(6):
        desk.delta(
            replace(desk.following([(100, 2)]), first_id=last + 1, prev_id=last, last_id=last + 1)
        )
        last += 1
    assert [one.reason for one in desk.said(BookDesynced)] == [Desync.TOO_MANY_HELD]
    assert desk.market.reason is Desync.TOO_MANY_HELD


@BOTH
def test_a_venue_that_answers_nonsense_is_asked_less_and_less(desk_of: DeskOf) -> None:
    desk = desk_of()
    desk.market.desync(Desync.CONNECTION_LOST, desk.later(), desk.out)
    desk.later(3_600 * 10**9)
    desk.delta(replace(desk.following([(100, 2)]), first_id=50, prev_id=49, last_id=60))
    desk.out.clear()
    waits = []
    for _ in range(12):
        desk.snapshot(snapshot(30))
        (timer,) = desk.said(SetTimer)
        waits.append(timer.at - desk.at)
        desk.at = timer.at
        desk.market.on_snapshot_timer(desk.at, desk.out)
        assert len(desk.said(RequestSnapshot)) == 1
        desk.out.clear()
    assert all(later > earlier or later > 29 * 10**9 for earlier, later in pairwise(waits))
    assert waits[0] <= SETTINGS.snapshot_retry_first_ns
    assert max(waits) <= SETTINGS.snapshot_retry_max_ns


def test_a_snapshot_that_never_comes_is_asked_for_again() -> None:
    desk = Desk(SequenceRule.OVERLAP)
    desk.delta(spot_delta(1, 2))
    assert len(desk.said(RequestSnapshot)) == 1
    (timer,) = desk.said(SetTimer)
    assert timer.timer == desk.market.snapshot_timer
    assert timer.at == desk.at + SETTINGS.snapshot_timeout_ns
    desk.market.on_snapshot_timer(timer.at, desk.out)
    assert [one.request for one in desk.said(RequestSnapshot)] == ["depth-7-2"]


def test_a_failed_request_is_repeated_not_before_the_venue_allows() -> None:
    desk = Desk(SequenceRule.OVERLAP)
    desk.delta(spot_delta(1, 2))
    desk.out.clear()
    desk.market.on_snapshot_failed("status 429", Nanos(60 * 10**9), desk.at, desk.out)
    assert desk.out[0] == SnapshotRefused(
        revision=Revision(7), snapshot_id=0, needed_id=0, reason="status 429"
    )
    (timer,) = desk.said(SetTimer)
    assert timer.at == desk.at + 60 * 10**9


@BOTH
def test_an_old_failure_or_snapshot_does_not_touch_a_true_book(desk_of: DeskOf) -> None:
    desk = desk_of()
    desk.market.on_snapshot_failed("timeout", Nanos(0), desk.at, desk.out)
    assert desk.snapshot(snapshot(9, bids=[(50, 1)])) == []
    desk.market.on_snapshot_timer(desk.at, desk.out)
    assert desk.out == []
    assert desk.market.synced
    assert desk.market.book.best_bid() == 100


def test_a_delta_from_the_past_that_is_in_sequence_is_misread() -> None:
    desk = spot()
    desk.delta(spot_delta(11, 11, time=500))
    with pytest.raises(Misread, match="time_backwards"):
        desk.delta(spot_delta(12, 12, time=400))
    assert desk.market.last_id == 11
    assert desk.delta(spot_delta(12, 12, time=401))


def test_a_late_delta_is_dropped_for_its_ids_not_for_its_time() -> None:
    desk = spot()
    desk.delta(spot_delta(11, 11, time=500))
    assert desk.delta(spot_delta(9, 10, time=400)) is False
    assert desk.market.synced


def test_trades_pass_once_and_a_hole_in_their_ids_is_told() -> None:
    desk = spot()
    assert desk.trade(trade(5))
    assert not desk.trade(trade(5))
    assert desk.trade(trade(9))
    assert not desk.trade(trade(7))
    assert desk.said(TradesMissed) == [TradesMissed(revision=Revision(7), first_id=6, last_id=8)]


def test_a_filler_takes_an_id_and_is_no_trade() -> None:
    desk = spot()
    assert desk.trade(trade(5))
    assert not desk.trade(trade(6, price=0))
    assert desk.trade(trade(7))
    assert desk.said(TradesMissed) == []


def test_a_trade_or_ticker_from_the_past_is_misread_once() -> None:
    desk = spot()
    desk.trade(trade(5, time=500))
    with pytest.raises(Misread, match="time_backwards"):
        desk.trade(trade(6, time=400))
    assert desk.trade(trade(7, time=400))
    desk.ticker(ticker(5, (100, 5, 101, 7), time=500))
    with pytest.raises(Misread, match="time_backwards"):
        desk.ticker(ticker(6, (100, 5, 101, 7), time=400))
    assert desk.ticker(ticker(7, (100, 5, 101, 7), time=400))
    assert not desk.ticker(ticker(7, (100, 5, 101, 7), time=400))


def test_a_ticker_of_the_same_id_agrees_before_and_after_the_delta() -> None:
    desk = spot()
    desk.ticker(ticker(10, (100, 5, 101, 7)))
    desk.ticker(ticker(12, (100, 4, 101, 7)))
    desk.delta(spot_delta(11, 12, [(100, 4)]))
    assert (desk.market.ticker_equal, desk.market.ticker_different) == (2, 0)
    assert desk.said(TickerMismatched) == []


def test_one_mismatch_is_told_and_repeated_ones_lose_the_book() -> None:
    desk = spot()
    for update in range(11, 11 + SETTINGS.ticker_mismatches_max):
        assert desk.market.synced
        desk.ticker(ticker(update, (100, 1, 101, 7)))
        desk.delta(spot_delta(update, update, [(100, 2)]))
    mismatched = desk.out[0]
    assert isinstance(mismatched, TickerMismatched)
    assert (mismatched.bid_size, mismatched.book_bid_size) == (1, 2)
    assert desk.market.ticker_different == SETTINGS.ticker_mismatches_max
    assert desk.market.reason is Desync.TICKER_MISMATCH
    assert not desk.market.synced


def test_a_match_between_mismatches_forgives_them() -> None:
    desk = spot()
    for update in range(11, 31):
        desk.ticker(ticker(update, (100, 1 + update % 2, 101, 7)))
        desk.delta(spot_delta(update, update, [(100, 1)]))
    assert desk.market.ticker_different == 10
    assert desk.market.synced


@BOTH
def test_a_lost_connection_forgets_what_was_held_and_waits_for_the_next_delta(
    desk_of: DeskOf,
) -> None:
    desk = desk_of()
    desk.market.desync(Desync.CONNECTION_LOST, desk.later(), desk.out)
    assert [one.reason for one in desk.said(BookDesynced)] == [Desync.CONNECTION_LOST]
    assert desk.said(RequestSnapshot) == []


@BOTH
def test_a_new_revision_starts_over_on_its_own_grid(desk_of: DeskOf) -> None:
    desk = desk_of()
    finer = Scales(replace(SCALES.instrument, revision=Revision(8), tick_size="0.01"))
    desk.market.revise(finer, desk.later(60 * 10**9), desk.out)
    assert desk.market.revision == 8
    assert not desk.market.synced
    assert [type(one) for one in desk.out] == [BookDesynced, RequestSnapshot, SetTimer]
    assert [one.request for one in desk.said(RequestSnapshot)] == ["depth-8-2"]


Step = tuple[int, int, int, bool]
STEPS = st.lists(
    st.tuples(st.integers(0, 5), st.integers(90, 110), st.integers(0, 3), st.booleans()),
    max_size=40,
)


@given(st.sampled_from([SequenceRule.OVERLAP, SequenceRule.PREVIOUS]), STEPS, st.randoms())
def test_a_synced_book_is_the_venues_whatever_the_feed_loses_repeats_or_reorders(
    rule: SequenceRule, steps: list[Step], random: Random
) -> None:
    """The venue's truth is kept beside it; faults are drawn; snapshots come now and then."""
    desk = Desk(rule, replace(SETTINGS, ticker_mismatches_max=10**9))
    truth: dict[int, dict[int, int]] = {0: {100: 5}}
    last = 0
    sent: list[DepthChanged] = []
    for fault, price, size, with_snapshot in steps:
        state = dict(truth[last])
        state[price] = size
        state = {at: lots for at, lots in state.items() if lots}
        delta = replace(linked_delta(last, last + 3, [(price, size)]), first_id=last + 1)
        if rule is SequenceRule.OVERLAP:
            delta = replace(delta, prev_id=-1)
        last += 3
        truth[last] = state
        sent.append(delta)
        passed = {0: [], 1: [delta, delta], 2: [random.choice(sent), delta]}.get(fault, [delta])
        for one in passed:
            desk.delta(one)
        if with_snapshot:
            at = random.choice(sorted(truth))
            bids = sorted(truth[at].items(), reverse=True)
            desk.snapshot(snapshot(at, bids=bids, asks=[(200, 1)]))
        market = desk.market
        if market.synced:
            assert dict(market.book.levels(Side.BUY)) == truth[market.last_id]


@given(STEPS, st.integers(0, 40))
def test_a_carried_market_goes_on_as_the_first_one_would(steps: list[Step], split: int) -> None:
    first = Desk(SequenceRule.OVERLAP)
    second = first
    last = 0
    for number, (fault, price, size, with_snapshot) in enumerate(steps):
        if number == split:
            market = Market(SCALES, SequenceRule.OVERLAP, SETTINGS)
            market.restore(first.market.carry())
            second = Desk(SequenceRule.OVERLAP)
            second.market, second.at = market, first.at
            first.out.clear()
        for desk in {id(first): first, id(second): second}.values():
            desk.ticker(ticker(last + 2, (90, 1, 120, size + 1)))
            if fault:
                desk.delta(spot_delta(last + 1, last + 3, [(price, size)], [(120, 1)]))
            if with_snapshot:
                desk.snapshot(snapshot(last, asks=[(115, 2)]))
        last += 3
    assert second.out == first.out
    assert second.market.carry() == first.market.carry()
