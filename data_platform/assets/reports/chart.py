"""The day as one picture; equal reports give equal bytes."""

import io
import math
from bisect import bisect_left
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from data_platform.assets.reports.report import Panel, Report
from data_platform.days import zone
from trading_runtime.records.units import Nanos
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


def recorded(report: Report) -> list[tuple[float, float]]:
    """Give the spans of which lines are archived, in hours since the day's start."""
    spans: list[tuple[float, float]] = []
    begin = report.start
    for unknown in (*report.coverage.unknown, report.end):
        if unknown > begin:
            spans.append(((begin - report.start) / HOUR_NS, (unknown - report.start) / HOUR_NS))
        begin = Nanos(unknown + HOUR_NS)
    return spans


def level(
    at: list[float], values: list[float], spans: list[tuple[float, float]]
) -> tuple[list[float], list[float]]:
    """Give a level's moments and values within ``spans``, each to its end, with a gap between."""
    moments: list[float] = []
    levels: list[float] = []
    for begin, end in spans:
        first, last = bisect_left(at, begin), bisect_left(at, end)
        if first and at[first : first + 1] != [begin]:
            moments.append(begin)
            levels.append(values[first - 1])
        moments += at[first:last]
        levels += values[first:last]
        if last:
            moments += [end, end]
            levels += [values[last - 1], math.nan]
    return moments, levels


def draw(axes: "Axes", report: Report, panel: Panel) -> None:
    axes.set_title(panel.title, fontsize=9, loc="left")
    axes.grid(visible=True, color="#e4e4e4", linewidth=0.6)
    end = (report.end - report.start) / HOUR_NS
    axes.set_xlim(0, end)
    spans = recorded(report)
    for unknown in report.coverage.unknown:
        begin = (unknown - report.start) / HOUR_NS
        axes.axvspan(max(begin, 0), min(begin + 1, end), color="#f1f1f1", linewidth=0)
    lines = [it for it in hours(report, panel) if it[1]]
    for name, at, values in lines:
        if panel.steps:
            axes.step(*level(at, values, spans), where="post", linewidth=1.2, label=name)
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
    unknown = "; grey: not recorded" if report.coverage.unknown else ""
    return f"hours since {start:%Y-%m-%d %H:%M} {report.zone}{unknown}"


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
