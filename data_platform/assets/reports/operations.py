"""The report's line about people: alerts, what was ordered and changed, by the audit record.

Who did what is told by the lines of the audit stream; the record itself is held against them.
"""

from collections import Counter

from data_platform.assets.reports import lines
from data_platform.assets.reports.day import NOTHING, Day
from data_platform.assets.reports.lines import Changed, Operated
from data_platform.assets.reports.report import Item, Section, attention, missing, plain
from trading_runtime.records.units import Module

WARNED = ("OrderRejected", "RateLimited", "Resubscribe", "WitnessLagging")
"""Events of level WARN that alert (ALR-1, ALR-3); those of ERROR and CRITICAL all do."""


def alerts(day: Day) -> Item:
    """Count what the streams call an error or worse, each record once."""
    if not day.is_recorded:
        return missing("Alerts", NOTHING)
    told = [it for module, it in day.streams.items() if module is not Module.AUDIT]
    critical: Counter[str] = sum((it.at_level("CRITICAL") for it in told), Counter())
    # What the audit record says of itself stands in the audit stream alone.
    audit = day.streams[Module.AUDIT].at_level("CRITICAL")
    critical += Counter({name: count for name, count in audit.items() if name.startswith("Audit")})
    errors: Counter[str] = sum((it.at_level("ERROR") for it in told), Counter())
    errors += Counter({name: sum(it.count(name) for it in told) for name in WARNED})
    shown = f"{critical.total()} critical, {errors.total()} warning"
    named = lines.named(critical + errors)
    item = plain("Alerts", f"{shown}: {named}" if named else shown)
    return attention(item, f"critical: {lines.named(critical)}") if critical else item


def by_person(counts: Counter[str]) -> str:
    return lines.named(counts) or "0"


def operations(day: Day) -> Item:
    told = day.streams[Module.AUDIT].read(Operated, "OperatorCommanded")
    if not day.is_recorded:
        return missing("Operations", NOTHING)
    return plain("Operations", by_person(Counter(f"{it.action} by {it.user}" for it in told)))


def changes(day: Day) -> Item:
    if not day.is_recorded:
        return missing("Parameter changes", NOTHING)
    audit = day.streams[Module.AUDIT]
    told = audit.read(Changed, "ParametersActivated")
    refused = audit.count("ParametersRefused")
    shown = by_person(Counter(f"{it.instrument_id} by {it.user}" for it in told))
    return plain("Parameter changes", f"{shown} ({refused} refused)" if refused else shown)


def recorded(day: Day) -> Item:
    """Compare the deeds that the audit record holds with those of the lines."""
    audited, name = day.kept.audited, "By the audit record"
    if audited is None:
        return missing(name, "no audit record is kept below the data folder")
    if audited.unreadable:
        return attention(plain(name, "unreadable"), audited.unreadable)
    deeds = Counter(it.event_type for it in audited.deeds)
    told = Counter({it: day.streams[Module.AUDIT].count(it) for it in DEEDS})
    item = plain(name, f"{lines.named(deeds) or '0'} of {audited.counts.total()} entries")
    differing = {it: (deeds[it], told[it]) for it in DEEDS if deeds[it] != told[it]}
    why = ", ".join(
        f"{it} {ours} against {lines_} lines" for it, (ours, lines_) in differing.items()
    )
    return attention(item, why) if differing else item


DEEDS = ("OperatorCommanded", "ParametersActivated", "ParametersRefused")


def section(day: Day) -> Section:
    return Section(
        "Alerts and operations", (alerts(day), operations(day), changes(day), recorded(day))
    )
