"""What the venue holds for us against what our fills say that it should."""

import msgspec
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tests.engine.world import INSTRUMENT
from trading_runtime.account.balances import (
    Balances,
    BalancesCarried,
    Drift,
    from_told,
    to_told,
)
from trading_runtime.account.reports import AccountTold, Balance, Position
from trading_runtime.records.envelope import Output
from trading_runtime.records.facts_venue import BalanceChanged
from trading_runtime.records.instruments import Scales
from trading_runtime.records.units import Lots, Money, Nanos, Side, Ticks

SCALES = Scales(INSTRUMENT)
UNIT = 10**8


def account(
    whole: bool = True,  # noqa: FBT001, FBT002 -- the field of the same name
    positions: tuple[Position, ...] = (),
    **amounts: int,
) -> AccountTold:
    balances = tuple(Balance(asset, Money(free), Money(0)) for asset, free in amounts.items())
    return AccountTold("", "venue", whole, balances, positions, Money(0), Money(0), "", Nanos(0))


def based(told: AccountTold) -> Balances:
    balances = Balances()
    balances.take(told, [])
    for each in told.balances:
        balances.rebase(each.asset)
    return balances


def test_a_spot_fill_moves_base_quote_and_the_asset_of_its_fee() -> None:
    balances = based(account(BTC=UNIT, USDT=100 * UNIT, BNB=UNIT))
    # 5 lots of 0.001 at 1000 ticks of 0.10: 0.005 BTC for 0.5 USDT.
    balances.on_fill(SCALES, Side.BUY, Ticks(1000), Lots(5), Money(0))
    balances.on_fee(SCALES, Money(700), "BNB")
    told = account(BTC=UNIT + 500_000, USDT=100 * UNIT - UNIT // 2, BNB=UNIT - 700)
    balances.take(told, [])
    assert balances.drifts() == []


def test_a_fee_in_the_base_asset_is_taken_off_the_base() -> None:
    balances = based(account(BTC=UNIT, USDT=100 * UNIT))
    balances.on_fill(SCALES, Side.BUY, Ticks(1000), Lots(5), Money(0))
    balances.on_fee(SCALES, Money(500), "BTC")
    balances.take(account(BTC=UNIT + 499_500, USDT=100 * UNIT - UNIT // 2), [])
    assert balances.drifts() == []


def test_on_margin_a_fill_moves_what_it_realized_and_no_base() -> None:
    held = (Position(INSTRUMENT.instrument_id, Lots(0)),)
    balances = based(account(USDT=100 * UNIT, positions=held))
    balances.on_fill(SCALES, Side.SELL, Ticks(1000), Lots(5), Money(3_000))
    balances.on_fee(SCALES, Money(20), "USDT")
    balances.take(account(USDT=100 * UNIT + 2_980, positions=held), [])
    assert balances.drifts() == []
    assert not balances.expects("BTC")


def test_what_moved_without_us_is_a_drift_until_it_is_taken_over() -> None:
    balances = based(account(USDT=100 * UNIT))
    balances.take(account(USDT=90 * UNIT), [])
    assert balances.drifts() == [Drift("USDT", Money(100 * UNIT), Money(90 * UNIT))]
    balances.rebase("USDT")
    assert balances.drifts() == []


def test_an_asset_that_a_whole_answer_does_not_name_is_gone() -> None:
    balances = based(account(USDT=100 * UNIT, BNB=5))
    balances.take(account(USDT=100 * UNIT), [])
    assert [each.asset for each in balances.drifts()] == ["BNB"]


def test_a_stream_names_only_what_changed_and_each_change_is_said_once() -> None:
    balances = based(account(USDT=100 * UNIT, BNB=5))
    out: list[Output] = []
    balances.take(account(whole=False, USDT=90 * UNIT), out)
    balances.take(account(whole=False, USDT=90 * UNIT), out)
    assert [each.asset for each in out if isinstance(each, BalanceChanged)] == ["USDT"]
    assert balances.total("BNB") == 5


def test_amounts_are_counted_in_the_venues_units_and_back() -> None:
    assert to_told(12_345, 10) == 123
    assert to_told(-12_345, 10) == -124
    assert to_told(123, 6) == 12_300
    assert from_told(123, 10) == 12_300
    assert from_told(12_399, 6) == 123


@examples(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 2000), st.integers(-9, 9), st.integers(0, 99))))
def test_any_fills_of_ours_are_no_drift_on_spot(fills: list[tuple[int, int, int]]) -> None:
    base, quote = 10 * UNIT, 10_000 * UNIT
    balances = based(account(BTC=base, USDT=quote))
    for price, size, fee in fills:
        side = Side.BUY if size > 0 else Side.SELL
        balances.on_fill(SCALES, side, Ticks(price), Lots(abs(size)), Money(0))
        balances.on_fee(SCALES, Money(fee), "USDT")
        base += size * UNIT // 1000
        quote -= size * price * 10_000 + fee
    packed = msgspec.msgpack.encode(balances.carry())
    restored = Balances()
    restored.restore(msgspec.msgpack.decode(packed, type=BalancesCarried))
    restored.take(account(BTC=base, USDT=quote), [])
    assert restored.drifts() == []
    assert msgspec.msgpack.encode(balances.carry()) == packed
