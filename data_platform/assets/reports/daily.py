"""One day's report from the archive to the files that people read, and the notice of it."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from data_platform.assets.reports import (
    account,
    chart,
    due,
    lines,
    market,
    operations,
    page,
    running,
    standing,
    text,
    trading,
)
from data_platform.assets.reports.day import Asked, Day, gather
from data_platform.assets.reports.pnl import Account
from data_platform.assets.reports.report import Panel, Report, Series, short, signed
from data_platform.days import zone
from data_platform.notices.delivery import REPORTS
from data_platform.notices.notice import CHART, Notice, Severity
from trading_runtime.records import layout
from trading_runtime.records.units import NANOS_PER_MILLI, NANOS_PER_SECOND, Module, Nanos
from trading_runtime.store import durable

SENT_AT_HOUR = 9


class Written(NamedTuple):
    report: Report
    text: str
    page: Path
    picture: Path
    notice: Notice


def nanos(ts: str) -> Nanos:
    """Read a line's moment, which has microseconds."""
    moment = np.datetime64(ts.removesuffix("Z"), "us").astype("int64")
    return Nanos(int(moment) * 1000)


def steps(name: str, account_: Account, day: Day) -> Series:
    moments = account_.moments
    return Series(
        name,
        (day.asked.span.start, *(nanos(it.ts) for it in moments)),
        (float(account_.opened), *(float(it.position) for it in moments)),
    )


def profits(name: str, account_: Account) -> Series:
    moments = account_.moments
    return Series(
        name, tuple(nanos(it.ts) for it in moments), tuple(float(it.profit) for it in moments)
    )


def lags(day: Day) -> Series:
    known = {hour: it for hour, it in day.lags_ns.items() if len(it)}
    values = (float(np.quantile(it, market.QUANTILE)) / NANOS_PER_MILLI for it in known.values())
    return Series("p99", tuple(it.start for it in known), tuple(values))


def latency(day: Day) -> Series:
    """Average the order latency of each hour."""
    by_hour: dict[str, list[float]] = {}
    for it in lines.latencies(day.streams[Module.OMS], "OrderAccepted"):
        by_hour.setdefault(it.ts[:13], []).append(it.latency_ms)
    return Series(
        "average",
        tuple(nanos(f"{it}:00:00Z") for it in sorted(by_hour)),
        tuple(float(np.mean(by_hour[it])) for it in sorted(by_hour)),
    )


def panels(day: Day) -> Iterator[Panel]:
    accounts = day.booked.accounts.items()
    yield Panel("Position", tuple(steps(name, it, day) for name, it in accounts), steps=True)
    realized = tuple(profits(name, it) for name, it in accounts)
    yield Panel("Realized profit after fees, quote asset", realized, steps=True)
    limit = day.asked.limits.ws_lag_ms_max
    yield Panel("Depth lag, p99 of each hour, ms", (lags(day),), steps=False, limit=limit)
    yield Panel("Order latency, average of each hour, ms", (latency(day),), steps=False)


def ledger_rows(day: Day) -> Iterator[tuple[str, ...]]:
    for name, it in day.booked.accounts.items():
        fees = ", ".join(f"{short(paid)} {asset}" for asset, paid in sorted(it.fees.items()))
        yield name, str(len(it.moments)), signed(it.position), short(Fraction(it.realized)), fees


def make(data: Path, asked: Asked) -> Report:
    day = gather(data, asked)
    return Report(
        day=asked.day,
        zone=asked.zone,
        start=asked.span.start,
        end=asked.span.end,
        coverage=day.coverage,
        sections=(
            market.section(day),
            trading.strategy(day),
            trading.risk(day),
            trading.orders(day),
            account.section(day),
            operations.section(day),
            running.section(day),
            standing.section(day),
        ),
        ledger=tuple(ledger_rows(day)),
        panels=tuple(panels(day)),
        hours=day.kept.hours,
        inputs=due.inputs(data, asked.span),
    )


def sent_at(asked: Asked) -> Nanos:
    """Give the moment of the report: the morning after its day, whenever it is made."""
    morning = date.fromisoformat(asked.day) + timedelta(days=1)
    at = datetime.combine(morning, time(SENT_AT_HOUR), tzinfo=zone(asked.zone))
    return Nanos(int(at.timestamp()) * NANOS_PER_SECOND)


def folder(data: Path, day: str) -> Path:
    return Path(layout.reports(data)) / day


def write(data: Path, asked: Asked) -> Written:
    """Write the report as text, page, picture and JSON; give it with the notice to be sent."""
    report = make(data, asked)
    shown, picture = text.render(report), chart.png(report)
    place = folder(data, asked.day)
    durable.write(place / "report.txt", shown.encode())
    durable.write(place / "report.json", msgspec.json.encode(report))
    durable.write(place / "chart.png", picture)
    durable.write(place / "report.html", page.render(report, page.data_address(picture)).encode())
    notice = Notice(
        key=f"{REPORTS}-{asked.day}",
        severity=Severity.INFO,
        title=f"{text.TITLE} {asked.day}",
        text=shown,
        at=sent_at(asked),
        page=page.render(report, f"cid:{CHART}"),
        chart=picture,
    )
    return Written(report, shown, place / "report.html", place / "chart.png", notice)
