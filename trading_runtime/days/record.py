"""The audit record of days that are made up: the real services, under a clock that is set.

The log begins in the first hour and takes in, hour by hour, what the journals hold; a digest ends
each hour. Witness and signatures are real, and so is the time of a cosignature: nobody can have
cosigned before today.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from trading_runtime.app.provenance import here
from trading_runtime.audit import keys
from trading_runtime.audit.client.opening import open_producer
from trading_runtime.audit.keys import OWN_WITNESS, WITNESS, Charter
from trading_runtime.audit.relay.relay import Relay
from trading_runtime.audit.run import DAY_NS
from trading_runtime.audit.sequencer.archiving import Archiving
from trading_runtime.audit.sequencer.opening import Opened, Order, open_log
from trading_runtime.audit.settings import AuditSettings
from trading_runtime.audit.streams.opening import open_sources
from trading_runtime.audit.witness.server import Server
from trading_runtime.audit.witness.witness import Witness
from trading_runtime.clock import Clock, pause
from trading_runtime.days.desk import PROCESS, birth_of
from trading_runtime.errors import Halt
from trading_runtime.evidence import layout as places
from trading_runtime.evidence import trust
from trading_runtime.evidence.trust import Trust
from trading_runtime.journal.diary import Diary
from trading_runtime.records import layout
from trading_runtime.records.envelope import Kind, Stamp
from trading_runtime.records.observations import ServiceStarted, ServiceStopped
from trading_runtime.records.units import Nanos
from trading_runtime.store.objects.opening import open_archive

HOST = "127.0.0.1"
PRODUCER = "runtime"
WITNESS_WITHIN_S = 30.0
IDLE_S = 0.005


class SetClock(Clock):
    """A clock that stands where it is set."""

    __slots__ = ("at",)

    def __init__(self, at: Nanos) -> None:
        super().__init__()
        self.at = at

    def stamp(self) -> Stamp:
        return Stamp(self.at, self.at)


class Keeper:
    """The services of the audit record while they run; opened and closed like the machine."""

    def __init__(self, data: Path, settings: AuditSettings, seed: int, clock: SetClock) -> None:
        """Open the log that was begun; its boot begins where the clock stands."""
        audit = Path(layout.audit(data))
        self._clock = clock
        self._began = clock.at
        self._stack = ExitStack()
        trusted = trust.read(places.trust_path(audit).read_bytes())
        url = self._stack.enter_context(witnessing(audit, trusted))
        self._diary = Diary(audit, birth_of(seed + 1, clock.at).session, clock)
        self._diary.write(Kind.OBSERVATION, started())
        order = Order(
            audit=audit,
            settings=settings,
            witnesses={OWN_WITNESS: url},
            sources=partial(open_sources, audit, settings),
        )
        self._opened: Opened = open_log(order, self._diary, clock.stamp)
        self._relay = Relay(data, trusted.origin, open_producer(data, settings, PRODUCER), None)
        self._archiving = Archiving(
            places.log_folder(audit),
            lambda: open_archive(
                settings.archive, data / "archive", settings.archive_endpoint, clock.at
            ),
            Nanos(settings.retention_days * DAY_NS),
        )

    def take(self) -> None:
        """Take in all that the journals hold at the time of the clock, and end what is over."""
        sequencer = self._opened.sequencer
        while self._relay.take(self._clock.at) + sequencer.turn():
            pass
        self._archive()
        self._diary.wait()

    def close(self) -> None:
        """Take in what is left, say goodbye, and let the archive have every digest."""
        sequencer = self._opened.sequencer
        self._relay.finish(self._clock.at)
        while sequencer.turn():
            pass
        sequencer.close()
        while self._archive():
            pause(IDLE_S)
        self._relay.close()
        self._archiving.close()
        self._opened.close()
        uptime = Nanos(self._clock.at - self._began)
        stopped = ServiceStopped(service="audit", reason="the days are over", uptime_ns=uptime)
        self._diary.write(Kind.OBSERVATION, stopped)
        self._diary.close()
        self._stack.close()

    def _archive(self) -> int:
        """Go on bringing digests to the archive; give how many it lacks."""
        newest = self._opened.sequencer.digests.number
        reason = self._archiving.turn(newest, self._clock.at)
        if reason:
            raise Halt(f"the archive of the audit record: {reason}")
        return self._archiving.left(newest)


def begin(data: Path, charter: Charter, now: Nanos) -> str:
    """Begin the log at ``now``; give its pin."""
    return keys.init(Path(layout.audit(data)), charter, now)


def started() -> ServiceStarted:
    running = here(None, None)
    return ServiceStarted(
        service="audit",
        version=running.version,
        git_revision=running.git_revision,
        process=PROCESS,
        recovered_from="",
    )


@contextmanager
def witnessing(audit: Path, trusted: Trust) -> Iterator[str]:
    """Let the witness of this machine answer on a loopback port, in a thread; give its URL."""
    key = keys.read_key(keys.key_path(audit, WITNESS))
    witness = Witness(audit / "witness", {trusted.origin: trusted}, key, complain)
    ready = threading.Event()
    found: list[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        server = Server(witness)
        port = await server.start(HOST, 0)
        found.append((f"http://{HOST}:{port}", asyncio.get_running_loop(), server.stopping))
        ready.set()
        await server.serve()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), name="witness", daemon=True)
    thread.start()
    if not ready.wait(WITNESS_WITHIN_S):
        raise Halt("the witness did not begin to answer")
    url, loop, stopping = found[0]
    try:
        yield url
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join()
        witness.close()


def complain(alarm: object) -> None:
    """A witness that sees two versions of a log that was just made has found a fault of ours."""
    raise Halt(f"the witness: {alarm}")
