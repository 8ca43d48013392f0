"""Messages about our orders and our account to what they tell, or ``Misread``.

A frame is an event or the answer to a request that went by the socket; an answer over HTTP is named
by its request. What concerns instruments that are not ours, and events of a type that is not known,
are counted and tell nothing. One message may tell several things: what was accepted is told before
what was filled, and how much of the venue's limits is used comes last.

Reasons of ``Misread``: ``truncated``, ``malformed``, ``unknown_symbol``, ``unknown_execution``,
``not_decimal``, ``off_tick``, ``off_lot``, ``too_large``.
"""

from collections.abc import Iterable, Mapping

import msgspec

from trading_runtime.account.reports import LimitsTold, StreamEnded
from trading_runtime.core.venues.binance import faults
from trading_runtime.core.venues.binance.answers import on_order_answer, order_name
from trading_runtime.core.venues.binance.events import AccountEvents
from trading_runtime.core.venues.binance.limits import Meter
from trading_runtime.core.venues.binance.questions_answered import QuestionAnswers
from trading_runtime.core.venues.binance.refusals import Refusal, refused
from trading_runtime.core.venues.binance.wire_private import (
    AnyFrame,
    ErrorWire,
    OrderBody,
    SocketAnswer,
    StreamedEvent,
    UsdmEvent,
    WrappedEvent,
)
from trading_runtime.core.venues.symbols import Symbol
from trading_runtime.core.venues.told import Told
from trading_runtime.errors import Misread
from trading_runtime.records.carried import PrivateCarried
from trading_runtime.records.units import NANOS_PER_MILLI, NANOS_PER_SECOND, Nanos

SUBSCRIBE_REQUEST = "subscribe"
"""The word, alone or before a hyphen, of the request that asks for the account's events."""
OK_MIN, OK_MAX = 200, 299
RETRY_DIGITS_MAX = 6
SHUTDOWN = b'"serverShutdown"'
NOTICE_BYTES_MAX = 256
"""An announcement is short; longer frames are not searched."""

KNOWN_EVENTS = frozenset(
    {
        "executionReport",
        "outboundAccountPosition",
        "balanceUpdate",
        "externalLockUpdate",
        "eventStreamTerminated",
        "ORDER_TRADE_UPDATE",
        "ACCOUNT_UPDATE",
        "ACCOUNT_CONFIG_UPDATE",
        "MARGIN_CALL",
        "listenKeyExpired",
    }
)

_answer = msgspec.json.Decoder(SocketAnswer).decode
_wrapped = msgspec.json.Decoder(WrappedEvent).decode
_usdm = msgspec.json.Decoder(UsdmEvent).decode
_streamed = msgspec.json.Decoder(StreamedEvent).decode
_any = msgspec.json.Decoder(AnyFrame).decode
_order = msgspec.json.Decoder(OrderBody).decode
_error = msgspec.json.Decoder(ErrorWire).decode


def is_shutdown_notice(frame: bytes) -> bool:
    """Say whether the venue announces that it will close this connection soon."""
    return len(frame) <= NOTICE_BYTES_MAX and SHUTDOWN in frame


