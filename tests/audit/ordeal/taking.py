"""The audit service over a producer's log of a known content, until a receipt covers all of it.

``python -m tests.audit.ordeal.taking DATA WITNESS_URL`` exits with the code of the service. Its
clock goes a fixed step each time that it is read, so that checkpoints and digests come soon.
"""

import sys
from pathlib import Path

from trading_runtime.audit.client.believing import Nobody
from trading_runtime.audit.client.log import LogSettings, Producer, ProducerLog
from trading_runtime.audit.keys import Charter, init, key_path, producer_name, read_key
from trading_runtime.audit.run import Idle, Plan, run
from trading_runtime.audit.sequencer.opening import Order
from trading_runtime.audit.settings import AuditSettings
from trading_runtime.audit.streams.embedded import EmbeddedPublisher, EmbeddedSource
from trading_runtime.audit.streams.source import Delivery
from trading_runtime.clock import Clock, wall_ns
from trading_runtime.errors import Misread
from trading_runtime.evidence import receipt, submission
from trading_runtime.evidence.submission import Deed
from trading_runtime.evidence.trust import Roles
from trading_runtime.journal.diary import Diary
from trading_runtime.records.envelope import Stamp
from trading_runtime.records.units import NANOS_PER_MILLI, Nanos
from trading_runtime.store.objects.folder import Folder

ORIGIN = "desk.example/tape"
ROLES = Roles(producer="desk", log="desk", witness="auditor", archive="vault", watch="auditor")
ENTRIES = 300
BATCH = 20
PERIOD_S = 10
SIP = 30
"""Deliveries of one turn: so that there are several."""
STEP_NS = 300 * NANOS_PER_MILLI
SETTINGS = AuditSettings(
    digest_period_s=PERIOD_S, checkpoint_interval_ns=Nanos(100 * NANOS_PER_MILLI)
)


class Steps:
    """A clock that goes on when it is read."""

    def __init__(self, begin: int) -> None:
        self._now = begin

    def __call__(self) -> Stamp:
        self._now += STEP_NS
        return Stamp(Nanos(self._now), Nanos(self._now))


class Sipped(EmbeddedSource):
    """It gives a few at a time."""

    def poll(self, limit: int) -> list[Delivery]:
        return super().poll(min(limit, SIP))


def begin(data: Path, entries: int = ENTRIES) -> None:
    """Begin a log, and give it a producer's log that waits to be taken in."""
    audit = data / "audit"
    now = wall_ns()
    charter = Charter(origin=ORIGIN, roles=ROLES, producers=("runtime",), period_s=PERIOD_S)
    init(audit, charter, now)
    key = read_key(key_path(audit, producer_name("runtime")))
    log = ProducerLog.open(
        audit / "wal",
        Producer("runtime", "runtime", key),
        EmbeddedPublisher(audit / "receipts", "runtime"),
        Nobody(),
        LogSettings(batch_entries=BATCH),
    )
    log.append([deed(number, now) for number in range(entries)])
    log.stop()


def deed(number: int, now: Nanos) -> Deed:
    return Deed(
        event_id=submission.event_id("s", number, 0),
        event_time_ns=now,
        service_name="runtime",
        event_type="OrderPlaced",
        trace_id=None,
        user_id=None,
        entity_id=f"order:{number % 9}",
        client_ip=None,
        operation="place",
        before_state=None,
        after_state={"number": number},
        request_data=None,
    )


def receipts(data: Path) -> list[receipt.Receipt]:
    """Give what receipts the producer holds; half a file is none."""
    found = []
    for path in (data / "audit" / "receipts").rglob("*"):
        if path.is_file():
            try:
                found.append(receipt.read(path.read_bytes()))
            except (Misread, FileNotFoundError):  # or just renamed by who writes it
                continue
    return found


def main() -> int:
    data, url = Path(sys.argv[1]), sys.argv[2]
    audit = data / "audit"
    # The first period began with the log; later runs go on where the wall clock is.
    clock = Steps(wall_ns())
    diary = Diary(audit, f"d{wall_ns()}", Clock())
    order = Order(
        audit,
        SETTINGS,
        {"own": url},
        lambda place: [Sipped(audit / "wal", audit / "receipts", place)],
    )
    wanted = ENTRIES + 2

    def done() -> bool:
        return any(it.extra is not None and it.extra.seq == wanted for it in receipts(data))

    try:
        run(Plan(order, Idle, lambda: Folder(data / "archive")), diary, clock, lambda: None, done)
    finally:
        diary.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
