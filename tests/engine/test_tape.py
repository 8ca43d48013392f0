"""The account's own trades: what is settled, and from where they are asked for."""

from trading_runtime.engine.tape import BACK, Tape
from trading_runtime.oms.reports import OwnTrade
from trading_runtime.records.units import Lots, Money, Nanos, Side, Ticks

SINCE = Nanos(10**18)


def trade(number: int, order: str = "v1") -> OwnTrade:
    return OwnTrade(
        order,
        str(number),
        Side.BUY,
        Ticks(1),
        Lots(1),
        Money(0),
        "USDT",
        True,
        Nanos(SINCE + number),
    )


def told(tape: Tape, *numbers: int) -> None:
    tape.told_page(tuple(trade(number) for number in numbers))
    tape.told_all(str(numbers[-1]) if numbers else "", SINCE)


def test_what_is_asked_for_stays_one_answer_behind() -> None:
    tape = Tape("a", SINCE)
    told(tape, 1, 2)
    assert tape.verified == ""
    told(tape, 1, 2, 3)
    assert tape.verified == "2"
    told(tape, 3)
    assert tape.verified == "3"


def test_settled_trades_are_kept_until_they_cannot_be_told_again() -> None:
    tape = Tape("a", SINCE)
    for number in (1, 2, 3):
        tape.book(str(number), Nanos(SINCE + number))
    told(tape, 1, 2, 3)
    assert list(tape.settled) == ["1", "2", "3"]
    tape.book("4", Nanos(SINCE + 4))
    told(tape, 1, 2, 3, 4)
    assert list(tape.settled) == ["4"]
    assert tape.verified == "3"


def test_an_account_without_trades_is_asked_about_ever_later_moments() -> None:
    tape = Tape("a", SINCE)
    tape.told_all("", Nanos(SINCE + 10 * BACK))
    assert tape.since == SINCE + 9 * BACK
    tape.told_all("", Nanos(SINCE))
    assert tape.since == SINCE + 9 * BACK


def test_a_trade_waits_for_its_order_once() -> None:
    tape = Tape("a", SINCE)
    tape.wait(trade(1))
    tape.wait(trade(1))
    tape.wait(trade(2, "v2"))
    assert [each.venue_trade for each in tape.release("v1")] == ["1"]
    assert tape.release("v1") == []
    assert [each.venue_trade for each in tape.waiting] == ["2"]


def test_a_trade_booked_out_of_its_order_is_noticed() -> None:
    tape = Tape("a", SINCE)
    tape.book("9", SINCE)
    tape.book("10", SINCE)
    assert not tape.unordered
    tape.book("8", SINCE)
    assert tape.unordered
