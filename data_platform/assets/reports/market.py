"""The report's line about the market: what came in, how late, and what did not."""

from fractions import Fraction

import numpy as np

from data_platform.assets.reports import lines
from data_platform.assets.reports.day import NOTHING, Day
from data_platform.assets.reports.report import Item, Section, attention, held, missing, plain
from trading_runtime.records.units import NANOS_PER_MILLI, Module

QUANTILE = 0.99


def depth_lag(day: Day) -> Item:
    """Hold the 99th percentile of receive time minus the venue's against the limit (MON-4)."""
    lags = np.concatenate(list(day.lags_ns.values()))
    if not len(lags):
        return missing("Depth lag", "no depth of the day is in the lake")
    lag_ms = float(np.quantile(lags, QUANTILE)) / NANOS_PER_MILLI
    item = plain("Depth lag", f"p99={lag_ms:.0f}", "ms")
    if lag_ms < 0:
        return attention(item, "our clock is behind the venue's")
    return held(item, Fraction(lag_ms), day.asked.limits.ws_lag_ms_max)


def interruptions(day: Day) -> Item:
    if not day.is_recorded:
        return missing("Trade stream interruptions", NOTHING)
    logs = day.streams[Module.MARKETDATA]
    silent = sum("trade" in it.channel.lower() for it in logs.read(lines.Silent, "ChannelSilent"))
    return plain("Trade stream interruptions", logs.count("TradesMissed") + silent)


def section(day: Day) -> Section:
    return Section(
        "Market",
        (
            day.counted("WS reconnects", Module.MARKETDATA, "ConnectionLost"),
            depth_lag(day),
            interruptions(day),
            day.counted("Desynchronised books", Module.MARKETDATA, "BookDesynced"),
            day.counted("Quarantined frames", Module.MARKETDATA, "FrameQuarantined"),
        ),
    )
