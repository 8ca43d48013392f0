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


TERMINAL = frozenset(
    {OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED, OrderState.EXPIRED}
)

_S, _H = OrderState, Happening
_LIVE = (
    _S.PENDING_NEW,
    _S.UNKNOWN_NEW,
    _S.OPEN,
    _S.PARTIALLY_FILLED,
    _S.PENDING_CANCEL,
    _S.UNKNOWN_CANCEL,
    _S.PENDING_AMEND,
    _S.UNKNOWN_AMEND,
)
_RESTING = (_S.OPEN, _S.PARTIALLY_FILLED)

TRANSITIONS: Mapping[tuple[OrderState, Happening], OrderState] = {
    # The fill can overtake the acknowledgement: they come by different sockets.
    **{(state, _H.FILLED_WHOLE): _S.FILLED for state in _LIVE},
    **{(state, _H.CANCELLED): _S.CANCELLED for state in _LIVE},
    **{(state, _H.EXPIRED): _S.EXPIRED for state in _LIVE},
    (_S.PENDING_NEW, _H.ACCEPTED): _S.OPEN,
    (_S.UNKNOWN_NEW, _H.ACCEPTED): _S.OPEN,
    (_S.PENDING_NEW, _H.REJECTED): _S.REJECTED,
    (_S.UNKNOWN_NEW, _H.REJECTED): _S.REJECTED,
    (_S.PENDING_NEW, _H.ANSWER_LOST): _S.UNKNOWN_NEW,
    (_S.UNKNOWN_NEW, _H.PROVED_ABSENT): _S.REJECTED,
    (_S.PENDING_NEW, _H.FILLED_IN_PART): _S.PARTIALLY_FILLED,
    (_S.UNKNOWN_NEW, _H.FILLED_IN_PART): _S.PARTIALLY_FILLED,
    # A late acknowledgement tells nothing new.
    **{(state, _H.ACCEPTED): state for state in _LIVE[2:]},
    **{(state, _H.FILLED_IN_PART): _S.PARTIALLY_FILLED for state in _RESTING},
    # A partial fill does not answer the request that is under way.
    **{(state, _H.FILLED_IN_PART): state for state in _LIVE[4:]},
    **{(state, _H.CANCEL_SENT): _S.PENDING_CANCEL for state in _LIVE},
    (_S.PENDING_CANCEL, _H.CANCEL_REFUSED): _S.UNKNOWN_CANCEL,
    (_S.PENDING_CANCEL, _H.ANSWER_LOST): _S.UNKNOWN_CANCEL,
    (_S.UNKNOWN_CANCEL, _H.PROVED_ABSENT): _S.CANCELLED,
    **{(state, _H.AMEND_SENT): _S.PENDING_AMEND for state in _RESTING},
    (_S.PENDING_AMEND, _H.AMENDED): _S.OPEN,
    (_S.UNKNOWN_AMEND, _H.AMENDED): _S.OPEN,
    (_S.PENDING_AMEND, _H.AMEND_REFUSED): _S.OPEN,
    (_S.PENDING_AMEND, _H.ANSWER_LOST): _S.UNKNOWN_AMEND,
    (_S.UNKNOWN_AMEND, _H.PROVED_ABSENT): _S.CANCELLED,
}
