"""A producer's own log: submissions are numbered, chained, signed and durable here, then sent.

This is the synchronous layer; it has no thread and does nothing by itself. Whoever drives it calls
:meth:`ProducerLog.append` with what happened and :meth:`ProducerLog.turn` again and again. Two
threads may drive it, one that appends and one that calls :meth:`ProducerLog.send`.

Rules:
 * What ``append`` returned for is on the disk, and will be sent until a receipt covers it.
 * One process has the log of a producer; a second one is refused.
 * Each run is a boot of its own, whose first submission names the end of the one before.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import msgspec

from trading_runtime.audit.client import boots
from trading_runtime.audit.client.believing import Believing
from trading_runtime.audit.client.draft import Draft, draft, named, numbered, opening_of
from trading_runtime.audit.client.pruning import Pruning
from trading_runtime.audit.client.segments import SegmentWriter
from trading_runtime.audit.client.sending import Durable, Sending
from trading_runtime.audit.streams import tail, wal
from trading_runtime.audit.streams.source import Publisher
from trading_runtime.clock import wall_ns
from trading_runtime.errors import Refused
from trading_runtime.evidence.canonical import JsonObject
from trading_runtime.evidence.notes import SigningKey, encode_base64
from trading_runtime.evidence.submission import Chain, Deed, envelope, event_time, open_envelope
from trading_runtime.journal.durable import make_folder
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos

STARTED, ALIVE, STOPPED, DROPPED = (
    "ProducerStarted",
    "ProducerAlive",
    "ProducerStopped",
    "AuditDropped",
)


class Producer(NamedTuple):
    """Who submits: its id in the log, the service that its own entries name, and its key."""

    producer_id: str
    service_name: str
    key: SigningKey


class LogSettings(msgspec.Struct, frozen=True, kw_only=True):
    batch_entries: int = 100
    """Submissions under one signature."""
    segment_bytes: int = 4 * 1024 * 1024
    """A segment this large is followed by another; so much is read to judge a receipt."""
    heartbeat_ns: Nanos = Nanos(60 * NANOS_PER_SECOND)


class Drops(NamedTuple):
    """What an overflow took: from when to when, and how many."""

    begin: Nanos
    end: Nanos
    entries: int


class ProducerLog:
    """Owned by one process; see the module for its threads."""

    def __init__(
        self,
        root: Path,
        producer: Producer,
        publisher: Publisher,
        believing: Believing,
        settings: LogSettings,
    ) -> None:
        """Take the lock, recover what earlier runs left, and begin a boot.

        Raises:
            Refused: another process has the log of this producer.
            NotDurable: the disk does not take the first submission.
        """
        producer_id = producer.producer_id
        folder = root / tail.folder_name(producer_id)
        make_folder(folder)
        self._lock = _locked(folder)
        self.producer = producer
        self._root = root
        self._settings = settings
        now = wall_ns()
        left = boots.newest(root, producer_id)
        self.boot = boots.name_after(now, None if left is None else left.boot)
        self._opening = opening_of(producer_id, self.boot)
        self._chain = Chain(producer_id, self.boot)
        self._writer = SegmentWriter(
            folder / tail.folder_name(self.boot), producer_id, self.boot, settings.segment_bytes
        )
        self._pending: list[bytes] = []
        """Frames that are numbered, and not on the disk yet."""
        self._pending_chain = self._chain.value
        self._spoke_at = now
        self.durable = Durable(self.boot, 0)
        pruning = Pruning(root, producer_id, believing)
        self.sending = Sending(root, producer_id, self.durable, publisher, pruning)
        self._say(STARTED, "start", _predecessor(left), now)

    @classmethod
    def open(
        cls,
        root: Path,
        producer: Producer,
        publisher: Publisher,
        believing: Believing,
        settings: LogSettings | None = None,
    ) -> "ProducerLog":
        """Open the log of ``producer`` below ``root``, which is ``<data>/audit/wal``."""
        return cls(root, producer, publisher, believing, settings or LogSettings())

    def kept(self) -> Iterator[bytes]:
        """Give all submissions that are still here, of all boots, oldest first.

        Raises:
            Misread: the files are damaged; they are given as far as they read.
        """
        for boot in tail.boots(self._root, self.producer.producer_id):
            numbers = tail.segments(boot.path)
            if not numbers:
                continue
            opened = tail.Tail(boot, tail.first_of(boot, numbers[0]))
            try:
                while framed := opened.read(durably=False):
                    yield from (open_envelope(one.envelope)[0] for one in framed)
            finally:
                opened.close()

    def append(self, deeds: Sequence[Deed]) -> None:
        """Number, sign and write ``deeds``; on the disk when this returns.

        Raises:
            Misread: the format does not allow one of them; nothing was taken.
            NotDurable: they are numbered, and are written before anything else; do not bring them
                again. ``append([])`` tries.
        """
        self.append_drafts([draft(deed) for deed in deeds])

    def append_drafts(self, drafts: Sequence[Draft]) -> None:
        """Do what :meth:`append` does with what :func:`draft` made of deeds."""
        batch = self._settings.batch_entries
        for begin in range(0, len(drafts), batch):
            self._number(drafts[begin : begin + batch])
        if self._pending:
            first = self._chain.seq - len(self._pending) + 1
            self._writer.append(b"".join(self._pending), first, self._pending_chain)
            self._pending.clear()
            self._pending_chain = self._chain.value
            self.durable.seq = self._chain.seq
        if drafts:
            self._spoke_at = wall_ns()

    def dropped(self, drops: Drops) -> None:
        """Say what an overflow took; raises as :meth:`append`."""
        told: JsonObject = {
            "count": drops.entries,
            "from": event_time(drops.begin),
            "to": event_time(drops.end),
        }
        self._say(DROPPED, "drop", told, wall_ns())

    def beat(self, now: Nanos) -> None:
        """Write what the disk refused before, and say that we are alive after a silence."""
        self.append_drafts([])
        if now - self._spoke_at >= self._settings.heartbeat_ns:
            self._say(ALIVE, "beat", None, now)
            # Of the caller's clock, which may be set ahead of ours.
            self._spoke_at = max(now, self._spoke_at)

    def send(self, now: Nanos) -> int:
        """Publish what is durable and was not, take receipts, delete what they cover."""
        return self.sending.turn(now)

    def turn(self, now: Nanos) -> int:
        """Do :meth:`beat` and :meth:`send`; give how many submissions the stream took."""
        self.beat(now)
        return self.send(now)

    def stop(self) -> None:
        """End the boot in order, and close; what is not sent yet, the next run sends."""
        self._say(STOPPED, "stop", None, wall_ns())
        self.send(wall_ns())
        self.close()

    def close(self) -> None:
        """Let go of everything, without a word."""
        self._writer.close()
        self.sending.close()
        os.close(self._lock)

    def _number(self, drafts: Sequence[Draft]) -> None:
        """Give a batch its numbers and its signature, as frames that wait for the disk."""
        chain, opening = self._chain, self._opening
        last = len(drafts) - 1
        for place, made in enumerate(map(named, drafts)):
            content = numbered(made, opening, chain.seq + 1, b"null")
            chain.add(content)
            if place == last:
                signature = encode_base64(self.producer.key.sign(chain.signed_text()))
                content = numbered(made, opening, chain.seq, b'"%b"' % signature.encode())
            self._pending.append(wal.frame_bytes(chain.seq, envelope(content, made.blobs)))

    def _say(self, event_type: str, operation: str, told: JsonObject | None, now: Nanos) -> None:
        """Append an entry about this producer itself."""
        producer = self.producer
        deed = Deed(
            event_id=str(uuid4()),
            event_time_ns=now,
            service_name=producer.service_name,
            event_type=event_type,
            trace_id=None,
            user_id=None,
            entity_id=f"producer:{producer.producer_id}",
            client_ip=None,
            operation=operation,
            before_state=None,
            after_state=None,
            request_data=told,
        )
        self.append([deed])


def _predecessor(left: boots.Left | None) -> JsonObject:
    if left is None:
        return {"previousBoot": None, "previousChain": None, "previousSeq": None}
    told: JsonObject = {
        "previousBoot": left.boot,
        "previousChain": left.chain,
        "previousSeq": left.seq,
    }
    return told if left.damage is None else told | {"damage": left.damage}


def _locked(folder: Path) -> int:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Refused(f"another process writes to {folder}; a producer id is for one") from None
    return descriptor
