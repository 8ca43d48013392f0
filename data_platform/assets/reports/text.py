"""The report as text: a section a line, as it is read in a mail and in a chat."""

from data_platform.assets.reports.report import Item, Report, Verdict, spaced

TITLE = "Daily Quant Ops Report"
NAME_WIDTH = 10
"""The short names stand in a column; a longer one takes the room that it needs."""


def shown(item: Item) -> str:
    text = f"{item.name}: {item.value}{spaced(item.unit)}"
    match item.verdict:
        case Verdict.PLAIN:
            return text
        case Verdict.WELL:
            return f"{text} (ok, {item.threshold})" if item.threshold else f"{text} (ok)"
        case Verdict.UNKNOWN:
            return f"{text}: {item.why}"
        case Verdict.ATTENTION:
            return f"{text} [{item.why}]"


def render(report: Report) -> str:
    zone = "" if report.zone == "UTC" else f" {report.zone}"
    lines = [f"=== {TITLE} ===", f"Date: {report.day}{zone} ({report.coverage.told})"]
    for section in report.sections:
        name = f"{section.name}:".ljust(NAME_WIDTH - 1)
        lines.append(f"{name} {' · '.join(shown(it) for it in section.items)}")
    return "\n".join(lines) + "\n"
