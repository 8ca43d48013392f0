"""What our fills come to, beside what the venue says that we hold: trades, positions, balances.

A fill is booked here once, from whichever source it comes, and moves what the venue is expected to
tell. Where a whole answer about the account tells otherwise, that is a drift; what to make of it is
up to the reconciliation.
"""

import msgspec

from trading_runtime.account.balances import (
    Balances,
    BalancesCarried,
    Drift,
    from_told,
    to_told,
)
from trading_runtime.account.reports import AccountTold
from trading_runtime.engine.desk import Desk
from trading_runtime.engine.floor import Floor
from trading_runtime.engine.tape import BACK, Tape
from trading_runtime.oms.order import Order
from trading_runtime.oms.reports import Filled, OrderReport, OwnTrade
from trading_runtime.records.envelope import Output
from trading_runtime.records.facts_venue import BalanceDrifted, PositionDrifted
from trading_runtime.records.units import Lots, Money, Nanos

FUNDING = "FUNDING_FEE"
"""The reason under which a stream tells what funding has moved."""


class Moved(msgspec.Struct, frozen=True, array_like=True):
    """A position that is not what our fills come to."""

    instrument_id: str
    ours: Lots
    venues: Lots


class Drifts(msgspec.Struct, frozen=True, array_like=True):
    positions: tuple[Moved, ...] = ()
    balances: tuple[Drift, ...] = ()

    @property
    def count(self) -> int:
        return len(self.positions) + len(self.balances)

    def by(self) -> list[tuple[str, int]]:
        """Give by how much each differs: the same twice is no fill that is still on its way."""
        found = [(each.instrument_id, each.venues - each.ours) for each in self.positions]
        return found + [(each.asset, each.told - each.expected) for each in self.balances]


class TallyCarried(msgspec.Struct, frozen=True, array_like=True):
    balances: BalancesCarried = BalancesCarried()
    tapes: tuple[Tape, ...] = ()


