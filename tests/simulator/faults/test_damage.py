"""What faults make of an event's bytes."""

from typing import get_args

import msgspec
import pytest

from trading_runtime.simulator.faults.damage import (
    Absurd,
    Harm,
    absurd,
    executed_again,
    harmed,
    has_prices,
)

DIFF = (
    b'{"e":"depthUpdate","E":5,"s":"BTCUSDT","U":3,"u":4,'
    b'"b":[["61800.00000000","1.00000000"]],"a":[["61800.10000000","2.00000000"]]}'
)
TOUCH = b'{"u":4,"s":"BTCUSDT","b":"61800.00","B":"1.0","a":"61800.10","A":"2.0"}'


@pytest.mark.parametrize("how", ["truncated", "garbage", "empty"])
def test_what_is_no_json_any_more(how: Harm) -> None:
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(harmed(DIFF, how))


def test_what_is_json_of_another_form() -> None:
    assert msgspec.json.decode(harmed(DIFF, "unknown_event"))["e"] == "eventOfTomorrow"
    assert msgspec.json.decode(harmed(DIFF, "wrong_type"))["u"] == "text"
    fields = msgspec.json.decode(harmed(DIFF, "extra_field"))
    del fields["fieldOfTomorrow"]
    assert fields == msgspec.json.decode(DIFF)


@pytest.mark.parametrize(
    ("how", "bid"),
    [
        ("crossed", "64890.10500000"),
        ("locked", "61800.10000000"),
        ("zero", "0.00000000"),
        ("negative", "-1.00000000"),
        ("not_a_number", "NaN"),
        ("absurd", "61800100.00000000"),
    ],
)
def test_a_book_change_has_an_absurd_bid(how: Absurd, bid: str) -> None:
    fields = msgspec.json.decode(absurd(DIFF, how))
    assert fields["b"][-1] == [bid, "5.00000000"]
    assert fields["U"] == 3


@pytest.mark.parametrize("how", get_args(Absurd))
def test_best_prices_and_empty_changes_can_be_absurd_too(how: Absurd) -> None:
    assert msgspec.json.decode(absurd(TOUCH, how))["b"] != "61800.00"
    assert msgspec.json.decode(absurd(b'{"b":[],"a":[]}', how))["b"]


def test_only_events_with_both_sides_have_prices() -> None:
    assert has_prices(DIFF)
    assert has_prices(TOUCH)
    assert not has_prices(b'{"e":"trade","p":"1"}')


def test_the_second_execution_is_of_the_same_trade() -> None:
    report = b'{"e":"ORDER_TRADE_UPDATE","E":5,"o":{"x":"TRADE","X":"FILLED","t":9}}'
    fields = msgspec.json.decode(executed_again(report))
    assert fields["E"] == 6
    assert fields["o"]["t"] == 9
