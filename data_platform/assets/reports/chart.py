"""The day's position and profit as one picture; equal fills give equal bytes."""

import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from data_platform.assets.reports.pnl import Account, Moment
from data_platform.assets.reports.report import Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE_INCHES = (9.0, 4.6)
DOTS_PER_INCH = 110
SECONDS_PER_DAY = 86_400
LABELS = {"position": "position", "profit": "profit, quote asset"}


def today(account: Account, day: str) -> list[Moment]:
    return [it for it in account.moments if it.ts.startswith(day)]


def clock(days: float, _place: int | None) -> str:
    """Label a moment, given in days since 1970 as matplotlib counts."""
    return datetime.fromtimestamp(days * SECONDS_PER_DAY, tz=UTC).strftime("%H:%M:%S")


def draw_steps(axes: "Axes", report: Report, field: str) -> None:
    """Draw one line an instrument, level between fills."""
    for name, account in report.accounts.items():
        moments = today(account, report.day)
        times = np.array([it.ts.removesuffix("Z") for it in moments], dtype="datetime64[us]")
        values = [float(it.position if field == "position" else it.profit) for it in moments]
        axes.step(times, values, where="post", linewidth=1.2, label=name)
    axes.axhline(0, color="#888888", linewidth=0.6)
    axes.grid(visible=True, color="#e4e4e4", linewidth=0.6)
    axes.set_ylabel(LABELS[field])


def png(report: Report) -> bytes:
    from matplotlib.backends.backend_agg import (  # noqa: PLC0415 -- takes a second to load
        FigureCanvasAgg,
    )
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=SIZE_INCHES, dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True)
    draw_steps(above, report, "position")
    draw_steps(below, report, "profit")
    above.set_title(f"Position, and realized profit after fees, {report.day} (UTC)", fontsize=10)
    fills = [it for account in report.accounts.values() for it in today(account, report.day)]
    if fills:
        handles, names = above.get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower left", fontsize=8, frameon=False)
    else:
        begin = np.datetime64(report.day)
        above.set_xlim(begin, begin + 1)
        above.text(0.5, 0.5, "no fills", transform=above.transAxes, ha="center", va="center")
    below.xaxis.set_major_formatter(clock)
    content = io.BytesIO()
    # The default metadata names the library's version.
    figure.savefig(content, format="png", metadata={"Software": None})
    return content.getvalue()
