"""Thinning draws what the intensity says: known means, and no arrival before its time."""

import math
import random
from itertools import pairwise
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_runtime.simulator.flow import BRANCHING
from trading_runtime.simulator.hawkes import Hawkes, spectral_radius


def arrivals(hawkes: Hawkes, base: list[float], seconds: float) -> list[tuple[float, int]]:
    now, found = 0.0, []
    while True:
        now, kind = hawkes.draw(now, base, seconds)
        if kind is None:
            return found
        hawkes.happened(kind)
        found.append((now, kind))


def seeded(number: int) -> random.Random:
    return random.Random(number)  # noqa: S311 -- a sample, not a secret


def test_the_long_run_rate_is_the_base_over_one_less_the_branching() -> None:
    found = arrivals(Hawkes([[0.6]], 4.0, seeded(1)), [2.0], 4000.0)
    assert len(found) / 4000.0 == pytest.approx(2.0 / (1 - 0.6), rel=0.06)


def test_kinds_excite_one_another_as_the_table_says() -> None:
    found = arrivals(Hawkes([[0.0, 0.5], [0.0, 0.0]], 5.0, seeded(2)), [2.0, 0.0], 4000.0)
    first = sum(kind == 0 for _, kind in found)
    assert first / 4000.0 == pytest.approx(2.0, rel=0.05)
    assert (len(found) - first) / first == pytest.approx(0.5, rel=0.05)


def test_without_excitation_waits_are_exponential() -> None:
    times = [at for at, _ in arrivals(Hawkes([[0.0]], 1.0, seeded(3)), [5.0], 4000.0)]
    waits = [after - before for before, after in pairwise(times)]
    assert fmean(waits) == pytest.approx(0.2, rel=0.03)
    assert math.sqrt(fmean([wait * wait for wait in waits])) == pytest.approx(0.2828, rel=0.04)


def test_kinds_beyond_the_table_arrive_at_their_base_rate() -> None:
    found = arrivals(Hawkes([[0.5]], 5.0, seeded(4)), [1.0, 3.0], 2000.0)
    assert sum(kind == 1 for _, kind in found) / 2000.0 == pytest.approx(3.0, rel=0.05)


def test_nothing_arrives_at_a_rate_of_nothing() -> None:
    assert Hawkes([[0.5]], 5.0, seeded(5)).draw(1.0, [0.0], 9.0) == (9.0, None)


def test_an_explosive_process_is_refused() -> None:
    with pytest.raises(ValueError, match="children"):
        Hawkes([[0.5, 0.6], [0.6, 0.5]], 1.0, seeded(6))


def test_the_spectral_radius_of_a_known_table() -> None:
    assert spectral_radius([[0.5, 0.3], [0.3, 0.5]]) == pytest.approx(0.8)
    assert spectral_radius([[0.0]]) == 0.0


def test_the_markets_table_is_stationary_up_to_the_largest_clustering() -> None:
    assert 0.5 < spectral_radius(BRANCHING) < 0.95 / 1.3


@given(
    st.integers(0, 1000), st.lists(st.floats(0.0, 50.0), min_size=2, max_size=2), st.floats(0.1, 20)
)
def test_times_never_fall_nor_pass_the_horizon(
    seed: int, base: list[float], horizon: float
) -> None:
    found = arrivals(Hawkes([[0.3, 0.2], [0.2, 0.3]], 3.0, seeded(seed)), base, horizon)
    times = [at for at, _ in found]
    assert times == sorted(times)
    assert all(at < horizon for at in times)
    assert all(base[kind] > 0 or sum(base) > 0 for _, kind in found)
