"""Channels that were asked for, perhaps acknowledged, and bring nothing.

A venue may acknowledge a subscription that it will never serve, so each channel is watched by
itself: from the moment it was asked for, and again from each message.
"""

from trading_runtime.market.settings import MarketSettings
from trading_runtime.records.carried_market import ChannelCarried
from trading_runtime.records.commands import Resubscribe, SetTimer
from trading_runtime.records.envelope import Output
from trading_runtime.records.facts_market import ChannelResumed, ChannelSilent
from trading_runtime.records.units import Connection, Nanos

TIMER = "staleness"


class Watch:
    """One channel of one connection. ``heard_at`` is written by whoever hears it."""

    __slots__ = ("asked_at", "connection", "heard_at", "limit_ns", "name", "silent", "stream")

    def __init__(self, connection: Connection, name: str, limit_ns: Nanos, at: Nanos) -> None:
        self.connection = connection
        self.name = name
        self.limit_ns = limit_ns
        self.heard_at = at
        self.asked_at = at
        self.silent = False
        self.stream = b""
        """The stream that it turned out to be; empty until it is heard."""

    @property
    def due_at(self) -> Nanos:
        """Give the moment from which silence is too long, or from which to ask again."""
        return Nanos(max(self.heard_at, self.asked_at) + self.limit_ns)

    def resume(self, at: Nanos, out: list[Output]) -> None:
        """It is heard again; ``heard_at`` is still the time before."""
        self.silent = False
        silent_ns = Nanos(at - self.heard_at)
        out.append(
            ChannelResumed(connection=self.connection, channel=self.name, silent_ns=silent_ns)
        )

    def carry(self) -> ChannelCarried:
        return ChannelCarried(
            connection=self.connection,
            channel=self.name,
            heard_at=self.heard_at,
            silent=self.silent,
            asked_at=self.asked_at,
            stream=self.stream,
        )

    def restore(self, carried: ChannelCarried) -> None:
        self.heard_at = carried.heard_at
        self.silent = carried.silent
        self.asked_at = carried.asked_at
        self.stream = carried.stream


class Staleness:
    """All channels that are watched, in the order in which they were asked for."""

    __slots__ = ("_settings", "watches")

    def __init__(self, settings: MarketSettings) -> None:
        self._settings = settings
        self.watches: list[Watch] = []

    def watch(self, connection: Connection, name: str, at: Nanos, *, busy: bool) -> Watch:
        """Begin to watch a channel; a ``busy`` one may be silent for a shorter time."""
        settings = self._settings
        limit = settings.silence_busy_ns if busy else settings.silence_quiet_ns
        watch = Watch(connection, name, limit, at)
        self.watches.append(watch)
        return watch

    def drop(self, connection: Connection) -> None:
        """The connection is gone, and its channels with it."""
        self.watches = [watch for watch in self.watches if watch.connection != connection]

    def find(self, connection: Connection) -> list[Watch]:
        """Give the channels of a connection."""
        return [watch for watch in self.watches if watch.connection == connection]

    def on_timer(self, at: Nanos, out: list[Output]) -> list[Watch]:
        """Ask again for what is silent; give the channels that fell silent just now."""
        fallen = []
        for watch in self.watches:
            if watch.due_at > at:
                continue
            watch.asked_at = at
            if not watch.silent:
                watch.silent = True
                fallen.append(watch)
                silent_ns = Nanos(at - watch.heard_at)
                out.append(
                    ChannelSilent(
                        connection=watch.connection, channel=watch.name, silent_ns=silent_ns
                    )
                )
            out.append(Resubscribe(connection=watch.connection, channel=watch.name))
        self.arm(at, out)
        return fallen

    def arm(self, at: Nanos, out: list[Output]) -> None:
        """Set the timer for the first channel that could fall silent."""
        if self.watches:
            due = min(watch.due_at for watch in self.watches)
            soonest = at + self._settings.silence_check_min_ns
            out.append(SetTimer(timer=TIMER, at=Nanos(max(due, soonest))))
