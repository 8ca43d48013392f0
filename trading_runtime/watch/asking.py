"""The watchdog's questions to the venue, one answer each, written down before and after.

A question that the venue turns away is not asked again here: what it asks us to wait stands in
``free_at``, and whoever goes on waits for it. The venue's clock is known from ``learn_clock``.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, final

from trading_runtime.account.reports import BarredTold
from trading_runtime.clock import Clock
from trading_runtime.core.venues.registry import Venue
from trading_runtime.core.venues.request import Request, Route
from trading_runtime.core.venues.symbols import Symbol
from trading_runtime.core.venues.told import Told
from trading_runtime.errors import Misread
from trading_runtime.gateway.rest import Answer, NoAnswer
from trading_runtime.journal.diary import Diary
from trading_runtime.oms.reports import (
    Cancelled,
    CancelRejected,
    Unanswered,
)
from trading_runtime.records.commands import (
    AskVenue,
    CancelOrder,
    Question,
    order_request,
)
from trading_runtime.records.envelope import Kind
from trading_runtime.records.inputs import AnswerReceived, InstrumentRevised, RequestFailed
from trading_runtime.records.instruments import Instrument, Scales
from trading_runtime.records.units import (
    NANOS_PER_MILLI,
    NANOS_PER_SECOND,
    ClientId,
    Nanos,
    Revision,
)

Ask = Callable[[Request], Awaitable[Answer | NoAnswer]]
ROUND_TRIP_MAX_NS = Nanos(500 * NANOS_PER_MILLI)
"""A slower answer tells less of the venue's clock than the one before it."""
BARRED_NS = Nanos(NANOS_PER_SECOND)
"""Waited where the venue turns us away and does not say for how long."""
STATUS_OK = 200
CANCELLED = "cancelled"
REASON = "the runtime's lease has run out"


class Line(NamedTuple):
    """One answered request; no answer has status 0, an unread one no ``told``."""

    status: int
    body: bytes
    told: Sequence[Told]


@final
class Asking:
    """Of one venue with one key; owned by the watchdog's loop."""

    def __init__(
        self,
        venue: Venue,
        instruments: Sequence[Instrument],
        ask: Ask,
        redact: Callable[[bytes], bytes],
        diary: Diary,
        clock: Clock,
    ) -> None:
        self.free_at = Nanos(0)
        """Engine time before which the venue wants to hear nothing."""
        self.clock_known = False
        self._venue = venue
        self._ask = ask
        self._redact = redact
        self._diary = diary
        self._clock = clock
        self._offset = Nanos(0)
        self._count = 0
        self._scales = {each.revision: Scales(each) for each in instruments}
        self._codec = venue.private(
            {each.instrument.symbol: Symbol(each) for each in self._scales.values()}
        )
        for each in instruments:
            diary.write(Kind.INPUT, InstrumentRevised(instrument=each))

    def now(self) -> Nanos:
        return self._clock.stamp().at

    async def learn_clock(self) -> bool:
        """Ask what time it is at the venue, which keeps the connection warm too; say if it told."""
        asked_at = self.now()
        name = f"time-{self._venue.name}-{asked_at}"
        line = await self._put(
            AskVenue(
                request=name, venue=self._venue.name, question=Question.CLOCK, revision=Revision(0)
            )
        )
        answered_at = self.now()
        if line.status != STATUS_OK or answered_at - asked_at > ROUND_TRIP_MAX_NS:
            return False
        try:
            told = self._venue.codec.server_time(line.body)
        except Misread:
            return False
        self._offset = Nanos(told - (asked_at + answered_at) // 2)
        self.clock_known = True
        return True

    async def standing(self, instrument: Instrument) -> tuple[ClientId, ...] | None:
        """Give the client ids of all orders of an instrument; None where it was not answered."""
        self._count += 1
        line = await self._put(
            AskVenue(
                request=f"open-{instrument.revision}-{self._count}",
                venue=self._venue.name,
                question=Question.OPEN_ORDERS,
                revision=instrument.revision,
            )
        )
        if line.status != STATUS_OK:
            return None
        try:
            return self._venue.standing_ids(line.body, instrument.symbol)
        except Misread:
            return None

    async def cancel(self, instrument: Instrument, order: ClientId) -> str:
        """Cancel one order; give what came of it, for the record: only a list proves it gone."""
        line = await self._put(
            CancelOrder(order=order, revision=instrument.revision, reason=REASON)
        )
        if not line.status:
            return "no answer"
        for told in line.told:
            match told:
                case Cancelled():
                    return CANCELLED
                case CancelRejected() | Unanswered():
                    return told.reason
                case BarredTold():
                    return told.barred.value
                case _:
                    continue
        return f"status {line.status}"

    async def _put(self, command: AskVenue | CancelOrder) -> Line:
        name = order_request(command) if isinstance(command, CancelOrder) else command.request
        request = self._venue.requests.make(
            command,
            self._scales.get(command.revision),
            Nanos(self.now() + self._offset),
            None,
            Route.HTTP,
        )
        diary = self._diary
        diary.write(Kind.OUTPUT, command)
        await diary.settle()
        answer = await self._ask(request)
        if isinstance(answer, NoAnswer):
            diary.write(
                Kind.INPUT, RequestFailed(request=name, reason=answer.reason, sent=answer.sent)
            )
            return Line(0, b"", ())
        body = self._redact(answer.body)
        diary.write(
            Kind.INPUT,
            AnswerReceived(request=name, status=answer.status, headers=answer.headers, body=body),
        )
        try:
            told = self._codec.answer(name, answer.status, answer.headers, answer.body)
        except Misread:
            told = []
        for each in told:
            self._heed(each)
        return Line(answer.status, answer.body, told)

    def _heed(self, told: Told) -> None:
        """Take what the venue says of waiting, and of our clock."""
        if isinstance(told, BarredTold):
            wait = told.retry_after_ns or BARRED_NS
            self.free_at = max(self.free_at, Nanos(self.now() + wait))
        elif isinstance(told, Unanswered) and told.clock:
            self.clock_known = False
