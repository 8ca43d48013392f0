"""The engine as a whole: what it decides, what it sends, and that it can be carried."""

from tests.engine.world import World, of
from trading_runtime.records.commands import CancelOrder, PlaceOrder
from trading_runtime.records.facts_trading import QuotesDecided
from trading_runtime.records.units import Side


def test_a_book_in_sync_is_quoted_on_both_sides() -> None:
    world = World()
    world.book(1000, 1002)
    out = world.turn()
    assert [(p.side, p.price, p.size) for p in of(out, PlaceOrder)] == [
        (Side.BUY, 1000, 10),
        (Side.SELL, 1002, 10),
    ]
    assert [d.reason for d in of(out, QuotesDecided)] == ["pegged"]


def test_nothing_is_said_when_nothing_changes() -> None:
    world = World()
    world.book(1000, 1002)
    world.settle(world.turn())
    assert world.turn() == []


def test_a_moved_touch_cancels_first_and_places_when_the_venue_has_confirmed() -> None:
    world = World()
    world.book(1000, 1002)
    world.settle(world.turn())
    world.book(1001, 1003)
    out = world.turn()
    assert len(of(out, CancelOrder)) == 2
    assert of(out, PlaceOrder) == []
    world.settle(out)
    assert world.quotes() == [(Side.BUY, 1001, 10), (Side.SELL, 1003, 10)]


def test_it_can_be_carried() -> None:
    world = World()
    world.book(1000, 1002)
    world.settle(world.turn())
    world.restart()
    assert world.turn() == []
