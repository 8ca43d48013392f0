"""The book equals a plain dict of levels, whatever it is told."""

from hypothesis import given
from hypothesis import strategies as st

from tests.market.makers import levels
from trading_runtime.market.book import SWEEP_MIN, Book
from trading_runtime.records.units import Side, Ticks

LEVEL = st.tuples(st.integers(1, 40), st.integers(0, 5))
DELTA = st.tuples(st.lists(LEVEL, max_size=8), st.lists(LEVEL, max_size=8))


def test_an_empty_book_has_no_best_price() -> None:
    book = Book()
    assert (book.best_bid(), book.best_ask(), book.bid_size(), book.ask_size()) == (0, 0, 0, 0)
    assert book.counts() == (0, 0)
    assert not book.crossed()


def test_a_size_of_zero_deletes_and_the_next_level_is_the_best() -> None:
    book = Book()
    book.apply(levels([(100, 5), (99, 6)]), levels([(101, 7), (103, 9)]))
    book.apply(levels([(100, 0)]), levels([(101, 0)]))
    assert (book.best_bid(), book.bid_size()) == (99, 6)
    assert (book.best_ask(), book.ask_size()) == (103, 9)


def test_deleting_an_unknown_level_is_nothing_special() -> None:
    book = Book()
    book.apply(levels([(100, 5), (98, 0)]), [])
    assert book.counts() == (1, 0)
    assert book.top(Side.BUY, 5) == [(100, 5)]


def test_a_level_that_comes_back_stands_where_it_stood() -> None:
    book = Book()
    book.apply(levels([(100, 5), (99, 6), (98, 7)]), [])
    book.apply(levels([(99, 0)]), [])
    book.apply(levels([(99, 1)]), [])
    assert book.top(Side.BUY, 3) == [(100, 5), (99, 1), (98, 7)]


def test_the_same_price_twice_in_one_delta_counts_as_said_last() -> None:
    book = Book()
    book.apply(levels([(100, 5), (100, 6)]), levels([(101, 1), (101, 0)]))
    assert book.top(Side.BUY, 2) == [(100, 6)]
    assert book.best_ask() == 0


def test_crossed_and_locked_books_are_told_apart_from_sound_and_one_sided_ones() -> None:
    book = Book()
    book.apply(levels([(100, 5)]), [])
    assert not book.crossed()
    book.apply([], levels([(101, 5)]))
    assert not book.crossed()
    book.apply([], levels([(100, 5)]))
    assert book.crossed()


def test_replace_forgets_what_was() -> None:
    book = Book()
    book.apply(levels([(100, 5)]), levels([(101, 5)]))
    book.replace(levels([(90, 1)]), levels([(95, 2)]))
    assert list(book.levels(Side.BUY)) == [(90, 1)]
    assert list(book.levels(Side.SELL)) == [(95, 2)]
    book.clear()
    assert book.counts() == (0, 0)


def test_deleted_levels_are_swept_before_they_pile_up() -> None:
    book = Book()
    for price in range(1, 20 * SWEEP_MIN):
        book.apply(levels([(price, 1), (price - 1, 0)]), [])
    assert book.counts() == (1, 0)
    assert len(book.bids.sizes) <= SWEEP_MIN + 1
    assert len(book.bids.keys) == len(book.bids.sizes)


@given(st.lists(DELTA, max_size=30))
def test_the_book_equals_a_plain_dict(deltas: list[tuple[list[tuple[int, int]], ...]]) -> None:
    book = Book()
    plain: tuple[dict[int, int], dict[int, int]] = ({}, {})
    for bids, asks in deltas:
        book.apply(levels(bids), levels(asks))
        for side, changes in zip(plain, (bids, asks), strict=True):
            for price, size in changes:
                side[price] = size
                if not size:
                    del side[price]
        bid_levels = sorted(plain[0].items(), reverse=True)
        ask_levels = sorted(plain[1].items())
        assert list(book.levels(Side.BUY)) == bid_levels
        assert list(book.levels(Side.SELL)) == ask_levels
        assert book.counts() == (len(bid_levels), len(ask_levels))
        assert (book.best_bid(), book.bid_size()) == (bid_levels or [(0, 0)])[0]
        assert (book.best_ask(), book.ask_size()) == (ask_levels or [(0, 0)])[0]
        assert book.top(Side.SELL, 3) == ask_levels[:3]
        for price in range(1, 41):
            assert book.size_at(Side.BUY, Ticks(price)) == plain[0].get(price, 0)
