"""The report's lines, each recomputed: from the logs what was done, from the ticks the market.

Thresholds are those of the daily inspection (MON-4).
"""

from collections import Counter
from fractions import Fraction
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from data_platform.assets.reports import lines
from data_platform.assets.reports.archive import Mark
from data_platform.assets.reports.pnl import Account, peaks, position_at
from data_platform.assets.reports.report import (
    NO_INPUT,
    NOT_RECORDED,
    Item,
    Section,
    decimals,
    signed,
)
from trading_runtime.records.units import NANOS_PER_MILLI, Module
from trading_runtime.store.parquet import Int64s

LAG_MS_MAX = 200
API_ERROR_PERCENT_MAX = 1
CANCEL_PERCENT_MAX = 20
MONEY_DECIMALS = 2
INVENTORY = "max_inventory"
COMMANDS = ("PlaceOrder", "AmendOrder", "CancelOrder")


class Day(NamedTuple):
    """All that the report of one day is made from."""

    day: str
    logs: dict[Module, pa.Table]
    lags_ns: Int64s
    accounts: dict[str, Account]
    """By instrument id; booked over all days up to this one."""
    marks: dict[str, Mark]
    start: lines.AccountPart | None

    @property
    def is_recorded(self) -> bool:
        """Whether any line was archived: then an event that has none did not happen."""
        return any(it.num_rows for it in self.logs.values())


def counted(day: Day, module: Module, *events: str) -> str:
    return str(lines.count(day.logs[module], *events)) if day.is_recorded else NO_INPUT


def attention(*, when: bool, why: str) -> str:
    return why if when else ""


def market(day: Day) -> Section:
    logs = day.logs[Module.MARKETDATA]
    lag_ms = np.quantile(day.lags_ns, 0.99) / NANOS_PER_MILLI if len(day.lags_ns) else 0.0
    silent = [
        msgspec.json.decode(it, type=lines.Silent) for it in lines.texts(logs, "ChannelSilent")
    ]
    missed = lines.count(logs, "TradesMissed") + sum("trade" in it.channel.lower() for it in silent)
    return Section(
        "Market",
        (
            Item("WS reconnects", counted(day, Module.MARKETDATA, "ConnectionLost")),
            Item(
                "Depth lag",
                f"p99={lag_ms:.0f}ms" if len(day.lags_ns) else NO_INPUT,
                attention(when=lag_ms > LAG_MS_MAX, why=f"above {LAG_MS_MAX} ms")
                + attention(when=lag_ms < 0, why="our clock is behind the venue's"),
            ),
            Item("Trade stream interruptions", str(missed) if day.is_recorded else NO_INPUT),
            Item("Desynchronised books", counted(day, Module.MARKETDATA, "BookDesynced")),
            Item("Quarantined frames", counted(day, Module.MARKETDATA, "FrameQuarantined")),
        ),
    )


def strategy(day: Day) -> Section:
    logs = day.logs[Module.STRATEGY]
    quoted = [
        msgspec.json.decode(it, type=lines.Quoted) for it in lines.texts(logs, "QuotesDecided")
    ]
    spread = max((it.spread_ticks for it in quoted), default=0)
    levels = max((max(it.bid_levels, it.ask_levels) for it in quoted), default=0)
    return Section(
        "Strategy",
        (
            Item("OnTick average", NOT_RECORDED),
            Item("Hedge count", counted(day, Module.STRATEGY, "HedgeDecided")),
            Item("Max spread", f"{spread} ticks" if quoted else NO_INPUT),
            Item("Pauses", counted(day, Module.STRATEGY, "StrategyPaused")),
            Item("Max grid levels", str(levels) if quoted else NO_INPUT),
            Item("Quote changes", str(len(quoted)) if day.is_recorded else NO_INPUT),
        ),
    )


def risk(day: Day) -> Section:
    logs = day.logs[Module.RISK]
    limits = Counter(
        msgspec.json.decode(it, type=lines.Limited).limit
        for it in lines.texts(logs, "RiskLimitTriggered", "IntentRefused")
    )
    touched = ", ".join(f"{name} {limits[name]}" for name in sorted(limits)) or "none"
    held = [(name, *peaks(account, day.day)) for name, account in day.accounts.items()]
    shown = ", ".join(f"{signed(high)}/{signed(low)} {name}" for name, high, low in held)
    inventory = limits[INVENTORY]
    return Section(
        "Risk",
        (
            Item("Inventory peaks", shown or NO_INPUT),
            Item(
                "MaxInventory triggered",
                str(inventory) if day.is_recorded else NO_INPUT,
                attention(when=inventory > 0, why="above 0"),
            ),
            Item("PanicStops", counted(day, Module.RISK, "PanicStopTriggered")),
            Item("Limits touched", touched if day.is_recorded else NO_INPUT),
        ),
    )


def latencies(logs: pa.Table, event: str) -> list[float]:
    told = [msgspec.json.decode(it, type=lines.Latency) for it in lines.texts(logs, event)]
    return [it.latency_ms for it in told if it.latency_ms > 0]


def share(part: int, whole: int) -> str:
    return f"{decimals(Fraction(100 * part, whole), 2)} %" if whole else NO_INPUT


