"""One day's report from the archive to the three files that people read."""

from pathlib import Path
from typing import NamedTuple

from data_platform.assets.reports import archive, chart, lines, mail, page, pnl, sections, text
from data_platform.assets.reports.mail import Addresses, Content
from data_platform.assets.reports.report import Report
from data_platform.assets.reports.sections import Day
from trading_runtime.records import layout
from trading_runtime.records.units import Module
from trading_runtime.store import durable


class Written(NamedTuple):
    report: Report
    text: str
    page: Path
    mail: Path


def gather(data: Path, day: str) -> Day:
    """Read what is archived: fills and the account's start of all days up to this one."""
    starts = (lines.start_of_account(it) for it in archive.lines_until(data, Module.SYSTEM, day))
    start = next((it for it in starts if it is not None), None)
    fills = (fill for it in archive.lines_until(data, Module.OMS, day) for fill in lines.filled(it))
    return Day(
        day=day,
        logs={module: archive.lines(data, module, day) for module in Module},
        lags_ns=archive.depth_lags_ns(data, day),
        accounts=pnl.booked(fills, start.quote_asset if start else ""),
        marks=archive.marks(data, day),
        start=start,
    )


def make(data: Path, day: str) -> Report:
    known = gather(data, day)
    return Report(day, archive.coverage(data, day), sections.sections(known), known.accounts)


def write(data: Path, day: str, addresses: Addresses) -> Written:
    """Write text and page below the reports, and the mail into the outbox."""
    report = make(data, day)
    shown, picture = text.render(report), chart.png(report)
    folder, outbox = Path(layout.reports(data)) / day, Path(layout.outbox(data))
    saved, sent = folder / "report.html", outbox / f"daily-report-{day}.eml"
    content = Content(shown, page.render(report, f"cid:{mail.CHART}"), picture)
    durable.write(folder / "report.txt", shown.encode())
    durable.write(saved, page.render(report, page.data_address(picture)).encode())
    durable.write(sent, mail.compose(day, content, addresses))
    return Written(report, shown, saved, sent)
