"""The shell around one core: append, step, append what came of it, hand over, then send.

Rules:
 * An input is appended before it is understood, its outputs right after it, with its stamp.
 * No command leaves before the journal has handed its record to the operating system.
 * A turn is every frame that was readable, then one ``TurnEnded``. Frames of the paper venue and
   changed filters come out of the core and go back in as inputs of the same turn.
 * A journal that can take no more ends the placing of orders: the core is told, and what it still
   says goes to the emergency segment.
"""

from collections.abc import Callable

from trading_runtime.core.core import Core
from trading_runtime.errors import JournalFull
from trading_runtime.journal.writer import JournalWriter
from trading_runtime.records.commands import (
    AmendOrder,
    ArmDeadMan,
    AskVenue,
    CancelOrder,
    Command,
    PaperFrame,
    PlaceOrder,
    QueryOrder,
    QueryTrades,
    QueryVenueOrder,
    ReopenAccountLine,
    RequestSnapshot,
    Resubscribe,
    ReviseInstrument,
    SetTimer,
)
from trading_runtime.records.envelope import Kind, Stamp
from trading_runtime.records.inputs import (
    FrameReceived,
    Input,
    InstrumentRevised,
    JournalFailed,
    TimerFired,
    TurnEnded,
)
from trading_runtime.records.observations import Observation
from trading_runtime.records.units import Nanos

Send = Callable[[Command, Stamp], None]

ROUNDS_MAX = 1_000
"""A turn in which what comes out goes back in this often is a loop, not a market."""

TURN_ENDED = TurnEnded()
INPUT, OUTPUT = Kind.INPUT, Kind.OUTPUT
SENT = (
    PlaceOrder,
    AmendOrder,
    CancelOrder,
    QueryOrder,
    RequestSnapshot,
    Resubscribe,
    AskVenue,
    QueryTrades,
    QueryVenueOrder,
    ArmDeadMan,
    ReopenAccountLine,
)


def takes_risk(command: Command) -> bool:
    return isinstance(command, PlaceOrder) and not command.reduce_only


class Session:
    """One journal, one core, and where its commands go (``send``)."""

    def __init__(self, journal: JournalWriter, core: Core, send: Send) -> None:
        self.journal = journal
        self.core = core
        self.failed = ""
        """Why the journal can take no more; empty while it can."""
        self.send = send
        """Where commands go; called at the end of a turn alone, when they have been handed over."""
        self._timers: dict[str, Nanos] = {}
        self._outgoing: list[Command] = []
        self._returning: list[Input] = []
        """What came out of the core and goes back in, in the same turn."""

    def take(self, stamp: Stamp, body: Input) -> None:
        """Append one input, step the core, append what it says."""
        append = self.journal.append
        seq = append(INPUT, stamp, body)
        for output in self.core.step(seq, stamp.at, body):
            append(OUTPUT, stamp, output)
            if isinstance(output, SetTimer):
                self._timers[output.timer] = output.at
            elif isinstance(output, PaperFrame):
                frame = FrameReceived(connection=output.connection, frame=output.frame)
                self._returning.append(frame)
            elif isinstance(output, ReviseInstrument):
                self._returning.append(InstrumentRevised(instrument=output.instrument))
            elif isinstance(output, SENT):
                self._outgoing.append(output)

    def end_turn(self, stamp: Stamp) -> None:
        """Let the strategy quote, hand all records over, send what may be sent, seal when due."""
        try:
            self._step_turn(stamp)
            self.journal.hand_over()
        except JournalFull as full:
            self._fall_back(stamp, str(full))
        if self._outgoing:
            outgoing, self._outgoing = self._outgoing, []
            for command in outgoing:
                self.send(command, stamp)
        if not self.failed and self.journal.seal_due(stamp.at):
            self._seal(stamp)

    def secure(self, stamp: Stamp) -> None:
        """Bring to disk all that was taken, before anything that comes of it is sent."""
        try:
            self.journal.sync()
        except JournalFull as full:
            self._fall_back(stamp, str(full))

    def _step_turn(self, stamp: Stamp) -> None:
        self.take(stamp, TURN_ENDED)
        for _ in range(ROUNDS_MAX):
            if not self._returning:
                return
            returning, self._returning = self._returning, []
            for body in returning:
                self.take(stamp, body)
            self.take(stamp, TURN_ENDED)

    def _fall_back(self, stamp: Stamp, reason: str) -> None:
        """Tell the core that the journal failed; let only what takes risk away out of the door."""
        if not self.failed:
            self.failed = reason
            self.journal.begin_emergency()
            self.take(stamp, JournalFailed(reason=reason))
            self._step_turn(stamp)
            self.journal.hand_over()
        self._outgoing = [command for command in self._outgoing if not takes_risk(command)]

    def _seal(self, stamp: Stamp) -> None:
        """End the segment with a checkpoint, from which a replay may start."""
        try:
            self.journal.seal(self.core.checkpoint(stamp.at), stamp)
        except JournalFull as full:
            self._fall_back(stamp, str(full))

    def close(self, stamp: Stamp) -> None:
        """End with a checkpoint, so that the next session need not play this one's last segment."""
        if not self.failed:
            self.journal.append(OUTPUT, stamp, self.core.checkpoint(stamp.at))
        self.journal.close()

    def observe(self, stamp: Stamp, body: Observation) -> None:
        """Append what the shell measured; the core never sees it."""
        self.journal.append(Kind.OBSERVATION, stamp, body)

    def next_timer(self) -> Nanos | None:
        """When the next timer fires, engine time."""
        return min(self._timers.values()) if self._timers else None

    def fire_timers(self, stamp: Stamp) -> bool:
        """Fire every timer that is due at ``stamp.at``, the earliest first; say if any was."""
        due = sorted((at, timer) for timer, at in self._timers.items() if at <= stamp.at)
        for _, timer in due:
            del self._timers[timer]
        for _, timer in due:
            self.take(stamp, TimerFired(timer=timer))
        return bool(due)
