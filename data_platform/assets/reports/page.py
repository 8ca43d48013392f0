"""The report as one HTML page without anything outside it but the chart's address."""

from base64 import b64encode
from html import escape

from data_platform.assets.reports.report import Item, Report, Section, Verdict
from data_platform.assets.reports.text import TITLE
from trading_runtime.store.condition import Condition
from trading_runtime.store.hours import HOUR_NS

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #1b1f24; max-width: 64rem; margin: 2rem auto;
       padding: 0 1rem; }
h1 { font-size: 1.35rem; margin-bottom: .2rem; }
h2 { font-size: 1.05rem; margin: 1.6rem 0 .4rem; }
p.cover { color: #57606a; margin-top: 0; }
p.partial { color: #8a4b00; font-weight: 600; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .28rem .7rem .28rem 0; border-bottom: 1px solid #e4e7eb;
         vertical-align: top; }
th { font-weight: 500; color: #57606a; width: 14rem; }
thead th { font-size: .8rem; width: auto; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
td.attention { color: #b42318; font-weight: 600; }
td.ok { color: #1a7f37; }
td.none { color: #8c959f; }
table.hours td { text-align: center; padding: .2rem; color: #57606a; }
table.hours td.missing, table.hours td.quarantined { background: #fbd5d0; color: #b42318; }
table.hours td.degraded, table.hours td.partial { background: #fdecc8; color: #8a4b00; }
img { max-width: 100%; height: auto; }
"""
CLASSES = {
    Verdict.PLAIN: "",
    Verdict.WELL: "ok",
    Verdict.ATTENTION: "attention",
    Verdict.UNKNOWN: "none",
}
HEADS = ("Value", "Unit", "Threshold", "Verdict")
LEDGER = ("Fills", "Position", "Realized", "Fees")


def data_address(png: bytes) -> str:
    """Give an address that holds the picture itself."""
    return f"data:image/png;base64,{b64encode(png).decode()}"


def row(item: Item) -> str:
    verdict = f"{item.verdict.value}: {item.why}" if item.why else item.verdict.value
    kind = CLASSES[item.verdict]
    cells = (
        (item.value, "none" if item.verdict is Verdict.UNKNOWN else ""),
        (item.unit, ""),
        (item.threshold, ""),
        (verdict, kind),
    )
    shown = "".join(f'<td class="{name}">{escape(text)}</td>' for text, name in cells)
    return f'<tr><th scope="row">{escape(item.name)}</th>{shown}</tr>'


def block(section: Section) -> str:
    heads = "".join(f'<th scope="col">{it}</th>' for it in ("", *HEADS))
    rows = "\n".join(row(it) for it in section.items)
    head = f"<thead><tr>{heads}</tr></thead>"
    return f"<h2>{escape(section.name)}</h2>\n<table>\n{head}\n{rows}\n</table>"


def ledger(report: Report) -> str:
    """Show each instrument's ledger, as recomputed from all fills so far."""
    if not report.ledger:
        return ""
    heads = "".join(f'<th scope="col" class="number">{it}</th>' for it in LEDGER)
    rows = "\n".join(
        f"<tr><td>{escape(name)}</td>"
        + "".join(f'<td class="number">{escape(it)}</td>' for it in rest)
        + "</tr>"
        for name, *rest in report.ledger
    )
    head = f'<tr><th scope="col">Instrument</th>{heads}</tr>'
    return f"<h2>Ledger, recomputed from the fills</h2>\n<table>\n{head}\n{rows}\n</table>"


def hours(report: Report) -> str:
    """Show the condition of each hour, a letter an hour, in UTC."""
    if not report.hours:
        return ""
    count = (report.end - report.start + HOUR_NS - 1) // HOUR_NS
    first = report.start // HOUR_NS % 24
    heads = "".join(f"<th>{(first + it) % 24:02d}</th>" for it in range(count))
    rows = "\n".join(
        f'<tr><th scope="row">{escape(row.name)}</th>'
        + "".join(f'<td class="{it}" title="{it}">{it[0]}</td>' for it in row.conditions)
        + "</tr>"
        for row in report.hours
    )
    head = f"<thead><tr><th></th>{heads}</tr></thead>"
    key = ", ".join(f"{it.value[0]} {it.value}" for it in Condition)
    return (
        f'<h2>Hours of the lake (UTC)</h2>\n<table class="hours">\n{head}\n{rows}\n</table>'
        f'\n<p class="cover">{key}</p>'
    )


def attention(report: Report) -> str:
    """Say first what needs attention."""
    found = report.attention
    if not found:
        return ""
    rows = "\n".join(
        f"<li>{escape(it.name)}: {escape(it.value)} ({escape(it.why)})</li>" for it in found
    )
    return f"<h2>Needs attention</h2>\n<ul>\n{rows}\n</ul>"


def render(report: Report, chart_address: str) -> str:
    """Give the page; ``chart_address`` is where the picture is: in the mail, or in the page."""
    covered = "cover" if report.coverage.is_whole else "cover partial"
    sections = "\n".join(block(it) for it in report.sections)
    told = escape(f"{report.day} {report.zone}, {report.coverage.told}")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{TITLE} {report.day}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{TITLE}</h1>
<p class="{covered}">{told}</p>
{attention(report)}
<img src="{chart_address}" alt="Position, profit, lag and latency" width="990" height="902">
{sections}
{ledger(report)}
{hours(report)}
</body>
</html>
"""
