from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from data_platform.assets.reports.lines import Filled
from data_platform.assets.reports.pnl import Account, book, peaks, position_at
from data_platform.assets.reports.report import decimals, signed

Trade = tuple[str, str, str]


def fills(trades: list[Trade]) -> list[Filled]:
    return [
        Filled(
            ts=f"2025-11-19T14:00:{number:02d}.000000Z",
            instrument_id="v:X",
            side=side,
            price=Decimal(price),
            qty=Decimal(size),
            fee=Decimal("0.01"),
            fee_asset="USDC",
            venue_trade=str(number),
        )
        for number, (side, price, size) in enumerate(trades)
    ]


def test_a_position_is_closed_at_its_average_cost() -> None:
    trades = [("buy", "10", "1"), ("buy", "20", "1"), ("sell", "30", "1")]
    account = book({}, fills(trades), "USDC")["v:X"]
    assert account.realized == 15
    assert account.position == 1
    assert account.unrealized(Fraction(18)) == 3
    assert account.fees == {"USDC": Fraction(3, 100)}


def test_a_fill_through_flat_closes_and_opens_the_other_way() -> None:
    account = book({}, fills([("buy", "10", "1"), ("sell", "12", "3")]), "USDC")["v:X"]
    assert (account.realized, account.position, account.cost) == (2, -2, -24)
    assert peaks(account) == (1, -2)
    assert position_at(account, "2025-11-19T14:00:00.000000Z") == 1


def test_what_a_day_was_opened_with_counts_among_its_peaks() -> None:
    account = Account()
    account.position = account.opened = Fraction(5)
    book({"v:X": account}, fills([("sell", "12", "3")]), "USDC")
    assert peaks(account) == (5, 2)
    assert position_at(account, "2025-11-19T13:00:00.000000Z") == 5
    assert position_at(None, "2025-11-19T13:00:00.000000Z") == 0


def test_a_fill_told_twice_counts_once() -> None:
    one = fills([("buy", "10", "1")])
    account = book({}, [*one, *one], "USDC")["v:X"]
    assert (account.position, account.repeated) == (1, 1)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["buy", "sell"]),
            st.integers(1, 10**6).map(str),
            st.integers(1, 10**4).map(str),
        ),
        max_size=30,
    )
)
def test_profit_is_the_cash_that_came_in_and_what_is_held(trades: list[Trade]) -> None:
    mark = Fraction(777)
    cash = sum(
        int(price) * int(size) * (1 if side == "sell" else -1) for side, price, size in trades
    )
    held = sum(int(size) * (1 if side == "buy" else -1) for side, price, size in trades)
    for account in book({}, fills(trades), "USDC").values():
        assert account.realized + account.unrealized(mark) == cash + held * mark


@given(st.fractions(max_denominator=10**6), st.integers(0, 8))
def test_decimals_are_the_nearest(value: Fraction, places: int) -> None:
    assert abs(Fraction(decimals(value, places)) - value) * 2 <= Fraction(1, 10**places)


def test_decimals_and_signs_read_well() -> None:
    assert decimals(Fraction(-1, 1000), 2) == "0.00"
    assert decimals(Fraction(1, 2), 0) == "1"
    assert signed(Fraction(-28, 100)) == "-0.28"
    assert signed(Fraction(0)) == "+0"
