"""Ticker and book meet at the same update id, whichever comes first, and nowhere else."""

from trading_runtime.market.crosscheck import POINTS_MAX, TickerCheck

TOUCH = (100, 5, 101, 7)
OTHER = (100, 6, 101, 7)


def test_they_meet_whichever_comes_first() -> None:
    check = TickerCheck()
    assert check.on_ticker(1, TOUCH) is None
    assert check.on_book(1, TOUCH) == TOUCH
    assert check.on_book(2, TOUCH) is None
    assert check.on_ticker(2, TOUCH) == TOUCH
    assert (check.equal, check.different) == (2, 0)


def test_a_difference_is_counted_and_shown() -> None:
    check = TickerCheck()
    check.on_ticker(1, OTHER)
    assert check.on_book(1, TOUCH) == OTHER
    assert (check.equal, check.different) == (0, 1)


def test_different_ids_are_never_compared() -> None:
    check = TickerCheck()
    check.on_ticker(1, OTHER)
    assert check.on_book(2, TOUCH) is None
    assert (check.equal, check.different) == (0, 0)


def test_only_recent_points_are_kept() -> None:
    check = TickerCheck()
    for update in range(3 * POINTS_MAX):
        check.on_ticker(update, TOUCH)
        check.on_book(update + 10 * POINTS_MAX, TOUCH)
    assert len(check.tickers) == len(check.touches) == POINTS_MAX
    assert check.on_book(2 * POINTS_MAX - 1, TOUCH) is None
    assert check.on_book(3 * POINTS_MAX - 1, TOUCH) == TOUCH


def test_a_book_that_is_no_longer_believed_is_not_compared() -> None:
    check = TickerCheck()
    check.on_book(1, TOUCH)
    check.forget_book()
    assert check.on_ticker(1, OTHER) is None
