"""The faults in force, and what they do to requests, pushed frames and new connections.

The server calls the hooks:

 * :meth:`FaultBoard.on_request` before a request is acted on, :meth:`FaultBoard.on_answer` after;
 * :meth:`FaultBoard.push` for each event of a stream before it is framed for its subscribers;
 * :meth:`FaultBoard.on_depth` for each REST or WebSocket API answer with a book;
 * :meth:`FaultBoard.accepting` for each new WebSocket;
 * :attr:`FaultBoard.skew_ns` is to be added to every time that the venue states or compares.

The same seed and the same sequence of calls give the same hits.
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable
from typing import Final, Literal, final

import msgspec

from trading_runtime.records.units import NANOS_PER_SECOND
from trading_runtime.simulator.exchange.exchange import Exchange
from trading_runtime.simulator.exchange.words import DepthView, MarketKind
from trading_runtime.simulator.faults.damage import (
    absurd,
    executed,
    executed_again,
    harmed,
    has_prices,
    wholly_executed,
)
from trading_runtime.simulator.faults.rules import Rule, compiled, live
from trading_runtime.simulator.faults.words import (
    MARKET_DATA,
    ORDER_ENTRY,
    AbsurdLevels,
    DoubleFill,
    DroppedUserEvent,
    Duplicate,
    FailedSnapshot,
    Gap,
    Lag,
    Lasting,
    Late,
    LostAnswer,
    Maintenance,
    Malformed,
    PushFault,
    RefuseConnections,
    RefusedStatus,
    Reject,
    Reorder,
    RequestFault,
    Silent,
    Slow,
    StaleSnapshot,
)

MILLIS_PER_SECOND = 1000
SNAPSHOT_LEVELS = 5000
"""The most that a venue gives."""
ConnectionKind = Literal["stream", "user", "ws_api"]


@final
class Pass(msgspec.Struct, frozen=True, gc=False):
    """Go on."""


@final
class Answer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Answer this, and nothing else. Without a ``code`` the body is ``message`` as HTML.

    Over the WebSocket API it is an error answer with ``status``; ``retry_after_s`` is the header
    ``Retry-After``, and there ``data.retryAfter``.
    """

    status: int
    code: int | None
    message: str
    retry_after_s: int | None


@final
class Hang(msgspec.Struct, frozen=True, gc=False):
    """Never answer, and keep the connection open."""


@final
class Close(msgspec.Struct, frozen=True, gc=False):
    """Never answer, and reset the connection."""


Verdict = Pass | Answer | Hang | Close
PASS: Final = Pass()


Sent = list[tuple[float, bytes]]
"""Events with the delay of each in seconds."""
Deliver = Callable[[bytes], None]
MAINTAINED: Final = Answer(
    status=503, code=-1016, message="This service is no longer available.", retry_after_s=None
)
DOWN: Final = {"orders": compiled(ORDER_ENTRY), "data": compiled(MARKET_DATA)}


