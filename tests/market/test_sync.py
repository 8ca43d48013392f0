"""What passes the synchronisation is gapless; what does not is held, dropped or said to be lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.market.makers import linked_delta, numbered, spot_delta
from trading_runtime.market.sync import BookSync, SequenceRule, Stage, Verdict

OVERLAP, PREVIOUS = SequenceRule.OVERLAP, SequenceRule.PREVIOUS


def synced(rule: SequenceRule, last: int = 10) -> BookSync:
    sync = BookSync(rule)
    sync.load(last - 1)
    sync.advance(spot_delta(last, last))
    return sync


def loaded(rule: SequenceRule, last: int = 10) -> BookSync:
    sync = BookSync(rule)
    sync.load(last)
    return sync


@pytest.mark.parametrize(
    ("first", "last", "verdict"),
    [
        (11, 12, Verdict.APPLY),
        (5, 12, Verdict.APPLY),
        (12, 13, Verdict.GAP),
        (9, 10, Verdict.OLD),
        (1, 4, Verdict.OLD),
    ],
    ids=["next", "overlapping", "one_missing", "duplicate", "late"],
)
def test_overlapping_ids(first: int, last: int, verdict: Verdict) -> None:
    assert synced(OVERLAP).judge(spot_delta(first, last)) is verdict


@pytest.mark.parametrize(
    ("prev", "last", "verdict"),
    [
        (10, 90, Verdict.APPLY),
        (11, 90, Verdict.GAP),
        (8, 90, Verdict.GAP),
        (3, 10, Verdict.OLD),
        (1, 4, Verdict.OLD),
    ],
    ids=["linked", "one_missing", "overlapping", "duplicate", "late"],
)
def test_linked_ids(prev: int, last: int, verdict: Verdict) -> None:
    assert synced(PREVIOUS).judge(linked_delta(prev, last)) is verdict


@pytest.mark.parametrize(
    ("first", "last", "verdict"),
    [
        (4, 9, Verdict.OLD),
        (4, 10, Verdict.OLD),
        (4, 11, Verdict.JOIN),
        (11, 12, Verdict.JOIN),
        (12, 13, Verdict.STALE),
    ],
    ids=["before", "ends_at_it", "straddles", "begins_after_it", "hole_after_it"],
)
def test_the_first_delta_after_a_snapshot_by_overlap(
    first: int, last: int, verdict: Verdict
) -> None:
    assert loaded(OVERLAP).judge(spot_delta(first, last)) is verdict


@pytest.mark.parametrize(
    ("first", "last", "prev", "verdict"),
    [
        (4, 9, 2, Verdict.OLD),
        (4, 10, 2, Verdict.JOIN),
        (4, 11, 2, Verdict.JOIN),
        (15, 20, 10, Verdict.JOIN),
        (11, 20, 9, Verdict.STALE),
        (15, 20, 12, Verdict.STALE),
    ],
    ids=["before", "ends_at_it", "straddles", "links_to_it", "begins_after_it", "hole_after_it"],
)
def test_the_first_delta_after_a_snapshot_by_link(
    first: int, last: int, prev: int, verdict: Verdict
) -> None:
    delta = numbered(first, last, prev)
    assert loaded(PREVIOUS).judge(delta) is verdict


def test_without_a_snapshot_all_is_held() -> None:
    sync = BookSync(OVERLAP)
    for delta in (spot_delta(1, 2), spot_delta(3, 4)):
        assert sync.judge(delta) is Verdict.HOLD
        sync.hold(delta)
    assert sync.judge(spot_delta(3, 4)) is Verdict.OLD
    assert [delta.last_id for delta in sync.load(2)] == [2, 4]
    assert sync.held == []


def test_a_hole_in_what_is_held_makes_the_part_before_it_useless() -> None:
    sync = BookSync(PREVIOUS)
    for delta in (linked_delta(1, 5), linked_delta(5, 9), linked_delta(12, 20)):
        sync.hold(delta)
    assert [delta.last_id for delta in sync.held] == [20]
    assert sync.dropped == 2
    assert sync.needed_id() == 12


def test_the_needed_id_is_the_least_that_joins() -> None:
    sync = BookSync(OVERLAP)
    assert sync.needed_id() == 0
    sync.hold(spot_delta(8, 9))
    assert sync.needed_id() == 7
    sync.load(7)
    assert sync.judge(spot_delta(8, 9)) is Verdict.JOIN


def test_after_a_reset_nothing_passes_until_a_snapshot_is_joined() -> None:
    sync = synced(OVERLAP)
    sync.reset()
    assert sync.stage is Stage.EMPTY
    assert sync.judge(spot_delta(11, 12)) is Verdict.HOLD


DELTAS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 6), st.integers(0, 60)), max_size=40)


@given(st.sampled_from([OVERLAP, PREVIOUS]), DELTAS)
def test_whatever_passes_is_gapless(rule: SequenceRule, drawn: list[tuple[int, int, int]]) -> None:
    sync = synced(rule, 5)
    for first, span, prev in drawn:
        delta = numbered(first, first + span, prev)
        before = sync.last_id
        if sync.judge(delta) is Verdict.APPLY:
            assert delta.last_id > before
            assert delta.first_id <= before + 1 if rule is OVERLAP else delta.prev_id == before
            sync.advance(delta)
