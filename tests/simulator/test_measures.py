"""Generated flow has the statistics that are stated for it, and the measures can tell."""

import gzip
import math
import random
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_runtime.errors import Refused
from trading_runtime.simulator.flow import Flow
from trading_runtime.simulator.measures import (
    RANGES,
    Measures,
    Tape,
    changes,
    check,
    correlation,
    counts,
    dispersion,
    excess_kurtosis,
    half_life,
    measure,
)
from trading_runtime.simulator.settings import FlowSettings

START = 1_735_689_600_000_000_000
SECOND = 1_000_000_000


def flow_measures(seconds: int, settings: FlowSettings) -> Measures:
    return measure(Tape(Flow(settings, START).advance(START + seconds * SECOND), settings.tick))


@pytest.mark.parametrize("seed", [1, 7, 42, 2024, 31337])
def test_generated_flow_is_within_the_stated_ranges(seed: int) -> None:
    assert check(flow_measures(300, FlowSettings(seed=seed))) == []


def test_without_clusters_and_weather_arrivals_are_nearly_independent() -> None:
    plain = FlowSettings(seed=7, clustering=0.0, storm_intensity=1.0, storm_volatility=1.0)
    measures = flow_measures(300, plain)
    assert measures.dispersion < 1.5
    assert any(complaint.startswith("dispersion") for complaint in check(measures))


def test_a_wider_target_makes_a_wider_spread() -> None:
    narrow = flow_measures(120, FlowSettings(seed=7, spread_ticks=3.0))
    wide = flow_measures(120, FlowSettings(seed=7, spread_ticks=12.0))
    assert wide.spread_ticks > narrow.spread_ticks * 1.5


def test_each_measure_but_the_length_has_a_range() -> None:
    assert set(RANGES) == set(Measures.__struct_fields__) - {"seconds"}


def test_too_short_a_tape_is_refused() -> None:
    tape = Tape(Flow(FlowSettings(seed=7), START).advance(START + 5 * SECOND), "0.10")
    assert not tape.measurable
    with pytest.raises(Refused, match="too little to measure"):
        measure(tape)


def trade(t_ms: int, *, sold: bool) -> bytes:
    return (
        f'{{"stream":"x@trade","data":{{"T":{t_ms},"p":"1","m":{"true" if sold else "false"}}}}}'
    ).encode()


def ticker(bid: str, ask: str) -> bytes:
    return (
        f'{{"stream":"x@bookTicker","data":{{"b":"{bid}","B":"3","a":"{ask}","A":"1"}}}}'.encode()
    )


def test_trades_of_one_time_and_side_are_one_market_order() -> None:
    messages = [
        (START, trade(5, sold=True)),
        (START, trade(5, sold=True)),
        (START, trade(5, sold=False)),
        (START + SECOND, trade(6, sold=False)),
    ]
    assert Tape(messages, "1").orders == [(0.0, -1), (0.0, 1), (1.0, 1)]


def test_the_ticker_holds_until_the_next() -> None:
    tenth = SECOND // 10
    messages = [
        (START, ticker("10", "12")),
        (START + 3 * tenth, ticker("10", "14")),
        (START + 5 * tenth, ticker("9", "14")),
    ]
    tape = Tape(messages, "1")
    assert tape.spreads == [2, 2, 2, 4, 4]
    assert tape.mids == [11.0, 11.0, 11.0, 12.0, 12.0]
    assert tape.imbalances == [0.75] * 5


def test_formulas_on_numbers_with_known_answers() -> None:
    assert counts([0.1, 0.9, 1.5, 3.0], 4.0, 1) == [2, 1, 0, 1]
    assert dispersion([2, 2, 2]) == 0.0
    assert dispersion([0, 4]) == 2.0
    assert correlation([1, 2, 3], [2, 4, 6]) == pytest.approx(1.0)
    assert correlation([1, 2, 3], [1, 1, 1]) == 0.0
    assert half_life(0.5) == 1.0
    assert half_life(1.0) == half_life(-0.5) == 0.0
    assert changes([0, 1, 3, 6, 10], 2) == [3, 7]
    assert excess_kurtosis([-1, 1, -1, 1]) == -2.0


def test_the_half_life_of_a_known_process_is_found() -> None:
    rng = random.Random(3)  # noqa: S311 -- a sample, not a secret

    def walk() -> Iterator[float]:
        value = 0.0
        for _ in range(20_000):
            value = 0.9 * value + rng.gauss(0, 1)
            yield value

    values = list(walk())
    steps = half_life(correlation(values[:-1], values[1:]))
    assert steps == pytest.approx(math.log(0.5) / math.log(0.9), rel=0.1)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=50))
def test_correlation_stays_within_its_bounds(numbers: list[float]) -> None:
    assert -1.000001 <= correlation(numbers, numbers[::-1]) <= 1.000001


def test_recorded_markets_can_be_measured_too(shared_data: Path) -> None:
    folder = shared_data / "captures" / "hftbacktest_binance_20240808" / "usdm"
    measures = measure(Tape(stamped_lines(folder / "btcusdt_20240808.gz"), "0.1"))
    assert measures.frames_per_s == pytest.approx(272.5, rel=0.01)
    assert measures.trades_per_s == pytest.approx(21_313 / 344.8, rel=0.01)
    assert measures.spread_ticks == pytest.approx(1.1, abs=0.05)
    # What the generator is to have too: clusters, heavy tails, telling imbalance, runs of signs.
    assert measures.dispersion > 5
    assert measures.excess_kurtosis > 1
    assert measures.imbalance_correlation > 0.1
    assert measures.sign_correlation > 0.1


def stamped_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with gzip.open(path) as file:
        for line in file:
            stamp, _, message = line.partition(b" ")
            yield int(stamp), message


def test_measures_are_plain_numbers_in_json() -> None:
    measures = flow_measures(60, FlowSettings(seed=7))
    assert all(math.isfinite(value) for value in msgspec.to_builtins(measures).values())
