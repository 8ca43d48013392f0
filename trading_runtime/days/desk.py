"""One session of days that are made up: the same shell and core as live, under a clock that is set.

Nothing here waits: time is what the next message, timer or order of a person says it is. So a day
takes as long as its messages take to be worked on.
"""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from trading_runtime.app.naming import NONCE_LENGTH, NONCE_LETTERS
from trading_runtime.app.opening import (
    PAPER_CONNECTION,
    Birth,
    Plan,
    Recovery,
    open_session,
)
from trading_runtime.clock import compact_text
from trading_runtime.core.venues.registry import VENUES
from trading_runtime.days.market import Heard
from trading_runtime.days.story import Order
from trading_runtime.records.commands import Command, RequestSnapshot
from trading_runtime.records.envelope import Stamp
from trading_runtime.records.inputs import (
    Action,
    AnswerReceived,
    ConnectionLost,
    ConnectionOpened,
    FrameReceived,
    Input,
    OperatorCommanded,
    ParametersActivated,
    Purpose,
)
from trading_runtime.records.observations import Observation, ServiceStopped
from trading_runtime.records.units import (
    NANOS_PER_MILLI,
    NANOS_PER_SECOND,
    Connection,
    Nanos,
    Revision,
)

MARKET_CONNECTION = Connection(PAPER_CONNECTION + 1)
TURN_SPAN_NS = NANOS_PER_MILLI // 5
"""What comes within it would be readable together, and is one turn."""
WIND_DOWN_NS = 2 * NANOS_PER_SECOND
"""After a stop: for the cancels, and the paper venue's answers to them."""
STATUS_OK = 200
PROCESS = 1
"""The number of the process, which is made up too: a real one differs each time."""
USER = "anna"


class Made(NamedTuple):
    """A session that has ended."""

    session: str
    frames: int


def birth_of(seed: int, at: Nanos) -> Birth:
    """Give the name of the session that begins at ``at``: the same seed gives the same."""
    rng = random.Random(f"{seed} {at}")  # noqa: S311 -- must repeat, keeps no secret
    nonce = "".join(rng.choice(NONCE_LETTERS) for _ in range(NONCE_LENGTH))
    return Birth(f"{compact_text(at)}-{nonce}", Nanos(0), PROCESS)


class Desk:
    """Owns one session from its opening to its close."""

    def __init__(
        self,
        planned: Plan,
        data: Path,
        born: Birth,
        at: Nanos,
        recovery: Recovery,
    ) -> None:
        self._planned = planned
        self._start = at
        self._at = at
        self._turn_at = at
        self._open = False
        """Whether something has been taken since the last turn ended."""
        self._asked: list[RequestSnapshot] = []
        self.frames = 0
        self._session = open_session(planned, data, self._stamp(), recovery, self._send, born)
        self.connected = False

    def connect(self) -> None:
        """Open the line to the market; every book is asked for."""
        venue = self._planned.instruments[0].venue
        channels = [
            channel.name
            for instrument in self._planned.instruments
            for channel in VENUES[venue].channels(instrument.symbol)
        ]
        opened = ConnectionOpened(
            connection=MARKET_CONNECTION,
            venue=venue,
            purpose=Purpose.MARKET,
            channels=tuple(channels),
        )
        self._take(opened)
        self.connected = True

    def disconnect(self, reason: str) -> None:
        self._take(ConnectionLost(connection=MARKET_CONNECTION, reason=reason))
        self._asked.clear()
        self.connected = False

    def play(self, heard: Sequence[Heard], until: Nanos) -> None:
        """Take messages in turns, and fire timers between them, until ``until``."""
        for each in heard:
            if each.at - self._turn_at > TURN_SPAN_NS:
                self._fire_until(each.at)
                self._turn_at = each.at
            self._at = max(self._at, each.at)
            self._take(FrameReceived(connection=MARKET_CONNECTION, frame=each.frame))
            self.frames += 1
        self._fire_until(until)

    def answer(self, book: Callable[[Revision], bytes]) -> None:
        """Give the books that were asked for, as ``book`` tells them now."""
        asked, self._asked = self._asked, []
        for each in asked:
            body = book(each.revision)
            answered = AnswerReceived(request=each.request, status=STATUS_OK, headers=(), body=body)
            self._take(answered)
        self._end_turn()

    def order(self, order: Order) -> None:
        """Do what a person says."""
        told = OperatorCommanded(action=order.action, user=USER, reason=order.reason)
        self._take(told)
        self._end_turn()

    def activate(self, instrument_id: str, parameters: bytes) -> None:
        activated = ParametersActivated(
            instrument_id=instrument_id, parameters=parameters, user=USER
        )
        self._take(activated)
        self._end_turn()

    def observe(self, body: Observation) -> None:
        self._session.observe(self._stamp(), body)

    def settle(self) -> None:
        """Bring to disk all that was taken, so that who follows may have it."""
        self._end_turn()
        self._session.journal.sync()

    def close(self, reason: str) -> Made:
        """Stop as a live session does: cancel everything, and let the answers come."""
        self.order(Order(self._at, Action.STOP, reason))
        self._fire_until(Nanos(self._at + WIND_DOWN_NS))
        uptime = Nanos(self._at - self._start)
        self.observe(ServiceStopped(service="runtime", reason=reason, uptime_ns=uptime))
        self._session.close(self._stamp())
        return Made(self._session.journal.session, self.frames)

    def _send(self, command: Command, stamp: Stamp) -> None:
        """A made up venue answers for its books; orders never come here on paper."""
        del stamp
        if isinstance(command, RequestSnapshot):
            self._asked.append(command)

    def _stamp(self) -> Stamp:
        return Stamp(self._at, self._at)

    def _take(self, body: Input) -> None:
        self._session.take(self._stamp(), body)
        self._open = True

    def _end_turn(self) -> None:
        if self._open:
            self._open = False
            self._session.end_turn(self._stamp())

    def _fire_until(self, until: Nanos) -> None:
        """End the turn, then fire the timers that are due before ``until``, each at its moment."""
        self._end_turn()
        session = self._session
        due = session.next_timer()
        while due is not None and due < until:
            self._at = max(due, self._at)
            session.fire_timers(self._stamp())
            session.end_turn(self._stamp())
            due = session.next_timer()
        self._at = max(until, self._at)
