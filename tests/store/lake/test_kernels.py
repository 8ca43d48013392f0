from bisect import bisect_left

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trading_runtime.store.lake import kernels
from trading_runtime.store.lake.bars import BAR
from trading_runtime.store.parquet import Int64s

HOUR_S = 3_600
START = 489_878 * HOUR_S
"""An hour of 2025, in the seconds that stand for nanoseconds here."""
MOMENTS = st.one_of(st.integers(0, HOUR_S - 1), st.sampled_from([0, 59, 60, 61, HOUR_S - 1]))
TIMES = st.lists(MOMENTS, max_size=60).map(sorted)
ARRIVALS = st.lists(st.tuples(MOMENTS, st.integers(0, 3)), max_size=60).map(sorted)


def frozen(values: list[int]) -> Int64s:
    """Give an array as Arrow gives it: it cannot be written."""
    found = np.array(values, np.int64)
    found.flags.writeable = False
    return found


@settings(deadline=None)
@given(st.lists(MOMENTS, max_size=20))
@example([])
@example([7])
@example([7, 7])
@example([8, 7])
def test_times_are_in_order_where_sorting_them_changes_nothing(times: list[int]) -> None:
    assert kernels.in_order(frozen(times)) == (times == sorted(times))


@settings(deadline=None)
@given(times=TIMES, interval=st.sampled_from([1, 60, 900, HOUR_S]), data=st.data())
def test_bars_are_those_of_a_loop_over_the_rows(
    times: list[int], interval: int, data: st.DataObject
) -> None:
    amounts = st.lists(st.integers(-(2**40), 2**40), min_size=len(times), max_size=len(times))
    prices, sizes = data.draw(amounts), data.draw(amounts)
    expected: dict[int, list[int]] = {}
    for at, px, qty in zip(times, prices, sizes, strict=True):
        opens_at = (START + at) // interval * interval
        bar = expected.setdefault(opens_at, [px, px, px, px, 0, 0])
        bar[1:] = [max(bar[1], px), min(bar[2], px), px, bar[4] + qty, bar[5] + 1]
    out = np.zeros(min(len(times), HOUR_S // interval), BAR)
    rows = kernels.Prints(frozen([START + it for it in times]), frozen(prices), frozen(sizes))
    count = kernels.fill_bars(out, rows, interval)
    assert [tuple(it) for it in out[:count].tolist()] == [
        (opens_at, *bar) for opens_at, bar in expected.items()
    ]


@settings(deadline=None)
@given(trades=ARRIVALS, quotes=ARRIVALS)
@example(trades=[(5, 1)], quotes=[])
@example(trades=[(5, 1), (5, 1), (6, 0)], quotes=[(5, 0), (5, 0), (5, 1), (5, 2)])
def test_the_quote_beside_a_trade_is_the_last_that_came_before_it(
    trades: list[tuple[int, int]], quotes: list[tuple[int, int]]
) -> None:
    numbers = [[it * 10 + column for it in range(len(quotes))] for column in range(4)]
    book = kernels.Quotes(
        frozen([at for at, _ in quotes]),
        frozen([seq for _, seq in quotes]),
        *(frozen(it) for it in numbers),
    )
    arrived = kernels.Arrivals(frozen([at for at, _ in trades]), frozen([seq for _, seq in trades]))
    out = np.zeros((5, len(trades)), np.int64)
    without = kernels.fill_quotes(out, arrived, book)
    places = [bisect_left(quotes, it) - 1 for it in trades]
    assert without == places.count(-1)
    assert out[:, without:].T.tolist() == [
        [quotes[place][0], *(it[place] for it in numbers)] for place in places[without:]
    ]
