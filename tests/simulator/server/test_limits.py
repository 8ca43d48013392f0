"""Windows of the venue's clock, and what happens at their limits."""

import msgspec
import pytest

from trading_runtime.simulator.exchange.words import MarketKind
from trading_runtime.simulator.server.limits import Usage
from trading_runtime.simulator.server.refusals import Throttled
from trading_runtime.simulator.server.settings import SPOT_LIMITS, USDM_LIMITS

MINUTE = 60_000
SMALL = msgspec.structs.replace(SPOT_LIMITS, weight_minute=10, orders_10s=2, refusals_max=1)


def refused(usage: Usage, weight: int, now_ms: int) -> Throttled:
    with pytest.raises(Throttled) as found:
        usage.charge("here", weight, now_ms)
    return found.value


def test_weight_is_counted_by_the_minute_and_the_address() -> None:
    usage = Usage(MarketKind.SPOT, SMALL)
    usage.charge("here", 10, MINUTE)
    usage.charge("there", 10, MINUTE)
    first = refused(usage, 1, MINUTE + 59_999)
    assert (first.status, first.code, first.retry_ms) == (429, -1003, 2 * MINUTE)
    usage.charge("here", 10, 2 * MINUTE)


def test_who_does_not_listen_is_banned_for_its_time() -> None:
    usage = Usage(MarketKind.SPOT, SMALL)
    usage.charge("here", 10, MINUTE)
    assert refused(usage, 1, MINUTE).status == 429
    banned = refused(usage, 1, MINUTE)
    assert (banned.status, banned.retry_ms) == (418, MINUTE + SMALL.ban_s * 1000)
    assert refused(usage, 0, MINUTE + 119_999).status == 418
    usage.charge("here", 1, MINUTE + 120_000)


def test_what_is_refunded_can_be_used_again() -> None:
    usage = Usage(MarketKind.SPOT, SMALL)
    for _ in range(50):
        usage.charge("here", 10, MINUTE)
        usage.refund("here", 10)


def test_orders_are_counted_by_account_and_given_back_by_fills() -> None:
    usage = Usage(MarketKind.SPOT, SMALL)
    usage.count_order("me", 0)
    usage.count_order("me", 9_999)
    with pytest.raises(Throttled) as found:
        usage.count_order("me", 9_999)
    assert (found.value.code, found.value.retry_ms) == (-1015, 10_000)
    usage.give_back("me")
    usage.count_order("me", 9_999)
    usage.count_order("you", 9_999)
    usage.count_order("me", 10_000)


def test_the_long_window_is_a_day_on_spot_and_a_minute_on_usdm() -> None:
    spot = Usage(MarketKind.SPOT, SPOT_LIMITS).headers("here", "me", 0)
    usdm = Usage(MarketKind.USDM, USDM_LIMITS).headers("here", "me", 0)
    assert "X-MBX-ORDER-COUNT-1D" in spot
    assert "X-MBX-ORDER-COUNT-1M" in usdm


def test_other_limits_start_from_nothing() -> None:
    usage = Usage(MarketKind.SPOT, SMALL)
    usage.charge("here", 10, MINUTE)
    usage.set_limits(SMALL)
    usage.charge("here", 10, MINUTE)
