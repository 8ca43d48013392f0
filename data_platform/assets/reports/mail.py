"""The report as a mail: text, HTML and the chart inside; equal reports give equal bytes."""

import hashlib
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from typing import NamedTuple

from data_platform.assets.reports.text import TITLE

CHART = "chart@tapedeck"
SENT_AT_HOUR = 9


class Addresses(NamedTuple):
    sender: str
    recipient: str


class Content(NamedTuple):
    text: str
    page: str
    """Refers to the chart as ``cid:`` and :data:`CHART`."""
    chart: bytes


def sent_at(day: str) -> datetime:
    """Give the moment of the report: the morning after its day, whenever it is made."""
    morning = datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(days=1)
    return morning.replace(hour=SENT_AT_HOUR)


def compose(day: str, content: Content, addresses: Addresses) -> bytes:
    digest = hashlib.sha256(content.text.encode() + content.page.encode() + content.chart)
    name = digest.hexdigest()[:32]
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = f"{TITLE} {day}"
    mail["From"] = addresses.sender
    mail["To"] = addresses.recipient
    mail["Date"] = sent_at(day)
    mail["Message-ID"] = f"<{name}@tapedeck>"
    mail.set_content(content.text)
    mail.add_alternative(content.page, subtype="html")
    page = mail.get_body(("html",))
    if page is not None:
        page.add_related(content.chart, "image", "png", cid=f"<{CHART}>", filename="chart.png")
    # Without names of our own the library draws boundaries at random.
    for number, it in enumerate(part for part in mail.walk() if part.is_multipart()):
        it.set_boundary(f"{name}-{number}")
    return mail.as_bytes()
