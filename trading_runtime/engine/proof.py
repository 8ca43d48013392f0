"""What the venue itself shows while a PanicStop is under way: orders that rest, positions held.

Rules:
 * A proof counts what was asked after the last change that we know of; any later one voids it.
 * Only orders with our prefix are ours; the others are somebody's and are never touched.
 * What is not answered is asked again, each time after twice the wait.
"""

import msgspec

from trading_runtime.account.reports import AccountTold
from trading_runtime.engine.desk import Desk
from trading_runtime.engine.floor import Floor
from trading_runtime.oms.reports import OpenOrders, Standing
from trading_runtime.records.commands import Question
from trading_runtime.records.envelope import Output
from trading_runtime.records.units import Lots, Nanos, Revision

TRIES_MAX = 2
"""The wait for an answer doubles so often: a position that is to be closed waits for it."""


class ProofCarried(msgspec.Struct, frozen=True, array_like=True):
    session: str
    asked_at: Nanos
    next_at: Nanos
    tries: int
    awaited: tuple[str, ...]
    positions: tuple[tuple[str, Lots], ...]
    margin: bool
    ledgers: tuple[Lots, ...]


class Proof:
    """Owned by the engine's safety; one round of questions at a time."""

    __slots__ = (
        "_awaited",
        "_desks",
        "_floor",
        "_ledgers",
        "_positions",
        "_session",
        "_tries",
        "asked_at",
        "margin",
        "next_at",
    )

    def __init__(self, floor: Floor, desks: list[Desk]) -> None:
        self._floor = floor
        self._desks = desks
        self._session = ""
        self.asked_at = Nanos(0)
        """When the round began; 0 while there is none."""
        self.next_at = Nanos(0)
        """When what is still open is asked again."""
        self._tries = 0
        self._awaited: list[str] = []
        """Requests that are not answered as hoped."""
        self._positions: dict[str, Lots] = {}
        self.margin = False
        """Whether the account has positions of its own, beside its balances."""
        self._ledgers: tuple[Lots, ...] = ()
        """Our own positions when it was asked."""

    @property
    def complete(self) -> bool:
        """Whether the venue has shown no order of ours, and what it holds."""
        return bool(self.asked_at) and not self._awaited

    def holds(self) -> bool:
        """Whether nothing has moved since the round began, as far as we know."""
        same = self._ledgers == self._positions_known()
        return bool(self.asked_at) and same and self._session == self._floor.ids.session

    def void(self) -> None:
        """Believe none of it any more; the next round waits for nothing."""
        self.asked_at = self.next_at = Nanos(0)
        self._tries = 0
        self._awaited.clear()
        self._positions.clear()

    def ask(self, at: Nanos, out: list[Output]) -> None:
        """Begin a round, unless one is under way or the venue wants to hear nothing."""
        floor = self._floor
        if at < max(self.next_at, floor.quiet_until) or self.complete:
            return
        self.asked_at = at
        interval = floor.settings.panic_ask_interval_ns
        self.next_at = Nanos(at + (interval << min(self._tries, TRIES_MAX)))
        self._tries += 1
        self._session = floor.ids.session
        self._ledgers = self._positions_known()
        self._positions.clear()
        self._awaited.clear()
        venues: list[str] = []
        for desk in self._desks:
            instrument = desk.market.instrument
            revision = instrument.revision
            self._awaited.append(floor.ask(Question.OPEN_ORDERS, instrument.venue, revision, out))
            if instrument.venue not in venues:
                venues.append(instrument.venue)
        for venue in venues:
            self._awaited.append(floor.ask(Question.ACCOUNT, venue, Revision(0), out))

    def on_orders(self, told: OpenOrders, at: Nanos, out: list[Output]) -> None:
        """Cancel what is still shown of ours; without any, one question less is open."""
        if told.request not in self._awaited:
            return
        desk = next((d for d in self._desks if d.instrument_id == told.instrument_id), None)
        owns = self._floor.ids.owns
        shown = [
            each.order
            for each in told.orders
            if each.standing is Standing.OPEN and owns(each.order)
        ]
        if desk is None or not shown:
            self._awaited.remove(told.request)
            return
        for name in shown:
            order = desk.table.find(name)
            if order is None or order.ended:
                desk.lane.cancel_stray(name, desk.lane.revision, out)
            elif order.changed_at < at:
                desk.lane.cancel_again(order, at, out)

    def on_account(self, told: AccountTold) -> None:
        if told.request not in self._awaited:
            return
        self._awaited.remove(told.request)
        self.margin = told.margin_balance > 0
        for desk in self._desks:
            if desk.market.instrument.venue == told.venue and self.margin:
                self._positions[desk.instrument_id] = Lots(0)
        for each in told.positions:
            self._positions[each.instrument_id] = each.position

    def on_lost(self, request: str, at: Nanos) -> None:
        """Ask again sooner than if it were merely late, but not at once."""
        if request in self._awaited:
            wait = self._floor.settings.panic_ask_interval_ns << min(self._tries - 1, TRIES_MAX)
            self.next_at = min(self.next_at, Nanos(at + wait // 2))

    def position(self, desk: Desk) -> Lots:
        """Give what the venue holds; on an account without positions, what our ledger holds."""
        told = self._positions.get(desk.instrument_id, desk.ledger.position)
        exempt = desk.instrument_id in self._positions
        return Lots(0) if desk.too_small(told, exempt=exempt) else told

    def carry(self) -> ProofCarried:
        return ProofCarried(
            self._session,
            self.asked_at,
            self.next_at,
            self._tries,
            tuple(self._awaited),
            tuple(self._positions.items()),
            self.margin,
            self._ledgers,
        )

    def restore(self, carried: ProofCarried) -> None:
        self._session = carried.session
        self.asked_at = carried.asked_at
        self.next_at = carried.next_at
        self._tries = carried.tries
        self._awaited = list(carried.awaited)
        self._positions = dict(carried.positions)
        self.margin = carried.margin
        self._ledgers = carried.ledgers

    def _positions_known(self) -> tuple[Lots, ...]:
        return tuple(desk.ledger.position for desk in self._desks)
