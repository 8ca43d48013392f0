"""The report as text: a section a line."""

from data_platform.assets.reports.report import Item, Report

TITLE = "Daily Quant Ops Report"
NAME_WIDTH = 10
"""The short names stand in a column; a longer one takes the room that it needs."""


def shown(item: Item) -> str:
    mark = f" [{item.beyond}]" if item.beyond else ""
    return f"{item.name}: {item.value}{mark}"


def render(report: Report) -> str:
    lines = [f"=== {TITLE} ===", f"Date: {report.day} ({report.covered})"]
    for section in report.sections:
        name = f"{section.name}:".ljust(NAME_WIDTH - 1)
        lines.append(f"{name} {' · '.join(shown(it) for it in section.items)}")
    return "\n".join(lines) + "\n"
