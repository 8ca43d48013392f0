"""Faults of requests and their answers, each with what is required of the runtime."""

from tests.live.invariants import own
from tests.live.ordeal import STEADY_S, SYMBOL, TRY_S, Ordeal
from tests.live.venue import until
from trading_runtime.records.commands import (
    AskVenue,
    CancelOrder,
    PlaceOrder,
    QueryOrder,
    QueryTrades,
    QueryVenueOrder,
    RequestSnapshot,
)
from trading_runtime.records.facts_trading import (
    CancelRefused,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    OrderUnknown,
)
from trading_runtime.records.facts_venue import QuotingHeld, RateLimited, RateLimitLifted
from trading_runtime.records.lifecycle import OrderState

PLACE = "WS order.place"
CANCEL = "WS order.cancel"
OWN_EVENTS = "user*@ORDER_TRADE_UPDATE"
PPM = 1_000_000
SETTLED = OrderAccepted | OrderFilled | OrderCancelled
ASKING = AskVenue | QueryOrder | QueryTrades | QueryVenueOrder | RequestSnapshot


def in_doubt(it: Ordeal, state: OrderState, **fault: object) -> tuple[str, int]:
    """Let ``fault`` hit all requests until it leaves in doubt an order that the venue has.

    Gives that order, and where it was said. What the venue refused, unheard, is no such order.
    """

    def is_left(fact: OrderUnknown) -> bool:
        return fact.state is state and at_venue(it, fact.order)

    place = it.provokes(lambda: hit_all(it, **fault), OrderUnknown, is_left)
    fact = it.at(place).body
    assert isinstance(fact, OrderUnknown)
    return fact.order, place


def hit_all(it: Ordeal, **fault: object) -> None:
    """Let ``fault`` hit until it is ordered again: of those hit, most may be cancelled unmissed."""
    it.venue.fault(market="usdm", seconds=TRY_S, **fault)  # type: ignore[arg-type]


def at_venue(it: Ordeal, order: str) -> bool:
    return any(row["client_id"] == order for row in it.venue.books()["orders"])


def is_settled(it: Ordeal, order: str, begin: int) -> None:
    """Await what became of it; while that was not known it may have been filled."""
    it.hears(SETTLED, lambda fact: fact.order == order, begin=begin)  # type: ignore[arg-type]


def sent_once(it: Ordeal, order: str) -> None:
    sent = [each for each in it.heard(PlaceOrder, 0) if each.order == order]
    assert len(sent) == 1, f"{order} was sent {len(sent)} times"
    there = [row for row in own(it.venue.books()["orders"]) if row["client_id"] == order]
    assert len(there) <= 1, there


def unknown_after_an_error(it: Ordeal) -> None:
    """Fault 19: a server's error says nothing about the order; asking does."""
    status, code = it.rng.choice(((503, None), (504, None), (500, -1006), (408, -1007)))
    it.inflict("dropped_user_event", stream=OWN_EVENTS)
    fault = {"kind": "status", "status": status, "code": code, "acted": True}
    order, place = in_doubt(it, OrderState.UNKNOWN_NEW, route=PLACE, **fault)
    it.hears(QueryOrder, lambda query: query.order == order, begin=place)
    is_settled(it, order, place)
    sent_once(it, order)


def lost_answer_then_told(it: Ordeal) -> None:
    """Fault 20: the stream tells what the lost answer did not; nothing is sent again."""
    it.inflict("lag", stream="user*", delay_ms=800)
    order, place = in_doubt(it, OrderState.UNKNOWN_NEW, kind="lost_answer", route=PLACE)
    is_settled(it, order, place)
    sent_once(it, order)


def never_arrived(it: Ordeal) -> None:
    """Fault 21: asked until the grace is over; only then it counts as never placed."""
    end = it.provokes(
        lambda: hit_all(it, kind="lost_answer", route=PLACE, acted=False),
        OrderRejected,
        lambda fact: fact.reason == "the venue has no such order",
    )
    rejected = it.at(end).body
    assert isinstance(rejected, OrderRejected)
    order = rejected.order
    place = next(it.story.places(OrderUnknown, it.begin, lambda fact: fact.order == order))
    asked = [each for each in it.heard(QueryOrder, place, end) if each.order == order]
    assert len(asked) >= 2, asked
    sent = next(it.story.places(PlaceOrder, 0, lambda each: each.order == order))
    assert it.at(end).at - it.at(sent).at >= 1_500_000_000, "given up within the grace"
    sent_once(it, order)
    assert not at_venue(it, order)


def lost_cancel(it: Ordeal) -> None:
    """Fault 22: whether it was cancelled is asked, not assumed."""
    it.inflict("dropped_user_event", stream=OWN_EVENTS)
    acted = it.rng.random() < 0.5
    order, place = in_doubt(
        it, OrderState.UNKNOWN_CANCEL, kind="lost_answer", route=CANCEL, acted=acted
    )
    it.hears(QueryOrder, lambda query: query.order == order, begin=place)
    is_settled(it, order, place)


def refused_cancel(it: Ordeal) -> None:
    """Fault 22: "unknown order" may mean that it was filled."""
    it.inflict("dropped_user_event", stream=OWN_EVENTS)
    trades: list[str] = []
    # A comparison of all records may find the fill before the order is wanted away.
    it.provokes(
        lambda: trades.append(it.is_filled()), CancelRefused, lambda fact: fact.code == -2011
    )
    it.venue.clear()
    for trade in trades:
        it.books(trade)


