"""The report's lines about strategy, risk and orders, recomputed from what was done."""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from data_platform.assets.reports import lines
from data_platform.assets.reports.day import NOTHING, Day
from data_platform.assets.reports.lines import Loaded, Measured, Quoted
from data_platform.assets.reports.pnl import peaks
from data_platform.assets.reports.report import (
    Item,
    Section,
    decimals,
    held,
    missing,
    plain,
    signed,
)
from trading_runtime.records.units import Module

INVENTORY = ("max_inventory", "position_twice_over")
COMMANDS = ("PlaceOrder", "AmendOrder", "CancelOrder")
UNTOLD = "the {0} stream has no lines of level INFO"


def of_info(day: Day, module: Module) -> str:
    """Say why nothing is known of events of level INFO; empty where they would be there."""
    if not day.is_recorded:
        return NOTHING
    return "" if day.streams[module].is_told else UNTOLD.format(module.value)


def on_tick(day: Day) -> Item:
    """Average what a turn took: frames read, books moved, quotes decided, commands handed on."""
    loads = day.streams[Module.SYSTEM].read(Loaded, "LoadMeasured")
    turns = sum(it.turns for it in loads)
    if turns:
        return plain("OnTick average", f"{sum(it.busy_ms for it in loads) / turns:.2f}", "ms")
    return missing("OnTick average", "no turn was measured" if day.is_recorded else NOTHING)


def worst_turn(day: Day) -> Item:
    system = day.streams[Module.SYSTEM]
    worst = [it.turn_max_ms for it in system.read(Loaded, "LoadMeasured")]
    worst += [it.behind_max_ms for it in system.read(Measured, "ResourcesMeasured")]
    if worst:
        return plain("Worst turn", f"{max(worst):.1f}", "ms")
    return missing("Worst turn", "no turn was measured" if day.is_recorded else NOTHING)


def strategy(day: Day) -> Section:
    quoted = day.streams[Module.STRATEGY].read(Quoted, "QuotesDecided")
    why = of_info(day, Module.STRATEGY) or ("" if quoted else "nothing was quoted")
    spread = max((it.spread_ticks for it in quoted), default=0)
    levels = max((max(it.bid_levels, it.ask_levels) for it in quoted), default=0)
    untold = of_info(day, Module.STRATEGY)
    hedges = day.streams[Module.STRATEGY].count("HedgeDecided")
    return Section(
        "Strategy",
        (
            on_tick(day),
            worst_turn(day),
            missing("Hedge count", untold) if untold else plain("Hedge count", hedges),
            missing("Max spread", why) if why else plain("Max spread", spread, "ticks"),
            day.counted("Pauses", Module.STRATEGY, "StrategyPaused"),
            missing("Max grid levels", why) if why else plain("Max grid levels", levels),
            missing("Quote changes", untold) if untold else plain("Quote changes", len(quoted)),
        ),
    )


def inventory_peaks(day: Day) -> Item:
    if not day.is_recorded:
        return missing("Inventory peaks", NOTHING)
    if not day.booked.accounts:
        return missing("Inventory peaks", "no fill up to the day's end is archived")
    found = [(name, *peaks(it)) for name, it in day.booked.accounts.items()]
    shown = ", ".join(f"{signed(high)}/{signed(low)} {name}" for name, high, low in found)
    return plain("Inventory peaks", shown)


def risk(day: Day) -> Section:
    logs = day.streams[Module.RISK]
    told = logs.read(lines.Limited, "RiskLimitTriggered", "IntentRefused")
    limits = Counter(it.limit for it in told)
    over = sum(limits[it] for it in INVENTORY)
    touched = plain("Limits touched", lines.named(limits) or "none")
    triggered = plain("MaxInventory triggered", over)
    most = day.asked.limits.inventory_over_limit_max
    return Section(
        "Risk",
        (
            inventory_peaks(day),
            held(triggered, over, most)
            if day.is_recorded
            else missing("MaxInventory triggered", NOTHING),
            day.counted("PanicStops", Module.RISK, "PanicStopTriggered"),
            touched if day.is_recorded else missing("Limits touched", NOTHING),
        ),
    )


def quantiles(values: Sequence[float]) -> str:
    return " ".join(
        f"p{percent}={np.quantile(values, percent / 100):.1f}ms" for percent in (50, 90, 99)
    )


def spread_of(name: str, measured: Sequence[lines.Latency], why: str) -> Item:
    if not measured:
        return missing(name, why or "none was answered")
    return plain(name, quantiles([it.latency_ms for it in measured]))


def share(name: str, part: int, whole: int, limit: float) -> Item:
    """Hold a share of ``whole`` against its limit in percent, exactly."""
    percent = Fraction(100 * part, whole)
    return held(plain(name, decimals(percent, 2), "%"), percent, limit)


def api_errors(day: Day) -> int:
    """Count requests without an answer, and those that the venue turned away for their number.

    A lost answer is told as ``RequestFailed``, and as ``OrderUnknown`` where it was of an order.
    """
    lost = day.streams[Module.MARKETDATA].count("RequestFailed")
    unknown = day.streams[Module.OMS].count("OrderUnknown")
    return max(lost, unknown) + day.streams[Module.OMS].count("RateLimited")


def rate(day: Day, name: str, parts: tuple[int, int], limit: float) -> Item:
    """Give a rate over commands, which are of level INFO."""
    part, whole = parts
    why = of_info(day, Module.OMS)
    if why or not whole:
        return missing(name, why or "nothing was sent")
    return share(name, part, whole, limit)


def average(latencies: Sequence[lines.Latency], why: str) -> Item:
    if not latencies:
        return missing("Avg order latency", why or "no order was answered")
    return plain("Avg order latency", f"{np.mean([it.latency_ms for it in latencies]):.1f}", "ms")


def orders(day: Day) -> Section:
    logs, limits = day.streams[Module.OMS], day.asked.limits
    sent = lines.latencies(logs, "OrderAccepted")
    cancels = lines.latencies(logs, "OrderCancelled")
    placed, why = logs.count("PlaceOrder"), of_info(day, Module.OMS)
    commands = (api_errors(day), logs.count(*COMMANDS))
    cancelled = (logs.count("CancelOrder"), placed)
    return Section(
        "OMS",
        (
            day.counted("Rejects", Module.OMS, "OrderRejected"),
            average(sent, why),
            spread_of("Order latency", sent, why),
            spread_of("Cancel latency", cancels, why),
            rate(day, "API error rate", commands, limits.api_error_percent_max),
            missing("Orders", why) if why else plain("Orders", placed),
            rate(day, "Cancel rate", cancelled, limits.cancel_percent_max),
            missing("Fills", why) if why else plain("Fills", logs.count("OrderFilled")),
        ),
    )
