"""The business day's boundaries and its name."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from trading_runtime.account.day import day_end, day_number, day_text
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos

MOMENTS = st.datetimes(datetime(1970, 1, 3), datetime(2400, 1, 1))  # noqa: DTZ001 -- UTC is added below
OFFSETS = st.integers(-840, 840)


@given(MOMENTS, OFFSETS)
def test_a_day_is_what_the_calendar_says_at_that_offset(moment: datetime, offset: int) -> None:
    moment = moment.replace(tzinfo=UTC)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    at = Nanos((since.days * 86_400 + since.seconds) * NANOS_PER_SECOND + since.microseconds * 1000)
    number = day_number(at, offset)
    local = moment.astimezone(timezone(timedelta(minutes=offset)))
    assert day_text(number) == local.date().isoformat()
    end = day_end(number, offset)
    assert at < end
    assert day_number(end, offset) == number + 1
    assert day_number(Nanos(end - 1), offset) == number
