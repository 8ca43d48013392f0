from hypothesis import given
from hypothesis import strategies as st

from trading_runtime.store.hours import HOUR_NS, Hour, hour_at, hours_between


@given(st.integers(0, 4_000_000_000 * 10**9))
def test_a_moment_lies_in_its_hour(at: int) -> None:
    hour = hour_at(at)
    assert hour.start <= at < hour.end


def test_hours_between_are_those_that_the_span_touches() -> None:
    start = Hour("2025-11-19", 22).start
    found = hours_between(start + 1, start + 2 * HOUR_NS + 1)
    assert [it.name for it in found] == ["2025-11-19T22", "2025-11-19T23", "2025-11-20T00"]
    assert hours_between(start, start) == []
