"""The report as one HTML page without anything outside it but the chart's address."""

from base64 import b64encode
from fractions import Fraction
from html import escape

from data_platform.assets.reports.pnl import Account
from data_platform.assets.reports.report import Item, Report, Section, decimals, signed
from data_platform.assets.reports.text import TITLE

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #1b1f24; max-width: 60rem; margin: 2rem auto;
       padding: 0 1rem; }
h1 { font-size: 1.35rem; margin-bottom: .2rem; }
h2 { font-size: 1.05rem; margin: 1.6rem 0 .4rem; }
p.cover { color: #57606a; margin-top: 0; }
p.partial { color: #8a4b00; font-weight: 600; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .28rem .7rem .28rem 0; border-bottom: 1px solid #e4e7eb;
         vertical-align: top; }
th { font-weight: 500; color: #57606a; width: 16rem; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
td.beyond { color: #b42318; font-weight: 600; }
td.none { color: #8c959f; }
img { max-width: 100%; height: auto; }
"""
PLACES = 8


def data_address(png: bytes) -> str:
    """Give an address that holds the picture itself."""
    return f"data:image/png;base64,{b64encode(png).decode()}"


def row(item: Item) -> str:
    value = escape(item.value)
    if item.beyond:
        cell = f'<td class="beyond">{value} ({escape(item.beyond)})</td>'
    elif item.value in {"no input", "not recorded"}:
        cell = f'<td class="none">{value}</td>'
    else:
        cell = f"<td>{value}</td>"
    return f'<tr><th scope="row">{escape(item.name)}</th>{cell}</tr>'


def block(section: Section) -> str:
    rows = "\n".join(row(it) for it in section.items)
    return f"<h2>{escape(section.name)}</h2>\n<table>\n{rows}\n</table>"


def short(value: Fraction) -> str:
    text = decimals(value, PLACES)
    return text.rstrip("0").rstrip(".") if "." in text else text


def instruments(accounts: dict[str, Account]) -> str:
    """Show each instrument's ledger, as recomputed from all fills so far."""
    if not accounts:
        return ""
    heads = "".join(
        f'<th scope="col" class="number">{it}</th>'
        for it in ("Fills", "Position", "Realized", "Fees")
    )
    rows = "\n".join(
        f'<tr><td>{escape(name)}</td><td class="number">{len(it.moments)}</td>'
        f'<td class="number">{escape(signed(it.position))}</td>'
        f'<td class="number">{short(it.realized)}</td>'
        f'<td class="number">{escape(fees(it))}</td></tr>'
        for name, it in accounts.items()
    )
    head = f'<tr><th scope="col">Instrument</th>{heads}</tr>'
    return f"<h2>Ledger, recomputed from the fills</h2>\n<table>\n{head}\n{rows}\n</table>"


def fees(account: Account) -> str:
    return ", ".join(f"{short(paid)} {asset}" for asset, paid in sorted(account.fees.items()))


def render(report: Report, chart_address: str) -> str:
    """Give the page; ``chart_address`` is where the picture is: in the mail, or in the page."""
    covered = "cover" if report.coverage.is_whole else "cover partial"
    sections = "\n".join(block(it) for it in report.sections)
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
<p class="{covered}">{report.day} UTC, {escape(report.covered)}</p>
<img src="{chart_address}" alt="Position and profit over the day" width="990" height="506">
{sections}
{instruments(report.accounts)}
</body>
</html>
"""
