"""What the venue has told of one instrument: its status, our terms there, its own prices.

Rules:
 * Before a session's start gate has passed, what earlier sessions heard does not count.
 * Another grid or another filter is another revision; one that is under way is not asked for twice.
 * A reference price that was not renewed for :data:`REFERENCE_AGE_MAX_NS` is none.
"""

import msgspec

from trading_runtime.account.reports import (
    FeesTold,
    InstrumentTold,
    ReferenceTold,
    TermsTold,
    Trading,
)
from trading_runtime.market.instrument import Market
from trading_runtime.records.commands import ReviseInstrument
from trading_runtime.records.envelope import Output
from trading_runtime.records.facts_venue import ReferenceMarked, TradingStatusChanged
from trading_runtime.records.instruments import Instrument, Scales
from trading_runtime.records.units import (
    MICROS_PER_UNIT,
    NANOS_PER_MILLI,
    NANOS_PER_SECOND,
    Micro,
    Nanos,
    Revision,
    Ticks,
)

REFERENCE_AGE_MAX_NS = 60 * NANOS_PER_SECOND
REFUSED_PAUSE = Nanos(50 * NANOS_PER_MILLI)
"""After an order that a new try would not mend nothing is placed for so long, times the rejects in
a row: the venue refuses by rule, and what has changed there has to be told first."""
LATE_PAUSE = Nanos(10 * NANOS_PER_MILLI)
"""After a quote that came too late to rest, likewise: until the market's news has come here too,
the same quote would be refused again, a thousand times a second."""
MARKED_EVERY_NS = NANOS_PER_SECOND
"""A stream tells the reference price more often than anybody reads it."""

InstrumentReport = TermsTold | FeesTold | InstrumentTold | ReferenceTold


class TermsCarried(msgspec.Struct, frozen=True, array_like=True):
    trading: Trading
    told: InstrumentTold | None
    terms: TermsTold | None
    fees: FeesTold | None
    reference: ReferenceTold | None
    reference_at: Nanos
    marked_at: Nanos
    awaited: Instrument | None
    gate: str
    refused_at: Nanos
    patient_until: Nanos