def orders(day: Day) -> Section:
    logs = day.logs[Module.OMS]
    sent, cancels = latencies(logs, "OrderAccepted"), latencies(logs, "OrderCancelled")
    commands, lost = lines.count(logs, *COMMANDS), lines.count(logs, "OrderUnknown")
    placed, cancelled = lines.count(logs, "PlaceOrder"), lines.count(logs, "CancelOrder")
    spread = (
        " ".join(
            f"p{percent}={np.quantile(cancels, percent / 100):.1f}ms" for percent in (50, 90, 99)
        )
        if cancels
        else NO_INPUT
    )
    return Section(
        "OMS",
        (
            Item("Rejects", counted(day, Module.OMS, "OrderRejected")),
            Item("Avg order latency", f"{np.mean(sent):.1f}ms" if sent else NO_INPUT),
            Item("Cancel latency", spread),
            Item(
                "API error rate",
                share(lost, commands),
                attention(
                    when=100 * lost > API_ERROR_PERCENT_MAX * commands,
                    why=f"above {API_ERROR_PERCENT_MAX} %",
                ),
            ),
            Item("Orders", str(placed) if day.is_recorded else NO_INPUT),
            Item(
                "Cancel rate",
                share(cancelled, placed),
                attention(
                    when=100 * cancelled > CANCEL_PERCENT_MAX * placed,
                    why=f"above {CANCEL_PERCENT_MAX} %",
                ),
            ),
            Item("Fills", counted(day, Module.OMS, "OrderFilled")),
        ),
    )


def money(value: Fraction, asset: str) -> str:
    return f"{decimals(value, MONEY_DECIMALS)} {asset}"


def account(day: Day) -> Section:
    if day.start is None:
        shown = ("Balance", "Equity", "Realized", "Fees", "Funding", "Risk rate")
        return Section("Account", tuple(Item(name, NO_INPUT) for name in shown))
    asset = day.start.quote_asset
    books = day.accounts.values()
    realized = sum((it.realized for it in books), Fraction(0))
    fees = sum((it.fees.get(asset, Fraction(0)) for it in books), Fraction(0))
    balance = Fraction(day.start.balance) + realized - fees
    open_ones = {name: it for name, it in day.accounts.items() if it.position}
    unmarked = sorted(set(open_ones) - set(day.marks))
    unrealized = sum(
        (
            it.unrealized(day.marks[name].price)
            for name, it in open_ones.items()
            if name in day.marks
        ),
        Fraction(0),
    )
    equity = money(balance + unrealized, asset)
    return Section(
        "Account",
        (
            Item("Balance", money(balance, asset)),
            Item("Equity", f"no price of {', '.join(unmarked)}" if unmarked else equity),
            Item("Realized", money(realized, asset)),
            Item("Fees", money(fees, asset)),
            Item("Funding", funding(day.logs[Module.RISK], asset)),
            Item("Risk rate", NOT_RECORDED),
            *disagreement(day, balance + unrealized, asset),
        ),
    )


def funding(logs: pa.Table, asset: str) -> str:
    """Sum what was paid; the events are of level INFO, which the risk stream may leave out."""
    paid = [msgspec.json.decode(it, type=lines.Funded) for it in lines.texts(logs, "FundingPaid")]
    if not paid and "INFO" not in logs.column("level").to_pylist():
        return NO_INPUT
    return money(sum((Fraction(it.amount) for it in paid), Fraction(0)), asset)


def disagreement(day: Day, equity: Fraction, asset: str) -> tuple[Item, ...]:
    """Compare with the runtime's own last word, where the log has it, and count doubled fills.

    Positions have to agree at that moment; equities differ by what the price moved since then.
    """
    found = []
    repeated = sum(it.repeated for it in day.accounts.values())
    if repeated:
        found.append(Item("Fills told twice", str(repeated), "each counted once"))
    told = lines.texts(day.logs[Module.RISK], "PnlMarked")
    marked = {it.instrument_id: it for it in map(msgspec.json.Decoder(lines.Marked).decode, told)}
    for name, theirs in sorted(marked.items()):
        ours = position_at(day.accounts.get(name), theirs.ts)
        if ours != Fraction(theirs.position):
            value = f"{signed(Fraction(theirs.position))} against our {signed(ours)} {name}"
            found.append(Item("Position by the runtime", value, "differs"))
    if told:
        last = Fraction(msgspec.json.decode(told[-1], type=lines.Marked).equity)
        value = f"{money(last, asset)} ({money(last - equity, asset)} against ours)"
        found.append(Item("Equity by the runtime", value))
    return tuple(found)


def operations(day: Day) -> Section:
    """From the audit record, and what the six streams call an error or worse."""
    audit = day.logs[Module.AUDIT]
    alerts = Counter(
        str(event)
        for module, logs in day.logs.items()
        if module is not Module.AUDIT
        for level, event in zip(
            logs.column("level").to_pylist(), logs.column("event").to_pylist(), strict=True
        )
        if level in {"ERROR", "CRITICAL"}
    )
    told = ", ".join(f"{name} {alerts[name]}" for name in sorted(alerts)) or "0"
    actions = Counter(
        msgspec.json.decode(it, type=lines.Operated).action
        for it in lines.texts(audit, "OperatorCommanded")
    )
    done = ", ".join(f"{name} {actions[name]}" for name in sorted(actions)) or "0"
    changed = lines.count(audit, "ParametersActivated")
    refused = lines.count(audit, "ParametersRefused")
    changes = f"{changed} ({refused} refused)" if refused else str(changed)
    known = day.is_recorded
    return Section(
        "Alerts and operations",
        (
            Item("Alerts", told if known else NO_INPUT),
            Item("Operations", done if known else NO_INPUT),
            Item("Parameter changes", changes if known else NO_INPUT),
        ),
    )


def sections(day: Day) -> tuple[Section, ...]:
    return (market(day), strategy(day), risk(day), orders(day), account(day), operations(day))
