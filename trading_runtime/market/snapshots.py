"""Asking for the whole book: one request at a time, and less often the less it helps."""

import msgspec

from trading_runtime.market.settings import MarketSettings
from trading_runtime.records.commands import RequestSnapshot, SetTimer
from trading_runtime.records.envelope import Output
from trading_runtime.records.units import Nanos, Revision

DOUBLINGS_MAX = 16
"""Of the first wait: far beyond any maximum that a setting could name."""


class RequestsCarried(msgspec.Struct, frozen=True, array_like=True):
    """See ``SnapshotRequests``."""

    made: int
    open: str
    waiting: bool
    asked_at: Nanos
    recent: int


class SnapshotRequests:
    """The snapshot requests of one book.

    The first request of a while goes out at once. Each further one, whether the last was refused or
    the book was soon lost again, waits twice as long after the last as the one before: a venue that
    answers nonsense is not asked for it at full speed. Request ids are ``depth-<revision>-<n>``,
    with n counting from 1 in a session.
    """

    __slots__ = ("_asked_at", "_made", "_open", "_recent", "_revision", "_settings", "_waiting")

    def __init__(self, revision: Revision, settings: MarketSettings) -> None:
        self._revision = revision
        self._settings = settings
        self._made = 0
        self._open = ""
        """The request that is under way."""
        self._waiting = False
        """The next request waits for the timer."""
        self._asked_at = Nanos(0)
        self._recent = 0
        """Requests since the last long rest."""

    @property
    def timer(self) -> str:
        return f"snapshot-{self._revision}"

    def ask(self, at: Nanos, patience_ns: Nanos, out: list[Output]) -> None:
        """See to a snapshot, now or, by the rule above and ``patience_ns``, later."""
        if self._open or self._waiting:
            return
        if at - self._asked_at > self._settings.snapshot_retry_max_ns:
            self._recent = 0
        due = max(self._asked_at + self._wait(), at + patience_ns)
        if due > at:
            self._waiting = True
            out.append(SetTimer(timer=self.timer, at=Nanos(due)))
        else:
            self._send(at, out)

    def on_timer(self, at: Nanos, out: list[Output]) -> None:
        """Ask (again): the wait is over, or the answer never came."""
        if self._waiting or self._open:
            self._send(at, out)

    def arrived(self) -> None:
        """A snapshot, or the news that there is none: the request is done."""
        self._open = ""

    def withdraw(self) -> None:
        """Nothing is to be asked for now."""
        self._open = ""
        self._waiting = False

    def revise(self, revision: Revision) -> None:
        """The book is counted on another grid now: what was asked for is of no use."""
        self._revision = revision
        self.withdraw()

    def carry(self) -> RequestsCarried:
        return RequestsCarried(self._made, self._open, self._waiting, self._asked_at, self._recent)

    def restore(self, carried: RequestsCarried) -> None:
        self._made = carried.made
        self._open = carried.open
        self._waiting = carried.waiting
        self._asked_at = carried.asked_at
        self._recent = carried.recent

    def _send(self, at: Nanos, out: list[Output]) -> None:
        self._made += 1
        self._recent += 1
        self._asked_at = at
        self._waiting = False
        self._open = f"depth-{self._revision}-{self._made}"
        out.append(RequestSnapshot(request=self._open, revision=self._revision))
        timeout = at + self._settings.snapshot_timeout_ns
        out.append(SetTimer(timer=self.timer, at=Nanos(timeout)))

    def _wait(self) -> int:
        """How long after the last request the next one may go out."""
        if not self._recent:
            return 0
        doublings = min(self._recent - 1, DOUBLINGS_MAX)
        settings = self._settings
        return min(settings.snapshot_retry_max_ns, settings.snapshot_retry_first_ns << doublings)
