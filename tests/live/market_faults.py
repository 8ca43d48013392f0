"""Faults of market data and connections, each with what is required of the runtime."""

import itertools
from collections import Counter

from tests.live.ordeal import STEADY_S, Ordeal
from tests.live.venue import until
from trading_runtime.records.commands import PlaceOrder, RequestSnapshot, Resubscribe
from trading_runtime.records.facts_market import (
    BookDesynced,
    BookSynced,
    ChannelSilent,
    Desync,
    FrameQuarantined,
    SnapshotRefused,
)
from trading_runtime.records.facts_venue import QuotingHeld
from trading_runtime.records.inputs import (
    ConnectionLost,
    ConnectionOpened,
    FrameReceived,
)
from trading_runtime.records.observations import ConnectFailed
from trading_runtime.records.units import NANOS_PER_SECOND

PRICES_THAT_CANNOT_BE = ("crossed", "locked", "zero", "negative", "not_a_number", "absurd")
UNREADABLE = ("truncated", "garbage", "empty", "wrong_type")


def desyncs_and_heals(it: Ordeal, begin: int | None = None) -> BookDesynced:
    """The book is given up, fetched anew, and nothing is quoted in between."""
    lost = it.hears(BookDesynced, begin=begin)
    found = it.hears(BookSynced, begin=lost)
    it.no_order(lost, found)
    assert it.heard(RequestSnapshot, lost, found)
    fact = it.at(lost).body
    assert isinstance(fact, BookDesynced)
    return fact


def keeps_its_book(it: Ordeal) -> None:
    assert not it.heard(BookDesynced), it.heard(BookDesynced)


def repeats(it: Ordeal) -> int:
    """Count the frames that came more than once."""
    frames = Counter(each.frame for each in it.heard(FrameReceived) if b"depthUpdate" in each.frame)
    return sum(count - 1 for count in frames.values())


def gap(it: Ordeal) -> None:
    """Fault 1: the same step gives the book up."""
    it.inflict("gap", count=it.rng.randint(1, 5))
    lost = it.hears(BookDesynced)
    step = it.at(lost)
    # The frame that shows the hole is the input that this is an output of.
    cause = next(
        it.at(place) for place in range(lost, 0, -1) if isinstance(it.at(place).body, FrameReceived)
    )
    assert cause.at == step.at
    fact = desyncs_and_heals(it)
    assert fact.reason is Desync.GAP
    assert fact.expected_id != fact.received_id


def duplicate(it: Ordeal) -> None:
    """Fault 2."""
    it.inflict("duplicate", count=it.rng.randint(10, 30))
    until("repeated frames", STEADY_S, lambda: repeats(it) >= 10)
    keeps_its_book(it)


def late(it: Ordeal) -> None:
    """Fault 3."""
    it.inflict("late", count=it.rng.randint(5, 20), delay_ms=it.rng.randint(50, 500))
    until("late frames", STEADY_S, lambda: repeats(it) >= 5)
    keeps_its_book(it)


def reorder(it: Ordeal) -> None:
    """Fault 5."""
    it.inflict("reorder", count=it.rng.randint(1, 3))
    assert desyncs_and_heals(it).reason is Desync.GAP


def stale_snapshot(it: Ordeal) -> None:
    """Fault 6: a book from before the hole is asked for anew until it is none."""
    it.inflict("stale_snapshot")
    it.goes_on(20)
    it.inflict("gap", count=1)
    lost = it.hears(BookDesynced)
    it.hears(SnapshotRefused, begin=it.hears(SnapshotRefused, begin=lost) + 1)
    assert not it.heard(BookSynced)
    until("quotes are pulled", STEADY_S, lambda: not it.open_own())
    it.venue.clear()
    it.no_order(lost, it.hears(BookSynced, begin=lost))


def failed_snapshot(it: Ordeal) -> None:
    """Fault 6: asked again, and not at once."""
    it.inflict("failed_snapshot", status=it.rng.choice((500, 502, 503)))
    it.inflict("gap", count=1)
    lost = it.hears(BookDesynced)
    until("asked again", STEADY_S, lambda: len(it.heard(RequestSnapshot)) >= 4)
    until("quotes are pulled", STEADY_S, lambda: not it.open_own())
    asked = [it.at(place).at for place in it.story.places(RequestSnapshot, lost)]
    waits = [after - before for before, after in itertools.pairwise(asked)]
    assert min(waits) >= NANOS_PER_SECOND // 4, waits
    it.venue.clear()
    it.no_order(lost, it.hears(BookSynced, begin=lost))


def absurd_prices(it: Ordeal) -> None:
    """Fault 7: one after another."""
    for how in PRICES_THAT_CANNOT_BE:
        begin = it.story.read()
        it.inflict("absurd_levels", count=1, how=how)
        desyncs_and_heals(it, begin)


