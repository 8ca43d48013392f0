"""The account: what counts towards a day's loss, the drawdown and the risk rate."""

from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.account.test_ledger import INSTRUMENT, SCALES, book, revised, usdt
from trading_runtime.account.equity import RATIO_MAX, Account, AccountCarried, ratio
from trading_runtime.account.settings import AccountSettings
from trading_runtime.errors import Refused
from trading_runtime.records.envelope import Output
from trading_runtime.records.facts_trading import DayRolled
from trading_runtime.records.instruments import Scales
from trading_runtime.records.units import Micro, Money, Nanos, Side

DAY = 86_400 * 10**9
SETTINGS = AccountSettings(
    quote_asset="USDT",
    balance="1000.5",
    money_scale=10,
    day_offset_minutes=60,
    maintenance_margin=Micro(50_000),
)


def money(text: str) -> int:
    return usdt(text) * 100


@given(st.integers(-5, 10**20), st.integers(-5, 10**20), st.integers(0, 10**9))
def test_a_ratio_is_above_a_threshold_exactly_when_the_quotient_is(
    part: int, whole: int, threshold: int
) -> None:
    if part > 0 and whole > 0:
        above = Fraction(part, whole) > Fraction(threshold, 10**6)
    else:
        above = part > 0
    assert (ratio(part, whole) > threshold) == above
    assert 0 <= ratio(part, whole) <= RATIO_MAX


def test_the_first_moment_begins_a_day_and_midnight_at_the_offset_the_next() -> None:
    account = Account(SETTINGS)
    out: list[Output] = []
    account.roll(Nanos(20_000 * DAY), out)
    account.roll(Nanos(20_001 * DAY - 3_600 * 10**9 - 1), out)
    assert out == [DayRolled(day="2024-10-04", equity=Money(money("1000.5")))]
    account.roll(Nanos(20_001 * DAY - 3_600 * 10**9), out)
    assert len(out) == 2


def test_loss_counts_from_the_days_start_and_drawdown_from_the_peak() -> None:
    account = Account(SETTINGS)
    ledger = account.open_ledger(SCALES)
    out: list[Output] = []
    account.roll(Nanos(0), out)
    book(ledger, Side.BUY, 10_000, 1_000)
    ledger.mark(10_200 * 10**6)
    account.value()
    assert account.equity == account.peak_equity == money("1020.5")
    account.roll(Nanos(DAY), out)
    ledger.mark(9_990 * 10**6)
    account.value()
    assert account.equity == money("999.5")
    assert account.daily_loss == ratio(210, 10_205)
    assert account.drawdown == ratio(210, 10_205)
    account.restart_peak()
    assert account.drawdown == 0


def test_the_risk_rate_is_maintenance_margin_over_equity() -> None:
    account = Account(SETTINGS)
    ledger = account.open_ledger(SCALES)
    book(ledger, Side.SELL, 10_000, 1_000)
    account.value()
    assert account.notional == money("1000")
    assert account.risk_rate == ratio(500_000, 10_005_000)


def test_an_instrument_whose_money_cannot_be_added_is_refused() -> None:
    account = Account(SETTINGS)
    with pytest.raises(Refused, match="quoted in BUSD"):
        account.open_ledger(Scales(msgspec.structs.replace(INSTRUMENT, quote_asset="BUSD")))
    with pytest.raises(Refused, match="decimals of money"):
        account.open_ledger(Scales(msgspec.structs.replace(INSTRUMENT, money_scale=11)))


def test_a_balance_finer_than_the_money_is_refused() -> None:
    with pytest.raises(Refused, match="balance"):
        Account(msgspec.structs.replace(SETTINGS, balance="0.00000000001"))


def test_a_revised_instrument_counts_the_same_in_the_account() -> None:
    account = Account(SETTINGS)
    ledger = account.open_ledger(SCALES)
    book(ledger, Side.BUY, 10_000, 1_000)
    ledger.mark(10_100 * 10**6)
    account.value()
    before = account.equity
    account.revise(ledger, revised(money_scale=9))
    assert account.equity == before


def test_an_account_can_be_carried() -> None:
    account = Account(SETTINGS)
    account.roll(Nanos(5 * DAY), [])
    packed = msgspec.msgpack.encode(account.carry())
    again = Account(SETTINGS)
    again.restore(msgspec.msgpack.decode(packed, type=AccountCarried))
    assert again.carry() == account.carry()
    out: list[Output] = []
    again.roll(Nanos(6 * DAY - 3_600 * 10**9 - 1), out)
    assert out == []
