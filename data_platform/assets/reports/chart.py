"""The day as one picture; equal reports give equal bytes."""

import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from data_platform.assets.reports.report import Panel, Report
from data_platform.days import zone
from trading_runtime.store.hours import HOUR_NS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE_INCHES = (9.0, 8.2)
DOTS_PER_INCH = 110
NANOS_PER_DAY = 86_400 * 10**9
LIMIT_SEEN = 3
"""A limit is drawn where the values come within so many times of it; else it would flatten them."""


def hours(report: Report, panel: Panel) -> list[tuple[str, list[float], list[float]]]:
    """Give the panel's lines: name, hours since the day's start, values."""
    return [
        (it.name, [(at - report.start) / HOUR_NS for at in it.at], list(it.values))
        for it in panel.series
    ]


def draw(axes: "Axes", report: Report, panel: Panel) -> None:
    axes.set_title(panel.title, fontsize=9, loc="left")
    axes.grid(visible=True, color="#e4e4e4", linewidth=0.6)
    end = (report.end - report.start) / HOUR_NS
    axes.set_xlim(0, end)
    lines = [it for it in hours(report, panel) if it[1]]
    for name, at, values in lines:
        if panel.steps:
            axes.step([*at, end], [*values, values[-1]], where="post", linewidth=1.2, label=name)
        else:
            axes.bar(at, values, width=0.9, align="edge", color="#5b8db8", label=name)
    if panel.steps:
        axes.axhline(0, color="#888888", linewidth=0.6)
    highest = max((max(values) for _, _, values in lines), default=0.0)
    if panel.limit is not None and highest * LIMIT_SEEN > panel.limit:
        axes.axhline(panel.limit, color="#b42318", linewidth=0.9, linestyle="--")
    if not lines:
        axes.text(0.5, 0.5, "no data", transform=axes.transAxes, ha="center", va="center")


def label(report: Report) -> str:
    start = datetime.fromtimestamp(report.start // 10**9, tz=UTC).astimezone(zone(report.zone))
    return f"hours since {start:%Y-%m-%d %H:%M} {report.zone}"


def png(report: Report) -> bytes:
    from matplotlib.backends.backend_agg import (  # noqa: PLC0415 -- takes a second to load
        FigureCanvasAgg,
    )
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=SIZE_INCHES, dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    parts = np.atleast_1d(figure.subplots(len(report.panels), 1, sharex=True))
    for axes, panel in zip(parts, report.panels, strict=True):
        draw(axes, report, panel)
    parts[-1].set_xlabel(label(report), fontsize=8)
    handles, names = parts[0].get_legend_handles_labels()
    if names:
        figure.legend(handles, names, loc="outside lower left", fontsize=8, frameon=False)
    content = io.BytesIO()
    # The default metadata names the library's version.
    figure.savefig(content, format="png", metadata={"Software": None})
    return content.getvalue()
