"""The faults in force, and what they do to requests, pushed frames and new connections.

The server calls the hooks:

 * :meth:`FaultBoard.on_request` before a request is acted on, :meth:`FaultBoard.on_answer` after;
 * :meth:`FaultBoard.on_push` for each event of a stream before it is framed for its subscribers,
   which may be left out while :attr:`FaultBoard.touches_pushes` is False;
 * :meth:`FaultBoard.on_depth` for each REST or WebSocket API answer with a book;
 * :meth:`FaultBoard.accepting` for each new WebSocket;
 * :attr:`FaultBoard.skew_ns` is to be added to every time that the venue states or compares.

The same seed and the same sequence of calls give the same hits.
"""

from typing import Final, Literal, final

import msgspec

from trading_runtime.simulator.exchange.words import DepthView, MarketKind
from trading_runtime.simulator.faults.words import Lasting

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


class FaultBoard:
    """``clock`` gives monotonic nanoseconds."""

    touches_pushes: bool
    skew_ns: int

    async def on_request(self, route: str, market: MarketKind) -> Verdict:
        """Say what becomes of a request that was not acted on yet; waits where it is to be slow."""
        raise NotImplementedError

    def on_answer(self, route: str, market: MarketKind) -> Verdict:
        """Say what becomes of the answer to a request that was acted on."""
        raise NotImplementedError

    def on_push(self, stream: str, market: MarketKind, event: bytes) -> list[tuple[float, bytes]]:
        """Give what is to be sent in place of ``event``, each after a delay in seconds.

        ``event`` is the JSON of the event alone, without the wrapping of combined streams.
        """
        raise NotImplementedError

    def on_depth(self, market: MarketKind, view: DepthView) -> DepthView:
        """Give the book that is to be answered in place of ``view``."""
        raise NotImplementedError

    def accepting(self, market: MarketKind, kind: ConnectionKind) -> bool:
        """Say whether a new WebSocket is accepted."""
        raise NotImplementedError

    def order(self, fault: Lasting) -> int:
        """Put a fault in force; give its number."""
        raise NotImplementedError

    def clear(self) -> None:
        """End all faults and set the clock right."""
        raise NotImplementedError
