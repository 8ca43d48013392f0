"""What happens in days that are made up, and when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_runtime.days.story import (
    HOURS_MAX,
    INCIDENTS_FROM,
    Story,
    orders_of,
    parse_start,
    story_of,
)
from trading_runtime.errors import Refused
from trading_runtime.records.inputs import Action
from trading_runtime.store.hours import HOUR_NS

FIRST = parse_start("2026-03-01")


def incidents(story: Story) -> list[int]:
    late = None if story.late is None else story.late.hour
    found = (story.silent, story.missing, late, story.damaged)
    return [hour for hour in found if hour is not None]


@given(st.integers(INCIDENTS_FROM, HOURS_MAX))
def test_each_incident_has_an_hour_of_its_own_and_whole_hours_are_left(hours: int) -> None:
    story = story_of(FIRST, hours, 1)
    found = incidents(story)
    assert len(set(found)) == len(found) == 4
    assert all(0 < hour < hours for hour in found)
    assert story.drill not in {story.missing, story.silent}


@given(st.integers(1, INCIDENTS_FROM - 1))
def test_a_few_hours_go_by_without_incident(hours: int) -> None:
    assert incidents(story_of(FIRST, hours, 1)) == []


def test_over_three_days_the_incidents_lie_on_different_ones() -> None:
    story = story_of(FIRST, 72, 1)
    assert story.hour(story.silent or 0).day == "2026-03-01"
    assert story.hour(story.missing or 0).day == "2026-03-02"
    assert story.hour(story.damaged or 0).day == "2026-03-03"


def test_whoever_stops_everything_begins_again() -> None:
    story = story_of(FIRST, 24, 1)
    assert story.drill is not None
    told = [it.action for it in orders_of(story, story.drill)]
    assert told.index(Action.PANIC_STOP) < told.index(Action.CLEAR_PANIC)
    assert told[-1] is Action.RESUME
    assert orders_of(story, story.drill + 1) == []


@pytest.mark.parametrize(("first", "hours"), [(FIRST + 1, 3), (FIRST, 0), (FIRST, HOURS_MAX + 1)])
def test_what_is_no_span_of_hours_is_refused(first: int, hours: int) -> None:
    with pytest.raises(Refused):
        story_of(type(FIRST)(first), hours, 1)


def test_a_start_is_a_day_or_an_hour() -> None:
    assert parse_start("2026-03-01T05") == FIRST + 5 * HOUR_NS
    with pytest.raises(Refused):
        parse_start("yesterday")
