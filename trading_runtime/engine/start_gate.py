"""What has to be true of account, terms and instrument before a session's first quote on a venue.

It asks for what it has to know, again and again until it is told, and goes on asking for what may
change: filters and status, and the reference price where no stream tells it.

Rules:
 * A key that may withdraw, a hedge-mode account or too high a leverage quotes nothing.
 * What was told to an earlier session does not count: each begins with an empty hand.
 * The reference price is asked for, but where a market has none it is not waited for; how far it
   may be away is a limit (``risk.monitors``).
"""

import msgspec

from trading_runtime.account.reports import (
    AccountReport,
    BarredTold,
    FeesTold,
    InstrumentTold,
    PermissionsTold,
    ReferenceTold,
    TermsTold,
    Trading,
)
from trading_runtime.engine.desk import Desk
from trading_runtime.engine.floor import Floor
from trading_runtime.oms.reports import TableReport, Unanswered
from trading_runtime.records.commands import Question
from trading_runtime.records.envelope import Output
from trading_runtime.records.facts_venue import StartGateHeld, StartGatePassed
from trading_runtime.records.units import Nanos, Revision

BY_INSTRUMENT = (Question.TERMS, Question.FEES, Question.INSTRUMENT, Question.REFERENCE)
TRIES_MAX = 5
"""The wait before a question is asked again doubles so often."""
REFUSED_INTERVAL_NS = Nanos(10_000_000_000)
"""After a refused order the filters are asked for, no more often than this."""


class Inquiry(msgspec.Struct, array_like=True):
    """One question that has to be answered; ``instrument_id`` is empty where it has none."""

    question: Question
    venue: str
    instrument_id: str
    next_at: Nanos
    """When it is asked, or asked again; 0 for never."""
    asked_at: Nanos = Nanos(0)
    tries: int = 0
    request: str = ""


class StartGateCarried(msgspec.Struct, frozen=True, array_like=True):
    hold: str
    begun: bool
    inquiries: tuple[Inquiry, ...]
    permissions: PermissionsTold | None
    offset_ns: Nanos | None
    said: tuple[tuple[str, StartGateHeld], ...]
    passed: tuple[str, ...]


