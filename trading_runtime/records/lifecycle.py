"""An order's life as one table: (state, what happened) to the next state (OMS-1).

The OMS, the audit replay and the models downstream all take their rules from here. What is not in
the table is impossible: it is reported as an alarm and changes nothing.
"""

from collections.abc import Mapping
from enum import Enum


class OrderState(Enum):
    """UNKNOWN states count at full size in exposure until a query proves the order's fate."""

    PENDING_NEW = "pending_new"
    UNKNOWN_NEW = "unknown_new"
    OPEN = "open"
    PARTIALLY_FILLED = "partially_filled"
    PENDING_CANCEL = "pending_cancel"
    UNKNOWN_CANCEL = "unknown_cancel"
    PENDING_AMEND = "pending_amend"
    UNKNOWN_AMEND = "unknown_amend"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"

    # Members are single objects, and Enum's own hash is a call in Python at each look-up.
    __hash__ = object.__hash__


class Happening(Enum):
    """What can happen to an order, whoever told us (answer, stream or query)."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    FILLED_IN_PART = "filled_in_part"
    FILLED_WHOLE = "filled_whole"
    CANCEL_SENT = "cancel_sent"
    CANCEL_REFUSED = "cancel_refused"
    CANCELLED = "cancelled"
    AMEND_SENT = "amend_sent"
    AMENDED = "amended"
    AMEND_REFUSED = "amend_refused"
    EXPIRED = "expired"
    ANSWER_LOST = "answer_lost"
    PROVED_ABSENT = "proved_absent"

    __hash__ = object.__hash__


TERMINAL = frozenset(
    {OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED, OrderState.EXPIRED}
)

_S, _H = OrderState, Happening
_LIVE = tuple(state for state in OrderState if state not in TERMINAL)
_RESTING = (_S.OPEN, _S.PARTIALLY_FILLED)
_CANCELLING = (_S.PENDING_CANCEL, _S.UNKNOWN_CANCEL)
_AMENDING = (_S.PENDING_AMEND, _S.UNKNOWN_AMEND)
_UNSEEN = (_S.PENDING_NEW, _S.UNKNOWN_NEW)
_ENDED = (_S.FILLED, _S.CANCELLED, _S.EXPIRED)
"""Ended after the venue had taken them; REJECTED never rested."""

TRANSITIONS: Mapping[tuple[OrderState, Happening], OrderState] = {
    # A late or second acknowledgement tells nothing new: it comes by answer and by stream.
    **{(state, _H.ACCEPTED): state for state in (*_RESTING, _S.PENDING_AMEND, *_ENDED)},
    **{(state, _H.ACCEPTED): _S.OPEN for state in _UNSEEN},
    (_S.PENDING_CANCEL, _H.ACCEPTED): _S.PENDING_CANCEL,
    # A query found it still resting: the cancel has to be sent again.
    (_S.UNKNOWN_CANCEL, _H.ACCEPTED): _S.OPEN,
    # Likewise; it counts at the larger size until an amendment is confirmed.
    (_S.UNKNOWN_AMEND, _H.ACCEPTED): _S.OPEN,
    **{(state, _H.REJECTED): _S.REJECTED for state in (*_UNSEEN, *_CANCELLING, _S.REJECTED)},
    # The fill can overtake the acknowledgement: they come by different sockets.
    **{(state, _H.FILLED_IN_PART): _S.PARTIALLY_FILLED for state in (*_UNSEEN, *_RESTING)},
    # A partial fill does not answer the request that is under way.
    **{(state, _H.FILLED_IN_PART): state for state in (*_CANCELLING, *_AMENDING)},
    **{(state, _H.FILLED_WHOLE): _S.FILLED for state in _LIVE},
    # The cancel can overtake a fill that came before it.
    **{(state, _H.FILLED_IN_PART): state for state in _ENDED},
    **{(state, _H.FILLED_WHOLE): _S.FILLED for state in _ENDED},
    **{(state, _H.CANCEL_SENT): _S.PENDING_CANCEL for state in _LIVE},
    # Refused: it may have been filled, or never have come. Only a query can tell.
    **{(state, _H.CANCEL_REFUSED): _S.UNKNOWN_CANCEL for state in _CANCELLING},
    **{(state, _H.CANCEL_REFUSED): state for state in (*_RESTING, *TERMINAL)},
    **{(state, _H.CANCELLED): _S.CANCELLED for state in (*_LIVE, _S.CANCELLED)},
    **{(state, _H.EXPIRED): _S.EXPIRED for state in (*_LIVE, _S.EXPIRED)},
    # Two sources may give one end two names; the first stands.
    (_S.EXPIRED, _H.CANCELLED): _S.EXPIRED,
    (_S.CANCELLED, _H.EXPIRED): _S.CANCELLED,
    **{(state, _H.AMEND_SENT): _S.PENDING_AMEND for state in _RESTING},
    **{(state, _H.AMENDED): _S.OPEN for state in _AMENDING},
    **{(state, _H.AMEND_REFUSED): _S.OPEN for state in _AMENDING},
    **{(state, _H.AMENDED): state for state in (*_RESTING, *_CANCELLING, *_ENDED)},
    **{(state, _H.AMEND_REFUSED): state for state in (*_RESTING, *_CANCELLING, *_ENDED)},
    # A lost answer tells nothing where a stream or a query has told already.
    **{(state, _H.ANSWER_LOST): state for state in OrderState},
    (_S.PENDING_NEW, _H.ANSWER_LOST): _S.UNKNOWN_NEW,
    (_S.PENDING_CANCEL, _H.ANSWER_LOST): _S.UNKNOWN_CANCEL,
    (_S.PENDING_AMEND, _H.ANSWER_LOST): _S.UNKNOWN_AMEND,
    (_S.UNKNOWN_NEW, _H.PROVED_ABSENT): _S.REJECTED,
    **{(state, _H.PROVED_ABSENT): _S.CANCELLED for state in (*_CANCELLING, _S.UNKNOWN_AMEND)},
    # Venues forget what ended without a fill.
    **{(state, _H.PROVED_ABSENT): state for state in TERMINAL},
}


def next_state(state: OrderState, happening: Happening, *, filled: bool) -> OrderState | None:
    """Give the state after ``happening``, or None where that is impossible.

    An order that would be OPEN and is ``filled`` in part is PARTIALLY_FILLED.
    """
    after = TRANSITIONS.get((state, happening))
    if after is OrderState.OPEN and filled:
        return OrderState.PARTIALLY_FILLED
    return after


class Aim(Enum):
    """What an order is for: a quote of the strategy, a hedge, or the close of a PanicStop."""

    QUOTE = "quote"
    HEDGE = "hedge"
    CLOSE = "close"
