"""A channel that brings nothing is found out, asked for again, and forgiven when it is heard."""

from tests.market.makers import SETTINGS
from trading_runtime.market.staleness import TIMER, Staleness
from trading_runtime.records.commands import Resubscribe, SetTimer
from trading_runtime.records.envelope import Output
from trading_runtime.records.facts_market import ChannelResumed, ChannelSilent
from trading_runtime.records.units import Connection, Nanos

LINE = Connection(3)
BUSY, QUIET = SETTINGS.silence_busy_ns, SETTINGS.silence_quiet_ns


def test_a_channel_that_was_never_heard_falls_silent_after_its_limit() -> None:
    staleness = Staleness(SETTINGS)
    watch = staleness.watch(LINE, "depth", Nanos(1_000), busy=True)
    out: list[Output] = []
    staleness.arm(Nanos(1_000), out)
    assert out == [SetTimer(timer=TIMER, at=Nanos(1_000 + BUSY))]
    out.clear()
    assert staleness.on_timer(Nanos(1_000 + BUSY), out) == [watch]
    assert out[:2] == [
        ChannelSilent(connection=LINE, channel="depth", silent_ns=BUSY),
        Resubscribe(connection=LINE, channel="depth"),
    ]


def test_it_is_told_once_and_asked_for_again_each_time() -> None:
    staleness = Staleness(SETTINGS)
    staleness.watch(LINE, "depth", Nanos(0), busy=True)
    out: list[Output] = []
    for times in range(1, 4):
        staleness.on_timer(Nanos(times * BUSY), out)
    assert sum(isinstance(one, ChannelSilent) for one in out) == 1
    assert sum(isinstance(one, Resubscribe) for one in out) == 3


def test_a_quiet_channel_may_rest_longer_and_the_timer_stands_at_the_first_that_is_due() -> None:
    staleness = Staleness(SETTINGS)
    staleness.watch(LINE, "trade", Nanos(0), busy=False)
    busy = staleness.watch(LINE, "depth", Nanos(0), busy=True)
    busy.heard_at = Nanos(BUSY // 2)
    out: list[Output] = []
    assert staleness.on_timer(BUSY, out) == []
    assert out == [SetTimer(timer=TIMER, at=Nanos(BUSY // 2 + BUSY))]


def test_staleness_is_not_looked_at_too_often() -> None:
    staleness = Staleness(SETTINGS)
    staleness.watch(LINE, "depth", Nanos(0), busy=True)
    out: list[Output] = []
    staleness.arm(Nanos(BUSY - 1), out)
    assert out == [SetTimer(timer=TIMER, at=Nanos(BUSY - 1 + SETTINGS.silence_check_min_ns))]


def test_what_is_heard_again_says_how_long_it_was_silent() -> None:
    staleness = Staleness(SETTINGS)
    watch = staleness.watch(LINE, "depth", Nanos(0), busy=True)
    out: list[Output] = []
    staleness.on_timer(BUSY, out)
    out.clear()
    watch.resume(Nanos(BUSY + 7), out)
    assert out == [ChannelResumed(connection=LINE, channel="depth", silent_ns=Nanos(BUSY + 7))]
    assert not watch.silent


def test_a_lost_connection_takes_its_channels_along() -> None:
    staleness = Staleness(SETTINGS)
    staleness.watch(LINE, "depth", Nanos(0), busy=True)
    other = staleness.watch(Connection(4), "depth", Nanos(0), busy=True)
    staleness.drop(LINE)
    assert staleness.find(LINE) == []
    assert staleness.find(Connection(4)) == [other]


def test_without_channels_no_timer_is_set() -> None:
    out: list[Output] = []
    Staleness(SETTINGS).arm(Nanos(0), out)
    assert out == []


def test_a_carried_channel_is_the_same() -> None:
    staleness = Staleness(SETTINGS)
    watch = staleness.watch(LINE, "depth", Nanos(5), busy=True)
    watch.stream = b"ab@depth"
    staleness.on_timer(QUIET, [])
    other = Staleness(SETTINGS).watch(LINE, "depth", Nanos(0), busy=True)
    other.restore(watch.carry())
    assert other.carry() == watch.carry()
    assert other.due_at == watch.due_at