class StartGate:
    """Owned by the engine, which shares its list of desks with it; open where it never began."""

    __slots__ = (
        "_begun",
        "_desks",
        "_floor",
        "_inquiries",
        "_offset_ns",
        "_passed",
        "_permissions",
        "_said",
        "hold",
    )

    def __init__(self, floor: Floor, desks: list[Desk]) -> None:
        self._floor = floor
        self._desks = desks
        self.hold = ""
        """Why the account may quote nothing yet; single instruments are held by their terms."""
        self._begun = False
        self._inquiries: list[Inquiry] = []
        self._permissions: PermissionsTold | None = None
        self._offset_ns: Nanos | None = None
        """Of the venue's clock from ours; None before it is known."""
        self._said: dict[str, StartGateHeld] = {}
        self._passed: list[str] = []
        """Instruments that were found to be as they have to be."""

    def begin(self, at: Nanos, out: list[Output]) -> None:
        """Ask everything anew: a session begins on a venue."""
        self._begun = True
        self._inquiries.clear()
        self._permissions = self._offset_ns = None
        self._said.clear()
        self._passed.clear()
        for desk in self._desks:
            desk.terms.forget()
        self.look(at, out)

    def on_told(self, told: TableReport | AccountReport, at: Nanos, out: list[Output]) -> None:
        """Hear what the venue tells; the desks' terms have heard it before."""
        match told:
            case PermissionsTold():
                self._permissions = told
                self._answered(Question.PERMISSIONS, "", at)
            case TermsTold():
                self._answered(Question.TERMS, told.instrument_id, at)
            case FeesTold():
                self._answered(Question.FEES, told.instrument_id, at)
            case InstrumentTold():
                self._answered(Question.INSTRUMENT, told.instrument.instrument_id, at)
            case ReferenceTold():
                self._answered(Question.REFERENCE, told.instrument_id, at)
            case Unanswered() | BarredTold():
                self.on_answer_lost(told.request, at, out)
                return
            case _:
                return
        self._examine(out)

    def on_clock(self, offset_ns: Nanos, out: list[Output]) -> None:
        """Hear how far the venue's clock is from ours."""
        if offset_ns != self._offset_ns:
            self._offset_ns = offset_ns
            self._examine(out)

    def on_answer_lost(self, request: str, at: Nanos, out: list[Output]) -> None:
        """Ask again after a while that grows, if ``request`` is one of these."""
        for each in self._inquiries:
            if each.request == request and request:
                each.request = ""
                interval = self._floor.settings.oms.query_interval_ns
                each.next_at = Nanos(at + (interval << min(each.tries - 1, TRIES_MAX)))
                self._floor.wake(each.next_at, out)

    def look(self, at: Nanos, out: list[Output]) -> None:
        """Ask what is due; called at the engine's timer and at a turn's end."""
        if not self._begun:
            return
        self._add_missing(at, out)
        for desk in self._desks:
            if desk.terms.refused_at:
                self._hurry(desk, at)
        quiet_until = self._floor.quiet_until
        next_at = 0
        for each in self._inquiries:
            if not each.next_at:
                continue
            if at >= max(each.next_at, quiet_until):
                self._ask(each, at, out)
            due = max(each.next_at, quiet_until)
            next_at = min(next_at, due) if next_at else due
        if next_at:
            self._floor.wake(Nanos(next_at), out)

    def carry(self) -> StartGateCarried:
        return StartGateCarried(
            self.hold,
            self._begun,
            tuple(self._inquiries),
            self._permissions,
            self._offset_ns,
            tuple(self._said.items()),
            tuple(self._passed),
        )

    def restore(self, carried: StartGateCarried) -> None:
        self.hold = carried.hold
        self._begun = carried.begun
        self._inquiries = list(carried.inquiries)
        self._permissions = carried.permissions
        self._offset_ns = carried.offset_ns
        self._said = dict(carried.said)
        self._passed = list(carried.passed)

    def _add_missing(self, at: Nanos, out: list[Output]) -> None:
        """Ask about instruments that came to be traded since; they are held from the start."""
        asked = [each.instrument_id for each in self._inquiries]
        missing = [desk for desk in self._desks if desk.instrument_id not in asked]
        if not missing:
            return
        for desk in missing:
            venue = desk.market.instrument.venue
            known = any(each.venue == venue for each in self._inquiries)
            if self._floor.settings.permissions_told and not known:
                self._inquiries.append(Inquiry(Question.PERMISSIONS, venue, "", at))
            for question in BY_INSTRUMENT:
                self._inquiries.append(Inquiry(question, venue, desk.instrument_id, at))
        self._examine(out)

    def _ask(self, inquiry: Inquiry, at: Nanos, out: list[Output]) -> None:
        floor = self._floor
        revision = Revision(0)
        for desk in self._desks:
            if desk.instrument_id == inquiry.instrument_id:
                revision = desk.market.revision
        inquiry.request = floor.ask(inquiry.question, inquiry.venue, revision, out)
        inquiry.asked_at = at
        wait = floor.settings.oms.answer_timeout_ns << min(inquiry.tries, TRIES_MAX)
        inquiry.tries += 1
        inquiry.next_at = Nanos(at + wait)

    def _answered(self, question: Question, instrument_id: str, at: Nanos) -> None:
        settings = self._floor.settings
        for each in self._inquiries:
            if each.question is not question or each.instrument_id != instrument_id:
                continue
            each.request = ""
            each.tries = 0
            if question is Question.INSTRUMENT:
                each.next_at = Nanos(at + settings.instrument_interval_ns)
            elif question is Question.REFERENCE:
                each.next_at = Nanos(at + settings.reference_interval_ns)
            else:
                each.next_at = Nanos(0)

    def _hurry(self, desk: Desk, at: Nanos) -> None:
        """Ask for the filters after an order was refused, once and not too often."""
        for each in self._inquiries:
            if each.question is Question.INSTRUMENT and each.instrument_id == desk.instrument_id:
                news = desk.terms.refused_at > each.asked_at and not each.request
                if news and at - each.asked_at >= REFUSED_INTERVAL_NS:
                    each.next_at = min(each.next_at, at)

    def _examine(self, out: list[Output]) -> None:
        """Hold or pass the account, and then each instrument."""
        if not self._begun:
            return
        held = self._account_check()
        self.hold = f"start gate: {held[0]}" if held else ""
        for desk in self._desks:
            own = self._instrument_check(desk)
            # Once passed, only what was told since can hold it again.
            desk.terms.gate = own[0] if own else ""
            self._say(desk.instrument_id, held or own, out)

    def _account_check(self) -> tuple[str, str, str] | None:
        """Give (check, found, wanted) of the first thing that is not as it has to be."""
        told, limits = self._permissions, self._floor.settings.limits
        offset = self._offset_ns
        if offset is None or (told is None and self._floor.settings.permissions_told):
            return self._unanswered()
        if told is not None and told.may_withdraw:
            return "permissions", "the key may withdraw", "a key that may not"
        if told is not None and not told.may_trade:
            return "permissions", "the key may not trade", "a key that may"
        if abs(offset) > limits.clock_offset_max_ns:
            return "clock", f"{offset} ns", f"at most {limits.clock_offset_max_ns} ns"
        return None

    def _instrument_check(self, desk: Desk) -> tuple[str, str, str] | None:
        terms, fees, told = desk.terms.terms, desk.terms.fees, desk.terms.told
        if terms is None or fees is None or told is None:
            return self._unanswered()
        if not terms.one_way:
            return "position mode", "two positions for one instrument", "one"
        leverage_max = self._floor.settings.limits.venue_leverage_max
        if terms.leverage > leverage_max:
            return "leverage", str(terms.leverage), f"at most {leverage_max}"
        if told.trading is not Trading.OPEN:
            return "status", told.trading.value, Trading.OPEN.value
        spread = desk.quoter.spread_min_ppm
        if 0 < spread < 2 * fees.maker:
            return "spread_min_ppm", str(spread), f"at least both sides' fees, {2 * fees.maker}"
        return None

    def _unanswered(self) -> tuple[str, str, str]:
        """Name the questions only that were asked in vain before: at a start all are open."""
        late = [each.question.value for each in self._inquiries if each.tries > 1]
        return "answers", ", ".join(dict.fromkeys(late)), "all that was asked"

    def _say(
        self, instrument_id: str, held: tuple[str, str, str] | None, out: list[Output]
    ) -> None:
        """Say what holds an instrument, or that nothing does, where that is news."""
        if held is None:
            self._said.pop(instrument_id, None)
            if instrument_id not in self._passed:
                self._passed.append(instrument_id)
                out.append(StartGatePassed(instrument_id=instrument_id))
            return
        check, found, wanted = held
        fact = StartGateHeld(instrument_id=instrument_id, check=check, found=found, wanted=wanted)
        if self._said.get(instrument_id) != fact:
            self._said[instrument_id] = fact
            out.append(fact)
        if instrument_id in self._passed:
            self._passed.remove(instrument_id)