class PrivateCodec:
    """Of one market of the venue; ``symbols`` are our instruments as they are at each moment."""

    def __init__(self, venue: str, symbols: Mapping[str, Symbol], *, futures: bool) -> None:
        self._venue = venue
        self._symbols = symbols
        self.ignored: dict[str, int] = {}
        """How many messages told us nothing, by what they were."""
        self._events = AccountEvents(venue, symbols, self.ignored)
        self._questions = QuestionAnswers(venue, symbols, self._events, futures=futures)
        self._meter = Meter()
        self._faults = faults.USDM if futures else faults.SPOT

    def frame(self, data: bytes) -> list[Told]:
        """Give what a frame of an orders' or an account's connection tells; raise ``Misread``."""
        try:
            if data.startswith(b'{"id"'):
                return self._on_socket_answer(_answer(data))
            if data.startswith(b'{"subscriptionId"'):
                return self._events.on_spot(_wrapped(data).event)
            if data.startswith(b'{"e"'):
                return self._events.on_usdm(_usdm(data))
            return self._on_any(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return self._on_unreadable(data, error)

    def answer(
        self,
        request: str,
        status: int,
        headers: Iterable[tuple[str, str]],
        body: bytes,
    ) -> list[Told]:
        """Give what the HTTP answer to ``request`` tells; raise ``Misread``.

        Of a request that is none of ours only what it says of the venue's limits.
        """
        headers = tuple(headers)
        try:
            if OK_MIN <= status <= OK_MAX:
                name = order_name(request)
                told = (
                    on_order_answer(name, _order(body), self._symbols)
                    if name is not None
                    else self._questions.answer(request, body)
                )
            else:
                told = self._on_refused(request, status, headers, body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise _unreadable(error) from error
        limits = self._meter.on_headers(headers)
        if limits:
            told.append(LimitsTold(self._venue, limits))
        return told

    def carry(self) -> PrivateCarried:
        return PrivateCarried(
            venue=self._venue,
            limits=self._meter.carry(),
            one_way=tuple(self._events.one_way.items()),
        )

    def restore(self, carried: PrivateCarried) -> None:
        self._meter.restore(carried.limits)
        self._events.one_way.update(carried.one_way)

    def _on_socket_answer(self, answer: SocketAnswer) -> list[Told]:
        request = answer.id
        if not isinstance(request, str):
            # An answer to what could not even be read names no request.
            return self._events.ignore("nameless_answer")
        limits = self._meter.on_answer(answer.rate_limits) if answer.rate_limits else ()
        told = self._on_named(request, answer)
        if limits:
            told.append(LimitsTold(self._venue, limits))
        return told

    def _on_named(self, request: str, answer: SocketAnswer) -> list[Told]:
        error, result = answer.error, answer.result
        if request.partition("-")[0] == SUBSCRIBE_REQUEST:
            if error is None:
                return []
            return [StreamEnded(self._venue, f"not subscribed: {error.msg}")]
        name = order_name(request)
        if name is None:
            return self._events.ignore("other_answer")
        if error is not None or result is None:
            code, message = (error.code, error.msg) if error is not None else (0, "")
            wait = _wait(error)
            refusal = Refusal(request, name, answer.status, code, message, wait)
            return refused(refusal, self._venue, self._faults)
        return on_order_answer(name, result, self._symbols)

    def _on_refused(
        self, request: str, status: int, headers: tuple[tuple[str, str], ...], body: bytes
    ) -> list[Told]:
        try:
            error = _error(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            # What stands between us and the venue answers in its own words.
            error = ErrorWire(code=0, msg=f"status {status}")
        wait = _retry_after(headers)
        refusal = Refusal(request, order_name(request), status, error.code, error.msg, wait)
        return refused(refusal, self._venue, self._faults)

    def _on_any(self, data: bytes) -> list[Told]:
        """Take a frame that does not begin as the venue's documents have it."""
        frame = _any(data)
        if frame.event is not None:
            return self._events.on_spot(_wrapped(data).event)
        if frame.data is not None:
            return self._events.on_usdm(_streamed(data).data)
        if frame.e:
            return self._events.on_usdm(_usdm(data))
        if frame.status:
            return self._on_socket_answer(_answer(data))
        return self._events.ignore("other_frame")

    def _on_unreadable(self, data: bytes, error: Exception) -> list[Told]:
        """Count what is new to us; raise ``Misread`` for what we should have been able to read."""
        try:
            frame = _any(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as worse:
            raise _unreadable(worse) from worse
        inner = frame.event or frame.data
        event = frame.e or (inner.e if inner is not None else "")
        if event:
            if event in KNOWN_EVENTS:
                raise _unreadable(error) from error
            return self._events.ignore(event[:40])
        if isinstance(frame.id, str) and order_name(frame.id) is None:
            return self._events.ignore("other_answer")
        raise _unreadable(error) from error


def _wait(error: ErrorWire | None) -> Nanos:
    """Give the wait that an answer by socket asks for: it names moments of the venue's clock."""
    data = error.data if error is not None else None
    if data is None or not data.server_time or not data.retry_after:
        return Nanos(0)
    return Nanos(max(0, data.retry_after - data.server_time) * NANOS_PER_MILLI)


def _retry_after(headers: tuple[tuple[str, str], ...]) -> Nanos:
    for name, value in headers:
        if name.lower() == "retry-after" and value.isdecimal() and len(value) <= RETRY_DIGITS_MAX:
            return Nanos(int(value) * NANOS_PER_SECOND)
    return Nanos(0)


def _unreadable(error: Exception) -> Misread:
    detail = str(error)[:200]
    return Misread("truncated" if "truncated" in detail else "malformed", detail)
