"""The report's line about itself: what it was made from, and who says otherwise.

Deviations are of the runtime's own figures, of the marts and of the audit record, each recomputed
by another way from the same fills.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import groupby

from data_platform.assets.reports import lines
from data_platform.assets.reports.account import MONEY_DECIMALS
from data_platform.assets.reports.day import NOTHING, Day
from data_platform.assets.reports.lines import Marked
from data_platform.assets.reports.pnl import position_at
from data_platform.assets.reports.report import (
    Item,
    Section,
    attention,
    decimals,
    missing,
    plain,
    signed,
)
from trading_runtime.records.units import Module
from trading_runtime.store.condition import Condition
from trading_runtime.store.hours import Hour

DOCS = "data/quality/docs/index.html"
COMPARED = ("PlaceOrder", "OrderFilled", "OrderRejected", "PanicStopTriggered")
"""Events that stand in the log lines and in the audit record, one for one."""


def hours(day: Day) -> Item:
    item = plain("Hours of lines", day.coverage.told)
    return (
        item if day.coverage.is_whole else attention(item, "what is missing is not in the report")
    )


def repeated(day: Day) -> Iterator[Item]:
    count = sum(it.repeated for it in day.booked.accounts.values())
    if count:
        yield attention(plain("Fills told twice", count), "each counted once")
    if day.booked.unsettled:
        item = plain("Days with another record now", ", ".join(day.booked.unsettled))
        yield attention(item, "their lines are pruned in part: restore them and report again")


def by_the_runtime(day: Day) -> Iterator[Item]:
    """Compare with the runtime's own last word, where the log has it.

    Positions have to agree at that moment; equities differ by what the price moved since then.
    """
    told = day.streams[Module.RISK].read(Marked, "PnlMarked")
    if not told:
        why = "it told no position" if day.is_recorded else NOTHING
        yield missing("Position by the runtime", why)
        return
    for name, theirs in sorted({it.instrument_id: it for it in told}.items()):
        ours = position_at(day.booked.accounts.get(name), theirs.ts)
        item = plain("Position by the runtime", f"{signed(Fraction(theirs.position))} {name}")
        if ours == Fraction(theirs.position):
            yield item
        else:
            yield attention(item, f"ours is {signed(ours)}")
    ledger = day.booked.ledger
    if ledger.start is None or ledger.equity is None:
        return
    last = Fraction(told[-1].equity)
    apart = decimals(last - ledger.equity, MONEY_DECIMALS)
    value = f"{decimals(last, MONEY_DECIMALS)} {ledger.start.quote_asset} ({apart} against ours)"
    yield plain("Equity by the runtime", value)


def by_the_audit_record(day: Day) -> Item:
    name, audited = "Entries against lines", day.kept.audited
    if audited is None or audited.unreadable or not day.is_recorded:
        return missing(name, "no audit record was read" if day.is_recorded else NOTHING)
    told = {
        event: sum(it.count(event) for module, it in day.streams.items() if module is not AUDIT)
        for event in COMPARED
    }
    apart = [
        f"{event} {audited.counts[event]} entries, {told[event]} lines"
        for event in COMPARED
        if audited.counts[event] != told[event]
    ]
    item = plain(name, "differ" if apart else f"equal for {', '.join(COMPARED)}")
    return attention(item, "; ".join(apart)) if apart else item


AUDIT = Module.AUDIT


def verified(day: Day) -> Iterator[Item]:
    for utc_day, found in day.kept.verdicts.items():
        name = f"Audit record of {utc_day}"
        if found is None:
            yield missing(name, "not verified yet")
            continue
        item = plain(name, f"integrity {found.integrity}, completeness {found.completeness}")
        well = (found.integrity, found.completeness) == ("ok", "ok")
        yield item if well else attention(item, f"see reports/audit/{utc_day}.json")


def lake_hours(day: Day) -> Iterator[Item]:
    """Say how good the hours of the lake are, and which are not."""
    if not day.kept.hours:
        yield missing("Hours of the lake", "nothing of the day is in the lake")
    for it in day.kept.hours:
        counts = Counter(it.conditions)
        item = plain(f"Hours of {it.name}", lines.named(counts))
        bad = ", ".join(spans(day.asked.span.hours, it.conditions))
        yield attention(item, bad) if bad else item


def spans(hours_: Sequence[Hour], conditions: Sequence[str]) -> Iterator[str]:
    """Name the bad hours, those that follow one another together: ``03-05 missing``."""
    both = zip(hours_, conditions, strict=True)
    for condition, group in groupby(both, key=lambda it: it[1]):
        if condition in BAD:
            first, *rest = (hour.of_day for hour, _ in group)
            last = f"-{rest[-1]:02d}" if rest else ""
            yield f"{first:02d}{last} {condition}"


BAD = {Condition.MISSING.value, Condition.DEGRADED.value, Condition.QUARANTINED.value}


def by_the_marts(day: Day) -> Item:
    """Compare with the models, which sum the same fills in SQL."""
    name, marts = "By the marts", day.kept.marts
    if marts is None or not day.is_recorded:
        return missing(name, "the marts of the day are not built" if day.is_recorded else NOTHING)
    fills = sum(len(it.moments) for it in day.booked.accounts.values())
    apart = [f"{marts.fills} fills, ours are {fills}"] if marts.fills != fills else []
    apart += [
        f"position {signed(Fraction(theirs))} {instrument}, ours is {signed(ours)}"
        for instrument, theirs in sorted(marts.position.items())
        if (ours := position_of(day, instrument)) != Fraction(theirs)
    ]
    value = f"{marts.fills} fills, realized {decimals(Fraction(marts.realized), MONEY_DECIMALS)}"
    return attention(plain(name, value), "; ".join(apart)) if apart else plain(name, value)


def position_of(day: Day, instrument: str) -> Fraction:
    account = day.booked.accounts.get(instrument)
    return account.position if account else Fraction(0)


def docs(day: Day) -> Item:
    if day.kept.docs:
        return plain("Data Docs", DOCS)
    return missing("Data Docs", f"{DOCS} is not built")


def section(day: Day) -> Section:
    return Section(
        "Record",
        (
            hours(day),
            *by_the_runtime(day),
            *repeated(day),
            by_the_audit_record(day),
            *verified(day),
            by_the_marts(day),
            *lake_hours(day),
            docs(day),
        ),
    )
