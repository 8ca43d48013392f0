"""Bringing a producer's log to a stream: from its files, whatever run wrote them.

Rules:
 * Nothing is sent before it is on the producer's own disk.
 * What the stream took is sent again when no receipt comes for it: it may have been lost there.
 * Boots go one after the other, and stay in order within.
"""

from collections import deque
from pathlib import Path

import msgspec

from trading_runtime.audit.client.pruning import Pruning
from trading_runtime.audit.streams import tail, wal
from trading_runtime.audit.streams.source import Parcel, Publisher, StreamDown
from trading_runtime.audit.streams.tail import BootFolder, Tail
from trading_runtime.errors import Misread, Refused
from trading_runtime.evidence.submission import open_envelope
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos

RESEND_AFTER_NS = Nanos(60 * NANOS_PER_SECOND)
"""Without any receipt, while something waits for one; doubled each time."""
RESEND_AFTER_NS_MAX = Nanos(3600 * NANOS_PER_SECOND)
RECEIPTS_INTERVAL_NS = Nanos(NANOS_PER_SECOND // 4)
"""Checkpoints come each second; to judge a receipt costs a look through a segment."""
PUBLISH_MAX = 1_000
"""Submissions of one call, so that a stream that stands still holds up few of them."""


class Durable(msgspec.Struct):
    """How far the running boot is on the disk. Written by who appends, read by who sends."""

    boot: str
    seq: int


class _Names(msgspec.Struct):
    """What a stream needs of a submission."""

    entity_id: str = msgspec.field(name="entityId")


_NAMES = msgspec.json.Decoder(_Names)


class Sending:
    """Owned by one thread, with its publisher."""

    def __init__(
        self, root: Path, producer_id: str, durable: Durable, publisher: Publisher, pruning: Pruning
    ) -> None:
        self._root = root
        self._producer_id = producer_id
        self._durable = durable
        self._publisher = publisher
        self._pruning = pruning
        self._tails: dict[str, Tail] = {}
        self._waiting: dict[str, deque[Parcel]] = {}
        self._resend_after_ns = RESEND_AFTER_NS
        self._hopeful_since: Nanos | None = None
        """Since when nothing that was published got a receipt; None while all has one."""
        self._receipts_due = Nanos(0)
        self.down = ""
        """Why the stream does not take anything now; empty while it does."""
        self.damage: dict[str, str] = {}
        """What cannot be read any more, by boot."""

    def turn(self, now: Nanos) -> int:
        """Publish what waits and take receipts. Give how many submissions the stream took."""
        try:
            sent = 0 if self._publisher.passive else self._publish()
            further = self._receipts(now)
        except (StreamDown, Refused) as fault:
            self.down = str(fault)
            return 0
        self.down = ""
        if not self._publisher.passive:
            self._hope(now, sent=sent, further=further)
        return sent

    @property
    def refused(self) -> str:
        """Why the newest receipt was not believed; empty when it was."""
        return self._pruning.refused

    def close(self) -> None:
        for opened in self._tails.values():
            opened.close()
        self._publisher.close()

    def _receipts(self, now: Nanos) -> int:
        if now < self._receipts_due:
            return 0
        self._receipts_due = Nanos(now + RECEIPTS_INTERVAL_NS)
        return self._pruning.take(self._publisher.receipts())

    def _publish(self) -> int:
        sent = 0
        for boot in tail.boots(self._root, self._producer_id):
            if boot.boot in self.damage:
                continue
            waiting = self._waiting.setdefault(boot.boot, deque())
            while batch := self._next(boot, waiting):
                self._publisher.publish(batch)
                for _ in batch:
                    waiting.popleft()
                sent += len(batch)
        return sent

    def _next(self, boot: BootFolder, waiting: deque[Parcel]) -> list[Parcel]:
        """Give what may be published next; it waits on until the stream has it."""
        try:
            if not waiting:
                waiting.extend(self._read(boot))
        except Misread as fault:
            self.damage[boot.boot] = str(fault)
        last = self._durable.seq if boot.boot == self._durable.boot else None
        batch: list[Parcel] = []
        for parcel in waiting:
            if len(batch) == PUBLISH_MAX or (last is not None and parcel.seq > last):
                break
            batch.append(parcel)
        return batch

    def _read(self, boot: BootFolder) -> list[Parcel]:
        if boot.boot not in self._tails:
            numbers = tail.segments(boot.path)
            if not numbers:
                return []
            expected = max(tail.first_of(boot, numbers[0]), self._covered(boot.boot) + 1)
            self._tails[boot.boot] = Tail(boot, expected)
        framed = self._tails[boot.boot].read(durably=False)
        return [self._parcel(boot.boot, one) for one in framed]

    def _parcel(self, boot: str, framed: wal.Framed) -> Parcel:
        names = _NAMES.decode(open_envelope(framed.envelope)[0])
        return Parcel(self._producer_id, boot, framed.seq, names.entity_id, framed.envelope)

    def _covered(self, boot: str) -> int:
        return self._pruning.covered.get(boot, 0)

    def _hope(self, now: Nanos, *, sent: int, further: int) -> None:
        """Go back to what has no receipt when none has come for long."""
        outstanding = any(
            opened.expected - 1 > self._covered(boot) for boot, opened in self._tails.items()
        )
        if further or not outstanding:
            self._resend_after_ns = RESEND_AFTER_NS
            self._hopeful_since = None
        if not outstanding:
            return
        if self._hopeful_since is None:
            self._hopeful_since = now
        elif not sent and now - self._hopeful_since >= self._resend_after_ns:
            self._hopeful_since = now
            self._resend_after_ns = Nanos(min(2 * self._resend_after_ns, RESEND_AFTER_NS_MAX))
            self.resend()

    def resend(self) -> None:
        """Begin again behind what receipts cover."""
        for opened in self._tails.values():
            opened.close()
        self._tails.clear()
        self._waiting.clear()