class Tally:
    """Owned by the venue's side of the engine, which shares its list of desks with it."""

    __slots__ = ("_desks", "_floor", "_tapes", "balances")

    def __init__(self, floor: Floor, desks: list[Desk]) -> None:
        self._floor = floor
        self._desks = desks
        self._tapes: dict[str, Tape] = {}
        self.balances = Balances()

    def tape(self, desk: Desk, at: Nanos) -> Tape:
        """Give the instrument's tape; a new one begins a little before now."""
        tape = self._tapes.get(desk.instrument_id)
        if tape is None:
            tape = Tape(desk.instrument_id, Nanos(at - BACK))
            self._tapes[desk.instrument_id] = tape
        return tape

    def report(
        self, desk: Desk, order: Order, report: OrderReport, at: Nanos, out: list[Output]
    ) -> None:
        """Let the desk merge a report, and expect what a fill of it moves."""
        if not isinstance(report, Filled):
            desk.on_report(order, report, at, out)
            return
        before, ledger = order.filled, desk.ledger
        realized = ledger.realized
        desk.on_report(order, report, at, out)
        if order.filled == before:
            return
        self.tape(desk, at).book(report.venue_trade, report.venue_time)
        result = Money(ledger.realized - realized)
        scales = desk.lane.scales
        self.balances.on_fill(scales, order.side, report.price, report.size, result)
        self.balances.on_fee(scales, report.fee, report.fee_asset)

    def book(self, desk: Desk, order: Order, trade: OwnTrade, at: Nanos, out: list[Output]) -> None:
        """Book a trade of ``order`` that no report has told; it is not settled yet."""
        cumulative = Lots(order.filled + trade.size)
        fill = Filled(
            order.order,
            trade.venue_trade,
            trade.price,
            trade.size,
            cumulative,
            trade.fee,
            trade.fee_asset,
            trade.maker,
            trade.venue_time,
        )
        self.report(desk, order, fill, at, out)

    def on_account(self, told: AccountTold, out: list[Output]) -> None:
        """Take what an answer or a stream tells; book funding that the stream names."""
        asset = self._floor.account.quote_asset
        before = self.balances.total(asset)
        self.balances.take(told, out)
        amount = Money(self.balances.total(asset) - before)
        # Of one instrument's funding the venue tells by itself (``Funded``).
        named = told.positions or self._desks
        if told.reason == FUNDING and len(named) > 1 and self.balances.expects(asset):
            self.balances.move(asset, amount)
            desk = next((desk for desk in self._desks if desk.ledger.position), self._desks[0])
            desk.on_funding(from_told(amount, desk.lane.scales.instrument.money_scale), out)

    def on_funded(self, desk: Desk, amount: Money, out: list[Output]) -> None:
        """Book funding of one instrument, in its money."""
        instrument = desk.lane.scales.instrument
        self.balances.move(instrument.quote_asset, to_told(amount, instrument.money_scale))
        desk.on_funding(amount, out)

    def drifts(self, told: AccountTold) -> Drifts:
        """Compare with a whole answer; what it tells for the first time is expected from here."""
        balances = self.balances
        for each in told.balances:
            if not balances.expects(each.asset):
                self._expect(each.asset)
        found = balances.drifts()
        if not balances.margin:
            return Drifts((), tuple(found))
        held = {each.instrument_id: each.position for each in told.positions}
        moved = self._moved(held)
        skewed = [tape for tape in self._tapes.values() if tape.unordered or tape.rebased]
        if skewed:
            found = self._without_wallet(found, skewed, held, settled=not moved)
        return Drifts(moved, tuple(found))

    def rebase(self, drifts: Drifts, told: AccountTold, reason: str, out: list[Output]) -> None:
        """Take what the venue tells for true, and say so."""
        for moved in drifts.positions:
            for desk in self._desks:
                if desk.instrument_id == moved.instrument_id:
                    desk.ledger.rebase(moved.venues)
                    self._tapes[desk.instrument_id].rebased = True
                    out.append(
                        PositionDrifted(
                            revision=desk.lane.revision,
                            ours=moved.ours,
                            venues=moved.venues,
                            reason=reason,
                        )
                    )
        for drift in drifts.balances:
            out.append(
                BalanceDrifted(
                    venue=told.venue,
                    asset=drift.asset,
                    expected=drift.expected,
                    told=drift.told,
                    reason=reason,
                )
            )
            self._transfer(drift)
        self._floor.account.value()

    def carry(self) -> TallyCarried:
        return TallyCarried(self.balances.carry(), tuple(self._tapes.values()))

    def restore(self, carried: TallyCarried) -> None:
        self.balances.restore(carried.balances)
        self._tapes = {tape.instrument_id: tape for tape in carried.tapes}

    def _without_wallet(
        self, found: list[Drift], skewed: list[Tape], held: dict[str, Lots], *, settled: bool
    ) -> list[Drift]:
        """Leave the wallet out while a profit is split otherwise than by the venue.

        Once such positions are closed the sums are comparable again; what was paid for one that
        was taken over shows only then, and is no drift.
        """
        asset = self._floor.account.quote_asset
        closed = settled and not any(held.get(tape.instrument_id) for tape in skewed)
        taken_over = any(tape.rebased for tape in skewed)
        if closed:
            for tape in skewed:
                tape.unordered = tape.rebased = False
            if not taken_over:
                return found
            for drift in found:
                if drift.asset == asset:
                    self._transfer(drift)
        return [drift for drift in found if drift.asset != asset]

    def _moved(self, held: dict[str, Lots]) -> tuple[Moved, ...]:
        moved = [
            Moved(desk.instrument_id, desk.ledger.position, held.get(desk.instrument_id, Lots(0)))
            for desk in self._desks
        ]
        return tuple(each for each in moved if each.ours != each.venues)

    def _expect(self, asset: str) -> None:
        """Expect what is told of an asset; of the account's own it is what the account had."""
        account, balances = self._floor.account, self.balances
        balances.rebase(asset)
        if asset == account.quote_asset:
            told = from_told(balances.total(asset), account.money_scale)
            account.transfer(Money(told - account.cash(margin=balances.margin)))

    def _transfer(self, drift: Drift) -> None:
        account = self._floor.account
        self.balances.rebase(drift.asset)
        if drift.asset == account.quote_asset:
            amount = from_told(drift.told - drift.expected, account.money_scale)
            account.transfer(amount)
