"""The audit record for a service: say what happened and go on.

Rules:
 * ``emit`` never waits: it takes what the act holds as bytes, so that what is recorded is how it
   was, and puts them in a ring. What the format does not allow is refused there, and nothing is
   refused later. What is in the ring is lost when the process is killed: some ten milliseconds.
 * ``critical`` returns when it is on this machine's disk, and not before; no network takes part.
 * Where the disk does not keep up, the ring overflows: what was dropped is counted, and becomes an
   entry ``AuditDropped`` once there is room.
 * One thread writes, another one sends: a stream that stands still holds up no writing.
"""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

import msgspec

from trading_runtime.audit.client.draft import (
    Draft,
    draft_of,
    draft_told,
    snapshot,
    snapshot_room,
)
from trading_runtime.audit.client.log import Drops, ProducerLog
from trading_runtime.audit.client.segments import NotDurable
from trading_runtime.clock import wall_ns
from trading_runtime.errors import Halt, Refused
from trading_runtime.evidence.canonical import JsonObject
from trading_runtime.records.units import Nanos

DRAIN_MAX = 10_000
"""Submissions that are brought to the disk together."""
IDLE_S = 0.25
"""Between two looks for receipts; and to a stream or disk that refused."""
CRITICAL_S = 5.0

_Taken = tuple[Draft | bytes, Nanos, Future[None] | None]
"""What waits in the ring: what was told and when, and who waits for it. Bytes are a snapshot."""


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """What happened, to what, by whom; the client adds id, time and service."""

    event_type: str
    """In the past tense: ``LoginFailed``."""
    operation: str
    """Imperative: ``login``."""
    entity_id: str
    user_id: str | None = None
    trace_id: str | None = None
    client_ip: str | None = None
    before_state: JsonObject | None = None
    after_state: JsonObject | None = None
    request_data: JsonObject | None = None


class RingSettings(msgspec.Struct, frozen=True, kw_only=True):
    ring_entries: int = 65_536
    batch_entries: int = 100
    """As many wake the thread that writes."""
    interval_s: float = 0.01
    """It also looks by itself."""


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """How a client is doing; texts are empty where nothing is wrong."""

    waiting: int
    dropped: int
    durable_seq: int
    disk: str
    stream: str
    receipts: str
    """Why the newest receipt was not believed."""
    ended: str
    """Why the client does not work any more."""


