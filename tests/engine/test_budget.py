"""The venue's limits: when orders wait, and what being turned away leads to."""

import msgspec
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from trading_runtime.account.reports import Barred, BarredTold, LimitsTold, LimitTold
from trading_runtime.engine.budget import RECOVERY, STRIKES_MAX, Budget, BudgetCarried
from trading_runtime.records.envelope import Output
from trading_runtime.records.facts_venue import BudgetShort, RateLimited
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos

SECOND = NANOS_PER_SECOND
AT = Nanos(1_000_000_003 * SECOND)


def barred(seconds: int = 0, what: Barred = Barred.TOO_MANY) -> BarredTold:
    return BarredTold("any", "venue", what, Nanos(seconds * SECOND))


def limits(used: int, limit: int = 100, seconds: int = 10) -> LimitsTold:
    return LimitsTold("venue", (LimitTold("orders", Nanos(seconds * SECOND), used, limit),))


def test_four_fifths_of_a_limit_are_free_and_one_more_waits_for_the_windows_end() -> None:
    budget = Budget()
    out: list[Output] = []
    budget.on_limits(limits(80), AT, out)
    assert (out, budget.short_until) == ([], 0)
    budget.on_limits(limits(81), AT, out)
    assert budget.short_until == AT + 7 * SECOND
    budget.on_limits(limits(82), AT, out)
    assert [type(each) for each in out] == [BudgetShort]


def test_a_limit_that_is_not_known_holds_nothing_up() -> None:
    budget = Budget()
    budget.on_limits(limits(1_000, limit=0), AT, [])
    assert budget.short_until == 0


def test_a_wait_that_the_venue_does_not_name_goes_by_what_it_did() -> None:
    waits = {}
    for what in Barred:
        budget = Budget()
        budget.on_barred(barred(what=what), AT, [])
        waits[what] = (budget.until - AT) // SECOND
    assert waits == {Barred.TOO_MANY: 1, Barred.BANNED: 120, Barred.FIREWALL: 300}


def test_strikes_count_in_a_row_and_are_forgotten_after_a_quiet_while() -> None:
    budget = Budget()
    at = AT
    for strike in range(1, STRIKES_MAX + 2):
        budget.on_barred(barred(1), at, [])
        assert budget.strikes == strike
        assert budget.persists == (strike > STRIKES_MAX)
        at = Nanos(at + 2 * SECOND)
        budget.look(at, [])
    assert budget.look(Nanos(at + RECOVERY - 1), []) == at + RECOVERY
    budget.look(Nanos(at + RECOVERY), [])
    assert budget.strikes == 0


def test_what_is_turned_away_during_a_wait_makes_it_longer_and_is_no_strike() -> None:
    budget = Budget()
    out: list[Output] = []
    budget.on_barred(barred(2), AT, out)
    budget.on_barred(barred(1), AT, out)
    budget.on_barred(barred(5), AT, out)
    assert budget.until == AT + 5 * SECOND
    assert [each.strikes for each in out if isinstance(each, RateLimited)] == [1, 1]


@examples(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 90)), max_size=20), st.integers(0, 19))
def test_a_carried_budget_goes_on_the_same(steps: list[tuple[int, int]], cut: int) -> None:
    one, other = Budget(), Budget()
    at = AT
    for number, (kind, seconds) in enumerate(steps):
        if number == cut:
            packed = msgspec.msgpack.encode(one.carry())
            other = Budget()
            other.restore(msgspec.msgpack.decode(packed, type=BudgetCarried))
        told: list[list[Output]] = [[], []]
        for budget, out in zip((one, other), told, strict=True):
            if kind == 0:
                budget.on_barred(barred(seconds), at, out)
            elif kind == 1:
                budget.on_limits(limits(seconds + 10), at, out)
            else:
                budget.look(at, out)
        if number >= cut:
            assert told[0] == told[1]
        at = Nanos(at + seconds * SECOND)
    if len(steps) > cut:
        assert one.carry() == other.carry()
