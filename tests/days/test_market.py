"""The slowed market: fewer messages, and a book of the same shape."""

import pytest

from trading_runtime.config import SHIPPED, load_settings
from trading_runtime.days.market import SLICE_NS, Markets
from trading_runtime.days.pace import paced
from trading_runtime.days.story import parse_start
from trading_runtime.records.units import Nanos
from trading_runtime.store.hours import HOUR_NS

START = parse_start("2026-03-01")


def markets() -> Markets:
    return Markets(paced(load_settings(SHIPPED)).instruments(), 5, START)


def test_an_hour_has_some_messages_a_second_in_order_of_time() -> None:
    heard = markets().advance(Nanos(START + HOUR_NS))
    assert 1_000 < len(heard) < 14_400
    assert [it.at for it in heard] == sorted(it.at for it in heard)
    assert {it.symbol for it in heard} == {"BTCUSDT", "ETHUSDT"}


@pytest.mark.parametrize("slice_ns", [SLICE_NS, 7 * SLICE_NS])
def test_it_does_not_matter_how_time_is_cut(slice_ns: int) -> None:
    whole, cut = markets(), markets()
    end = START + 420 * SLICE_NS
    pieces = [
        each
        for until in range(START + slice_ns, end + 1, slice_ns)
        for each in cut.advance(Nanos(until))
    ]
    assert pieces == whole.advance(Nanos(end))
