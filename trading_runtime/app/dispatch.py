"""Commands on their way out: to a request, past the lease, to a socket or an HTTP call.

It sends each command once or says at once why not, as an input. A place or an amendment that was
decided too long ago, or by a session without a lease, does not leave. When the socket of orders is
down, cancels and queries go by HTTP; nothing that takes risk does.
"""

import asyncio
from collections.abc import Callable

from trading_runtime.app.access import Access
from trading_runtime.app.lines import Lines
from trading_runtime.app.turns import Turns
from trading_runtime.clock import Clock, mono_ns
from trading_runtime.config import VenueSettings
from trading_runtime.core.venues.registry import Venue
from trading_runtime.core.venues.request import Request, Route
from trading_runtime.errors import Refused
from trading_runtime.gateway.connection import NotSent
from trading_runtime.gateway.rest import NoAnswer
from trading_runtime.records.commands import (
    AmendOrder,
    ArmDeadMan,
    AskVenue,
    CancelOrder,
    Command,
    Execution,
    PlaceOrder,
    QueryOrder,
    QueryTrades,
    QueryVenueOrder,
    ReopenAccountLine,
    RequestSnapshot,
    Resubscribe,
    order_request,
)
from trading_runtime.records.envelope import Stamp
from trading_runtime.records.inputs import AnswerReceived, Input, RequestFailed
from trading_runtime.records.instruments import Scales
from trading_runtime.records.units import NANOS_PER_MILLI, Nanos, Revision

ByOrder = PlaceOrder | AmendOrder | CancelOrder
ByRequest = QueryOrder | RequestSnapshot | AskVenue | QueryTrades | QueryVenueOrder | ArmDeadMan
Asked = ByOrder | ByRequest
ORDERS = (PlaceOrder, AmendOrder, CancelOrder, QueryOrder)
TAKES_RISK = (PlaceOrder, AmendOrder)


class Dispatch:
    """Sends for one session; owned by its loop."""

    def __init__(
        self,
        venue: Venue,
        settings: VenueSettings,
        access: Access,
        turns: Turns,
        clock: Clock,
        fence: Callable[[Nanos], str],
    ) -> None:
        """``fence`` says why nothing may be sent at a monotonic time; empty when it may."""
        self.lines: Lines | None = None
        self.fenced = ""
        """Why this session may send nothing any more; empty while it may."""
        self._venue = venue
        self._settings = settings
        self._access = access
        self._turns = turns
        self._clock = clock
        self._fence = fence
        self._calls: set[asyncio.Task[None]] = set()

    def send(self, command: Command, stamp: Stamp) -> None:
        """Send what the core said at ``stamp``, or tell the core why not."""
        if isinstance(command, Resubscribe | ReopenAccountLine):
            if self.lines is not None:
                self.lines.ask_anew(command)
        elif isinstance(command, ByOrder):
            self._ask_for(command, order_request(command), stamp)
        elif isinstance(command, ByRequest):
            self._ask_for(command, command.request, stamp)

    def _ask_for(self, command: Asked, name: str, stamp: Stamp) -> None:
        refusal = self._refusal(command, stamp)
        if not refusal:
            try:
                self._go(command, name, stamp)
            except Refused as refused:
                refusal = str(refused)
        if refusal:
            self._tell(RequestFailed(request=name, reason=refusal, sent=False))

    def _refusal(self, command: Asked, stamp: Stamp) -> str:
        """Say why ``command`` must not leave; empty when it may."""
        if self.look_at_fence():
            return self.fenced
        if isinstance(command, TAKES_RISK):
            age = self._clock.stamp().at - stamp.at
            if age > self._settings.command_age_max_ns:
                return f"decided {age // NANOS_PER_MILLI} ms ago"
        return ""

    def look_at_fence(self) -> str:
        """Say why nothing may be sent now and from now on; empty when it may."""
        self.fenced = self.fenced or self._fence(mono_ns())
        return self.fenced

    def _go(self, command: Asked, name: str, stamp: Stamp) -> None:
        if isinstance(command, ORDERS) and self.lines is not None:
            message = self._access.signer.message(self._request(command, stamp, Route.SOCKET))
            not_sent = self.lines.send_order(message)
            if not isinstance(not_sent, NotSent):
                return
            if isinstance(command, TAKES_RISK):
                self._tell(RequestFailed(request=name, reason=not_sent.value, sent=False))
                return
        self._call(self._request(command, stamp, Route.HTTP))

    def _request(self, command: Asked, stamp: Stamp, route: Route) -> Request:
        core = self._turns.session.core
        time = Nanos(stamp.at + core.intake.offsets.get(self._venue.name, 0))
        scales = self._scales(command.revision)
        placed = self._placed(command) if isinstance(command, AmendOrder) else None
        return self._venue.requests.make(command, scales, time, placed, route)

    def _scales(self, revision: Revision) -> Scales | None:
        """Give the grid that a command counts on; a desk may still be on an older one."""
        core = self._turns.session.core
        for desk in core.engine.desks:
            if desk.lane.revision == revision:
                return desk.lane.scales
        market = core.intake.markets.get(revision)
        return None if market is None else market.scales

    def _placed(self, command: AmendOrder) -> PlaceOrder | None:
        """Say how an order was placed, which some venues want to be told again."""
        for desk in self._turns.session.core.engine.desks:
            order = desk.table.find(command.order)
            if order is not None:
                return PlaceOrder(
                    order=order.order,
                    revision=order.revision,
                    side=order.side,
                    price=order.price,
                    size=order.size,
                    execution=Execution.POST_ONLY,
                    reduce_only=False,
                    reason=command.reason,
                )
        return None

    def _call(self, request: Request) -> None:
        task = asyncio.create_task(self._ask(request))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _ask(self, request: Request) -> None:
        answer = await self._access.ask(request)
        if isinstance(answer, NoAnswer):
            failed = RequestFailed(request=request.name, reason=answer.reason, sent=answer.sent)
            self._turns.take(failed)
        else:
            body = self._access.redactor.redact(answer.body)
            self._turns.take(
                AnswerReceived(
                    request=request.name,
                    status=answer.status,
                    headers=answer.headers,
                    body=body,
                )
            )

    def _tell(self, body: Input) -> None:
        """Give the core an input in a turn of its own: this one is just being sent."""
        asyncio.get_running_loop().call_soon(self._turns.take, body)

    async def close(self) -> None:
        """Give up what was not answered."""
        for task in list(self._calls):
            task.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)
