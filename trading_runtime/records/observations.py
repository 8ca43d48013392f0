"""What the shell measured. The engine never reads one, and replay does not compare them."""

from trading_runtime.records.event import Event
from trading_runtime.records.units import ClientId, Level, Module, Nanos


class ServiceStarted(Event, frozen=True, kw_only=True, tag=True):
    module = Module.SYSTEM
    level = Level.INFO

    service: str
    version: str
    git_revision: str
    process: int
    recovered_from: str
    """The session whose state was carried, empty at the very first start."""


class ServiceStopped(Event, frozen=True, kw_only=True, tag=True):
    module = Module.SYSTEM
    level = Level.INFO

    service: str
    reason: str
    uptime_ns: Nanos


class ConfigInitialised(Event, frozen=True, kw_only=True, tag=True):
    module = Module.SYSTEM
    level = Level.INFO

    path: str
    sha256: str


class ResourcesMeasured(Event, frozen=True, kw_only=True, tag=True):
    """Of this process since the last one; ``behind_max_ns`` is the worst lateness of a turn."""

    module = Module.SYSTEM
    level = Level.DEBUG

    cpu_percent: int
    memory_bytes: int
    tasks: int
    gc_pause_max_ns: Nanos
    behind_max_ns: Nanos


class LoadMeasured(Event, frozen=True, kw_only=True, tag=True):
    """Of this process over the last minute: what it used, and what its turns took.

    A turn reaches from its first input to its end: frames read, books moved, quotes decided,
    commands handed on. ``busy_ns`` sums them, ``turn_max_ns`` is the longest.
    """

    module = Module.SYSTEM
    level = Level.INFO

    cpu_percent: int
    memory_bytes: int
    turns: int
    busy_ns: Nanos
    turn_max_ns: Nanos


class TaskCountChanged(Event, frozen=True, kw_only=True, tag=True):
    """How many ``tasks`` of the event loop, or ``threads``, there are now (LOG-3)."""

    module = Module.SYSTEM
    level = Level.INFO

    kind: str
    before: int
    count: int


class ConnectFailed(Event, frozen=True, kw_only=True, tag=True):
    """An attempt to connect came to nothing; another follows by itself after a growing pause."""

    module = Module.SYSTEM
    level = Level.WARN

    address: str
    reason: str


class KeyUsed(Event, frozen=True, kw_only=True, tag=True):
    """With which key this session trades: a keyed fingerprint, never the key (GW-6)."""

    module = Module.AUDIT
    level = Level.INFO

    fingerprint: str
    environment: str


class ResourceHigh(Event, frozen=True, kw_only=True, tag=True):
    module = Module.SYSTEM
    level = Level.WARN

    resource: str
    value: int
    threshold: int
    unit: str


class SegmentSealed(Event, frozen=True, kw_only=True, tag=True):
    module = Module.SYSTEM
    level = Level.INFO

    segment: int
    records: int
    size_bytes: int


class SealPostponed(Event, frozen=True, kw_only=True, tag=True):
    """A closed segment could not be compressed; it is whole, and the next start seals it."""

    module = Module.SYSTEM
    level = Level.WARN

    segment: int
    reason: str


class ClockStepped(Event, frozen=True, kw_only=True, tag=True):
    """The wall clock moved against the monotonic one by more than the bound."""

    module = Module.SYSTEM
    level = Level.WARN

    step_ns: Nanos


class LeaseWatched(Event, frozen=True, kw_only=True, tag=True):
    """What the watchdog sees of the runtime's lease, each time that it changes."""

    module = Module.SYSTEM
    level = Level.INFO

    generation: str
    condition: str
    silent_ns: Nanos
    """Since the runtime's last beat."""


class LeaseEnded(Event, frozen=True, kw_only=True, tag=True):
    """The watchdog fired: this generation may send no more, and its orders are cancelled now."""

    module = Module.RISK
    level = Level.CRITICAL

    generation: str
    reason: str


class OrderWithdrawn(Event, frozen=True, kw_only=True, tag=True):
    """The watchdog asked the venue to cancel an order of ours; ``outcome`` is what came of it."""

    module = Module.RISK
    level = Level.WARN

    instrument_id: str
    order: ClientId
    outcome: str


class OrdersSwept(Event, frozen=True, kw_only=True, tag=True):
    """The venue shows no order of ours here any more; ``foreign`` ones were left alone."""

    module = Module.RISK
    level = Level.WARN

    instrument_id: str
    withdrawn: int
    foreign: int
    looks: int
    duration_ns: Nanos


class AuditTampered(Event, frozen=True, kw_only=True, tag=True):
    """Somebody changed the audit record: ``check`` names the rule that it breaks (AUD-8)."""

    module = Module.AUDIT
    level = Level.CRITICAL

    check: str
    where: str
    """A file or a table."""
    index: int
    """Of the first entry that is not what it was, -1 where none can be named."""
    expected: str
    found: str


class AuditRefused(Event, frozen=True, kw_only=True, tag=True):
    """The audit service does not start, or takes no more; entries wait, trading goes on."""

    module = Module.AUDIT
    level = Level.CRITICAL

    reason: str


class AuditAlarmed(Event, frozen=True, kw_only=True, tag=True):
    """What a producer sent cannot be: an event id used twice, a gap, a signature that is wrong."""

    module = Module.AUDIT
    level = Level.CRITICAL

    alarm: str
    producer: str
    event_id: str
    detail: str


class WitnessLagging(Event, frozen=True, kw_only=True, tag=True):
    """No quorum of witnesses has cosigned for ``lag_ns``: entries are taken, none are receipted."""

    module = Module.AUDIT
    level = Level.WARN

    lag_ns: Nanos
    reason: str


class CheckpointPublished(Event, frozen=True, kw_only=True, tag=True):
    module = Module.AUDIT
    level = Level.DEBUG

    size: int
    root: str


class DigestPublished(Event, frozen=True, kw_only=True, tag=True):
    module = Module.AUDIT
    level = Level.INFO

    number: int
    size: int
    entities: int


Observation = (
    ServiceStarted
    | ServiceStopped
    | ConfigInitialised
    | ResourcesMeasured
    | ResourceHigh
    | TaskCountChanged
    | ConnectFailed
    | KeyUsed
    | SegmentSealed
    | SealPostponed
    | ClockStepped
    | LeaseWatched
    | LeaseEnded
    | OrderWithdrawn
    | OrdersSwept
    | AuditTampered
    | AuditRefused
    | AuditAlarmed
    | WitnessLagging
    | CheckpointPublished
    | DigestPublished
    | LoadMeasured
)
