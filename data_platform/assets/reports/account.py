"""The report's line about money: recomputed from the fills, and held against the days before."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np

from data_platform.assets.reports.day import NOTHING, Day
from data_platform.assets.reports.ledger import Ledger
from data_platform.assets.reports.lines import Rated
from data_platform.assets.reports.report import (
    Item,
    Section,
    Verdict,
    attention,
    decimals,
    missing,
    plain,
    spaced,
)
from data_platform.assets.reports.trading import of_info
from trading_runtime.records.units import Module

MONEY_DECIMALS = 2
NORMAL = 1.4826
"""Of a normal distribution: the standard deviation over the median absolute deviation."""
NAMES = ("Balance", "Equity", "PnL", "Realized", "Fees", "Funding", "Risk rate")


def money(name: str, value: Fraction, asset: str) -> Item:
    return plain(name, decimals(value, MONEY_DECIMALS), asset)


def profit(before: Ledger | None, after: Ledger) -> Fraction | None:
    """Give a day's profit: equity at its end over equity at its start."""
    if after.start is None or after.equity is None:
        return None
    start = Fraction(after.start.balance) if before is None else before.equity
    return None if start is None else after.equity - start


def profits(ledgers: Sequence[Ledger]) -> list[Fraction]:
    """Give the profit of each day but the first, where it is known."""
    found = (profit(before, after) for before, after in pairwise(ledgers))
    return [it for it in found if it is not None]


def deviations(value: Fraction, before: Sequence[Fraction]) -> float:
    """Give the distance to the median in robust standard deviations; 0 where nothing ever moved."""
    values = np.array([float(it) for it in before])
    median = float(np.median(values))
    spread = NORMAL * float(np.median(np.abs(values - median)))
    return abs(float(value) - median) / spread if spread else 0.0


def day_profit(day: Day) -> Item:
    """Judge the day's profit (MON-4, PnL abnormal): by its loss, and by the days before."""
    limits, booked = day.asked.limits, day.booked
    before = booked.before[-1] if booked.before else None
    gained = profit(before, booked.ledger)
    if gained is None or booked.ledger.start is None:
        return missing("PnL", "the equity is not known at both ends of the day")
    asset = booked.ledger.start.quote_asset
    start = (booked.ledger.equity or Fraction(0)) - gained
    item = Item(
        name="PnL",
        value=f"{'' if gained < 0 else '+'}{decimals(gained, MONEY_DECIMALS)}",
        unit=asset,
        threshold=f"loss at most {limits.pnl_loss_percent_max:g} %",
        verdict=Verdict.WELL,
    )
    if -gained * 100 > Fraction(limits.pnl_loss_percent_max) * start:
        return attention(item, f"a loss above {limits.pnl_loss_percent_max:g} % of the equity")
    known = profits(booked.before)[-limits.pnl_days :]
    if len(known) >= limits.pnl_days_min:
        away = deviations(gained, known)
        if away > limits.pnl_deviations_max:
            return attention(item, f"{away:.1f} deviations from the median of {len(known)} days")
    return item


def funding(day: Day, asset: str) -> Item:
    """Sum what was paid; the events are of level INFO, which the risk stream may leave out."""
    why = of_info(day, Module.RISK)
    return missing("Funding", why) if why else money("Funding", day.booked.funding, asset)


def risk_rate(day: Day) -> Item:
    rates = [it.risk_rate for it in day.streams[Module.RISK].read(Rated, "AccountMarked")]
    if not rates:
        why = of_info(day, Module.RISK)
        return missing("Risk rate", why or "the account was not marked")
    return plain("Risk rate", f"max {decimals(100 * Fraction(max(rates)), 2)}", "%")


def standing(day: Day) -> str:
    """Say what the last day came to of which something is known."""
    before = day.booked.before
    if not before or before[-1].start is None:
        return NOTHING
    last = before[-1]
    asset = "" if last.start is None else last.start.quote_asset
    return f"{NOTHING}; {decimals(last.balance, MONEY_DECIMALS)} {asset} after {last.day}"


def unknown(day: Day) -> Section:
    if not day.is_recorded:
        rest = (missing(it, NOTHING) for it in NAMES[1:])
        return Section("Account", (missing(NAMES[0], standing(day)), *rest))
    why = "no session has opened up to the day's end"
    return Section("Account", tuple(missing(name, why) for name in NAMES))


def paid(ledger: Ledger | None, asset: str) -> tuple[Fraction, Fraction]:
    """Sum what all accounts have realized and paid in fees up to a ledger's end."""
    books = list(ledger.accounts.values()) if ledger else []
    realized = sum((Fraction(it.realized) for it in books), Fraction(0))
    return realized, sum((Fraction(it.fees.get(asset, "0")) for it in books), Fraction(0))


def section(day: Day) -> Section:
    ledger, before = day.booked.ledger, day.booked.before
    if ledger.start is None or not day.is_recorded:
        return unknown(day)
    asset, equity = ledger.start.quote_asset, ledger.equity
    realized, fees = paid(ledger, asset)
    realized_before, fees_before = paid(before[-1] if before else None, asset)
    return Section(
        "Account",
        (
            money("Balance", ledger.balance, asset),
            missing("Equity", f"no price of {', '.join(ledger.unmarked)}")
            if equity is None
            else money("Equity", equity, asset),
            day_profit(day),
            money("Realized", realized - realized_before, asset),
            money("Fees", fees - fees_before, asset),
            *other_fees(day, asset),
            funding(day, asset),
            risk_rate(day),
        ),
    )


def other_fees(day: Day, asset: str) -> list[Item]:
    """Show fees in another asset than the quote, of all days: no price of theirs is known here."""
    found: dict[str, Fraction] = {}
    for account in day.booked.accounts.values():
        for name, fee in account.fees.items():
            if name != asset:
                found[name] = found.get(name, Fraction(0)) + fee
    shown = ", ".join(f"{decimals(it, 8)}{spaced(name)}" for name, it in sorted(found.items()))
    return [plain("Fees in other assets, not in the balance", shown)] if found else []
