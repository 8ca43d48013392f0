"""What the engine reacts to, as it came: venue bytes, timers, commands of people, parameters.

An input is appended before it is understood. Named secret fields (API key, listen key, signature)
are replaced by keyed fingerprints before the append, so what stands here may be shown.
"""

from enum import Enum

from trading_runtime.records.carried import CoreCarried
from trading_runtime.records.event import Event
from trading_runtime.records.instruments import Instrument
from trading_runtime.records.units import Connection, Level, Module, Nanos


class Mode(Enum):
    """Who feeds inputs and who takes commands (RUN-1)."""

    LIVE = "live"
    PAPER = "paper"
    SIM = "sim"
    BACKTEST = "backtest"


class Purpose(Enum):
    """What a connection carries."""

    MARKET = "market"
    ORDERS = "orders"
    """Requests and their answers; on some venues also what happens to the account."""
    USER = "user"
    """What happens to the account, and nothing else."""
    PAPER = "paper"


class SessionOpened(Event, frozen=True, kw_only=True, tag=True):
    """The session's header and first record: what has to be equal for a replay to be one.

    ``settings`` is the canonical JSON of the settings that reach the core, ``settings_sha256`` its
    digest; ``code_sha256`` is over the sources of the pure rooms, ``strategy_sha256`` over the
    strategy's file. ``libraries`` pairs each library that computes with its version. The engine's
    clock starts at ``wall_start`` when the monotonic clock reads ``mono_start``.
    """

    module = Module.SYSTEM
    level = Level.INFO

    session: str
    mode: Mode
    version: str
    git_revision: str
    code_sha256: str
    strategy: str
    strategy_sha256: str
    settings: bytes
    settings_sha256: str
    libraries: tuple[tuple[str, str], ...]
    wall_start: Nanos
    mono_start: Nanos


class StateCarried(Event, frozen=True, kw_only=True, tag=True):
    """The core's whole state. As an input it opens a session; as an output it is a checkpoint.

    At a session's start books are empty; signals go on, unless they are too old. At a checkpoint,
    which ends every sealed segment, all of it stands here, so that a replay may start from it.
    """

    module = Module.SYSTEM
    level = Level.INFO

    core: CoreCarried


class InstrumentRevised(Event, frozen=True, kw_only=True, tag=True):
    """From here on prices and sizes of this market are counted on this grid."""

    module = Module.MARKETDATA
    level = Level.INFO

    instrument: Instrument


class ConnectionOpened(Event, frozen=True, kw_only=True, tag=True):
    """A transport is up; frames that name ``connection`` come from it until it is lost."""

    module = Module.MARKETDATA
    level = Level.INFO

    connection: Connection
    venue: str
    purpose: Purpose
    channels: tuple[str, ...]
    """The venue's own names of the channels that were asked for, for "acknowledged but silent"."""


class ConnectionLost(Event, frozen=True, kw_only=True, tag=True):
    module = Module.MARKETDATA
    level = Level.WARN

    connection: Connection
    reason: str


class FrameReceived(Event, frozen=True, kw_only=True, tag=True):
    """One message of a venue, byte for byte."""

    module = Module.MARKETDATA
    level = Level.DEBUG

    connection: Connection
    frame: bytes


class AnswerReceived(Event, frozen=True, kw_only=True, tag=True):
    """The venue's answer to the request that a command of ours named ``request``."""

    module = Module.MARKETDATA
    level = Level.DEBUG

    request: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class RequestFailed(Event, frozen=True, kw_only=True, tag=True):
    """No answer came. Where the request was ``sent``, the fate of what was asked is unknown.

    ``sent`` is False only where it is certain that no byte of it left this machine.
    """

    module = Module.MARKETDATA
    level = Level.WARN

    request: str
    reason: str
    sent: bool = True


class TurnEnded(Event, frozen=True, kw_only=True, tag=True):
    """Every frame that was readable has been appended; the strategy may quote now."""

    module = Module.MARKETDATA
    level = Level.DEBUG


class TimerFired(Event, frozen=True, kw_only=True, tag=True):
    """The moment came that the latest ``SetTimer`` of this name asked for."""

    module = Module.SYSTEM
    level = Level.DEBUG

    timer: str


class ParametersActivated(Event, frozen=True, kw_only=True, tag=True):
    """New parameters of one instrument's strategy, as JSON in the strategy's own schema."""

    module = Module.AUDIT
    level = Level.INFO

    instrument_id: str
    parameters: bytes
    user: str


class Action(Enum):
    """What an operator may command."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL_ALL = "cancel_all"
    PANIC_STOP = "panic_stop"
    CLEAR_PANIC = "clear_panic"
    STOP = "stop"
    SYNC = "sync"
    """Compare our record with the venue's now, and report each difference (OMS-4)."""


class OperatorCommanded(Event, frozen=True, kw_only=True, tag=True):
    module = Module.AUDIT
    level = Level.INFO

    action: Action
    user: str
    reason: str


class Stalled(Event, frozen=True, kw_only=True, tag=True):
    """The loop stood still for ``lag_ns``: what it knew of the market had grown old meanwhile."""

    module = Module.SYSTEM
    level = Level.WARN

    lag_ns: Nanos


class LeaseLost(Event, frozen=True, kw_only=True, tag=True):
    """This session may send nothing any more: its lease ran out, or the watchdog has fired."""

    module = Module.SYSTEM
    level = Level.CRITICAL

    reason: str


class WatchdogFired(Event, frozen=True, kw_only=True, tag=True):
    """Told at a session's start: the watchdog cancelled everything since the last one ended.

    Nothing is quoted until a person resumes.
    """

    module = Module.RISK
    level = Level.CRITICAL

    reason: str


class JournalFailed(Event, frozen=True, kw_only=True, tag=True):
    """The journal can take no more; what follows stands in the emergency segment."""

    module = Module.SYSTEM
    level = Level.CRITICAL

    reason: str


Input = (
    SessionOpened
    | StateCarried
    | InstrumentRevised
    | ConnectionOpened
    | ConnectionLost
    | FrameReceived
    | AnswerReceived
    | RequestFailed
    | TurnEnded
    | TimerFired
    | ParametersActivated
    | OperatorCommanded
    | Stalled
    | LeaseLost
    | WatchdogFired
    | JournalFailed
)
