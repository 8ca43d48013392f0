"""The signals by hand-worked example, and their bounds as properties."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.market.makers import SETTINGS, levels
from trading_runtime.market.book import Book
from trading_runtime.market.carried import pack, unpack_signals
from trading_runtime.market.signals import Signals, fade
from trading_runtime.records.units import MICROS_PER_UNIT, NANOS_PER_SECOND, Nanos

SECOND = NANOS_PER_SECOND


def watched(mids: list[tuple[int, int]]) -> Signals:
    """Signals of a book whose bid is set to each price at its time (seconds), ask one above."""
    book = Book()
    signals = Signals(book, SETTINGS)
    for at, bid in mids:
        book.replace(levels([(bid, 5)]), levels([(bid + 1, 15)]))
        signals.on_book(Nanos(at * SECOND))
    return signals


def test_imbalance_is_the_difference_over_the_sum_of_the_top_levels() -> None:
    book = Book()
    book.replace(levels([(100, 5), (99, 10)]), levels([(101, 3), (102, 2)]))
    signals = Signals(book, SETTINGS)
    assert signals.imbalance == 500_000
    book.replace(levels([(100 - n, 1) for n in range(9)]), levels([(101 + n, 9) for n in range(9)]))
    assert signals.imbalance == -800_000
    book.clear()
    assert signals.imbalance == 0


def test_microprice_leans_to_the_thinner_side() -> None:
    assert watched([(1, 100)]).microprice == 100_250_000
    assert Signals(Book(), SETTINGS).microprice == 0


def test_a_mid_that_stands_still_has_no_volatility_and_no_trend() -> None:
    signals = watched([(1, 100), (10, 100), (20, 100)])
    assert (signals.volatility, signals.trend) == (0, 0)
    assert signals.warm


def test_signals_are_cold_until_the_mid_was_watched_for_long_enough() -> None:
    assert not Signals(Book(), SETTINGS).warm
    assert not watched([(1, 100), (2, 101)]).warm
    assert watched([(1, 100), (6, 101)]).warm


@pytest.mark.parametrize(("begins", "warm"), [(10, True), (30, True), (41, False), (9, False)])
def test_a_new_session_goes_on_with_signals_that_are_not_old(begins: int, *, warm: bool) -> None:
    signals = watched([(second, 1_000 + second % 2) for second in range(1, 11)])
    before = signals.volatility
    signals.go_on(Nanos(begins * SECOND))
    assert signals.warm is warm
    assert (signals.volatility == before) is warm


def test_the_move_over_a_gap_counts_as_one() -> None:
    steady = [(second, 1_000 + 3 * second) for second in range(1, 120)]
    gap = watched([each for each in steady if not 60 < each[0] < 80])
    assert gap.trend == pytest.approx(watched(steady).trend, rel=0.15)


def test_a_steady_rise_is_its_own_trend() -> None:
    signals = watched([(second, 1_000 + 3 * second) for second in range(1, 120)])
    assert signals.trend == pytest.approx(3 * MICROS_PER_UNIT, rel=0.03)


def test_a_coin_that_moves_by_one_tick_each_second_has_a_volatility_of_one() -> None:
    signals = watched([(second, 1_000 + second % 2) for second in range(1, 300)])
    assert signals.volatility == pytest.approx(MICROS_PER_UNIT, rel=0.02)
    assert abs(signals.trend) < MICROS_PER_UNIT // 20


def test_old_moves_fade() -> None:
    busy = [(second, 1_000 + second % 2) for second in range(1, 100)]
    assert watched([*busy, (400, 1_000)]).volatility < watched(busy).volatility // 3


def test_a_one_sided_book_moves_nothing() -> None:
    book = Book()
    signals = Signals(book, SETTINGS)
    book.replace(levels([(100, 5)]), [])
    signals.on_book(Nanos(SECOND))
    assert not signals.warm
    assert (signals.microprice, signals.volatility, signals.imbalance) == (0, 0, MICROS_PER_UNIT)


def test_fade_is_nearly_the_exponential() -> None:
    assert fade(0.0) == 1.0
    for age in (0.01, 0.1, 0.5, 1.0, 2.0):
        assert fade(age) == pytest.approx(math.exp(-age), abs=0.02)


PATHS = st.lists(st.tuples(st.integers(1, 10**10), st.integers(1, 10**6)), min_size=1, max_size=30)


@given(PATHS)
def test_signals_stay_in_their_bounds_and_survive_being_carried(
    path: list[tuple[int, int]],
) -> None:
    book = Book()
    signals = Signals(book, SETTINGS)
    at = 0
    for span, bid in path:
        at += span
        book.replace(levels([(bid, 1 + bid % 7)]), levels([(bid + 1 + bid % 3, 2)]))
        signals.on_book(Nanos(at))
    assert -MICROS_PER_UNIT <= signals.imbalance <= MICROS_PER_UNIT
    assert book.best_bid() <= signals.microprice / MICROS_PER_UNIT <= book.best_ask()
    assert signals.volatility >= 0
    other = Signals(book, SETTINGS)
    other.restore(unpack_signals(pack(signals.carry())))
    assert (other.volatility, other.trend) == (signals.volatility, signals.trend)
    assert other.carry() == signals.carry()
