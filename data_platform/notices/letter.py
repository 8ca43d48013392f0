"""A notice as a mail: text, HTML and the chart inside; equal notices give equal bytes."""

from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP

from data_platform.notices.notice import CHART, Notice, Severity
from data_platform.notices.settings import EmailSettings
from trading_runtime.records.units import NANOS_PER_SECOND

ID_CHARS = 32


def compose(notice: Notice, addresses: EmailSettings) -> bytes:
    name = notice.digest[:ID_CHARS]
    mail = EmailMessage(policy=SMTP)
    mark = f"[{notice.severity.value}] " if notice.is_alarm else ""
    mail["Subject"] = f"{mark}{notice.title}"
    mail["From"] = addresses.sender
    mail["To"] = ", ".join(addresses.recipients)
    mail["Date"] = datetime.fromtimestamp(notice.at // NANOS_PER_SECOND, tz=UTC)
    mail["Message-ID"] = f"<{name}@tapedeck>"
    if notice.severity is Severity.CRITICAL:
        mail["Importance"] = "high"
    mail.set_content(notice.text)
    if notice.page:
        mail.add_alternative(notice.page, subtype="html")
    page = mail.get_body(("html",))
    if page is not None and notice.chart:
        page.add_related(notice.chart, "image", "png", cid=f"<{CHART}>", filename="chart.png")
    # Without names of our own the library draws boundaries at random.
    for number, it in enumerate(part for part in mail.walk() if part.is_multipart()):
        it.set_boundary(f"{name}-{number}")
    return mail.as_bytes()