class Terms:
    """Owned by the desk of its instrument."""

    __slots__ = (
        "_awaited",
        "_marked_at",
        "_market",
        "_reference_at",
        "fees",
        "gate",
        "patient_until",
        "reference",
        "refused_at",
        "terms",
        "told",
        "trading",
    )

    def __init__(self, market: Market) -> None:
        self._market = market
        self.trading = Trading.OPEN
        self.told: InstrumentTold | None = None
        """Filters and status as told in this session; None before."""
        self.terms: TermsTold | None = None
        self.fees: FeesTold | None = None
        self.reference: ReferenceTold | None = None
        self._reference_at = Nanos(0)
        self._marked_at = Nanos(0)
        self._awaited: Instrument | None = None
        """The revision that has been asked for and has not come yet."""
        self.gate = ""
        """Which check of the start gate holds this instrument; empty when none does."""
        self.refused_at = Nanos(0)
        """When an order was last refused that a new try would not mend."""
        self.patient_until = Nanos(0)
        """Before this nothing is placed, because of that."""

    def forget(self) -> None:
        """Let nothing count that was told before now."""
        self.told = self.terms = self.fees = self.reference = None

    def why_not(self) -> str:
        """Say why the venue's side lets nothing be quoted here; empty when it does."""
        if self.trading is not Trading.OPEN:
            return f"instrument is {self.trading.value}"
        return self.gate and f"start gate: {self.gate}"

    def on_told(
        self, told: InstrumentReport, latest: Revision, at: Nanos, out: list[Output]
    ) -> None:
        """Take what was told; ``latest`` is the newest revision of any instrument."""
        match told:
            case TermsTold():
                self.terms = told
            case FeesTold():
                self.fees = told
            case ReferenceTold():
                self._on_reference(told, at, out)
            case InstrumentTold():
                self._on_instrument(told, latest, out)

    def on_refused(self, at: Nanos, rejects: int) -> Nanos:
        """Take note of a refusal by rule, with ``rejects`` in a row; give until when to wait."""
        self.refused_at = at
        self.patient_until = Nanos(at + rejects * REFUSED_PAUSE)
        return self.patient_until

    def on_late(self, at: Nanos, rejects: int) -> Nanos:
        """Take note of a quote that would have traded at once; give until when to wait."""
        self.patient_until = Nanos(max(self.patient_until, at + rejects * LATE_PAUSE))
        return self.patient_until

    def reference_price(self, at: Nanos) -> Ticks:
        """Give the venue's mark price, else its index; 0 where it has none or it is old."""
        told = self.reference
        if told is None or at - self._reference_at > REFERENCE_AGE_MAX_NS:
            return Ticks(0)
        return told.mark or told.index

    def distance(self, double_mid: int, at: Nanos) -> Micro:
        """Give the mid's distance from the reference price in millionths of it, rounded up."""
        price = self.reference_price(at)
        if not price or not double_mid:
            return Micro(0)
        return Micro(-(-abs(double_mid - 2 * price) * MICROS_PER_UNIT // (2 * price)))

    def newest(self) -> Revision:
        """Give the newest revision of this instrument, also where it has not come yet."""
        awaited = self._awaited
        return max(self._market.revision, awaited.revision if awaited else Revision(0))

    def carry(self) -> TermsCarried:
        return TermsCarried(
            self.trading,
            self.told,
            self.terms,
            self.fees,
            self.reference,
            self._reference_at,
            self._marked_at,
            self._awaited,
            self.gate,
            self.refused_at,
            self.patient_until,
        )

    def restore(self, carried: TermsCarried) -> None:
        self.trading = carried.trading
        self.told = carried.told
        self.terms = carried.terms
        self.fees = carried.fees
        self.reference = carried.reference
        self._reference_at = carried.reference_at
        self._marked_at = carried.marked_at
        self._awaited = carried.awaited
        self.gate = carried.gate
        self.refused_at = carried.refused_at
        self.patient_until = carried.patient_until

    def _on_instrument(self, told: InstrumentTold, latest: Revision, out: list[Output]) -> None:
        self.told = told
        if told.trading is not self.trading:
            self.trading = told.trading
            out.append(
                TradingStatusChanged(
                    instrument_id=told.instrument.instrument_id, status=told.trading.value
                )
            )
        known = self._awaited
        if known is None or known.revision <= self._market.revision:
            known = self._market.instrument
        if same_grid(told.instrument, known):
            return
        self._awaited = msgspec.structs.replace(told.instrument, revision=Revision(latest + 1))
        out.append(ReviseInstrument(instrument=self._awaited))

    def _on_reference(self, told: ReferenceTold, at: Nanos, out: list[Output]) -> None:
        self.reference = told
        self._reference_at = at
        if at - self._marked_at >= MARKED_EVERY_NS:
            self._marked_at = at
            out.append(
                ReferenceMarked(
                    revision=self._market.revision,
                    mark=told.mark,
                    index=told.index,
                    funding_rate=told.funding_rate,
                )
            )


def same_grid(one: Instrument, other: Instrument) -> bool:
    """Whether two revisions differ in nothing but their number."""
    return one == msgspec.structs.replace(other, revision=one.revision)


def finer_by(old: Scales, new: Scales) -> tuple[int, int] | None:
    """Give how many new ticks an old one is, and lots, where both are whole; else None."""
    if old.instrument.multiplier != new.instrument.multiplier:
        return None
    ticks, tick_rest = divmod(
        old.tick.step_units * 10**new.tick.scale, new.tick.step_units * 10**old.tick.scale
    )
    lots, lot_rest = divmod(
        old.lot.step_units * 10**new.lot.scale, new.lot.step_units * 10**old.lot.scale
    )
    return None if tick_rest or lot_rest else (ticks, lots)
