"""One order of ours, as we know it."""

from typing import Self

import msgspec

from trading_runtime.records.carried_trading import OrderCarried
from trading_runtime.records.lifecycle import TERMINAL, Aim, OrderState
from trading_runtime.records.units import ClientId, Lots, Nanos, Revision, Side, Ticks

PENDING = (OrderState.PENDING_NEW, OrderState.PENDING_CANCEL, OrderState.PENDING_AMEND)
UNKNOWN = (OrderState.UNKNOWN_NEW, OrderState.UNKNOWN_CANCEL, OrderState.UNKNOWN_AMEND)
RESTING = (OrderState.OPEN, OrderState.PARTIALLY_FILLED)
CANCELLING = (OrderState.PENDING_CANCEL, OrderState.UNKNOWN_CANCEL)


class Order(msgspec.Struct, gc=False):
    """One order of ours. The table that holds it alone changes it.

    ``ended``, ``resting`` and ``cancelling`` say of ``state`` what is asked most often.
    """

    order: ClientId
    revision: Revision
    side: Side
    price: Ticks
    size: Lots
    aim: Aim
    placed_at: Nanos
    changed_at: Nanos
    filled: Lots = Lots(0)
    cumulative: Lots = Lots(0)
    state: OrderState = OrderState.PENDING_NEW
    venue_order: str = ""
    trades: tuple[str, ...] = ()
    asked_at: Nanos = Nanos(0)
    asked: int = 0
    ended: bool = False
    resting: bool = False
    cancelling: bool = False

    @property
    def remaining(self) -> Lots:
        return Lots(max(self.size - max(self.filled, self.cumulative), 0))

    @property
    def pending(self) -> Lots:
        """What may still change the position: see the module's rules."""
        whole = self.cumulative if self.ended else max(self.size, self.cumulative)
        return Lots(max(whole - self.filled, 0))

    @property
    def doubtful(self) -> bool:
        """Whether only a query can tell the order's fate or its missing fills."""
        return self.state in UNKNOWN or self.cumulative > self.filled

    def note_state(self) -> None:
        """Derive the flags from ``state``."""
        self.ended = self.state in TERMINAL
        self.resting = self.state in RESTING
        self.cancelling = self.state in CANCELLING

    def carry(self) -> OrderCarried:
        return OrderCarried(
            order=self.order,
            revision=self.revision,
            side=self.side,
            price=self.price,
            size=self.size,
            filled=self.filled,
            state=self.state,
            venue_order=self.venue_order,
            placed_at=self.placed_at,
            changed_at=self.changed_at,
            aim=self.aim,
            cumulative=self.cumulative,
            trades=self.trades,
            asked_at=self.asked_at,
            asked=self.asked,
        )

    @classmethod
    def restored(cls, carried: OrderCarried) -> Self:
        order = cls(
            order=carried.order,
            revision=carried.revision,
            side=carried.side,
            price=carried.price,
            size=carried.size,
            filled=carried.filled,
            state=carried.state,
            venue_order=carried.venue_order,
            placed_at=carried.placed_at,
            changed_at=carried.changed_at,
            aim=carried.aim,
            cumulative=carried.cumulative,
            trades=carried.trades,
            asked_at=carried.asked_at,
            asked=carried.asked,
        )
        order.note_state()
        return order