def fills_and_cancels_race(it: Ordeal) -> None:
    """Fault 23: part after part is taken from what is just being cancelled."""
    trades = [it.is_filled(it.rng.choice((300_000, 500_000, 1_000_000))) for _ in range(5)]
    for trade in trades:
        it.books(trade)


def filled_twice_over(it: Ordeal) -> None:
    """Fault 23: the last fill of an order is told again as another one of the same trade."""
    it.inflict("double_fill", how="filled_again", count=3)
    trade = it.is_filled()
    it.books(trade)
    it.goes_on(20)
    it.books(trade)


def double_fill(it: Ordeal) -> None:
    """Fault 24: the same event twice."""
    it.inflict("double_fill", count=5)
    for trade in [it.is_filled(), it.is_filled()]:
        it.books(trade)
    it.goes_on(20)
    assert len({fill.venue_trade for fill in it.heard(OrderFilled)}) == len(it.heard(OrderFilled))


def lost_fill(it: Ordeal) -> None:
    """Fault 25: a fill that nobody told is found by looking."""
    it.inflict("dropped_user_event", stream=OWN_EVENTS, seconds=1.0)
    it.books(it.is_filled())


def too_many_requests(it: Ordeal) -> None:
    """Fault 16: nothing but cancels until the time is over, and no storm after it."""
    it.inflict(
        "status", route=PLACE, status=429, code=-1003, retry_after_s=it.rng.randint(1, 3), count=3
    )
    barred = it.hears(RateLimited)
    lifted = it.hears(RateLimitLifted, begin=barred)
    it.venue.clear()  # where fewer orders than three were on their way
    it.no_order(barred + 1, lifted)
    assert not it.heard(ASKING, barred + 1, lifted)  # type: ignore[arg-type]
    strikes = {fact.strikes for fact in it.heard(RateLimited, barred, lifted)}
    assert len(strikes) == 1, "one wait is one strike"
    it.hears(OrderAccepted, begin=lifted)


def banned(it: Ordeal) -> None:
    """Fault 17: nothing at all is sent before the ban is over."""
    stopped(it, 418)


def walled_off(it: Ordeal) -> None:
    """Fault 18."""
    stopped(it, 403)


def stopped(it: Ordeal, status: int) -> None:
    it.inflict("status", route=PLACE, status=status, retry_after_s=2, count=1)
    barred = it.hears(RateLimited)
    lifted = it.hears(RateLimitLifted, begin=barred)
    it.no_order(barred + 1, lifted)
    assert not it.heard(ASKING, barred + 1, lifted)  # type: ignore[arg-type]
    assert [held.reason for held in it.heard(QuotingHeld, barred, lifted)]


def post_only_storm(it: Ordeal) -> None:
    """Fault 27: refused again and again, it neither stops nor runs away."""
    refused = it.rng.randint(10, 25)
    it.inflict(
        "reject",
        route=PLACE,
        code=-5022,
        message="Due to the order could not be executed as maker, the Post Only order will be"
        " rejected. The order will not be recorded in the order history",
        count=refused,
    )
    until("refusals", STEADY_S, lambda: len(it.heard(OrderRejected)) >= refused)
    assert all(fact.retry for fact in it.heard(OrderRejected) if fact.code == -5022)
    # An answer that only was late is nobody's refusal.
    in_doubt = {fact.reason for fact in it.heard(OrderUnknown)}
    assert in_doubt <= {"no answer in time"}, in_doubt


def duplicate_id(it: Ordeal) -> None:
    """Fault 28: an id that the venue has is an order that it has: asked for and taken in."""
    it.inflict("dropped_user_event", stream=OWN_EVENTS)
    fault = {"kind": "status", "status": 400, "code": -4116, "acted": True}
    order, place = in_doubt(it, OrderState.UNKNOWN_NEW, route=PLACE, **fault)
    it.hears(QueryOrder, lambda query: query.order == order, begin=place)
    is_settled(it, order, place)
    sent_once(it, order)


def slow_venue(it: Ordeal) -> None:
    """Requests wait, some so long that nobody waits for them any more."""
    it.inflict("slow", route="WS *", delay_ms=it.rng.randint(100, 400), noisy=True, seconds=3.0)
    it.books(it.is_filled())


def order_entry_down(it: Ordeal) -> None:
    """Fault 31: the market is seen, and nothing can be sent."""
    it.inflict("maintenance", down="orders")
    # While nothing can be cancelled either, only what was filled is placed anew.
    it.provokes(lambda: it.inflict("partial_fill", symbol=SYMBOL, part_ppm=PPM), OrderRejected)
    it.hears(CancelOrder)
    it.venue.clear()


ORDER_FAULTS = (
    unknown_after_an_error,
    lost_answer_then_told,
    never_arrived,
    lost_cancel,
    refused_cancel,
    fills_and_cancels_race,
    filled_twice_over,
    double_fill,
    lost_fill,
    too_many_requests,
    banned,
    walled_off,
    post_only_storm,
    duplicate_id,
    slow_venue,
    order_entry_down,
)