def silent_channel(it: Ordeal) -> None:
    """Fault 10: the socket is well, one channel of it says nothing."""
    it.inflict("silent")
    it.hears(ChannelSilent)
    lost = it.hears(BookDesynced, lambda fact: fact.reason is Desync.SILENT)
    it.hears(Resubscribe)
    until("quotes are pulled", STEADY_S, lambda: not it.open_own())
    it.venue.clear()
    it.no_order(lost, it.hears(BookSynced, begin=lost))


def disconnect(it: Ordeal) -> None:
    """Fault 11: orders are compared before anything is quoted again."""
    it.inflict("disconnect")
    lost = it.goes_blind()
    until("all are lost", STEADY_S, lambda: len(it.heard(ConnectionLost)) >= 4)
    it.no_order(lost + 1, it.compared(lost))
    it.hears(BookSynced, begin=lost)


def half_open(it: Ordeal) -> None:
    """Fault 11: the line is there, and nobody at its other end."""
    kind = it.rng.choice(("ws_api", "user", "stream"))
    it.inflict("half_open", connection=kind)
    lost = it.goes_blind()
    found = it.hears(BookSynced, begin=lost) if kind == "stream" else it.compared(lost)
    it.no_order(lost + 1, found)


def reconnect_storm(it: Ordeal) -> None:
    """Fault 12: few attempts, and quotes pulled, while every connection is refused or cut."""
    it.inflict("refuse_connections")
    it.inflict("disconnect")
    lost = it.goes_blind()
    until("attempts", STEADY_S, lambda: len(it.heard(ConnectFailed)) >= 8)
    took_s = (it.at(it.story.read() - 1).at - it.at(lost).at) / 1e9
    assert len(it.heard(ConnectFailed)) <= 4 * (3 + took_s), "attempts without a rest"
    assert not it.open_own() or not it.heard(PlaceOrder, lost + 1)
    begin = it.story.read()
    it.venue.clear()
    for _ in range(3):
        it.hears(ConnectionOpened, begin=begin)
        begin = it.story.read()
        it.inflict("disconnect", connection="stream")
    it.no_order(lost + 1, it.compared(lost))


def server_shutdown(it: Ordeal) -> None:
    """Fault 13: the new connection is there before the old one goes, and quotes stay."""
    it.inflict("server_shutdown", delay_ms=6_000)
    until("old ones go", STEADY_S, lambda: len(it.heard(ConnectionLost)) >= 4)
    events = [
        each.body
        for each in it.story.told[it.begin :]
        if isinstance(each.body, ConnectionOpened | ConnectionLost)
    ]
    up = 0
    for event in events:
        up += 1 if isinstance(event, ConnectionOpened) else -1
        assert up >= 0, f"cut before another was up: {events}"
    assert not [held.reason for held in it.heard(QuotingHeld) if held.reason]
    keeps_its_book(it)


def lag(it: Ordeal) -> None:
    """Fault 14: all is late and nothing is lost, an account's events least of all."""
    it.inflict("lag", delay_ms=it.rng.randint(200, 600))
    trade = it.is_filled()
    it.books(trade)
    it.goes_on(50)
    keeps_its_book(it)


def malformed_market(it: Ordeal) -> None:
    """Fault 15: what cannot be read is put aside, and the book with it."""
    for how in UNREADABLE:
        begin = it.story.read()
        it.inflict("malformed", count=1, how=how)
        it.hears(FrameQuarantined, begin=begin)
        desyncs_and_heals(it, begin)


def news_of_tomorrow(it: Ordeal) -> None:
    """Fault 15: fields that nobody knows yet are no reason to stop."""
    it.inflict("malformed", count=10, how="extra_field")
    it.inflict("malformed", stream="user*", count=10, how="extra_field")
    until(
        "unknown fields",
        STEADY_S,
        lambda: sum(b"fieldOfTomorrow" in each.frame for each in it.heard(FrameReceived)) >= 15,
    )
    assert not it.heard(FrameQuarantined)
    keeps_its_book(it)


def data_down(it: Ordeal) -> None:
    """Fault 31: orders could be sent, on a market that cannot be seen."""
    it.inflict("maintenance", down="data")
    lost = it.goes_blind()
    until("quotes are pulled", STEADY_S, lambda: not it.open_own())
    it.venue.clear()
    it.no_order(lost + 1, it.hears(BookSynced, begin=lost))


def all_down(it: Ordeal) -> None:
    """Fault 31: the venue is away for some seconds."""
    it.inflict("maintenance", down="all", seconds=it.rng.uniform(1.0, 3.0))
    lost = it.goes_blind()
    it.no_order(lost + 1, it.compared(lost))
    it.hears(BookSynced, begin=lost)


MARKET_FAULTS = (
    gap,
    duplicate,
    late,
    reorder,
    stale_snapshot,
    failed_snapshot,
    absurd_prices,
    silent_channel,
    server_shutdown,
    disconnect,
    half_open,
    reconnect_storm,
    lag,
    malformed_market,
    news_of_tomorrow,
    data_down,
    all_down,
)
