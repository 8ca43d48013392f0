"""Token buckets: exact in the long run, and cancels that orders cannot starve."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tests.oms.table import SETTINGS
from trading_runtime.oms.settings import RateSettings
from trading_runtime.oms.throttle import Bucket, Throttles
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos


def throttles() -> Throttles:
    return Throttles(SETTINGS, Bucket(SETTINGS.orders), Bucket(SETTINGS.cancels))


def test_a_burst_is_let_through_and_then_the_rate() -> None:
    made = throttles()
    at = Nanos(NANOS_PER_SECOND)
    assert [made.order(at) for _ in range(11)] == [True] * 10 + [False]
    assert not made.order(Nanos(at + NANOS_PER_SECOND // 10 - 1))
    assert made.order(Nanos(at + NANOS_PER_SECOND // 10))


def test_requoting_leaves_the_reserved_cancels_and_orders_take_none() -> None:
    made = throttles()
    at = Nanos(0)
    while made.order(at):
        pass
    assert [made.cancel(at) for _ in range(9)] == [True] * 8 + [False]
    assert [made.withdrawal(at) for _ in range(3)] == [True, True, False]


def test_panic_waits_for_nothing_and_is_paid_for_later() -> None:
    made = throttles()
    at = Nanos(0)
    for _ in range(20):
        made.panic()
    assert not made.withdrawal(Nanos(at + NANOS_PER_SECOND))
    assert made.withdrawal(Nanos(at + 2 * NANOS_PER_SECOND))


def test_instruments_share_the_total() -> None:
    orders, cancels = Bucket(SETTINGS.orders), Bucket(SETTINGS.cancels)
    one, other = (Throttles(SETTINGS, orders, cancels) for _ in range(2))
    while one.order(Nanos(0)):
        pass
    assert not other.order(Nanos(0))


@given(
    st.integers(1, 50),
    st.integers(1, 20),
    st.lists(st.integers(0, 300_000_000), max_size=60),
)
def test_never_more_than_burst_and_rate_allow(
    per_second: int, burst: int, waits: list[int]
) -> None:
    rate = RateSettings(per_second=per_second, burst=burst)
    usual = msgspec.structs.replace(SETTINGS, instrument_orders=rate)
    plenty = RateSettings(per_second=1_000, burst=1_000)
    made = Throttles(usual, Bucket(plenty), Bucket(plenty))
    at = start = 1
    taken = 0
    for wait in waits:
        at += wait
        again = Throttles(usual, Bucket(plenty), Bucket(plenty))
        again.restore(made.carry())
        took = made.order(Nanos(at))
        taken += took
        assert again.order(Nanos(at)) == took
        assert again.carry() == made.carry()
    assert taken <= burst + (at - start) * per_second // NANOS_PER_SECOND