class FaultBoard:
    """``clock`` gives monotonic nanoseconds."""

    def __init__(self, seed: int, clock: Callable[[], int]) -> None:
        self._rng = random.Random(seed)  # noqa: S311 -- must repeat, keeps no secret
        self._clock = clock
        self._pushes: list[Rule[PushFault]] = []
        self._requests: list[Rule[RequestFault]] = []
        self._states: list[Rule[StaleSnapshot | Maintenance | RefuseConnections]] = []
        self._ordered = 0
        self._held: dict[tuple[MarketKind, str], Sent] = {}
        """Frames that wait for the next one of their stream."""
        self._due_ns: dict[tuple[MarketKind, str], int] = {}
        """When the last lagging frame of a stream is sent: none may overtake it."""
        self._lagging: dict[tuple[MarketKind, str], deque[tuple[Deliver, bytes]]] = {}
        """What of a stream lags still: timers come late on a busy machine, the order must not."""
        self._stale: dict[tuple[MarketKind, str], DepthView] = {}
        self.skew_ns = 0
        self.pinned_marks: dict[str, int] = {}
        """Mark prices that do not follow the market, in 10^-8 of the quote asset."""

    @property
    def touches_pushes(self) -> bool:
        return bool(self._pushes or self._held or self._due_ns or self._lagging)

    def order(self, fault: Lasting, exchange: Callable[[MarketKind], Exchange]) -> int:
        """Put a fault in force; give its number. The books of ``exchange`` are kept to go stale."""
        until_ns = None
        if fault.seconds is not None:
            until_ns = self._clock() + int(fault.seconds * NANOS_PER_SECOND)
        if isinstance(fault, PushFault):
            self._pushes.append(Rule(fault, fault.stream, until_ns))
        elif isinstance(fault, RequestFault):
            self._requests.append(Rule(fault, fault.route, until_ns))
        else:
            if isinstance(fault, StaleSnapshot):
                self._keep_books(fault, exchange)
            pattern = fault.connection if isinstance(fault, RefuseConnections) else "*"
            self._states.append(Rule(fault, pattern, until_ns))
        self._ordered += 1
        return self._ordered

    def clear(self) -> None:
        """End all faults, set the clock right and let mark prices follow the market again."""
        self._pushes, self._requests, self._states = [], [], []
        self._stale.clear()
        self._held.clear()
        self.skew_ns = 0
        self.pinned_marks.clear()

    async def on_request(self, route: str, market: MarketKind) -> Verdict:
        """Say what becomes of a request that was not acted on yet; waits where it is to be slow.

        ``route`` is ``METHOD /path``, or ``WS method``.
        """
        if self._states and (down := self._down(route, market)) is not None:
            return down
        if not self._requests:
            return PASS
        self._requests = live(self._requests, self._clock())
        verdict: Verdict = PASS
        for rule in self._requests:
            fault = rule.fault
            if isinstance(fault, RefusedStatus | LostAnswer) and fault.acted:
                continue
            if not rule.hits(route, market, self._rng):
                continue
            if isinstance(fault, Slow):
                await asyncio.sleep(self._waits_s(fault))
            else:
                verdict = verdict_of(fault)
                break
        return verdict

    def on_answer(self, route: str, market: MarketKind) -> Verdict:
        """Say what becomes of the answer to a request that was acted on."""
        for rule in self._requests:
            fault = rule.fault
            if (
                isinstance(fault, RefusedStatus | LostAnswer)
                and fault.acted
                and rule.standing(self._clock())
                and rule.hits(route, market, self._rng)
            ):
                return verdict_of(fault)
        return PASS

    def push(self, stream: str, market: MarketKind, event: bytes, deliver: Deliver) -> None:
        """Deliver what :meth:`on_push` gives, each when its delay is over."""
        if not self.touches_pushes:
            deliver(event)
            return
        key, loop = (market, stream), asyncio.get_running_loop()
        for delay_s, shown in self.on_push(stream, market, event):
            if key in self._due_ns or key in self._lagging:
                self._lagging.setdefault(key, deque()).append((deliver, shown))
                loop.call_later(delay_s, self._deliver_next, key)
            elif delay_s > 0:
                loop.call_later(delay_s, deliver, shown)
            else:
                deliver(shown)

    def _deliver_next(self, key: tuple[MarketKind, str]) -> None:
        lagging = self._lagging[key]
        deliver, event = lagging.popleft()
        if not lagging:
            del self._lagging[key]
        deliver(event)

    def on_push(self, stream: str, market: MarketKind, event: bytes) -> Sent:
        """Give what is to be sent in place of ``event``, each after a delay in seconds.

        ``event`` is the JSON of the event alone, without the wrapping of combined streams;
        ``stream`` of an account's event is ``user<number>@<event>``.
        """
        key, now_ns = (market, stream), self._clock()
        self._pushes = live(self._pushes, now_ns)
        held = self._held.pop(key, [])
        sent: Sent = [(0.0, event)]
        for rule in self._pushes:
            fault = rule.fault
            if not concerns(fault, event) or (held and isinstance(fault, Reorder)):
                continue
            if rule.hits(stream, market, self._rng):
                if isinstance(fault, Reorder):
                    self._held[key], sent = sent, []
                elif isinstance(fault, Lag):
                    due_ns = now_ns + fault.delay_ms * NANOS_PER_SECOND // MILLIS_PER_SECOND
                    self._due_ns[key] = max(due_ns, self._due_ns.get(key, 0))
                else:
                    sent = changed(fault, sent)
                if not sent:
                    break
        sent += held
        if key in self._due_ns:
            sent = self._lagged(key, sent, now_ns)
        return sent

    def on_depth(self, market: MarketKind, view: DepthView) -> DepthView:
        """Give the book that is to be answered in place of ``view``."""
        if not self._stale:
            return view
        self._states = live(self._states, self._clock())
        for rule in self._states:
            if isinstance(rule.fault, StaleSnapshot) and rule.hits("", market, self._rng):
                kept = self._stale.get((market, view.symbol), view)
                bids, asks = kept.bids[: len(view.bids)], kept.asks[: len(view.asks)]
                return msgspec.structs.replace(kept, bids=bids, asks=asks)
        return view

    def accepting(self, market: MarketKind, kind: ConnectionKind) -> bool:
        """Say whether a new WebSocket is accepted."""
        self._states = live(self._states, self._clock())
        for rule in self._states:
            match rule.fault:
                case RefuseConnections() if rule.hits(kind, market, self._rng):
                    return False
                case Maintenance(down=down) if rule.concerns_market(market):
                    if down == "all" or (down == "data" and kind == "stream"):
                        return False
        return True

    def _down(self, route: str, market: MarketKind) -> Answer | None:
        self._states = live(self._states, self._clock())
        for rule in self._states:
            fault = rule.fault
            if not isinstance(fault, Maintenance) or not rule.concerns_market(market):
                continue
            if fault.down == "all" or DOWN[fault.down].fullmatch(route):
                return MAINTAINED
        return None

    def _waits_s(self, fault: Slow) -> float:
        mean_s = fault.delay_ms / MILLIS_PER_SECOND
        return self._rng.expovariate(1.0 / mean_s) if fault.noisy and mean_s else mean_s

    def _lagged(self, key: tuple[MarketKind, str], sent: Sent, now_ns: int) -> Sent:
        lag_ns = self._due_ns[key] - now_ns
        if lag_ns <= 0:
            del self._due_ns[key]
            return sent
        lag_s = lag_ns / NANOS_PER_SECOND
        return [(after_s + lag_s, frame) for after_s, frame in sent]

    def _keep_books(self, fault: StaleSnapshot, exchange: Callable[[MarketKind], Exchange]) -> None:
        for market in MarketKind if fault.market is None else (fault.market,):
            venue = exchange(market)
            for rules in venue.symbols():
                book = venue.depth(rules.symbol, SNAPSHOT_LEVELS)
                self._stale[market, rules.symbol] = book


