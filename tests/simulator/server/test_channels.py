"""Merged book changes say the same as the changes one by one."""

from hypothesis import given
from hypothesis import strategies as st

from trading_runtime.simulator.exchange.words import LevelsChanged
from trading_runtime.simulator.server.channels import Merge

LEVELS = st.dictionaries(st.integers(1, 6), st.integers(0, 9), max_size=4)


def change(number: int, bids: dict[int, int], asks: dict[int, int]) -> LevelsChanged:
    return LevelsChanged(
        symbol="BTCUSDT",
        bids=tuple(bids.items()),
        asks=tuple(asks.items()),
        first_id=10 * number + 1,
        last_id=10 * number + 5,
        previous_id=10 * number,
        time_ns=number,
    )


@given(st.lists(st.tuples(LEVELS, LEVELS), min_size=1, max_size=20))
def test_a_merge_leaves_each_level_as_its_last_change_did(
    moves: list[tuple[dict[int, int], dict[int, int]]],
) -> None:
    changes = [change(number, bids, asks) for number, (bids, asks) in enumerate(moves)]
    merge = Merge(changes[0])
    for later in changes[1:]:
        merge.add(later)
    whole = merge.whole()
    bids, asks = {}, {}
    for one in changes:
        bids |= dict(one.bids)
        asks |= dict(one.asks)
    assert (dict(whole.bids), dict(whole.asks)) == (bids, asks)
    assert (whole.first_id, whole.previous_id) == (changes[0].first_id, changes[0].previous_id)
    assert whole.last_id == changes[-1].last_id
    assert list(whole.bids) == sorted(whole.bids, reverse=True)
    assert list(whole.asks) == sorted(whole.asks)