class AuditClient:
    """Emits from any thread; owns ``log`` and two threads until it is closed."""

    def __init__(self, log: ProducerLog, settings: RingSettings | None = None) -> None:
        self._log = log
        self._settings = settings or RingSettings()
        self._service = log.producer.service_name
        self._room = snapshot_room(self._service)
        self._ring: deque[_Taken] = deque()
        self._promised: list[Future[None]] = []
        """Of the thread that writes: numbered already, not on the disk yet."""
        self._drops = _Overflow()
        self._disk = ""
        self._ended = ""
        self._closed = False
        self._closing = threading.Event()
        self._filled = threading.Event()
        self._written = threading.Event()
        self._threads = [
            threading.Thread(target=self._guarded, args=(work,), name=name, daemon=True)
            for name, work in (("audit-write", self._write), ("audit-send", self._send))
        ]
        for thread in self._threads:
            thread.start()

    def emit(self, act: Act) -> None:
        """Record ``act`` as it is now; never wait.

        Raises:
            Misread: the format does not allow it.
            Refused: the client is closed.
        """
        taken = self._take(act, None)
        ring = self._ring
        if len(ring) >= self._settings.ring_entries or self._ended:
            self._drops.count(taken[1])
            return
        ring.append(taken)
        if len(ring) == self._settings.batch_entries:
            self._filled.set()

    def critical(self, act: Act, deadline_s: float = CRITICAL_S) -> None:
        """Record ``act``; return when it is on the disk. Do what it tells of only then.

        Raises:
            NotDurable: not within ``deadline_s`` seconds; it may still get there.
            Halt: the client does not work any more.
            Misread, Refused: as :meth:`emit`.
        """
        promise = self.promise(act)
        try:
            promise.result(deadline_s)
        except TimeoutError:
            raise NotDurable(f"not on the disk after {deadline_s} s: {self._disk}") from None

    def promise(self, act: Act) -> "Future[None]":
        """Record ``act``; give what is done when it is on the disk. Raises as :meth:`emit`."""
        promise: Future[None] = Future()
        self._ring.append(self._take(act, promise))
        self._filled.set()
        if self._ended:
            raise Halt(self._ended)
        return promise

    def figures(self) -> Figures:
        sending = self._log.sending
        return Figures(
            waiting=len(self._ring),
            dropped=self._drops.total,
            durable_seq=self._log.durable.seq,
            disk=self._disk,
            stream=sending.down,
            receipts=sending.refused,
            ended=self._ended,
        )

    def close(self) -> None:
        """Bring everything to the disk, say that we stop, and end.

        Raises:
            NotDurable: the disk took not all of it.
        """
        if self._closed:
            return
        self._closed = True
        self._closing.set()
        self._filled.set()
        self._written.set()
        for thread in self._threads:
            thread.join()
        try:
            self._log.stop()
        except NotDurable:
            self._log.close()
            raise

    def _take(self, act: Act, promise: "Future[None] | None") -> _Taken:
        if self._closed:
            raise Refused("the audit client is closed")
        now = wall_ns()
        told = snapshot(act, self._room)
        return told or draft_told(act, self._service, now), now, promise

    def _draft(self, taken: _Taken) -> Draft:
        told, now, _ = taken
        return draft_of(told, self._service, now) if isinstance(told, bytes) else told

    def _write(self) -> None:
        while True:
            last = self._closing.is_set()
            more = self._drain()
            if last and (not more or self._disk):
                return
            if self._disk:
                self._closing.wait(IDLE_S)
            elif not more:
                self._filled.wait(self._settings.interval_s)
                self._filled.clear()

    def _drain(self) -> bool:
        """Bring some of the ring to the disk; give whether more of it waits."""
        log, ring = self._log, self._ring
        try:
            # Before anything is taken from the ring: the bound of what waits is the ring's.
            log.beat(wall_ns())
            taken = [ring.popleft() for _ in range(min(len(ring), DRAIN_MAX))]
            self._promised += [promise for _, _, promise in taken if promise is not None]
            log.append_drafts([self._draft(it) for it in taken])
            if (drops := self._drops.take()) is not None:
                log.dropped(drops)
        except NotDurable as fault:
            self._disk = str(fault)
            return True
        self._disk = ""
        for promise in self._promised:
            promise.set_result(None)
        self._promised.clear()
        if taken:
            self._written.set()
        return bool(ring)

    def _send(self) -> None:
        while not self._closing.is_set():
            self._log.send(wall_ns())
            if self._log.sending.down:
                self._closing.wait(IDLE_S)
            else:
                self._written.wait(IDLE_S)
            self._written.clear()

    def _guarded(self, work: Callable[[], None]) -> None:
        """Run a thread; where it fails, tell everybody who would wait for ever."""
        try:
            work()
        except Exception as fault:  # noqa: BLE001 -- the supervisor of both threads
            self._ended = f"the audit client has failed: {fault!r}"
            while self._ring:
                self._promised += [p for _, _, p in [self._ring.popleft()] if p is not None]
            for promise in self._promised:
                promise.set_exception(Halt(self._ended))


class _Overflow:
    """Counts what was dropped; from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._drops: Drops | None = None
        self.total = 0

    def count(self, now: Nanos) -> None:
        with self._lock:
            self.total += 1
            drops = self._drops or Drops(now, now, 0)
            self._drops = Drops(drops.begin, now, drops.entries + 1)

    def take(self) -> Drops | None:
        with self._lock:
            drops, self._drops = self._drops, None
        return drops