def verdict_of(fault: RefusedStatus | LostAnswer | Reject | FailedSnapshot) -> Verdict:
    """Give what a request meets that the fault has hit."""
    match fault:
        case LostAnswer(how="hang"):
            return Hang()
        case LostAnswer():
            return Close()
        case Reject(code=code, message=message):
            return Answer(status=400, code=code, message=message, retry_after_s=None)
        case FailedSnapshot(status=status):
            return Answer(status=status, code=None, message="", retry_after_s=None)
        case RefusedStatus():
            return Answer(
                status=fault.status,
                code=fault.code,
                message=fault.message,
                retry_after_s=fault.retry_after_s,
            )


def concerns(fault: PushFault, event: bytes) -> bool:
    """Say whether the fault can do something to an event of a stream that it matches."""
    if isinstance(fault, AbsurdLevels):
        return has_prices(event)
    if isinstance(fault, DoubleFill):
        return wholly_executed(event) if fault.how == "filled_again" else executed(event)
    return True


def changed(fault: PushFault, sent: Sent) -> Sent:
    """Give what is sent in place of ``sent`` by a fault that needs no memory."""
    match fault:
        case Gap() | DroppedUserEvent() | Silent():
            return []
        case Duplicate() | DoubleFill() | Late():
            return sent + [repeated(fault, event) for event in sent]
        case Malformed(how=harm):
            return [(after_s, harmed(event, harm)) for after_s, event in sent]
        case AbsurdLevels(how=price):
            return [(after_s, absurd(event, price)) for after_s, event in sent]
        case Reorder() | Lag():
            return sent


def repeated(
    fault: Duplicate | DoubleFill | Late, sent: tuple[float, bytes]
) -> tuple[float, bytes]:
    """Give what is sent besides an event."""
    after_s, event = sent
    match fault:
        case Late(delay_ms=delay_ms):
            return after_s + delay_ms / MILLIS_PER_SECOND, event
        case DoubleFill(how="filled_again"):
            return after_s, executed_again(event)
        case Duplicate() | DoubleFill():
            return sent
