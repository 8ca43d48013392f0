"""Continuous limits: said once, with hysteresis, and rates over two windows."""

from hypothesis import given
from hypothesis import strategies as st

from trading_runtime.records.envelope import Output
from trading_runtime.records.facts_trading import (
    Limit,
    Response,
    RiskLimitCleared,
    RiskLimitTriggered,
)
from trading_runtime.records.units import Nanos
from trading_runtime.risk.limits import Threshold
from trading_runtime.risk.monitors import Monitor, Watch, Window


def watch(response: Response = Response.PAUSE) -> Watch:
    threshold = Threshold(trigger=10, clear=5, response=response)
    return Watch("venue:BTC", (Monitor(Limit.VOLATILITY, threshold, "micro"),))


def judged(made: Watch, *values: int) -> list[list[Output]]:
    said = []
    for value in values:
        out: list[Output] = []
        made.judge((value,), out)
        said.append(out)
    return said


def test_a_breach_is_said_once_and_so_is_its_end() -> None:
    made = watch()
    said = judged(made, 10, 11, 12, 6, 11, 5, 11)
    triggered = RiskLimitTriggered(
        instrument_id="venue:BTC",
        limit=Limit.VOLATILITY,
        value=11,
        threshold=10,
        unit="micro",
        response=Response.PAUSE,
    )
    cleared = RiskLimitCleared(instrument_id="venue:BTC", limit=Limit.VOLATILITY)
    assert said == [[], [triggered], [], [], [], [cleared], [triggered]]


def test_a_broken_limit_asks_for_its_own_response() -> None:
    for response in Response:
        made = watch(response)
        judged(made, 11)
        wanted = (bool(made.paused), bool(made.panic), made.refuses)
        assert wanted == tuple(
            response is each for each in (Response.PAUSE, Response.PANIC_STOP, Response.REFUSE)
        )


def test_rearmed_what_is_still_broken_is_said_again() -> None:
    made = watch()
    judged(made, 11)
    made.rearm()
    assert made.paused == ""
    assert len(judged(made, 11)[0]) == 1


def test_what_is_broken_can_be_carried() -> None:
    made = watch()
    judged(made, 11)
    again = watch()
    again.restore(made.carry())
    assert again.paused == made.paused
    assert judged(again, 11) == [[]]


def test_a_rate_says_nothing_about_few_events() -> None:
    window = Window(Nanos(100), 5)
    window.roll(Nanos(0))
    window.note(1, 4)
    assert window.rate == 0
    window.note(1, 1)
    assert window.rate == 400_000


@given(st.lists(st.tuples(st.integers(0, 150), st.integers(0, 3), st.integers(0, 3)), max_size=30))
def test_a_window_counts_itself_and_the_one_before(events: list[tuple[int, int, int]]) -> None:
    window = Window(Nanos(100), 1)
    at = 0
    log: list[tuple[int, int]] = []
    for wait, part, whole in events:
        at += wait
        window.roll(Nanos(at))
        window.note(part, whole)
        log.append((at // 100, part))
        again = Window(Nanos(100), 1)
        again.restore(window.carry())
        now = log[-1][0]
        assert window.count == sum(part for number, part in log if now - number <= 1)
        assert (again.count, again.rate) == (window.count, window.rate)
