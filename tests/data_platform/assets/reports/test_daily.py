from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest

from data_platform.assets.reports import daily
from data_platform.assets.reports.mail import Addresses
from tests.data_platform.recorded import publish_logs, publish_tables, record

pytestmark = pytest.mark.usefixtures("suite_loaded")

DAY = "2025-11-19"
ADDRESSES = Addresses("tapedeck@localhost", "desk@localhost")
GOLDEN = """\
=== Daily Quant Ops Report ===
Date: 2025-11-19 (partial: 1 of 24 hours)
Market:   WS reconnects: 1 · Depth lag: p99=3ms · Trade stream interruptions: 0 · \
Desynchronised books: 0 · Quarantined frames: 0
Strategy: OnTick average: not recorded · Hedge count: 1 · Max spread: 4 ticks · Pauses: 0 · \
Max grid levels: 3 · Quote changes: 1
Risk:     Inventory peaks: +0.32/-0.28 somewhere-usdm:BTCUSDC · \
MaxInventory triggered: 1 [above 0] · PanicStops: 0 · Limits touched: max_inventory 1
OMS:      Rejects: 0 · Avg order latency: 3.0ms · Cancel latency: p50=5.0ms p90=5.0ms p99=5.0ms · \
API error rate: 0.00 % · Orders: 2 · Cancel rate: 50.00 % [above 20 %] · Fills: 2
Account:  Balance: 10003.10 USDC · Equity: 10006.35 USDC · Realized: 3.20 USDC · \
Fees: 0.10 USDC · Funding: 0.00 USDC · Risk rate: not recorded · \
Equity by the runtime: 10003.00 USDC (-3.35 USDC against ours)
Alerts and operations: Alerts: 0 · Operations: pause 1 · Parameter changes: 0
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recorded")
    record(folder)
    publish_logs(folder)
    publish_tables(folder)
    return folder


def parts(mail: bytes) -> dict[str, EmailMessage]:
    whole = message_from_bytes(mail, policy=default)
    return {it.get_content_type(): it for it in whole.walk() if isinstance(it, EmailMessage)}


@pytest.mark.usefixtures("suite_loaded")
def test_the_report_says_what_was_recorded(data: Path) -> None:
    assert daily.write(data, DAY, ADDRESSES).text == GOLDEN
    assert (data / "reports" / DAY / "report.txt").read_text() == GOLDEN


def test_the_mail_has_text_page_and_chart(data: Path) -> None:
    daily.write(data, DAY, ADDRESSES)
    found = parts((data / "outbox" / f"daily-report-{DAY}.eml").read_bytes())
    assert found["text/plain"].get_content().replace("\r\n", "\n") == GOLDEN
    page = found["text/html"].get_content()
    assert "cid:chart@tapedeck" in page
    assert "Inventory peaks" in page
    assert found["image/png"]["Content-ID"] == "<chart@tapedeck>"
    assert found["image/png"].get_content().startswith(b"\x89PNG")
    assert found["multipart/alternative"]["To"] == "desk@localhost"
    assert found["multipart/alternative"]["Date"] == "Thu, 20 Nov 2025 09:00:00 +0000"


def test_the_saved_page_holds_its_chart(data: Path) -> None:
    page = daily.write(data, DAY, ADDRESSES).page.read_text()
    assert 'src="data:image/png;base64,' in page
    assert "http" not in page


def test_a_report_made_again_is_the_same_to_the_byte(data: Path) -> None:
    first = daily.write(data, DAY, ADDRESSES)
    before = (first.page.read_bytes(), first.mail.read_bytes())
    again = daily.write(data, DAY, ADDRESSES)
    assert (again.page.read_bytes(), again.mail.read_bytes()) == before


def test_a_day_without_a_record_says_so_and_shows_no_nought(data: Path) -> None:
    shown = daily.write(data, "2025-11-18", ADDRESSES).text
    assert "partial: 0 of 24 hours" in shown
    values = [item.partition(": ")[2] for item in shown.partition("Market:")[2].split(" · ")]
    assert len(values) > 20
    assert "no input" in shown
    assert not any(value.strip() == "0" for value in values)


def test_a_later_day_carries_the_position_and_the_money_on(data: Path) -> None:
    report = daily.make(data, "2025-11-20")
    values = {item.name: item.value for section in report.sections for item in section.items}
    assert values["Balance"] == "10003.10 USDC"
    assert values["Equity"] == "no price of somewhere-usdm:BTCUSDC"
    assert values["Inventory peaks"] == "-0.28/-0.28 somewhere-usdm:BTCUSDC"
